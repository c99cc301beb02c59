/** One step of long short-term memory. */
import { type Tensor, zeros } from '../autograd/tensor.ts';
import { type LSTMCellOptions, type LSTMState, lstmKind } from './lstm.ts';
import { Module } from './module.ts';
import type { Cell } from './recurrent.ts';
import { createCell, stepCell } from './recurrent-cell.ts';

/**
 * The equations of LSTM. Parameters `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, and others as LSTM's, without the
 * layer's number.
 *
 * @see torch.nn.LSTMCell, whose numbers these are
 */
export class LSTMCell extends Module implements Cell<LSTMState> {
  readonly options: LSTMCellOptions;
  readonly #direction;

  constructor(options: LSTMCellOptions) {
    super();
    this.options = options;
    this.#direction = createCell('LSTMCell', options, (name, shape, init) => this.parameter(name, shape, init), lstmKind(options));
  }

  /**
   * @param x      [B, I]
   * @param state  [h, c], [B, P] and [B, H]; zeros when absent
   * @returns      [h', c']
   */
  forward(x: Tensor, state?: LSTMState | null): LSTMState {
    const [h, c] = stepCell(this.#direction, x, state ?? null);
    return [h, c];
  }

  initialState(batch: number): LSTMState {
    const { hiddenSize, projSize = 0 } = this.options;
    const widths = [projSize === 0 ? hiddenSize : projSize, hiddenSize];
    const [h, c] = widths.map((width) => zeros([batch, width], { backend: this.backend }));
    return [h, c];
  }

  step(x: Tensor, state: LSTMState): { output: Tensor; state: LSTMState } {
    const next = this.forward(x, state);
    return { output: next[0], state: next };
  }
}
