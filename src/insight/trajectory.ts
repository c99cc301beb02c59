/**
 * A recurrent network on its way along one sequence, as a dynamical system s_t = F(s_{t−1}, x_t): its states, and its Jacobians as
 * products with them. Everything that its cell remembers is the state, of all layers: an LSTM's is [h, c].
 */
import { add, mul } from '../autograd/ops/binary.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { select } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { backward, noGrad } from '../autograd/tape.ts';
import { Tensor, tensor } from '../autograd/tensor.ts';
import { Module } from '../nn/module.ts';
import type { CellState } from '../nn/recurrent.ts';
import { ShapeError } from '../tensor/errors.ts';
import { formatShape, type Shape, sizeOf } from '../tensor/shape.ts';

/** What makes single steps: `RNN`, `LSTM`, `GRU`, their cells, `Recurrent`, or anything that steps as they do. */
export interface Stepping<S extends CellState> {
  /** One instant. @param x [B, I]; @param state zeros when absent */
  step(x: Tensor, state?: S | null): { readonly state: S };
}

/** Rows of numbers, row-major. */
export interface Rows {
  readonly values: Float64Array;
  readonly count: number;
  readonly width: number;
}

/** A part of the state vector. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/**
 * @example
 * const trajectory = new Trajectory(lstm, x); // [1, T, I]
 * const { state } = trajectory.pullBack(t, rows); // rows · ∂s_t/∂s_{t−1}
 */
export class Trajectory<S extends CellState> {
  /** T */
  readonly steps: number;
  /** S: numbers in a state, h before c, each layer after layer. */
  readonly size: number;
  /** I */
  readonly inputSize: number;
  /** Where each layer's h stands in the state. */
  readonly hidden: readonly Span[];
  readonly #network: Stepping<S>;
  readonly #x: Float64Array;
  readonly #backend: Tensor['backend'];
  /** Of a state for one sequence. */
  readonly #shapes: readonly Shape[];
  readonly #isList: boolean;
  /** s_0 … s_T */
  readonly #states: readonly Float64Array[];

