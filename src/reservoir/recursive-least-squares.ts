/** A linear readout that learns step by step: recursive least squares, as FORCE learning uses it. In float64 on the host. */

import { requireSizes } from '../nn/linear.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';

/** How it forgets, and where it begins. */
export interface RecursiveLeastSquaresOptions {
  /** F. */
  readonly features: number;
  /** O. */
  readonly targets: number;
  /** λ of the ridge regression that it is, step by step: P begins as I / λ. Default 1. */
  readonly ridge?: number;
  /** In (0, 1]: how much what was learnt a step ago counts now. Default 1: it forgets nothing. */
  readonly forgetting?: number;
}

/**
 * Recursive least squares:
 *
 *   k = P z / (γ + zᵀ P z) ;   W += (y − W z) kᵀ ;   P = (P − k zᵀ P) / γ
 *
 * With γ = 1, after any number of steps W is the ridge regression's over them (without a free bias), but for rounding.
 *
 * @see Haykin, Adaptive filter theory (2002); Jaeger (2003), Adaptive nonlinear system identification with echo state networks
 */
export class RecursiveLeastSquares {
  /** [O, F] row-major. */
  readonly weight: Float64Array;
  readonly options: Required<RecursiveLeastSquaresOptions>;
  readonly #P: Float64Array; // [F, F]
  readonly #k: Float64Array; // [F]

  /** @throws ConfigError when ridge is not positive, or forgetting not in (0, 1] */
  constructor({ features, targets, ridge = 1, forgetting = 1 }: RecursiveLeastSquaresOptions) {
    requireSizes('RecursiveLeastSquares', { features, targets });
    if (!(ridge > 0)) throw new ConfigError(`[RecursiveLeastSquares] expected ridge above 0, received ${ridge}.`);
    if (!(forgetting > 0 && forgetting <= 1))
      throw new ConfigError(`[RecursiveLeastSquares] expected forgetting in (0, 1], received ${forgetting}.`);
    this.options = { features, targets, ridge, forgetting };
    this.weight = new Float64Array(targets * features);
    this.#P = new Float64Array(features ** 2);
    for (let i = 0; i < features; i++) this.#P[i * features + i] = 1 / ridge;
    this.#k = new Float64Array(features);
  }

  /** W z: [O] */
  predict(z: ArrayLike<number>): Float64Array {
    const { features: F, targets: O } = this.options;
    if (z.length !== F) throw new ShapeError(`[RecursiveLeastSquares] expected ${F} features, received ${z.length}.`);
    const y = new Float64Array(O);
    for (let o = 0; o < O; o++) for (let i = 0; i < F; i++) y[o] += this.weight[o * F + i] * z[i];
    return y;
  }

  /**
   * One step.
   *
   * @param z  [F]
   * @param y  [O], what should have come out
   * @returns  W z − y before the step. [O]
   */
  update(z: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
    const { features: F, targets: O, forgetting } = this.options;
    if (y.length !== O) throw new ShapeError(`[RecursiveLeastSquares] expected ${O} targets, received ${y.length}.`);
    const error = this.predict(z).map((value, o) => value - y[o]);
    const P = this.#P;
    const k = this.#k; // P z
    let total = forgetting;
    for (let i = 0; i < F; i++) {
      let sum = 0;
      for (let j = 0; j < F; j++) sum += P[i * F + j] * z[j];
      k[i] = sum;
      total += sum * z[i];
    }
    for (let o = 0; o < O; o++) for (let i = 0; i < F; i++) this.weight[o * F + i] -= (error[o] * k[i]) / total;
    // Symmetric: computed once for both halves, so that it stays so.
    for (let i = 0; i < F; i++) {
      const factor = k[i] / total;
      for (let j = 0; j <= i; j++) {
        const value = (P[i * F + j] - factor * k[j]) / forgetting;
        P[i * F + j] = value;
        P[j * F + i] = value;
      }
    }
    return error;
  }
}
