/** How a watcher sees a loop of a cell's operations: as it sees the kernels, which have no single steps to look at. */
import { stack } from '../autograd/ops/concat.ts';
import { reshape } from '../autograd/ops/shape.ts';
import { record } from '../autograd/tape.ts';
import { Tensor } from '../autograd/tensor.ts';
import type { Module } from './module.ts';
import { currentWatcher, type GradientReceiver } from './recurrence-watch.ts';
import type { Cell, CellState } from './recurrent.ts';
import type { Sequence } from './sequence.ts';

export interface CellWatch<S extends CellState> {
  /** What a step gave, as the loop is to go on with it. */
  step(next: { readonly output: Tensor; readonly state: S }, t: number): { readonly output: Tensor; readonly state: S };
  /** All steps are done. */
  end(): void;
}

/**
 * The state's first tensor [B, …] is h. Its gradient is what comes through the future, and through the output too where the cell's
 * output is its state.
 */
export function watchCell<S extends CellState>(cell: Cell<S> & Module, { T, B, lengths }: Sequence, reverse: boolean): CellWatch<S> {
  const watcher = currentWatcher();
  if (watcher === null) return { step: (next) => next, end: () => undefined };
  const squares = new Float64Array(T * B);
  const states = new Array<Tensor>(T);
  let receive: GradientReceiver | null = null;
  const isActive = (b: number, t: number): boolean => lengths === null || t < lengths.values[b];
  return {
    step: ({ output, state }, t) => {
      const [h, ...others] = state instanceof Tensor ? [state] : (state as readonly Tensor[]);
      const seen = tapped(h, (rows) => {
        for (let b = 0; b < B; b++) squares[t * B + b] = isActive(b, t) ? rows[b] : 0;
        receive?.(squares);
      });
      states[t] = h.detach();
      return { output: output === h ? seen : output, state: (state instanceof Tensor ? seen : [seen, ...others]) as S };
    },
    end: () => {
      // That of a library's cell within, so that both are known to be one.
      const named = [...cell.namedParameters()];
      const [, parameter] = named.find(([name]) => /(^|\.)weight_hh$/.test(name)) ?? named[0] ?? ['', null];
      const values = stack(states, 0); // [T, B, …]
      const hiddenSize = values.size / (T * B);
      const run = { cell: cell.constructor.name, hiddenSize, reverse, parameter, T, B, lengths: lengths?.values ?? null };
      receive = watcher.ran({ ...run, gates: null, input: null, states: reshape(values, [T, B, hiddenSize]) });
    },
  };
}

/** `x` itself, [B, …], whose gradient is measured row by row when it comes by. */
function tapped(x: Tensor, receive: (squares: Float64Array) => void): Tensor {
  const y = x.detach();
  record('tap', [x], [y], ([dY]) => {
    receive(rowSquares(dY!));
    return [dY];
  });
  return y;
}

function rowSquares(x: Tensor): Float64Array {
  const numbers = x.dataSync();
  const [B] = x.shape;
  const width = numbers.length / B;
  return Float64Array.from({ length: B }, (_, b) => {
    let sum = 0;
    for (let k = b * width; k < (b + 1) * width; k++) sum += numbers[k] ** 2;
    return sum;
  });
}
