/** A reservoir's time loop, sums of products, and ridge regression. Every equation stands in ../backend.ts. */
import type { Buffer, ReservoirForward, ReservoirMatrix, RidgeSolve } from '../backend.ts';
import { checkApart, checkRange, floats, integers } from './memory.ts';

export function reservoirForward(layer: ReservoirForward): void {
  const { T, B, H } = layer;
  const kernel = 'reservoirForward';
  const lengths = layer.lengths === null ? new Int32Array(B).fill(T) : integers(kernel, 'lengths', layer.lengths, B);
  checkRange(kernel, 'lengths', lengths, 0, T + 1);
  const drive = floats(kernel, 'drive', layer.drive, T * B * H);
  const leakRate = floats(kernel, 'leakRate', layer.leakRate, H);
  const h = floats(kernel, 'h', layer.h, (T + 1) * B * H);
  const rowOf = rowsOf(kernel, layer.weightHh, H);
  checkApart(kernel, [h], [lengths, drive, leakRate]);

  for (let t = 0; t < T; t++) {
    for (let b = 0; b < B; b++) {
      const before = h.subarray((t * B + b) * H, (t * B + b + 1) * H);
      const after = h.subarray(((t + 1) * B + b) * H, ((t + 1) * B + b + 1) * H);
      for (let i = 0; i < H; i++) {
        if (t >= lengths[b]) {
          after[i] = before[i];
          continue;
        }
        let argument = drive[(t * B + b) * H + i];
        for (const [j, weight] of rowOf(i)) argument += weight * before[j];
        after[i] = (1 - leakRate[i]) * before[i] + leakRate[i] * Math.tanh(argument);
      }
    }
  }
}

/** The entries of each row of W: columns and values. */
function rowsOf(kernel: string, matrix: ReservoirMatrix, H: number): (i: number) => [column: number, value: number][] {
  if (matrix.kind === 'dense') {
    const values = floats(kernel, 'weightHh.values', matrix.values, H * H);
    return (i) => Array.from({ length: H }, (_, j) => [j, values[i * H + j]]);
  }
  const rowStarts = integers(kernel, 'weightHh.rowStarts', matrix.rowStarts, H + 1);
  const entries = rowStarts[H];
  checkRange(kernel, 'weightHh.rowStarts', rowStarts, 0, entries + 1);
  const columns = integers(kernel, 'weightHh.columns', matrix.columns, entries);
  checkRange(kernel, 'weightHh.columns', columns, 0, H);
  const values = floats(kernel, 'weightHh.values', matrix.values, entries);
  return (i) => Array.from({ length: rowStarts[i + 1] - rowStarts[i] }, (_, k) => [columns[rowStarts[i] + k], values[rowStarts[i] + k]]);
}

export function gram(x: Buffer, sums: Buffer, R: number, C: number): void {
  const rows = floats('gram', 'x', x, R * C);
  const products = floats('gram', 'sums', sums, C * C);
  checkApart('gram', [products], [rows]);
  for (let i = 0; i < C; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let r = 0; r < R; r++) sum += rows[r * C + i] * rows[r * C + j];
      products[i * C + j] += sum;
    }
  }
}

export function ridgeSolve(ridge: RidgeSolve): void {
  const { F, O } = ridge;
  const S = F + O;
  const sums = floats('ridgeSolve', 'sums', ridge.sums, S * S);
  const penalty = floats('ridgeSolve', 'penalty', ridge.penalty, F);
  const weight = floats('ridgeSolve', 'weight', ridge.weight, O * F);
  const failure = floats('ridgeSolve', 'failure', ridge.failure, 1);
  checkApart('ridgeSolve', [weight, failure], [sums, penalty]);

  // A = L Lᵀ
  const L = new Float64Array(F * F);
  for (let i = 0; i < F; i++) {
    for (let j = 0; j <= i; j++) {
      let left = sums[i * S + j] + (i === j ? penalty[i] : 0);
      const whole = left;
      for (let k = 0; k < j; k++) left -= L[i * F + k] * L[j * F + k];
      if (i !== j) L[i * F + j] = left / L[j * F + j];
      else if (left > 2 ** -52 * whole) L[i * F + i] = Math.sqrt(left);
      else {
        failure[0] = i + 1;
        return;
      }
    }
  }
  failure[0] = 0;
  for (let o = 0; o < O; o++) {
    const w = weight.subarray(o * F, (o + 1) * F);
    // L u = Zᵀy, then Lᵀ w = u
    for (let i = 0; i < F; i++) {
      let left = sums[(F + o) * S + i];
      for (let k = 0; k < i; k++) left -= L[i * F + k] * w[k];
      w[i] = left / L[i * F + i];
    }
    for (let i = F - 1; i >= 0; i--) {
      let left = w[i];
      for (let k = i + 1; k < F; k++) left -= L[k * F + i] * w[k];
      w[i] = left / L[i * F + i];
    }
  }
}
