/** Pooling and batch normalisation over planes. Every equation stands in ../backend.ts. */
import { BackendError } from '../../tensor/errors.ts';
import type { AvgPool2d, AvgPool2dBackward, BatchNorm2d, BatchNorm2dBackward, MaxPool2d, MaxPool2dBackward, Window2d } from '../backend.ts';
import { eachTap, outputSize } from './convolution.ts';
import { checkApart, checkRange, floats, floatsOrNull, integers } from './memory.ts';

function sizesOf(w: Window2d): { readonly P: number; readonly S: number; readonly planes: number } {
  const { outHeight, outWidth } = outputSize(w);
  return { P: outHeight * outWidth, S: w.height * w.width, planes: w.B * w.C };
}

export function maxPool2d(pool: MaxPool2d): void {
  const { P, S, planes } = sizesOf(pool);
  const x = floats('maxPool2d', 'x', pool.x, planes * S);
  const y = floats('maxPool2d', 'y', pool.y, planes * P);
  const indices = integers('maxPool2d', 'indices', pool.indices, planes * P);
  checkApart('maxPool2d', [y, indices], [x]);
  indices.fill(-1);
  for (let plane = 0; plane < planes; plane++) {
    eachTap(pool, (p, s) => {
      const out = plane * P + p;
      const value = x[plane * S + s];
      if (indices[out] >= 0 && value <= y[out]) return;
      if (indices[out] >= 0 && Number.isNaN(y[out]) && !Number.isNaN(value)) return;
      y[out] = value;
      indices[out] = s;
    });
  }
}

export function maxPool2dBackward({ planes, ...pool }: MaxPool2dBackward): void {
  const dY = floats('maxPool2dBackward', 'dY', pool.dY);
  const indices = integers('maxPool2dBackward', 'indices', pool.indices, dY.length);
  const dX = floats('maxPool2dBackward', 'dX', pool.dX);
  const [P, S] = [dY.length / planes, dX.length / planes];
  checkRange('maxPool2dBackward', 'indices', indices, 0, S);
  checkApart('maxPool2dBackward', [dX], [dY, indices]);
  dX.fill(0);
  for (let i = 0; i < dY.length; i++) dX[Math.floor(i / P) * S + indices[i]] += dY[i];
}

/** What each window's sum is divided by. */
function countsOf(w: Window2d, countPadding: boolean, P: number): Float64Array {
  if (countPadding) return new Float64Array(P).fill(w.kernelHeight * w.kernelWidth);
  const counts = new Float64Array(P);
  eachTap(w, (p) => {
    counts[p]++;
  });
  return counts;
}

const undilated = { dilationY: 1, dilationX: 1 };

export function avgPool2d({ countPadding, ...pool }: AvgPool2d): void {
  const w = { ...pool, ...undilated };
  const { P, S, planes } = sizesOf(w);
  const x = floats('avgPool2d', 'x', pool.x, planes * S);
  const y = floats('avgPool2d', 'y', pool.y, planes * P);
  checkApart('avgPool2d', [y], [x]);
  const counts = countsOf(w, countPadding, P);
  y.fill(0);
  for (let plane = 0; plane < planes; plane++) {
    eachTap(w, (p, s) => {
      y[plane * P + p] += x[plane * S + s] / counts[p];
    });
  }
}

export function avgPool2dBackward({ countPadding, ...pool }: AvgPool2dBackward): void {
  const w = { ...pool, ...undilated };
  const { P, S, planes } = sizesOf(w);
  const dY = floats('avgPool2dBackward', 'dY', pool.dY, planes * P);
  const dX = floats('avgPool2dBackward', 'dX', pool.dX, planes * S);
  checkApart('avgPool2dBackward', [dX], [dY]);
  const counts = countsOf(w, countPadding, P);
  dX.fill(0);
  for (let plane = 0; plane < planes; plane++) {
    eachTap(w, (p, s) => {
      dX[plane * S + s] += dY[plane * P + p] / counts[p];
    });
  }
}

