/** What a model says about one number that is not yet known. */
import { incompleteBeta, logGamma, normalCdf, normalDensity, normalQuantile } from '../../losses/special-functions.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import type { Random } from '../../tensor/random.ts';
import type { JudgedSteps } from '../metrics/forecast.ts';

/** A distribution of a number, in the units of its series. */
export interface Predictive {
  readonly mean: number;
  /** The number below which the value lies with probability p, in (0, 1). */
  quantile(p: number): number;
  /** The probability that the value is at most y. */
  cdf(y: number): number;
  /** Of values below y, and half of those equal to it: what tells how far out y is. */
  rank(y: number): number;
  /** Continuous ranked probability score of y: the integral of (cdf − [y ≤ x])², the absolute error of a point. */
  crps(y: number): number;
}

/** A distribution that numbers can be drawn from. */
export interface Drawable extends Predictive {
  sample(rng: Random): number;
}

/** A number without any uncertainty. */
export class Point implements Predictive {
  readonly mean: number;

  constructor(mean: number) {
    this.mean = mean;
  }

  quantile(): number {
    return this.mean;
  }

  cdf(y: number): number {
    return y < this.mean ? 0 : 1;
  }

  rank(y: number): number {
    return y < this.mean ? 0 : y > this.mean ? 1 : 0.5;
  }

  crps(y: number): number {
    return Math.abs(y - this.mean);
  }
}

/** The normal distribution. */
export class Normal implements Drawable {
  readonly mean: number;
  readonly deviation: number;

  constructor(mean: number, deviation: number) {
    this.mean = mean;
    this.deviation = deviation;
  }

  quantile(p: number): number {
    return this.mean + this.deviation * standardQuantile(p);
  }

  cdf(y: number): number {
    return normalCdf((y - this.mean) / this.deviation);
  }

  rank(y: number): number {
    return this.cdf(y);
  }

  /** Gneiting & Raftery (2007), equation 21. */
  crps(y: number): number {
    const z = (y - this.mean) / this.deviation;
    return this.deviation * (z * (2 * normalCdf(z) - 1) + 2 * normalDensity(z) - 1 / Math.sqrt(Math.PI));
  }

  sample(rng: Random): number {
    return this.mean + this.deviation * normalNumber(rng);
  }
}

/** Quantiles that are asked for again and again. */
const known = new Map([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95].map((p) => [p, normalQuantile(p)]));
known.set(0.5, 0);

function standardQuantile(p: number): number {
  return known.get(p) ?? normalQuantile(p);
}

/** Student's t distribution with a location and a scale; ν above 1. */
export class StudentT implements Drawable {
  readonly mean: number;
  readonly scale: number;
  readonly degrees: number;

  constructor(mean: number, scale: number, degrees: number) {
    this.mean = mean;
    this.scale = scale;
    this.degrees = degrees;
  }

  cdf(y: number): number {
    return studentCdf((y - this.mean) / this.scale, this.degrees);
  }

  rank(y: number): number {
    return this.cdf(y);
  }

  quantile(p: number): number {
    return this.mean + this.scale * studentQuantile(p, this.degrees);
  }

  /** Jordan, Krüger & Lerch (2019), doi:10.18637/jss.v090.i12, appendix A. */
  crps(y: number): number {
    const nu = this.degrees;
    const z = (y - this.mean) / this.scale;
    const beta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);
    const constant = ((2 * Math.sqrt(nu)) / (nu - 1)) * Math.exp(beta(0.5, nu - 0.5) - 2 * beta(0.5, nu / 2));
    const tail = (2 * studentDensity(z, nu) * (nu + z * z)) / (nu - 1);
    return this.scale * (z * (2 * studentCdf(z, nu) - 1) + tail - constant);
  }

  /** A normal number over the root of a χ² number. */
  sample(rng: Random): number {
    return this.mean + (this.scale * normalNumber(rng)) / Math.sqrt((2 * gammaNumber(this.degrees / 2, rng)) / this.degrees);
  }
}

function studentDensity(z: number, nu: number): number {
  const normalizer = logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * Math.log(nu * Math.PI);
  return Math.exp(normalizer - ((nu + 1) / 2) * Math.log1p((z * z) / nu));
}

function studentCdf(z: number, nu: number): number {
  const tail = 0.5 * incompleteBeta(nu / (nu + z * z), nu / 2, 0.5);
  return z > 0 ? 1 - tail : tail;
}