  /**
   * @param network  takes one instant [1, I] at a time; a module is run in evaluation mode
   * @param x        [1, T, I]
   * @param initial  the state before the first step; zeros when absent
   * @throws ShapeError  when x is not one sequence
   */
  constructor(network: Stepping<S>, x: Tensor, initial: S | null = null) {
    if (x.rank !== 3 || x.shape[0] !== 1 || x.shape[1] === 0) {
      throw new ShapeError(`[Trajectory] expected one sequence, x of shape [1, T, I], received ${formatShape(x.shape)}.`);
    }
    const [, T, I] = x.shape;
    this.steps = T;
    this.inputSize = I;
    this.#network = network;
    this.#backend = x.backend;
    this.#x = new Float64Array(x.dataSync());
    const states = undisturbed(network, () => noGrad(() => run(network, x, T, initial)));
    const first = listOf(states[0]);
    this.#isList = !(states[0] instanceof Tensor);
    this.#shapes = first.map(({ shape }) => shape);
    this.size = this.#shapes.reduce((size, shape) => size + sizeOf(shape), 0);
    const [h] = this.#shapes;
    const layers = h.length === 3 ? h[0] : 1;
    const length = sizeOf(h) / layers;
    this.hidden = Array.from({ length: layers }, (_, layer) => ({ offset: layer * length, length }));
    this.#states = [
      initial === null ? new Float64Array(this.size) : flattened(listOf(initial), this.size),
      ...states.map((state) => flattened(listOf(state), this.size)),
    ];
  }

  /** s_t, after t steps; s_0 is the first one. [S] */
  state(t: number): Float64Array {
    return this.#states[t];
  }

  /**
   * One step back, for all rows at once: rows · ∂s_t/∂s_{t−1}, and rows · ∂s_t/∂x_t.
   *
   * @param t     of the step, from 1
   * @param rows  of width S
   */
  pullBack(t: number, rows: Rows): { readonly state: Rows; readonly input: Rows } {
    const { count } = rows;
    return undisturbed(this.#network, () =>
      scope(() => {
        const x = this.#leaf(repeated(this.#x.subarray((t - 1) * this.inputSize, t * this.inputSize), count), [count, this.inputSize]);
        const before = this.#unflattened(repeated(this.#states[t - 1], count), count);
        const given = this.#isList ? before : before[0];
        const after = listOf(this.#network.step(x, given as S).state);
        const seeds = this.#unflattened(rows.values, count);
        const parts = after.map((state, i) => sum(mul(state, seeds[i].detach())));
        backward(parts.reduce((all, part) => add(all, part)));
        const gradients = before.map(({ grad, shape }) => grad ?? { shape, dataSync: () => new Float64Array(sizeOf(shape)) });
        return {
          state: { values: this.#flattenedRows(gradients, count), count, width: this.size },
          input: { values: new Float64Array(x.grad?.dataSync() ?? new Float64Array(x.size)), count, width: this.inputSize },
        };
      }),
    );
  }

  #leaf(values: Float64Array, shape: Shape): Tensor {
    return tensor(values, { shape, backend: this.#backend, requiresGrad: true });
  }

  /** Rows [count, S] as states for a batch: the batch is the last axis but one. */
  #unflattened(values: Float64Array, count: number): Tensor[] {
    let offset = 0;
    return this.#shapes.map((shape) => {
      const width = shape.at(-1)!;
      const layers = sizeOf(shape) / width;
      const own = new Float64Array(layers * count * width);
      for (let layer = 0; layer < layers; layer++) {
        for (let row = 0; row < count; row++) {
          const from = row * this.size + offset + layer * width;
          own.set(values.subarray(from, from + width), (layer * count + row) * width);
        }
      }
      offset += layers * width;
      return this.#leaf(own, shape.with(-2, count));
    });
  }

  #flattenedRows(states: readonly { readonly shape: Shape; dataSync(): ArrayLike<number> }[], count: number): Float64Array {
    const rows = new Float64Array(count * this.size);
    let offset = 0;
    for (const state of states) {
      const values = state.dataSync();
      const width = state.shape.at(-1)!;
      const layers = values.length / (count * width);
      for (let layer = 0; layer < layers; layer++) {
        for (let row = 0; row < count; row++) {
          for (let k = 0; k < width; k++) rows[row * this.size + offset + layer * width + k] = values[(layer * count + row) * width + k];
        }
      }
      offset += layers * width;
    }
    return rows;
  }
}

/** Rows of the identity that span a part of the state. */
export function unitRows({ offset, length }: Span, width: number): Rows {
  const values = new Float64Array(length * width);
  for (let k = 0; k < length; k++) values[k * width + offset + k] = 1;
  return { values, count: length, width };
}

function run<S extends CellState>(network: Stepping<S>, x: Tensor, T: number, initial: S | null): S[] {
  const states: S[] = [];
  for (let t = 0; t < T; t++) states.push(scope(() => network.step(select(x, 1, t), states.at(-1) ?? initial).state));
  return states;
}

/** Without dropout, and without gradients for parameters; all of it as before afterwards. */
function undisturbed<S extends CellState, T>(network: Stepping<S>, body: () => T): T {
  if (!(network instanceof Module)) return body();
  const { isTraining } = network;
  const learning = network.parameters().filter(({ requiresGrad }) => requiresGrad);
  for (const parameter of learning) parameter.requiresGrad = false;
  network.eval();
  try {
    return body();
  } finally {
    network.train(isTraining);
    for (const parameter of learning) parameter.requiresGrad = true;
  }
}

function listOf(state: CellState): readonly Tensor[] {
  return state instanceof Tensor ? [state] : (state as readonly Tensor[]);
}

function flattened(states: readonly Tensor[], size: number): Float64Array {
  const flat = new Float64Array(size);
  let offset = 0;
  for (const state of states) {
    flat.set(state.dataSync(), offset);
    offset += state.size;
  }
  return flat;
}

function repeated(values: Float64Array, count: number): Float64Array {
  const rows = new Float64Array(count * values.length);
  for (let row = 0; row < count; row++) rows.set(values, row * values.length);
  return rows;
}
