/** Losses against a target, as torch.nn.functional's with reduction 'none'. */
import { BackendError } from '../../tensor/errors.ts';
import type { Buffer, CrossEntropy, CrossEntropyBackward, PointwiseLoss } from '../backend.ts';
import { checkApart, checkRange, floats, floatsOrNull, integers } from './memory.ts';
import { logSumExp, row } from './rows.ts';

/**
 * With log p = logits − logSumExp, target y, smoothing s and class weights w (ones without):
 *   loss = (1 − s) · w_y · (−log p_y) + s/C · Σ_c w_c · (−log p_c)
 */
export function crossEntropy(loss: CrossEntropy): void {
  const { R, C, ignoreIndex, labelSmoothing: s } = loss;
  const logits = floats('crossEntropy', 'logits', loss.logits, R * C);
  const targets = targetsOf('crossEntropy', loss);
  const w = floatsOrNull('crossEntropy', 'classWeights', loss.classWeights, C);
  const losses = floats('crossEntropy', 'losses', loss.losses, R);
  const normalizers = floats('crossEntropy', 'logSumExp', loss.logSumExp, R);
  const weights = floats('crossEntropy', 'weights', loss.weights, R);
  checkApart('crossEntropy', [losses, normalizers, weights], [logits, w]);
  for (let r = 0; r < R; r++) {
    const y = targets[r];
    normalizers[r] = logSumExp(row(logits, r, C));
    if (y === ignoreIndex) {
      losses[r] = 0;
      weights[r] = 0;
      continue;
    }
    const weighted = (c: number) => (w === null ? 1 : w[c]) * (normalizers[r] - logits[r * C + c]);
    let smooth = 0;
    if (s > 0) for (let c = 0; c < C; c++) smooth += weighted(c);
    losses[r] = (1 - s) * weighted(y) + (s / C) * smooth;
    weights[r] = w === null ? 1 : w[y];
  }
}

/** With p = softmax(logits): dLogits_c = scale · ((1 − s) · w_y · (p_c − [c = y]) + s/C · (p_c · Σ w − w_c)) */
export function crossEntropyBackward(loss: CrossEntropyBackward): void {
  const { R, C, ignoreIndex, labelSmoothing: s } = loss;
  const logits = floats('crossEntropyBackward', 'logits', loss.logits, R * C);
  const targets = targetsOf('crossEntropyBackward', loss);
  const w = floatsOrNull('crossEntropyBackward', 'classWeights', loss.classWeights, C);
  const normalizers = floats('crossEntropyBackward', 'logSumExp', loss.logSumExp, R);
  const scale = oneOrEach('crossEntropyBackward', 'scale', loss.scale, R);
  const dLogits = floats('crossEntropyBackward', 'dLogits', loss.dLogits, R * C);
  checkApart('crossEntropyBackward', [dLogits], [w, normalizers, scale]);
  const weightSum = w === null ? C : w.reduce((a, b) => a + b, 0);
  for (let r = 0; r < R; r++) {
    const y = targets[r];
    for (let c = 0; c < C; c++) {
      if (y === ignoreIndex) {
        dLogits[r * C + c] = 0;
        continue;
      }
      const p = Math.exp(logits[r * C + c] - normalizers[r]);
      const hard = (w === null ? 1 : w[y]) * (p - (c === y ? 1 : 0));
      const smooth = p * weightSum - (w === null ? 1 : w[c]);
      dLogits[r * C + c] = scale[r % scale.length] * ((1 - s) * hard + (s / C) * smooth);
    }
  }
}

function targetsOf(kernel: string, { R, C, targets, ignoreIndex, labelSmoothing }: Omit<CrossEntropy, 'losses' | 'weights'>): Int32Array {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new BackendError(`[reference.${kernel}] expected labelSmoothing in [0, 1), received ${labelSmoothing}.`);
  }
  const values = integers(kernel, 'targets', targets, R);
  checkRange(kernel, 'targets', values, 0, C, ignoreIndex);
  return values;
}

/** An argument with one element, or one for each of n. */
function oneOrEach(kernel: string, name: string, buffer: Buffer, n: number): Float64Array {
  return floats(kernel, name, buffer, buffer.length === 1 ? 1 : n);
}

/** loss(x, t), x a logit for bce: −t·log σ(x) − (1 − t)·log(1 − σ(x)), without overflow. */
function lossOf(kind: PointwiseLoss, x: number, t: number, delta: number): number {
  switch (kind) {
    case 'mse':
      return (x - t) ** 2;
    case 'mae':
      return Math.abs(x - t);
    case 'huber':
      return Math.abs(x - t) <= delta ? 0.5 * (x - t) ** 2 : delta * (Math.abs(x - t) - 0.5 * delta);
    case 'bce':
      return Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x)));
    default:
      return kind satisfies never;
  }
}

/** ∂loss/∂x */
function derivativeOf(kind: PointwiseLoss, x: number, t: number, delta: number): number {
  switch (kind) {
    case 'mse':
      return 2 * (x - t);
    case 'mae':
      return Math.sign(x - t);
    case 'huber':
      return Math.abs(x - t) <= delta ? x - t : delta * Math.sign(x - t);
    case 'bce':
      return 1 / (1 + Math.exp(-x)) - t;
    default:
      return kind satisfies never;
  }
}

export function pointwiseLoss(kind: PointwiseLoss, x: Buffer, target: Buffer, y: Buffer, delta: number): void {
  const input = floats('pointwiseLoss', 'x', x);
  const t = floats('pointwiseLoss', 'target', target, x.length);
  const to = floats('pointwiseLoss', 'y', y, x.length);
  for (let i = 0; i < to.length; i++) to[i] = lossOf(kind, input[i], t[i], delta);
}

export function pointwiseLossBackward(kind: PointwiseLoss, x: Buffer, target: Buffer, dY: Buffer, dX: Buffer, delta: number): void {
  const input = floats('pointwiseLossBackward', 'x', x);
  const t = floats('pointwiseLossBackward', 'target', target, x.length);
  const from = oneOrEach('pointwiseLossBackward', 'dY', dY, x.length);
  const to = floats('pointwiseLossBackward', 'dX', dX, x.length);
  for (let i = 0; i < to.length; i++) to[i] = from[i % from.length] * derivativeOf(kind, input[i], t[i], delta);
}
