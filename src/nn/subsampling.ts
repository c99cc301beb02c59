/**
 * Sequences made shorter between recurrent layers: k steps become one. Audio and ink have many more steps than symbols; a
 * pyramid of layers sees further with fewer of them. Streams do the same one step at a time.
 */
import { concat } from '../autograd/ops/concat.ts';
import { permute, reshape, slice, transpose, unsqueeze } from '../autograd/ops/shape.ts';
import { where } from '../autograd/ops/where.ts';
import { inScope } from '../autograd/scope.ts';
import { type Tensor, zeros } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import type { Floats } from './recurrent-stream.ts';
import { sequenceOf } from './sequence.ts';

/** What becomes of the k steps: they stand side by side (a pyramid), or all but the first are left out (a stride). */
export const subsamplings = ['concat', 'stride'] as const;
/** 'concat' or 'stride'; see `subsample`. */
export type Subsampling = (typeof subsamplings)[number];

/** How a sequence is made shorter. */
export interface SubsampleOptions {
  /** k, at least 1. */
  readonly factor: number;
  /** Default 'concat'. */
  readonly mode?: Subsampling;
  /** True lengths in steps, [B]; T when absent. */
  readonly lengths?: ArrayLike<number> | null;
}

/** A shorter sequence. */
export interface Subsampled {
  /** [B, ⌈T/k⌉, k·I] of 'concat', [B, ⌈T/k⌉, I] of 'stride'; 0 past a sequence's length. */
  readonly output: Tensor;
  /** ⌈length/k⌉ of each sequence, [B]; null where none were given. */
  readonly lengths: Int32Array | null;
}

/**
 * A sequence with one step for every k.
 *
 *   concat:  y_t = [x_{kt}, x_{kt+1}, …, x_{kt+k−1}], zeros where the sequence has ended
 *   stride:  y_t = x_{kt}
 *
 * @param x  [B, T, I]; what stands past a length changes nothing, not even if it is NaN
 * @throws ConfigError  when the factor is no integer of at least 1
 * @throws ShapeError   when x is no batch of sequences, or lengths are not in 0…T
 * @example const { output, lengths } = subsample(x, { factor: 2, lengths: [100, 73] }); // [2, 50, 2·I], [50, 37]
 * @see Chan et al. (2016), Listen, Attend and Spell, arXiv:1508.01211, section 3.1
 */
export function subsample(x: Tensor, { factor, mode = 'concat', lengths = null }: SubsampleOptions): Subsampled {
  requireFactor('subsample', factor);
  return inScope(() => {
    const { lengths: shorterThanT } = sequenceOf('subsample', x.backend, x.shape, x.shape[2], lengths, true);
    const shorter = lengths === null ? null : Int32Array.from(lengths, (length) => Math.ceil(length / factor));
    const all = transpose(x, 0, 1); // [T, B, I]
    const steps = shorterThanT === null ? all : where(unsqueeze(shorterThanT.rowMask, 2), all, 0);
    const [T, B, I] = steps.shape;
    if (factor === 1) return { output: transpose(steps, 0, 1), lengths: shorter };
    const groups = Math.ceil(T / factor);
    const missing = groups * factor - T;
    const whole = missing === 0 ? steps : concat([steps, zeros([missing, B, I], { backend: x.backend })], 0);
    const grouped = reshape(whole, [groups, factor, B, I]);
    const output =
      mode === 'stride'
        ? reshape(slice(grouped, 1, 0, 1), [groups, B, I])
        : reshape(permute(grouped, [0, 2, 1, 3]), [groups, B, factor * I]);
    return { output: transpose(output, 0, 1), lengths: shorter };
  });
}

/** Numbers of a step after `subsample`. */
export function subsampledSize(inputSize: number, factor: number, mode: Subsampling): number {
  return mode === 'concat' ? factor * inputSize : inputSize;
}

/**
 * `subsample` of one sequence, a step at a time.
 *
 * @example
 * const stream = new SubsampleStream(40, { factor: 3 });
 * stream.step(frame); // null, null, then [120] numbers
 */
export class SubsampleStream {
  readonly #factor: number;
  readonly #mode: Subsampling;
  readonly #inputSize: number;
  #pending: Float64Array;
  #count = 0;

  /** @param inputSize  I: numbers of a step */
  constructor(inputSize: number, { factor, mode = 'concat' }: Omit<SubsampleOptions, 'lengths'>) {
    requireFactor('SubsampleStream', factor);
    this.#factor = factor;
    this.#mode = mode;
    this.#inputSize = inputSize;
    this.#pending = new Float64Array(subsampledSize(inputSize, factor, mode));
  }

  /** @param x [I]; @returns a step of the shorter sequence, fresh, once there is one */
  step(x: ArrayLike<number>): Floats | null {
    if (x.length !== this.#inputSize) {
      throw new ShapeError(`[SubsampleStream] expected ${this.#inputSize} numbers, received ${x.length}.`);
    }
    const place = this.#count++;
    if (this.#count === this.#factor) this.#count = 0;
    // A stride is known with the first of its steps: nothing waits for the others.
    if (this.#mode === 'stride') return place === 0 ? Float64Array.from(x) : null;
    this.#pending.set(x, place * this.#inputSize);
    return this.#count === 0 ? this.#taken() : null;
  }

  /** The last step, if the sequence ends within it; it can begin anew then. */
  end(): Floats | null {
    const isOpen = this.#mode === 'concat' && this.#count > 0;
    this.#count = 0;
    return isOpen ? this.#taken() : null;
  }

  /** What a later stream goes on from: plain JSON. */
  get state(): SubsampleState {
    return { count: this.#count, pending: Array.from(this.#pending) };
  }

  set state({ count, pending }: SubsampleState) {
    if (pending.length !== this.#pending.length || !(count >= 0 && count < this.#factor)) {
      throw new ShapeError(
        `[SubsampleStream] expected a state of ${this.#pending.length} numbers and a count below ${this.#factor}, received ${pending.length} and ${count}.`,
      );
    }
    this.#count = count;
    this.#pending = Float64Array.from(pending);
  }

  #taken(): Floats {
    const taken = this.#pending;
    this.#pending = new Float64Array(taken.length);
    return taken;
  }
}

/** What a `SubsampleStream` remembers. */
export interface SubsampleState {
  readonly count: number;
  readonly pending: readonly number[];
}

/** @throws ConfigError when it is no integer of at least 1 */
export function requireFactor(name: string, factor: number): void {
  if (!Number.isInteger(factor) || factor < 1) {
    throw new ConfigError(`[${name}] expected a factor that is an integer of at least 1, received ${factor}.`);
  }
}