export function batchNorm2d(norm: BatchNorm2d): void {
  const { B, C, S, isTraining, epsilon, momentum } = norm;
  const x = floats('batchNorm2d', 'x', norm.x, B * C * S);
  const weight = floatsOrNull('batchNorm2d', 'weight', norm.weight, C);
  const bias = floatsOrNull('batchNorm2d', 'bias', norm.bias, C);
  const runningMean = floatsOrNull('batchNorm2d', 'runningMean', norm.runningMean, C);
  const runningVariance = floatsOrNull('batchNorm2d', 'runningVariance', norm.runningVariance, C);
  const mean = floats('batchNorm2d', 'mean', norm.mean, C);
  const rstd = floats('batchNorm2d', 'rstd', norm.rstd, C);
  const y = floats('batchNorm2d', 'y', norm.y, B * C * S);
  checkApart('batchNorm2d', [y, mean, rstd, runningMean, runningVariance], [x, weight, bias]);
  if ((runningMean === null) !== (runningVariance === null) || (!isTraining && runningMean === null)) {
    throw new BackendError('[reference.batchNorm2d] expected running mean and variance, both or, in training only, neither.');
  }

  for (let c = 0; c < C; c++) {
    const own = channel(x, c, B, C, S);
    const n = own.length;
    if (isTraining) {
      mean[c] = own.reduce((sum, value) => sum + value, 0) / n;
      const squares = own.reduce((sum, value) => sum + (value - mean[c]) ** 2, 0);
      rstd[c] = 1 / Math.sqrt(squares / n + epsilon);
      if (runningMean !== null && runningVariance !== null) {
        runningMean[c] += momentum * (mean[c] - runningMean[c]);
        runningVariance[c] += momentum * (squares / Math.max(n - 1, 1) - runningVariance[c]);
      }
    } else {
      mean[c] = runningMean![c];
      rstd[c] = 1 / Math.sqrt(runningVariance![c] + epsilon);
    }
    eachOf(c, B, C, S, (i) => {
      y[i] = (x[i] - mean[c]) * rstd[c] * (weight?.[c] ?? 1) + (bias?.[c] ?? 0);
    });
  }
}

/** n = (x − mean) · rstd, g = dY · weight:  dX = rstd · (g − mean(g) − n · mean(g · n)), in evaluation rstd · g. */
export function batchNorm2dBackward(norm: BatchNorm2dBackward): void {
  const { B, C, S, isTraining } = norm;
  const x = floats('batchNorm2dBackward', 'x', norm.x, B * C * S);
  const weight = floatsOrNull('batchNorm2dBackward', 'weight', norm.weight, C);
  const mean = floats('batchNorm2dBackward', 'mean', norm.mean, C);
  const rstd = floats('batchNorm2dBackward', 'rstd', norm.rstd, C);
  const dY = floats('batchNorm2dBackward', 'dY', norm.dY, B * C * S);
  const dX = floatsOrNull('batchNorm2dBackward', 'dX', norm.dX, B * C * S);
  const dWeight = floatsOrNull('batchNorm2dBackward', 'dWeight', norm.dWeight, C);
  const dBias = floatsOrNull('batchNorm2dBackward', 'dBias', norm.dBias, C);
  checkApart('batchNorm2dBackward', [dX, dWeight, dBias], [x, weight, mean, rstd]);

  for (let c = 0; c < C; c++) {
    const scale = (weight?.[c] ?? 1) * rstd[c];
    const normalized = (i: number) => (x[i] - mean[c]) * rstd[c];
    let [sum, along] = [0, 0];
    eachOf(c, B, C, S, (i) => {
      sum += dY[i];
      along += dY[i] * normalized(i);
    });
    if (dWeight !== null) dWeight[c] += along;
    if (dBias !== null) dBias[c] += sum;
    if (dX === null) continue;
    const n = B * S;
    eachOf(c, B, C, S, (i) => {
      dX[i] = scale * (isTraining ? dY[i] - sum / n - normalized(i) * (along / n) : dY[i]);
    });
  }
}

/** The places of channel c. */
function eachOf(c: number, B: number, C: number, S: number, body: (i: number) => void): void {
  for (let b = 0; b < B; b++) for (let s = 0; s < S; s++) body((b * C + c) * S + s);
}

function channel(x: Float64Array, c: number, B: number, C: number, S: number): Float64Array {
  const own = new Float64Array(B * S);
  let next = 0;
  eachOf(c, B, C, S, (i) => {
    own[next++] = x[i];
  });
  return own;
}
