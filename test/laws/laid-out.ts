/** The same tensor lying differently in memory: what an operation gives, and its gradients, must not depend on it. */
import { permute, slice } from '../../src/autograd/ops/shape.ts';
import { randomNormal, type Tensor } from '../../src/autograd/tensor.ts';
import type { Random } from '../../src/tensor/random.ts';

/** A leaf that holds the numbers, and the view of it that has the shape asked for. */
export interface LaidOut {
  readonly leaf: Tensor;
  readonly view: (leaf: Tensor) => Tensor;
}

export const layouts: Readonly<Record<string, (shape: readonly number[], rng: Random) => LaidOut>> = {
  'row-major': (shape, rng) => ({ leaf: randomNormal(shape, rng), view: (leaf) => leaf }),
  /** As a recurrent layer's output: the first two axes exchanged in memory. */
  'time-major': (shape, rng) => {
    if (shape.length < 2) return { leaf: randomNormal(shape, rng), view: (leaf) => leaf };
    const swap = [1, 0, ...shape.map((_, axis) => axis).slice(2)];
    const leaf = randomNormal(
      swap.map((axis) => shape[axis]),
      rng,
    );
    return { leaf, view: (whole) => permute(whole, swap) };
  },
  /** The last axis slowest. */
  reversed: (shape, rng) => {
    const reverse = shape.map((_, axis) => axis).reverse();
    return { leaf: randomNormal([...shape].reverse(), rng), view: (whole) => permute(whole, reverse) };
  },
  /** With gaps: a part of something larger along every axis. */
  'a part': (shape, rng) => ({
    leaf: randomNormal(
      shape.map((n) => n + 2),
      rng,
    ),
    view: (whole) => shape.reduce((part, n, axis) => slice(part, axis, 1, n + 1), whole),
  }),
};
