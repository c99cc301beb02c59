/** One step of an Elman network. */
import { type Tensor, zeros } from '../autograd/tensor.ts';
import { Module } from './module.ts';
import type { Cell } from './recurrent.ts';
import { createCell, stepCell } from './recurrent-cell.ts';
import { type RNNCellOptions, rnnKind } from './rnn.ts';

/**
 * h' = σ(W_ih x + b_ih + W_hh h + b_hh). Parameters `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, and others as RNN's,
 * without the layer's number.
 *
 * @see torch.nn.RNNCell, whose numbers these are
 */
export class RNNCell extends Module implements Cell<Tensor> {
  readonly options: RNNCellOptions;
  readonly #direction;

  constructor(options: RNNCellOptions) {
    super();
    this.options = options;
    this.#direction = createCell('RNNCell', options, (name, shape, init) => this.parameter(name, shape, init), rnnKind(options));
  }

  /**
   * @param x      [B, I]
   * @param state  h [B, H]; zeros when absent
   * @returns      h' [B, H]
   */
  forward(x: Tensor, state?: Tensor | null): Tensor {
    return stepCell(this.#direction, x, state ? [state] : null)[0];
  }

  initialState(batch: number): Tensor {
    return zeros([batch, this.options.hiddenSize], { backend: this.backend });
  }

  step(x: Tensor, state: Tensor): { output: Tensor; state: Tensor } {
    const h = this.forward(x, state);
    return { output: h, state: h };
  }
}
