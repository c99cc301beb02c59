/**
 * Two problems that need memory and nothing else. What decides comes early, what is judged at the end, so the gradient has one way:
 * back through all steps between.
 */
import { reshape, slice } from '../../../src/autograd/ops/shape.ts';
import { type Tensor, tensor } from '../../../src/autograd/tensor.ts';
import { crossEntropy } from '../../../src/losses/cross-entropy.ts';
import { mse } from '../../../src/losses/pointwise.ts';
import type { Random } from '../../../src/tensor/random.ts';

/** A batch: inputs [B, T, I], what is asked for at the last `outputSteps` steps. */
export interface Batch {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly size: number;
}

export interface Problem {
  readonly name: 'adding' | 'copy';
  readonly inputSize: number;
  readonly outputSize: number;
  /** How many of the last steps are judged. */
  readonly outputSteps: number;
  /** Steps of a sequence, when what must be remembered lies T steps back. */
  steps(T: number): number;
  batch(T: number, size: number, rng: Random): Batch;
  /** @param outputs [B, outputSteps, O] */
  loss(outputs: Tensor, batch: Batch): Tensor;
  /** What is reported: the mean squared error, or the share of symbols that are wrong. */
  error(outputs: Float32Array, batch: Batch): number;
  /** The error of the best guess without any memory. */
  readonly guessing: number;
  /** At most so much: solved. */
  readonly solved: number;
}

/**
 * Adding (Hochreiter & Schmidhuber 1997, as Le et al. 2015, arXiv:1504.00941, have it): of T numbers in 0…1 two are marked, one in each
 * half; their sum is asked for at the end. Always answering 1 has a mean squared error of 1/6.
 */
export const adding: Problem = {
  name: 'adding',
  inputSize: 2,
  outputSize: 1,
  outputSteps: 1,
  steps: (T) => T,
  guessing: 1 / 6,
  solved: 0.1 / 6,
  batch(T, size, rng) {
    const x = new Float32Array(size * T * 2);
    const y = new Float32Array(size);
    const half = T >> 1;
    const numbers = rng.fillUniform(new Float32Array(size * T));
    for (let b = 0; b < size; b++) {
      for (let t = 0; t < T; t++) x[(b * T + t) * 2] = numbers[b * T + t];
      for (const t of [rng.integer(half), half + rng.integer(T - half)]) {
        x[(b * T + t) * 2 + 1] = 1;
        y[b] += x[(b * T + t) * 2];
      }
    }
    return { x, y, size };
  },
  loss: (outputs, { y, size }) => mse(reshape(outputs, [size]), tensor(y)),
  error: (outputs, { y }) => y.reduce((sum, target, b) => sum + (outputs[b] - target) ** 2, 0) / y.length,
};

const symbols = 4;
const length = 5;

/**
 * Copy memory (Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016, arXiv:1511.06464; with 5 symbols of 4 kinds instead of 10 of
 * 8, and judged where the copy stands): symbols, T − 1 blanks, a signal, and then the symbols are asked for in their order.
 */
export const copy: Problem = {
  name: 'copy',
  inputSize: symbols + 2,
  outputSize: symbols,
  outputSteps: length,
  steps: (T) => T + 2 * length,
  guessing: 1 - 1 / symbols,
  solved: 0.01,
  batch(T, size, rng) {
    const steps = T + 2 * length;
    const x = new Float32Array(size * steps * (symbols + 2));
    const y = new Float32Array(size * length);
    for (let b = 0; b < size; b++) {
      for (let t = 0; t < steps; t++) {
        const symbol = t < length ? rng.integer(symbols) : t === T + length - 1 ? symbols + 1 : symbols;
        if (t < length) y[b * length + t] = symbol;
        x[(b * steps + t) * (symbols + 2) + symbol] = 1;
      }
    }
    return { x, y, size };
  },
  loss: (outputs, { y, size }) => crossEntropy(reshape(outputs, [size * length, symbols]), tensor(Int32Array.from(y), { dtype: 'int32' })),
  error(outputs, { y }) {
    let wrong = 0;
    for (let i = 0; i < y.length; i++) {
      const scores = outputs.subarray(i * symbols, (i + 1) * symbols);
      if (scores.indexOf(Math.max(...scores)) !== y[i]) wrong++;
    }
    return wrong / y.length;
  },
};

export const problems = [adding, copy] as const;

/** The batch as a tensor. */
export function inputOf(problem: Problem, T: number, { x, size }: Batch): Tensor {
  return tensor(x, { shape: [size, problem.steps(T), problem.inputSize] });
}

/** The steps that are judged, [B, outputSteps, H]. */
export function judged(problem: Problem, output: Tensor): Tensor {
  return slice(output, 1, -problem.outputSteps);
}
