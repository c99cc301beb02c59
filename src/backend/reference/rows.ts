/** Kernels on rows: softmax, layer normalisation, and rows of a table. */
import { BackendError } from '../../tensor/errors.ts';
import type { Buffer } from '../backend.ts';
import { checkApart, checkRange, floats, floatsOrNull, integers } from './memory.ts';

/** Row r of a matrix with C columns, shared. */
export function row(x: Float64Array, r: number, C: number): Float64Array {
  return x.subarray(r * C, (r + 1) * C);
}

/** log Σ exp(x), safe for large x. */
export function logSumExp(x: Float64Array): number {
  const largest = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  return largest + Math.log(x.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

export function softmax(x: Buffer, y: Buffer, R: number, C: number): void {
  const from = floats('softmax', 'x', x, R * C);
  const to = floats('softmax', 'y', y, R * C);
  for (let r = 0; r < R; r++) {
    const normalizer = logSumExp(row(from, r, C));
    for (let i = r * C; i < (r + 1) * C; i++) to[i] = Math.exp(from[i] - normalizer);
  }
}

/** dX = y ⊙ (dY − Σ dY⊙y) */
export function softmaxBackward(y: Buffer, dY: Buffer, dX: Buffer, R: number, C: number): void {
  const output = floats('softmaxBackward', 'y', y, R * C);
  const from = floats('softmaxBackward', 'dY', dY, R * C);
  const to = floats('softmaxBackward', 'dX', dX, R * C);
  for (let r = 0; r < R; r++) {
    const sum = dot(row(from, r, C), row(output, r, C));
    for (let i = r * C; i < (r + 1) * C; i++) to[i] = output[i] * (from[i] - sum);
  }
}

export function logSoftmax(x: Buffer, y: Buffer, R: number, C: number): void {
  const from = floats('logSoftmax', 'x', x, R * C);
  const to = floats('logSoftmax', 'y', y, R * C);
  for (let r = 0; r < R; r++) {
    const normalizer = logSumExp(row(from, r, C));
    for (let i = r * C; i < (r + 1) * C; i++) to[i] = from[i] - normalizer;
  }
}

/** dX = dY − exp(y)·Σ dY */
export function logSoftmaxBackward(y: Buffer, dY: Buffer, dX: Buffer, R: number, C: number): void {
  const output = floats('logSoftmaxBackward', 'y', y, R * C);
  const from = floats('logSoftmaxBackward', 'dY', dY, R * C);
  const to = floats('logSoftmaxBackward', 'dX', dX, R * C);
  for (let r = 0; r < R; r++) {
    const sum = row(from, r, C).reduce((a, b) => a + b, 0);
    for (let i = r * C; i < (r + 1) * C; i++) to[i] = from[i] - Math.exp(output[i]) * sum;
  }
}

export function gatherRows(table: Buffer, ids: Buffer, y: Buffer, R: number, C: number): void {
  const rows = floats('gatherRows', 'table', table);
  const index = integers('gatherRows', 'ids', ids, R);
  const to = floats('gatherRows', 'y', y, R * C);
  checkRange('gatherRows', 'ids', index, 0, rowCount('gatherRows', rows, C));
  checkApart('gatherRows', [to], [rows]);
  for (let r = 0; r < R; r++) row(to, r, C).set(row(rows, index[r], C));
}

export function scatterAddRows(dY: Buffer, ids: Buffer, dTable: Buffer, R: number, C: number, paddingIndex: number): void {
  const from = floats('scatterAddRows', 'dY', dY, R * C);
  const index = integers('scatterAddRows', 'ids', ids, R);
  const rows = floats('scatterAddRows', 'dTable', dTable);
  checkRange('scatterAddRows', 'ids', index, 0, rowCount('scatterAddRows', rows, C));
  checkApart('scatterAddRows', [rows], [from]);
  for (let r = 0; r < R; r++) {
    if (index[r] === paddingIndex) continue;
    for (let c = 0; c < C; c++) rows[index[r] * C + c] += from[r * C + c];
  }
}

function rowCount(kernel: string, table: Float64Array, C: number): number {
  if (C === 0) return Number.POSITIVE_INFINITY;
  if (table.length % C !== 0)
    throw new BackendError(`[reference.${kernel}] expected a table with rows of ${C}, received ${table.length} elements.`);
  return table.length / C;
}

export function layerNorm(
  x: Buffer,
  weight: Buffer | null,
  bias: Buffer | null,
  y: Buffer | null,
  normalized: Buffer,
  rstd: Buffer,
  R: number,
  C: number,
  epsilon: number,
): void {
  const from = floats('layerNorm', 'x', x, R * C);
  const w = floatsOrNull('layerNorm', 'weight', weight, C);
  const b = floatsOrNull('layerNorm', 'bias', bias, C);
  const to = floatsOrNull('layerNorm', 'y', y, R * C);
  const unit = floats('layerNorm', 'normalized', normalized, R * C);
  const scale = floats('layerNorm', 'rstd', rstd, R);
  checkApart('layerNorm', [to, unit, scale], [from, w, b]);
  for (let r = 0; r < R; r++) {
    scale[r] = normalizeRow(row(from, r, C), epsilon, row(unit, r, C));
    if (to === null) continue;
    for (let c = 0; c < C; c++) to[r * C + c] = unit[r * C + c] * (w === null ? 1 : w[c]) + (b === null ? 0 : b[c]);
  }
}

export function layerNormBackward(
  dY: Buffer,
  weight: Buffer | null,
  normalized: Buffer,
  rstd: Buffer,
  dX: Buffer,
  dWeight: Buffer | null,
  dBias: Buffer | null,
  R: number,
  C: number,
): void {
  const from = floats('layerNormBackward', 'dY', dY, R * C);
  const w = floatsOrNull('layerNormBackward', 'weight', weight, C);
  const unit = floats('layerNormBackward', 'normalized', normalized, R * C);
  const scale = floats('layerNormBackward', 'rstd', rstd, R);
  const to = floats('layerNormBackward', 'dX', dX, R * C);
  const dW = floatsOrNull('layerNormBackward', 'dWeight', dWeight, C);
  const dB = floatsOrNull('layerNormBackward', 'dBias', dBias, C);
  checkApart('layerNormBackward', [to, dW, dB], [w, unit, scale]);
  for (let r = 0; r < R; r++) {
    const dNormalized = new Float64Array(C);
    for (let c = 0; c < C; c++) {
      const gradient = from[r * C + c];
      if (dB !== null) dB[c] += gradient;
      if (dW !== null) dW[c] += gradient * unit[r * C + c];
      dNormalized[c] = gradient * (w === null ? 1 : w[c]);
    }
    normalizeRowBackward(dNormalized, row(unit, r, C), scale[r], row(to, r, C));
  }
}

/** normalized = (x − mean) · rstd, with rstd = 1/√(variance + ε), the variance over C; returns rstd. */
export function normalizeRow(x: Float64Array, epsilon: number, normalized: Float64Array): number {
  const C = x.length;
  const mean = x.reduce((sum, value) => sum + value, 0) / C;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / C;
  const rstd = 1 / Math.sqrt(variance + epsilon);
  for (let c = 0; c < C; c++) normalized[c] = (x[c] - mean) * rstd;
  return rstd;
}

/** dX = rstd · (d − mean(d) − n · mean(d ⊙ n)), with d = ∂L/∂n and n = normalized. */
export function normalizeRowBackward(dNormalized: Float64Array, normalized: Float64Array, rstd: number, dX: Float64Array): void {
  const C = dNormalized.length;
  const mean = dNormalized.reduce((sum, value) => sum + value, 0) / C;
  const projection = dot(dNormalized, normalized) / C;
  for (let c = 0; c < C; c++) dX[c] = rstd * (dNormalized[c] - mean - normalized[c] * projection);
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
