/** A cell of one's own over a sequence. The built-in layers are whole kernels; this is a loop of a cell's operations. */

import { mul } from '../autograd/ops/binary.ts';
import { stack } from '../autograd/ops/concat.ts';
import { reshape, select, transpose } from '../autograd/ops/shape.ts';
import { where } from '../autograd/ops/where.ts';
import { inScope } from '../autograd/scope.ts';
import { Tensor } from '../autograd/tensor.ts';
import { Module } from './module.ts';
import { sequenceOf, timeMajor } from './sequence.ts';
import { watchCell } from './watched-cell.ts';

/** What a cell remembers from step to step: a tensor [B, …] or several. */
export type CellState = Tensor | readonly Tensor[];

/** One step of a recurrence, as operations on tensors. */
export interface Cell<S extends CellState> {
  readonly options: { readonly inputSize: number };
  /** What a sequence begins with when nothing else is given; zeros, usually. */
  initialState(batch: number): S;
  /**
   * @param x      [B, I]
   * @returns      output [B, …] and the next state
   */
  step(x: Tensor, state: S): { readonly output: Tensor; readonly state: S };
}

/**
 * Runs a cell over sequences: lengths, an initial state and the reverse direction as RNN, LSTM and GRU have them, and
 * gradients through all of it. The cell's parameters are named `cell.…`.
 *
 * @example
 * const layer = new Recurrent(new MinimalGatedCell({ inputSize: 8, hiddenSize: 32 }));
 * const { output, state } = layer.forward(x, null, { lengths }); // [B, T, 32], [B, 32]
 * @see docs/adding-a-cell.md
 */
export class Recurrent<S extends CellState> extends Module {
  readonly cell: Cell<S> & Module;
  readonly #reverse: boolean;

  /** @param options  reverse: read each sequence from its end; outputs stand in the order of the sequence all the same */
  constructor(cell: Cell<S> & Module, { reverse = false }: { readonly reverse?: boolean } = {}) {
    super();
    this.cell = this.child('cell', cell);
    this.#reverse = reverse;
  }

  /**
   * @param x        [B, T, I]
   * @param state    as the cell's; what the cell begins with when absent
   * @param options  lengths: true lengths in steps, [B]; T when absent
   * @returns        output [B, T, …], 0 past a sequence's length, and the state after each sequence's last step
   * @throws ShapeError  when x's last axis is not the cell's inputSize, or lengths do not fit
   */
  forward(x: Tensor, state?: S | null, { lengths }: { readonly lengths?: ArrayLike<number> | null } = {}): { output: Tensor; state: S } {
    return inScope(() => {
      const sequence = sequenceOf('Recurrent', this.cell.backend, x.shape, this.cell.options.inputSize, lengths, true);
      const input = timeMajor(transpose(x, 0, 1), sequence.lengths);
      const outputs = new Array<Tensor>(sequence.T);
      const watch = watchCell(this.cell, sequence, this.#reverse);
      let current = state ?? this.cell.initialState(sequence.B);
      for (let k = 0; k < sequence.T; k++) {
        const t = this.#reverse ? sequence.T - 1 - k : k;
        const next = watch.step(this.cell.step(select(input, 0, t), current), t);
        if (sequence.lengths === null) {
          outputs[t] = next.output;
          current = next.state;
        } else {
          const isActive = select(sequence.lengths.rowMask, 0, t); // [B]
          outputs[t] = mul(next.output, alongRows(isActive, next.output));
          current = carried(isActive, next.state, current);
        }
      }
      watch.end();
      return { output: stack(outputs, 1), state: current };
    });
  }

  /** One instant: [B, I] in. `forward` over the same inputs gives the same numbers. */
  step(x: Tensor, state?: S | null): { output: Tensor; state: S } {
    return this.cell.step(x, state ?? this.cell.initialState(x.shape[0]));
  }
}

/** The next state where a row is active, the one before where it is not. */
function carried<S extends CellState>(isActive: Tensor, after: S, before: S): S {
  if (after instanceof Tensor) return where(alongRows(isActive, after), after, before as Tensor) as S;
  return (after as readonly Tensor[]).map((x, i) => where(alongRows(isActive, x), x, (before as readonly Tensor[])[i])) as unknown as S;
}

/** [B] as [B, 1, …], to broadcast over x [B, …] */
function alongRows(mask: Tensor, x: Tensor): Tensor {
  return reshape(mask, [mask.size, ...new Array<number>(x.rank - 1).fill(1)]);
}
