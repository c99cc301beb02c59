/** One step of a gated recurrent unit. */
import { type Tensor, zeros } from '../autograd/tensor.ts';
import { type GRUCellOptions, gruKind } from './gru.ts';
import { Module } from './module.ts';
import type { Cell } from './recurrent.ts';
import { createCell, stepCell } from './recurrent-cell.ts';

/**
 * The equations of GRU. Parameters `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, and others as GRU's, without the
 * layer's number.
 *
 * @see torch.nn.GRUCell, whose numbers these are
 */
export class GRUCell extends Module implements Cell<Tensor> {
  readonly options: GRUCellOptions;
  readonly #direction;

  constructor(options: GRUCellOptions) {
    super();
    this.options = options;
    this.#direction = createCell('GRUCell', options, (name, shape, init) => this.parameter(name, shape, init), gruKind(options));
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
