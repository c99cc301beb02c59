/** The matrix product, as three loops, and packed weights, which are a copy here. */
import { BackendError } from '../../tensor/errors.ts';
import type { Buffer, Gemm } from '../backend.ts';
import { copy } from './elementwise.ts';
import { checkApart, floats, floatsOrNull } from './memory.ts';

export function packedLength(parts: number, N: number, K: number): number {
  return parts * N * K;
}

export function packWeights(weights: Buffer, _parts: number, _N: number, _K: number, packed: Buffer): void {
  copy(weights, packed);
}

export function gemm(product: Gemm): void {
  const { M, N, K, transA = false, isPacked = false, transB = isPacked, accumulate = false } = product;
  const a = floats('gemm', 'a', product.a);
  const b = floats('gemm', 'b', product.b);
  const c = floats('gemm', 'c', product.c);
  const bias = floatsOrNull('gemm', 'bias', product.bias, N);
  const lda = rowLength('a', transA ? K : M, transA ? M : K, product.lda, a.length);
  const ldb = rowLength('b', transB ? N : K, transB ? K : N, product.ldb, b.length);
  const ldc = rowLength('c', M, N, product.ldc, c.length);
  checkApart('gemm', [c], [a, b, bias]);

  // Elements from one row and column of op(A), op(B) to the next.
  const [aRow, aColumn] = transA ? [1, lda] : [lda, 1];
  const [bRow, bColumn] = transB ? [1, ldb] : [ldb, 1];
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = bias === null ? 0 : bias[n];
      for (let k = 0; k < K; k++) sum += a[m * aRow + k * aColumn] * b[k * bRow + n * bColumn];
      c[m * ldc + n] = (accumulate ? c[m * ldc + n] : 0) + sum;
    }
  }
}

/** The leading dimension of a stored matrix, once its buffer has proved to hold it. */
function rowLength(name: string, rows: number, columns: number, given: number | undefined, length: number): number {
  const ld = given ?? columns;
  const needed = rows === 0 || columns === 0 ? 0 : (rows - 1) * ld + columns;
  const fits = given === undefined ? length === needed : ld >= columns && length >= needed;
  if (fits) return ld;
  throw new BackendError(
    `[reference.gemm] expected ${name} to hold ${rows} rows of ${columns}, ${ld} elements apart: ${needed} elements, received ${length}.`,
  );
}