/** Newton's method on the logarithm of the tail, from the normal quantile on: the tail's logarithm is nearly a line. */
function studentQuantile(p: number, nu: number): number {
  if (p > 0.5) return -studentQuantile(1 - p, nu);
  if (p === 0.5) return 0;
  let z = normalQuantile(p);
  for (let i = 0; i < 100; i++) {
    const cdf = studentCdf(z, nu);
    const change = (Math.log(cdf / p) * cdf) / studentDensity(z, nu);
    z = Math.min(0, z - change);
    if (Math.abs(change) < 1e-12 * (1 - z)) break;
  }
  return z;
}

/** The negative binomial distribution of a count: variance μ + αμ². */
export class NegativeBinomial implements Drawable {
  readonly mean: number;
  readonly dispersion: number;

  constructor(mean: number, dispersion: number) {
    this.mean = mean;
    this.dispersion = dispersion;
  }

  cdf(y: number): number {
    if (y < 0) return 0;
    const r = 1 / this.dispersion;
    return incompleteBeta(r / (r + this.mean), r, Math.floor(y) + 1);
  }

  rank(y: number): number {
    return (this.cdf(y) + this.cdf(y - 1)) / 2;
  }

  /** The smallest count whose cdf reaches p: doubled, then halved. */
  quantile(p: number): number {
    if (this.cdf(0) >= p) return 0;
    let high = Math.max(1, Math.ceil(this.mean));
    while (this.cdf(high) < p) high *= 2;
    let low = 0;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.cdf(middle) < p) low = middle;
      else high = middle;
    }
    return high;
  }

  /** By its quantiles: twice their mean pinball loss at 200 levels. */
  crps(y: number): number {
    let sum = 0;
    for (let i = 0; i < crpsLevels; i++) {
      const p = (i + 0.5) / crpsLevels;
      const error = y - this.quantile(p);
      sum += Math.max(p * error, (p - 1) * error);
    }
    return (2 * sum) / crpsLevels;
  }

  /** A Poisson number of a gamma-distributed rate. */
  sample(rng: Random): number {
    const r = 1 / this.dispersion;
    return poissonNumber((gammaNumber(r, rng) * this.mean) / r, rng);
  }
}

const crpsLevels = 200;

/** Where a level lies among others: between `below` and the next one, by the share of the way. */
interface Place {
  readonly below: number;
  readonly share: number;
}

/**
 * The levels of quantiles, and what follows from them, worked out once for all forecasts of a model. Its functions take values of the
 * levels, `values[first]` and on, rising: a backtest asks half a million times, and none of these makes an object.
 */
export class QuantileLevels {
  /** Standard normal quantiles of the levels. */
  readonly z: readonly number[];
  /**
   * The crps is worked out by a curve q_i at n levels p_i. What it needs of the curve is linear in the values of the levels: row k of
   * `weights` [n + 1, L] gives 2/n (Σ_{i ≥ k} q_i − Σ p_i q_i).
   */
  readonly #weights: Float64Array;
  /**
   * The curve's places between levels l and l + 1, as shares of the way: row l of [L − 1, longest], filled up with infinity. So that
   * a row is compared without a branch, which no processor would foresee.
   */
  readonly #shares: Float64Array;
  readonly #longest: number;
  /** How many places lie below level l. */
  readonly #firsts: Int32Array;
  /** Asked for of every value that is judged. */
  readonly #low: Place;
  readonly #median: Place;
  readonly #high: Place;
  readonly #places = new Map<number, Place>();

