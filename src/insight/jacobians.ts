/**
 * How much of a state reaches another one, so many steps later: norms of ∂s_t/∂s_{t−k}, products of k Jacobians, and of
 * ∂h_t/∂x_{t−k}, by which the input acts. Rows of the product go back step by step (vector–Jacobian products): all rows of the
 * identity for a small state, random ones for a large state, whose mean square is right in expectation.
 */
import type { Tensor } from '../autograd/tensor.ts';
import type { CellState } from '../nn/recurrent.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { type Rows, type Span, type Stepping, Trajectory, unitRows } from './trajectory.ts';

/** How `jacobianNorms` measures. */
export interface JacobianOptions {
  /** t: the step whose state is asked about, from 1. Default the last. */
  readonly at?: number;
  /** The largest lag. Default: back to the first step. */
  readonly lags?: number;
  /** Rows of random numbers for each norm; 0: all rows, exactly. Default: exact for states of at most 256 numbers, else 32 rows. */
  readonly probes?: number;
  /** Of the probes. Default: the same ones each time. */
  readonly rng?: Random;
}

/** Norms for each lag k = 0, 1, …. A norm is ‖J‖_F / √(rows of J): 1 for the identity and whatever only turns. */
export interface JacobianNorms {
  /** Of ∂s_t/∂s_{t−k}: the whole state. */
  readonly state: readonly number[];
  /** Of ∂h_t/∂h_{t−k} of each layer, along every path: through c and through other layers too. [L][k] */
  readonly hidden: readonly (readonly number[])[];
  /** Of ∂h_t/∂x_{t−k}: h of the last layer, x the input. */
  readonly input: readonly number[];
  /** The largest singular value of ∂s_t/∂s_{t−k}; null where the norms are estimates. */
  readonly spectral: readonly number[] | null;
  /** Rows of random numbers behind each norm; 0: they are exact. */
  readonly probes: number;
}

/** States of more numbers than this are probed: below, all rows take a second or two for a hundred steps. */
const largestExact = 256;
const defaultProbes = 32;

/**
 * @param network  layers, a cell, or anything that makes single steps
 * @param x        one sequence, [1, T, I]
 * @throws ShapeError, ConfigError  when x is not one sequence, or an option is out of range
 * @example
 * const { hidden, input } = jacobianNorms(lstm, x);
 * console.log(hidden[0][10], memoryHorizon(input)); // what of h is left after ten steps; after how many 1 % is
 * @see Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, arXiv:1211.5063
 */
export function jacobianNorms<S extends CellState>(network: Stepping<S>, x: Tensor, options: JacobianOptions = {}): JacobianNorms {
  return normsAlong(new Trajectory(network, x), options);
}

/** As `jacobianNorms`, along a trajectory that is there already. */
export function normsAlong<S extends CellState>(trajectory: Trajectory<S>, options: JacobianOptions = {}): JacobianNorms {
  const { steps, size, hidden } = trajectory;
  const { at = steps, lags = at - 1, probes = size <= largestExact ? 0 : defaultProbes, rng = new Random(0) } = options;
  requireWhole('at', at, 1, steps);
  requireWhole('lags', lags, 0, at - 1);
  requireWhole('probes', probes, 0, 100_000);
  const whole = { offset: 0, length: size };
  const parts = [whole, ...hidden];
  const groups = probes === 0 ? exactGroups(parts) : parts.map((part, k) => ({ part, first: k * probes, count: probes }));
  let rows = probes === 0 ? unitRows(whole, size) : probesFor(parts, probes, size, rng);

  const norms = { state: [] as number[], hidden: hidden.map((): number[] => []), input: [] as number[], spectral: [] as number[] };
  const top = groups.length - 1;
  for (let k = 0; k <= lags; k++) {
    const values = groups.map(({ part, first, count }) => norm(rows, first, count, part));
    norms.state.push(values[0]);
    for (const [layer, list] of norms.hidden.entries()) list.push(values[layer + 1]);
    if (probes === 0) norms.spectral.push(largestSingularValue(rows));
    const before = trajectory.pullBack(at - k, rows);
    norms.input.push(norm(before.input, groups[top].first, groups[top].count, { offset: 0, length: trajectory.inputSize }));
    rows = before.state;
  }
  return { ...norms, spectral: probes === 0 ? norms.spectral : null, probes };
}

/**
 * The lag from which on influence stays below a share of its largest value: so far back does the past reach.
 *
 * @param norms  for lags 0, 1, …, such as `JacobianNorms.input`
 * @param share  default a hundredth
 * @returns      the lag; null when it is further than the norms go
 */
export function memoryHorizon(norms: readonly number[], share = 0.01): number | null {
  const bound = share * Math.max(...norms);
  const last = norms.findLastIndex((norm) => !(norm < bound));
  return last === norms.length - 1 ? null : last + 1;
}

interface Group {
  readonly part: Span;
  /** Rows first … first + count − 1. */
  readonly first: number;
  readonly count: number;
}

/** Of the identity's rows, those of each part. */
function exactGroups(parts: readonly Span[]): Group[] {
  return parts.map((part) => ({ part, first: part.offset, count: part.length }));
}

/** Random directions within each part, of length 1 on average over the part's rows. */
function probesFor(parts: readonly Span[], probes: number, size: number, rng: Random): Rows {
  const values = new Float64Array(parts.length * probes * size);
  parts.forEach(({ offset, length }, k) => {
    for (let row = k * probes; row < (k + 1) * probes; row++) {
      const own = values.subarray(row * size + offset, row * size + offset + length);
      rng.fillNormal(own);
      // E‖vJ‖² = ‖J‖_F² / length for v of length 1 in a random direction
      const scale = 1 / Math.sqrt(own.reduce((sum, v) => sum + v * v, 0));
      for (let i = 0; i < length; i++) own[i] *= scale;
    }
  });
  return { values, count: parts.length * probes, width: size };
}

/** √ of the mean over rows of their squared lengths within a part. */
function norm({ values, width }: Rows, first: number, count: number, { offset, length }: Span): number {
  let sum = 0;
  for (let row = first; row < first + count; row++) {
    for (let k = row * width + offset; k < row * width + offset + length; k++) sum += values[k] ** 2;
  }
  return Math.sqrt(sum / count);
}

/** By power iteration on JᵀJ; to a thousandth even where the two largest are close. */
function largestSingularValue({ values, count, width }: Rows): number {
  let v = new Float64Array(width).fill(1 / Math.sqrt(width));
  let last = 0;
  for (let iteration = 0; iteration < 200; iteration++) {
    const image = new Float64Array(count);
    for (let i = 0; i < count; i++) for (let k = 0; k < width; k++) image[i] += values[i * width + k] * v[k];
    const back = new Float64Array(width);
    for (let i = 0; i < count; i++) for (let k = 0; k < width; k++) back[k] += values[i * width + k] * image[i];
    const square = Math.hypot(...back);
    if (square === 0) return 0;
    v = back.map((value) => value / square);
    const value = Math.sqrt(square);
    if (Math.abs(value - last) <= 1e-7 * value) return value;
    last = value;
  }
  return last;
}

function requireWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ConfigError(`[jacobianNorms] expected ${name} to be a whole number in ${least}…${most}, received ${value}.`);
  }
}
