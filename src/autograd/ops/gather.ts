/** Rows of a table by their numbers. */
import { ConfigError, ShapeError } from '../../tensor/errors.ts';
import { formatShape, sizeOf } from '../../tensor/shape.ts';
import { arrange, discard, emptyInOrder, rowMajorOrder } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { backendOf, bufferOf, contiguous, type Tensor } from '../tensor.ts';

/**
 * Row `ids[i]` of the table for every i. What [B, T] ids give lies time-major in memory, as recurrent layers read it.
 *
 * @param table  [V, ...]
 * @param ids    int32, any shape, each in 0…V−1
 * @returns      [...ids.shape, ...table.shape.slice(1)]
 * @throws ShapeError when ids are not integers, or out of range
 */
export function gather(table: Tensor, ids: Tensor): Tensor {
  return rowsOf('gather', table, ids, noPadding);
}

/**
 * Vectors for symbols: `gather`, except that the row `paddingIndex` gets no gradient.
 *
 * @param ids    int32, any shape, each in 0…V−1
 * @param table  [V, E]
 * @returns      [...ids.shape, E]
 */
export function embedding(ids: Tensor, table: Tensor, options: { readonly paddingIndex?: number } = {}): Tensor {
  if (table.rank !== 2) throw new ShapeError(`[embedding] expected a table of shape [V, E], received ${formatShape(table.shape)}.`);
  return rowsOf('embedding', table, ids, options.paddingIndex ?? noPadding);
}

/** The kernels' paddingIndex where there is none. */
export const noPadding = -1;

function rowsOf(name: string, table: Tensor, ids: Tensor, paddingIndex: number): Tensor {
  if (table.rank < 1) throw new ShapeError(`[${name}] expected a table of rows, received a scalar.`);
  const V = table.shape[0];
  requireIds(name, ids, V);
  const backend = backendOf(name, [table, ids]);
  return inScope(() => {
    const C = sizeOf(table.shape.slice(1));
    // Small integers are put in the order that the rows are wanted in.
    const inner = rowMajorOrder(table.rank - 1).map((axis) => axis + ids.rank);
    const outer = ids.rank === 2 ? [1, 0] : rowMajorOrder(ids.rank);
    const order = [...outer, ...inner];
    const y = emptyInOrder(backend, [...ids.shape, ...table.shape.slice(1)], order);
    const index = arrange(ids, outer);
    const rows = contiguous(table);
    backend.gatherRows(bufferOf(rows), bufferOf(index), bufferOf(y), ids.size, C);
    discard([rows, index], [table, ids]);
    record(name, [table, ids], [y], ([gradient], sink) => {
      const dY = arrange(gradient!, order);
      const again = arrange(ids, outer);
      backend.scatterAddRows(bufferOf(dY), bufferOf(again), bufferOf(sink.accumulator(0)), ids.size, C, paddingIndex);
      discard([dY, again], [gradient!, ids]);
    });
    return y;
  });
}

/**
 * Checks indices at the border, for the kernels trust theirs.
 *
 * @throws ShapeError when `ids` is not int32, or holds a number outside 0…V−1 that is not `except`
 */
export function requireIds(operation: string, ids: Tensor, V: number, except?: number): void {
  if (ids.dtype !== 'int32') {
    throw new ShapeError(
      `[${operation}] expected int32 indices, received ${ids.dtype}. Make them with tensor(values, { dtype: 'int32' }).`,
    );
  }
  const values = ids.storage.host !== null && ids.size === ids.storage.length ? ids.storage.host : ids.dataSync();
  for (let i = 0; i < values.length; i++) {
    const id = values[i];
    if ((id < 0 || id >= V) && id !== except) {
      throw new ShapeError(`[${operation}] expected indices in 0…${V - 1}, received ${id} at element ${i} of ${formatShape(ids.shape)}.`);
    }
  }
}

/** Checks a padding index. @throws ConfigError when it is not a row of the table */
export function requirePaddingIndex(operation: string, paddingIndex: number | undefined, V: number): void {
  if (paddingIndex === undefined || (Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < V)) return;
  throw new ConfigError(`[${operation}] expected paddingIndex in 0…${V - 1}, received ${paddingIndex}.`);
}
