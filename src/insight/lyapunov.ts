/**
 * Lyapunov exponents of a network driven by a sequence: the mean rates at which small differences between states grow (above 0:
 * chaos, exploding gradients) or shrink (below 0: the past is forgotten at this rate).
 */
import type { Tensor } from '../autograd/tensor.ts';
import type { CellState } from '../nn/recurrent.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { type Rows, type Stepping, Trajectory } from './trajectory.ts';

/** How `lyapunovExponents` measures. */
export interface LyapunovOptions {
  /** How many, the largest first. Default 1. */
  readonly count?: number;
  /** Steps at the beginning, while the state forgets that it was zero, and at the end, while directions settle, that do not count. Default: a tenth of the sequence each. */
  readonly discard?: number;
  /** Of the first directions. Default: the same ones each time. */
  readonly rng?: Random;
}

/**
 * The QR method (Benettin et al. 1980), along the gradient's way, from the last step to the first: rows Q go back a step, QJ_t, and
 * are made orthonormal again; the logarithms of what that takes from their lengths average to the exponents. Transposing changes no
 * singular value of the product, so they are the same as of differences that go forward.
 *
 * @param network  layers, a cell, or anything that makes single steps
 * @param x        one sequence, [1, T, I]: a hundred steps give a first idea, thousands two digits
 * @returns        in nats a step, the largest first; −∞ where a direction is lost at once
 * @throws ShapeError, ConfigError  when x is not one sequence, or an option is out of range
 * @example const [largest] = lyapunovExponents(rnn, x); // −0.1: a difference is down to 1/e after ten steps
 * @see Benettin, Galgani, Giorgilli & Strelcyn (1980), doi:10.1007/BF02128236; for recurrent networks Vogt et al. (2022),
 *      arXiv:2006.14123
 */
export function lyapunovExponents<S extends CellState>(network: Stepping<S>, x: Tensor, options: LyapunovOptions = {}): number[] {
  return exponentsAlong(new Trajectory(network, x), options);
}

/** As `lyapunovExponents`, along a trajectory that is there already. */
export function exponentsAlong<S extends CellState>(trajectory: Trajectory<S>, options: LyapunovOptions = {}): number[] {
  const { steps, size } = trajectory;
  const { count = 1, discard = Math.floor(steps / 10), rng = new Random(0) } = options;
  if (!Number.isInteger(count) || count < 1 || count > size) {
    throw new ConfigError(`[lyapunovExponents] expected count in 1…${size} (numbers in the state), received ${count}.`);
  }
  if (!Number.isInteger(discard) || discard < 0 || 2 * discard >= steps) {
    throw new ConfigError(
      `[lyapunovExponents] expected discard in 0…${Math.ceil(steps / 2) - 1}, below half of the ${steps} steps, received ${discard}.`,
    );
  }
  let rows: Rows = { values: rng.fillNormal(new Float64Array(count * size)), count, width: size };
  orthonormalize(rows, rng);
  const sums = new Float64Array(count);
  for (let t = steps; t > discard; t--) {
    rows = trajectory.pullBack(t, rows).state;
    const lengths = orthonormalize(rows, rng);
    if (t <= steps - discard) for (let i = 0; i < count; i++) sums[i] += Math.log(lengths[i]);
  }
  return [...sums].map((total) => total / (steps - 2 * discard)).sort((a, b) => b - a);
}

/**
 * Gram–Schmidt in place, twice over for accuracy: the Q of a QR decomposition.
 *
 * @returns  what was left of each row's length once the rows before it were taken out: the diagonal of R
 */
function orthonormalize({ values, count, width }: Rows, rng: Random): Float64Array {
  const row = (i: number): Float64Array => values.subarray(i * width, (i + 1) * width);
  const takeOut = (i: number): void => {
    for (let j = 0; j < i; j++) {
      const overlap = dot(row(i), row(j));
      for (let k = 0; k < width; k++) row(i)[k] -= overlap * row(j)[k];
    }
  };
  return Float64Array.from({ length: count }, (_, i) => {
    const before = Math.sqrt(dot(row(i), row(i)));
    takeOut(i);
    takeOut(i);
    const length = Math.sqrt(dot(row(i), row(i)));
    const isLost = !(length > 1e-12 * before);
    if (isLost) {
      rng.fillNormal(row(i)); // any direction: this one is lost, and its exponent −∞
      takeOut(i);
      takeOut(i);
    }
    const rest = isLost ? Math.sqrt(dot(row(i), row(i))) : length;
    for (let k = 0; k < width; k++) row(i)[k] /= rest;
    return isLost ? 0 : length;
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
