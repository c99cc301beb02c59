/** How well a reservoir does: errors as the field gives them, and what a reservoir remembers. */

import { concat } from '../autograd/ops/concat.ts';
import { reshape, slice } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { tensor } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import type { Reservoir } from './reservoir.ts';
import { RidgeRegression } from './ridge.ts';

/**
 * Root mean squared error as a share of the target's deviation, √(mean (y − target)² / variance of target): 1 for whoever always
 * says the mean. Several columns: the mean of their squares is taken over all, each by its own variance.
 *
 * @param columns  numbers of each step
 * @throws ConfigError when there are no steps, or not as many of both
 */
export function nrmse(y: ArrayLike<number>, target: ArrayLike<number>, columns = 1): number {
  if (y.length !== target.length || target.length < columns) {
    throw new ConfigError(`[nrmse] expected as many predictions as targets, and at least one, received ${y.length} and ${target.length}.`);
  }
  const rows = target.length / columns;
  let total = 0;
  for (let c = 0; c < columns; c++) {
    let mean = 0;
    for (let r = 0; r < rows; r++) mean += target[r * columns + c] / rows;
    let error = 0;
    let deviation = 0;
    for (let r = 0; r < rows; r++) {
      error += (y[r * columns + c] - target[r * columns + c]) ** 2;
      deviation += (target[r * columns + c] - mean) ** 2;
    }
    total += error / deviation / columns;
  }
  return Math.sqrt(total);
}

/**
 * How long a free run stays near the truth: steps until ‖y_t − target_t‖ is more than `threshold` of √(mean ‖target − mean‖²).
 *
 * @returns  steps, at most all there are; times the step's length and the Lyapunov exponent it is in Lyapunov times
 * @see Vlachas et al. (2020), doi:10.1016/j.neunet.2020.02.016
 */
export function validSteps(y: ArrayLike<number>, target: ArrayLike<number>, columns: number, threshold = 0.4): number {
  const rows = target.length / columns;
  const means = Array.from({ length: columns }, (_, c) => {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += target[r * columns + c];
    return sum / rows;
  });
  let spread = 0;
  for (let i = 0; i < target.length; i++) spread += (target[i] - means[i % columns]) ** 2 / rows;
  for (let r = 0; r < rows; r++) {
    let error = 0;
    for (let c = 0; c < columns; c++) error += (y[r * columns + c] - target[r * columns + c]) ** 2;
    if (!(error <= threshold ** 2 * spread)) return r;
  }
  return rows;
}

/** What a memory was measured with. */
export interface MemoryCapacityOptions {
  /** Longest delay. Default twice the units. */
  readonly delays?: number;
  /** Steps to learn from, and as many to measure on. Default 10 for each unit, 2000 at least. */
  readonly steps?: number;
  /** λ of the readouts. Default 1e-9. */
  readonly ridge?: number;
  /** The input is uniform in ± this. Default 0.8. */
  readonly amplitude?: number;
  readonly rng: Random;
}

/**
 * How much of a random input a reservoir can give back: MC = Σ_k r²(u_{t−k}, y_k(t)), over delays k from 1 on, y_k being the best
 * linear readout for that delay and r² taken on steps that it did not see. Of i.i.d. inputs it is at most the number of units.
 *
 * @returns capacity, and r² of each delay
 * @throws ConfigError when the reservoir has not one input
 * @see Jaeger (2001), Short term memory in echo state networks, GMD report 152
 */
export function memoryCapacity(
  reservoir: Reservoir,
  { rng, ...options }: MemoryCapacityOptions,
): { readonly capacity: number; readonly byDelay: Float64Array } {
  const units = reservoir.outputSize;
  const { delays = 2 * units, steps = Math.max(2000, 10 * units), ridge = 1e-9, amplitude = 0.8 } = options;
  if (reservoir.options.inputSize !== 1)
    throw new ConfigError(`[memoryCapacity] expected a reservoir of inputSize 1, received ${reservoir.options.inputSize}.`);
  const washout = delays;
  const T = washout + 2 * steps;
  const u = rng.fillUniform(new Float64Array(T), -amplitude, amplitude);
  const { backend } = reservoir;
  return scope(() => {
    const { output } = reservoir.forward(tensor(u, { shape: [1, T, 1], backend }));
    const states = reshape(output, [T, units]);
    const targets = new Float64Array(T * delays);
    for (let t = washout; t < T; t++) for (let k = 1; k <= delays; k++) targets[t * delays + k - 1] = u[t - k];
    const delayed = tensor(targets, { shape: [T, delays], backend });
    const ones = tensor(new Float64Array(T).fill(1), { shape: [T, 1], backend });
    const rows = concat([states, ones, delayed], -1);
    const regression = new RidgeRegression({ features: units, targets: delays, backend });
    regression.add(slice(rows, 0, washout, washout + steps));
    const { weight, bias } = regression.solve(ridge);
    const heard = slice(states, 0, washout + steps, T).dataSync();
    const byDelay = new Float64Array(delays);
    for (let k = 0; k < delays; k++) {
      const w = weight.subarray(k * units, (k + 1) * units);
      let [sy, su, syy, suu, syu] = [0, 0, 0, 0, 0];
      for (let r = 0; r < steps; r++) {
        let y = bias[k];
        for (let i = 0; i < units; i++) y += w[i] * heard[r * units + i];
        const truth = u[washout + steps + r - k - 1];
        sy += y;
        su += truth;
        syy += y * y;
        suu += truth * truth;
        syu += y * truth;
      }
      const covariance = syu - (sy * su) / steps;
      const product = (syy - sy ** 2 / steps) * (suu - su ** 2 / steps);
      byDelay[k] = product > 0 ? covariance ** 2 / product : 0;
    }
    return { capacity: byDelay.reduce((sum, value) => sum + value, 0), byDelay };
  });
}
