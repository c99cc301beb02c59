/** Square matrices of a reservoir: dense, or in compressed sparse rows, on JavaScript's heap. */
import type { Random } from '../tensor/random.ts';

/** [n, n]. Sparse: row i has its entries at rowStarts[i] … rowStarts[i+1]−1; dense: values is all of it, row-major. */
export interface SquareMatrix {
  readonly n: number;
  readonly values: Float64Array | Float32Array;
  /** null: dense. */
  readonly sparse: { readonly rowStarts: Int32Array; readonly columns: Int32Array } | null;
}

/** y = A x */
export function multiply({ n, values, sparse }: SquareMatrix, x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < n; i++) {
    let sum = 0;
    if (sparse === null) for (let j = 0; j < n; j++) sum += values[i * n + j] * x[j];
    else for (let k = sparse.rowStarts[i]; k < sparse.rowStarts[i + 1]; k++) sum += values[k] * x[sparse.columns[k]];
    y[i] = sum;
  }
}

/** Above this share of entries a product with all of the matrix is faster than one with a list of them. */
export const sparsestDense = 0.25;

/**
 * Every row has the same number of entries, one at least, in columns drawn without replacement; entries are uniform in (−1, 1).
 * At least one in each row makes a cycle, without which the spectral radius would be 0.
 *
 * @param density  share of the entries that are not 0, in (0, 1]
 */
export function randomMatrix(n: number, density: number, rng: Random): SquareMatrix {
  const perRow = Math.max(1, Math.round(density * n));
  const columns = new Int32Array(n * perRow);
  const order = Int32Array.from({ length: n }, (_, j) => j);
  const draws = rng.fork('columns');
  for (let i = 0; perRow < n && i < n; i++) {
    for (let k = 0; k < perRow; k++) {
      const other = k + draws.integer(n - k);
      const swap = order[k];
      order[k] = order[other];
      order[other] = swap;
    }
    columns.set(order.slice(0, perRow).sort(), i * perRow);
  }
  const values = rng.fork('values').fillUniform(new Float64Array(n * perRow), -1, 1);
  if (perRow === n) return { n, values, sparse: null };
  if (density > sparsestDense) {
    const dense = new Float64Array(n * n);
    columns.forEach((j, k) => {
      dense[Math.floor(k / perRow) * n + j] = values[k];
    });
    return { n, values: dense, sparse: null };
  }
  return { n, values, sparse: { rowStarts: Int32Array.from({ length: n + 1 }, (_, i) => i * perRow), columns } };
}
