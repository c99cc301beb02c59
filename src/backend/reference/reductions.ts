/** Sums and largest elements, from the first element to the last. */

import { BackendError } from '../../tensor/errors.ts';
import type { Buffer } from '../backend.ts';
import { checkApart, checkRange, floats, integers } from './memory.ts';

export function sumAxis(x: Buffer, y: Buffer, { outer, n, inner }: { outer: number; n: number; inner: number }, accumulate: boolean): void {
  const from = floats('sumAxis', 'x', x, outer * n * inner);
  const to = floats('sumAxis', 'y', y, outer * inner);
  checkApart('sumAxis', [to], [from]);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += from[(o * n + k) * inner + i];
      to[o * inner + i] = (accumulate ? to[o * inner + i] : 0) + sum;
    }
  }
}

export function argmaxRows(x: Buffer, y: Buffer, R: number, C: number): void {
  const from = floats('argmaxRows', 'x', x, R * C);
  const to = integers('argmaxRows', 'y', y, R);
  if (R > 0 && C === 0) throw new BackendError('[reference.argmaxRows] expected rows of at least one column, received C = 0.');
  for (let r = 0; r < R; r++) {
    let best = 0;
    for (let c = 1; c < C; c++) if (from[r * C + c] > from[r * C + best]) best = c;
    to[r] = best;
  }
}

export function countBelow(x: Buffer, ids: Buffer, y: Buffer, R: number, C: number): void {
  const from = floats('countBelow', 'x', x, R * C);
  const index = integers('countBelow', 'ids', ids, R);
  const to = integers('countBelow', 'y', y, R);
  checkRange('countBelow', 'ids', index, 0, C);
  for (let r = 0; r < R; r++) {
    to[r] = 0;
    for (let c = 0; c < C; c++) if (from[r * C + c] < from[r * C + index[r]]) to[r]++;
  }
}

export function sumSquares(x: Buffer, y: Buffer): void {
  const from = floats('sumSquares', 'x', x);
  const to = floats('sumSquares', 'y', y, 1);
  checkApart('sumSquares', [to], [from]);
  let sum = 0;
  for (const value of from) sum += value * value;
  to[0] = sum;
}