  /** @param levels rising */
  constructor(levels: readonly number[]) {
    this.z = levels.map(standardQuantile);
    [this.#low, this.#median, this.#high] = [0.1, 0.5, 0.9].map((p) => this.#find(standardQuantile(p)));
    const curve = curveLevels.map((p) => this.#find(standardQuantile(p)));
    const [n, L] = [curve.length, levels.length];
    this.#weights = new Float64Array((n + 1) * L);
    for (let k = 0; k <= n; k++) {
      for (const [i, { below, share }] of curve.entries()) {
        const weight = (2 / n) * ((i >= k ? 1 : 0) - curveLevels[i]);
        this.#weights[k * L + below] += weight * (1 - share);
        if (share !== 0) this.#weights[k * L + below + 1] += weight * share;
      }
    }
    const rows = Array.from({ length: Math.max(1, L - 1) }, (_, l) => curve.filter(({ below }) => below === l).map(({ share }) => share));
    this.#longest = Math.max(...rows.map(({ length }) => length));
    this.#shares = new Float64Array(rows.length * this.#longest).fill(Number.POSITIVE_INFINITY);
    for (const [l, row] of rows.entries()) this.#shares.set(row, l * this.#longest);
    this.#firsts = Int32Array.from(rows, (_, l) => curve.filter(({ below }) => below < l).length);
  }

  placeOf(p: number): Place {
    if (p === 0.5) return this.#median;
    if (p === 0.1) return this.#low;
    if (p === 0.9) return this.#high;
    let place = this.#places.get(p);
    if (place === undefined) {
      place = this.#find(standardQuantile(p));
      if (this.#places.size < mostPlaces) this.#places.set(p, place);
    }
    return place;
  }

  #find(at: number): Place {
    const { z } = this;
    if (z.length === 1) return { below: 0, share: 0 };
    let below = 0;
    while (below < z.length - 2 && z[below + 1] < at) below++;
    return { below, share: (at - z[below]) / (z[below + 1] - z[below]) };
  }

  /** Brings values into order, in place. */
  sort(values: Floats, first: number): void {
    const end = first + this.z.length;
    // By insertion: few, and nearly in order.
    let before = values[first];
    for (let i = first + 1; i < end; i++) {
      const value = values[i];
      if (value >= before) {
        before = value;
        continue;
      }
      let at = i;
      for (; at > first && values[at - 1] > value; at--) values[at] = values[at - 1];
      values[at] = value;
    }
  }

  /**
   * Twice the mean pinball loss of y at 40 levels p_i of the curve q_i. The curve rises, so that those above y are the last n − k:
   *
   *   Σ p_i (y − q_i) − Σ_{q_i ≥ y} (y − q_i) = y Σ p_i − Σ p_i q_i − (n − k) y + Σ_{i ≥ k} q_i
   */
  crps(values: Floats, first: number, y: number): number {
    const L = this.z.length;
    const weights = this.#weights;
    const shares = this.#shares;
    let below = 0;
    for (let l = 1; l < L - 1; l++) below += +(values[first + l] < y);
    const low = values[first + below];
    const width = L === 1 ? 0 : values[first + below + 1] - low;
    let k = this.#firsts[below];
    const row = below * this.#longest;
    for (let i = row; i < row + this.#longest; i++) k += +(low + shares[i] * width < y);
    let sum = y * (k * (2 / curveLevels.length) - 1);
    for (let l = 0; l < L; l++) sum += weights[k * L + l] * values[first + l];
    return sum;
  }

  /**
   * Judges quantiles shift + scale · v of some steps, as a `Quantiles` of each would.
   *
   * @param values  v of each level, of one step after another from `first` on; they are sorted, in place
   */
  judge(values: Floats, first: number, shift: number, scale: number, into: JudgedSteps): void {
    const { count, ahead, actual, mean, median, crps, low80, high80 } = into;
    const L = this.z.length;
    for (let i = 0; i < count; i++) {
      const at = first + ahead[i] * L;
      this.sort(values, at);
      median[i] = shift + scale * valueAt(values, at, this.#median);
      mean[i] = median[i];
      low80[i] = shift + scale * valueAt(values, at, this.#low);
      high80[i] = shift + scale * valueAt(values, at, this.#high);
      crps[i] = scale * this.crps(values, at, (actual[i] - shift) / scale);
    }
  }
}

const curveLevels = Array.from({ length: 40 }, (_, i) => (i + 0.5) / 40);
const mostPlaces = 1000;

function valueAt(values: Floats, first: number, { below, share }: Place): number {
  const low = values[first + below];
  return share === 0 ? low : low + share * (values[first + below + 1] - low);
}

/**
 * Quantiles, and between them a curve: linear in the normal quantile of the level, also beyond the first and the last. So
 * quantiles of a normal distribution give that distribution.
 */
export class Quantiles implements Predictive {
  readonly #levels: QuantileLevels;
  readonly #values: Floats;
  readonly #first: number;
  readonly #shift: number;
  readonly #scale: number;

  /**
   * Quantiles shift + scale · v of each level.
   *
   * @param values  holds v of each level from `first` on, in any order: quantiles that cross are sorted, in place
   */
  constructor(levels: QuantileLevels, values: Floats, first = 0, shift = 0, scale = 1) {
    this.#levels = levels;
    this.#values = values;
    this.#first = first;
    this.#shift = shift;
    this.#scale = scale;
    levels.sort(values, first);
  }

  /** The median: quantiles do not say where the mean is. */
  get mean(): number {
    return this.quantile(0.5);
  }

  quantile(p: number): number {
    return this.#shift + this.#scale * valueAt(this.#values, this.#first, this.#levels.placeOf(p));
  }

  cdf(y: number): number {
    const { z } = this.#levels;
    const values = this.#values;
    const v = (y - this.#shift) / this.#scale;
    const last = z.length - 1;
    if (last === 0) return v < values[this.#first] ? 0 : 1;
    let k = 1;
    while (k < last && values[this.#first + k] < v) k++;
    const below = values[this.#first + k - 1];
    const width = values[this.#first + k] - below;
    if (width === 0) return normalCdf(v < below ? z[k - 1] : z[k]);
    return normalCdf(z[k - 1] + ((z[k] - z[k - 1]) * (v - below)) / width);
  }

  rank(y: number): number {
    return this.cdf(y);
  }

  crps(y: number): number {
    return this.#scale * this.#levels.crps(this.#values, this.#first, (y - this.#shift) / this.#scale);
  }
}

/** What was drawn: each value as likely as the others. */
export class Empirical implements Predictive {
  readonly mean: number;
  readonly #sorted: Float64Array;

  constructor(samples: Float64Array) {
    this.#sorted = samples.sort();
    this.mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  }

  /** Linear between order statistics, as NumPy's default. */
  quantile(p: number): number {
    const sorted = this.#sorted;
    const at = p * (sorted.length - 1);
    const below = Math.floor(at);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  cdf(y: number): number {
    return this.#countBelow(y, true) / this.#sorted.length;
  }

  rank(y: number): number {
    return (this.#countBelow(y, true) + this.#countBelow(y, false)) / (2 * this.#sorted.length);
  }

  /** E|X − y| − ½ E|X − X'|, by order statistics. */
  crps(y: number): number {
    const sorted = this.#sorted;
    const n = sorted.length;
    let [toValue, apart] = [0, 0];
    for (let i = 0; i < n; i++) {
      toValue += Math.abs(sorted[i] - y);
      apart += (2 * i - n + 1) * sorted[i];
    }
    return toValue / n - apart / (n * n);
  }

  #countBelow(y: number, orEqual: boolean): number {
    const sorted = this.#sorted;
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < y || (orEqual && sorted[middle] === y)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

// ---- random numbers ---------------------------------------------------------------------------------------------------

function normalNumber(rng: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - rng.uniform()));
  return radius * Math.cos(2 * Math.PI * rng.uniform());
}

/** Γ(shape, 1). Marsaglia & Tsang (2000), doi:10.1145/358407.358414. */
export function gammaNumber(shape: number, rng: Random): number {
  if (shape < 1) return gammaNumber(shape + 1, rng) * (1 - rng.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normalNumber(rng);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** By multiplication for small rates; a large rate is split, since Poisson numbers add. */
export function poissonNumber(rate: number, rng: Random): number {
  let count = 0;
  let left = rate;
  // Of a gamma-distributed waiting time to the m-th event, either all m lie within the rate, or a binomial share of m − 1 does.
  while (left > 30) {
    const m = Math.floor(left * 0.875);
    const time = gammaNumber(m, rng);
    if (time > left) return count + binomialNumber(m - 1, left / time, rng);
    count += m;
    left -= time;
  }
  for (let product = 1 - rng.uniform(), bound = Math.exp(-left); product > bound; product *= 1 - rng.uniform()) count++;
  return count;
}

/** Splits by the median of uniform numbers, which is a beta number (Devroye 1986, X.4.3), until few are left. */
function binomialNumber(n: number, p: number, rng: Random): number {
  let [count, trials, share] = [0, n, p];
  while (trials > 20) {
    const a = Math.floor(trials / 2) + 1;
    const b = trials + 1 - a;
    const x = gammaNumber(a, rng);
    const beta = x / (x + gammaNumber(b, rng));
    if (beta <= share) {
      count += a;
      trials = b - 1;
      share = (share - beta) / (1 - beta);
    } else {
      trials = a - 1;
      share /= beta;
    }
  }
  for (let i = 0; i < trials; i++) if (rng.uniform() < share) count++;
  return count;
}
