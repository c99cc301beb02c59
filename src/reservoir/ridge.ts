/** Ridge regression from sums of products, which rows are added to as they come: all rows need never be in memory at once. */

import { inScope } from '../autograd/scope.ts';
import { freeWhenCollected } from '../autograd/storage.ts';
import { bufferOf, contiguous, empty, type Tensor, tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import { getBackend } from '../backend/select.ts';
import { requireSizes } from '../nn/linear.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape } from '../tensor/shape.ts';
import { solvePivoted } from './pivoted-cholesky.ts';

/** Weights that a regression found. */
export interface RidgeSolution {
  /** [O, F] row-major. */
  readonly weight: Float64Array | Float32Array;
  /** [O] */
  readonly bias: Float64Array;
  /** How it was solved: by a Cholesky factorisation, or, where features hang on one another too closely for one, by one with pivots, which leaves features out. */
  readonly method: 'cholesky' | 'pivoted';
  /** Features that are used: F, or fewer where some were left out. */
  readonly rank: number;
  /** Of each target on the rows that were added: Σ (w z + b − y)², without penalty. [O] */
  readonly squaredErrors: Float64Array;
  /** Of each target: Σ (y − ȳ)². [O] */
  readonly squaredDeviations: Float64Array;
}

/**
 * The weights W and biases b that minimise Σ_r ‖W z_r + b − y_r‖² + λ‖W‖² over rows of features z and targets y, from the sums of
 * their products in float64. The biases are not penalised: features and targets are taken from their means.
 *
 * @example
 * const ridge = new RidgeRegression({ features: 500, targets: 1 });
 * ridge.add(rows); // [R, 502]: 500 features, a column of ones, the target
 * const { weight, bias } = ridge.solve(1e-6);
 */
export class RidgeRegression {
  /** F, without the column of ones. */
  readonly features: number;
  readonly targets: number;
  readonly #backend: Backend;
  readonly #sums: Buffer; // float64 [F+1+O, F+1+O], the lower half
  #rows = 0;

  /** @param sizes  F and O; backend: where rows are, by default the one in use */
  constructor(sizes: { readonly features: number; readonly targets: number; readonly backend?: Backend }) {
    const { features, targets, backend = getBackend() } = sizes;
    requireSizes('RidgeRegression', { features, targets });
    this.features = features;
    this.targets = targets;
    this.#backend = backend;
    this.#sums = backend.allocate('float64', this.width ** 2);
    backend.fill(this.#sums, 0);
    freeWhenCollected(this, backend, this.#sums);
  }

  /** Columns of the rows: F+1+O. */
  get width(): number {
    return this.features + 1 + this.targets;
  }

  /** Rows that were added. */
  get rows(): number {
    return this.#rows;
  }

  /** Takes more rows into the sums. @param rows [R, F+1+O]: features, 1, targets */
  add(rows: Tensor): void {
    const S = this.width;
    if (rows.rank !== 2 || rows.shape[1] !== S) {
      throw new ShapeError(`[RidgeRegression.add] expected rows of shape [R, ${S}], received ${formatShape(rows.shape)}.`);
    }
    inScope(() => this.#backend.gram(bufferOf(contiguous(rows)), this.#sums, rows.shape[0], S));
    this.#rows += rows.shape[0];
  }

  /** Takes the rows of another regression in. @throws ShapeError when its sizes are others */
  merge(other: RidgeRegression): void {
    if (other.features !== this.features || other.targets !== this.targets) {
      throw new ShapeError(
        `[RidgeRegression.merge] expected ${this.features} features and ${this.targets} targets, received ${other.features} and ${other.targets}.`,
      );
    }
    const theirs = other.#backend.read(other.#sums);
    this.#backend.write(
      this.#sums,
      this.#backend.read(this.#sums).map((value, i) => value + theirs[i]),
    );
    this.#rows += other.#rows;
  }

  /**
   * @param lambda   λ ≥ 0, on the scale of the sums (not of their mean)
   * @throws ConfigError when no row was added, λ is negative, or a feature or target was not finite
   */
  solve(lambda: number): RidgeSolution {
    const { features: F, targets: O } = this;
    if (!(lambda >= 0)) throw new ConfigError(`[RidgeRegression] expected a penalty of at least 0, received ${lambda}.`);
    if (this.#rows === 0) throw new ConfigError('[RidgeRegression] expected at least one row, received none.');
    const { sums, means } = this.#centred();
    const penalty = new Float64Array(F).fill(lambda);
    const direct = this.#cholesky(sums, penalty);
    const { weight, rank } = direct === null ? solvePivoted(sums, penalty, F, O) : { weight: direct, rank: F };
    const each = (value: (o: number) => number) => Float64Array.from({ length: O }, (_, o) => value(o));
    return {
      weight,
      bias: each((o) => means[F + o] - dotted(means, weight, F, o)),
      method: direct === null ? 'pivoted' : 'cholesky',
      rank,
      squaredErrors: each((o) => squaredError(sums, weight, F, O, o)),
      squaredDeviations: each((o) => sums[(F + o) * (F + O) + F + o]),
    };
  }

  /** How a solution, of these rows or of others, does on the rows that were added here: from the sums, without a look at the rows. */
  judge({ weight, bias }: Pick<RidgeSolution, 'weight' | 'bias'>): Pick<RidgeSolution, 'squaredErrors' | 'squaredDeviations'> {
    const { features: F, targets: O } = this;
    const { sums, means } = this.#centred();
    // Σ (w z + b − y)² = Σ (w (z − z̄) − (y − ȳ))² + n (w z̄ + b − ȳ)²
    const offset = (o: number) => dotted(means, weight, F, o) + bias[o] - means[F + o];
    const each = (value: (o: number) => number) => Float64Array.from({ length: O }, (_, o) => value(o));
    return {
      squaredErrors: each((o) => squaredError(sums, weight, F, O, o) + this.#rows * offset(o) ** 2),
      squaredDeviations: each((o) => sums[(F + o) * (F + O) + F + o]),
    };
  }

  /** Sums of products of features and targets less their means, [F+O, F+O], the lower half. */
  #centred(): { sums: Float64Array; means: Float64Array } {
    const { features: F, targets: O, width } = this;
    const S = F + O;
    const raw = this.#backend.read(this.#sums);
    // Rows and columns of `raw`, past the column of ones.
    const place = (i: number) => (i < F ? i : i + 1);
    const means = Float64Array.from({ length: S }, (_, i) => raw[i < F ? F * width + i : place(i) * width + F] / this.#rows);
    const wrong = means.findIndex((value, i) => !Number.isFinite(value) || !Number.isFinite(raw[place(i) * width + place(i)]));
    if (wrong >= 0) {
      const what = wrong < F ? `feature ${wrong}` : `target ${wrong - F}`;
      throw new ConfigError(`[RidgeRegression] expected finite numbers, received ${what} with a mean of ${means[wrong]}.`);
    }
    const sums = new Float64Array(S * S);
    for (let i = 0; i < S; i++) {
      const row = place(i) * width;
      for (let j = 0; j <= i; j++) sums[i * S + j] = raw[row + place(j)] - this.#rows * means[i] * means[j];
    }
    return { sums, means };
  }

  #cholesky(sums: Float64Array, penalty: Float64Array): Float32Array | Float64Array | null {
    const { features: F, targets: O } = this;
    const backend = this.#backend;
    const buffer = backend.allocate('float64', sums.length);
    backend.write(buffer, sums);
    try {
      return inScope(() => {
        const weight = empty(backend, [O, F]);
        const failure = empty(backend, [1]);
        const penalties = tensor(penalty, { backend });
        backend.ridgeSolve({ F, O, sums: buffer, penalty: bufferOf(penalties), weight: bufferOf(weight), failure: bufferOf(failure) });
        return failure.item() === 0 ? (weight.dataSync() as Float32Array) : null;
      });
    } finally {
      backend.free(buffer);
    }
  }
}

/** Σ (w·z − y)² = w ZᵀZ w − 2 w Zᵀy + yᵀy; not below 0, where rounding would have it. */
function squaredError(sums: Float64Array, weight: Float32Array | Float64Array, F: number, O: number, o: number): number {
  const S = F + O;
  const row = F + o;
  let error = sums[row * S + row];
  for (let i = 0; i < F; i++) {
    let half = 0;
    for (let j = 0; j < i; j++) half += sums[i * S + j] * weight[o * F + j];
    error += weight[o * F + i] * (2 * half + sums[i * S + i] * weight[o * F + i] - 2 * sums[row * S + i]);
  }
  return Math.max(0, error);
}

function dotted(means: Float64Array, weight: Float32Array | Float64Array, F: number, o: number): number {
  let sum = 0;
  for (let i = 0; i < F; i++) sum += means[i] * weight[o * F + i];
  return sum;
}
