/** One step of each optimiser, as torch.optim 1.13, and clipping. */
import { BackendError } from '../../tensor/errors.ts';
import type { AdagradStep, AdamStep, Buffer, RmspropStep, SgdStep } from '../backend.ts';
import { checkApart, floats, floatsOrNull } from './memory.ts';

export function clipNorm(gradient: Buffer, maxNorm: number, norm: Buffer): void {
  const g = floats('clipNorm', 'gradient', gradient);
  const out = floats('clipNorm', 'norm', norm, 1);
  checkApart('clipNorm', [out], [g]);
  let squares = 0;
  for (const value of g) squares += value * value;
  out[0] = Math.sqrt(squares);
  if (maxNorm <= 0 || !Number.isFinite(out[0]) || out[0] <= maxNorm) return;
  const scale = maxNorm / (out[0] + 1e-6);
  for (let i = 0; i < g.length; i++) g[i] *= scale;
}

/** NaN stays NaN. */
export function clipValue(gradient: Buffer, limit: number): void {
  const g = floats('clipValue', 'gradient', gradient);
  for (let i = 0; i < g.length; i++) g[i] = Math.max(-limit, Math.min(limit, g[i]));
}

export function sgd(step: SgdStep): void {
  const { isFirst, learningRate, momentum, dampening, nesterov, weightDecay } = step;
  const p = floats('sgd', 'parameters', step.parameters);
  const gradient = floats('sgd', 'gradient', step.gradient, p.length);
  const velocity = floatsOrNull('sgd', 'velocity', step.velocity, p.length);
  checkApart('sgd', [p, velocity], [gradient]);
  for (let i = 0; i < p.length; i++) {
    const g = gradient[i] + weightDecay * p[i];
    if (velocity === null) {
      p[i] -= learningRate * g;
      continue;
    }
    velocity[i] = isFirst ? g : momentum * velocity[i] + (1 - dampening) * g;
    p[i] -= learningRate * (nesterov ? g + momentum * velocity[i] : velocity[i]);
  }
}

export function adam(update: AdamStep): void {
  const { step, learningRate, beta1, beta2, epsilon, weightDecay, decoupled } = update;
  if (!Number.isInteger(step) || step < 1) throw new BackendError(`[reference.adam] expected a step that counts from 1, received ${step}.`);
  const p = floats('adam', 'parameters', update.parameters);
  const gradient = floats('adam', 'gradient', update.gradient, p.length);
  const m = floats('adam', 'm', update.m, p.length);
  const v = floats('adam', 'v', update.v, p.length);
  const vMax = floatsOrNull('adam', 'vMax', update.vMax, p.length);
  checkApart('adam', [p, m, v, vMax], [gradient]);
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - beta2 ** step;
  for (let i = 0; i < p.length; i++) {
    const g = gradient[i] + (decoupled ? 0 : weightDecay * p[i]);
    if (decoupled) p[i] -= learningRate * weightDecay * p[i];
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    if (vMax !== null) vMax[i] = Math.max(vMax[i], v[i]);
    const second = (vMax === null ? v[i] : vMax[i]) / correction2;
    p[i] -= (learningRate * (m[i] / correction1)) / (Math.sqrt(second) + epsilon);
  }
}

export function rmsprop(step: RmspropStep): void {
  const { learningRate, alpha, epsilon, momentum, weightDecay } = step;
  const p = floats('rmsprop', 'parameters', step.parameters);
  const gradient = floats('rmsprop', 'gradient', step.gradient, p.length);
  const square = floats('rmsprop', 'squareAverage', step.squareAverage, p.length);
  const average = floatsOrNull('rmsprop', 'gradientAverage', step.gradientAverage, p.length);
  const buffer = floatsOrNull('rmsprop', 'momentumBuffer', step.momentumBuffer, p.length);
  checkApart('rmsprop', [p, square, average, buffer], [gradient]);
  for (let i = 0; i < p.length; i++) {
    const g = gradient[i] + weightDecay * p[i];
    square[i] = alpha * square[i] + (1 - alpha) * g * g;
    let variance = square[i];
    if (average !== null) {
      average[i] = alpha * average[i] + (1 - alpha) * g;
      variance -= average[i] * average[i];
    }
    const direction = g / (Math.sqrt(variance) + epsilon);
    if (buffer !== null) buffer[i] = momentum * buffer[i] + direction;
    p[i] -= learningRate * (buffer === null ? direction : buffer[i]);
  }
}

export function adagrad(step: AdagradStep): void {
  const { learningRate, epsilon, weightDecay } = step;
  const p = floats('adagrad', 'parameters', step.parameters);
  const gradient = floats('adagrad', 'gradient', step.gradient, p.length);
  const sum = floats('adagrad', 'sum', step.sum, p.length);
  checkApart('adagrad', [p, sum], [gradient]);
  for (let i = 0; i < p.length; i++) {
    const g = gradient[i] + weightDecay * p[i];
    sum[i] += g * g;
    p[i] -= (learningRate * g) / (Math.sqrt(sum[i]) + epsilon);
  }
}
