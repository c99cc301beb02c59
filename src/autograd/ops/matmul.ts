/** Matrix products. Operands may be transposed or strided views; they are copied only where gemm's flags cannot say how they lie. */
import type { Buffer, Gemm } from '../../backend/backend.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../../tensor/shape.ts';
import { arrange, discard, emptyInOrder, packRows } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { backendOf, bufferOf, contiguous, empty, Tensor, wholeBuffer } from '../tensor.ts';
import { sumTo } from './reduce.ts';
import { broadcastView } from './shape.ts';

/**
 * Matrix product over the last two axes; leading axes are batches and broadcast.
 *
 * @param a [..., M, K]
 * @param b [..., K, N]
 * @returns [..., M, N]
 * @throws ShapeError when a rank is below 2, or the inner sizes differ
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.rank < 2 || b.rank < 2 || a.shape.at(-1) !== b.shape.at(-2)) {
    throw new ShapeError(
      `[matmul] expected a of shape [..., M, K] and b of shape [..., K, N], received ${formatShape(a.shape)} and ${formatShape(b.shape)}.`,
    );
  }
  if (b.rank === 2) return rowsByMatrix('matmul', a, b, { transposed: false, bias: null });
  return inScope(() => {
    const y = products(a, b);
    record('matmul', [a, b], [y], ([dY], sink) => [
      sink.wants(0) ? summed(products(dY!, transposed(b)), a.shape) : null,
      sink.wants(1) ? summed(products(transposed(a), dY!), b.shape) : null,
    ]);
    return y;
  });
}

/**
 * y = x Wᵀ + b over the last axis. The result lies in memory as x does: rows of a time-major view stay time-major.
 *
 * @param x       [..., I]
 * @param weight  [O, I], as PyTorch's
 * @param bias    [O]; none when absent
 * @returns       [..., O]
 * @throws ShapeError when x's last axis is not I, or the bias is not [O]
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  if (weight.rank !== 2 || x.rank < 1 || x.shape.at(-1) !== weight.shape[1]) {
    throw new ShapeError(
      `[linear] expected x of shape [..., I] and weight of shape [O, I], received ${formatShape(x.shape)} and ${formatShape(weight.shape)}.`,
    );
  }
  if (bias !== null && (bias.rank !== 1 || bias.shape[0] !== weight.shape[0])) {
    throw new ShapeError(`[linear] expected bias of shape [${weight.shape[0]}], received ${formatShape(bias.shape)}.`);
  }
  return rowsByMatrix('linear', x, weight, { transposed: true, bias });
}

/** Every row of x [..., K] by one matrix, w [K, N] or (transposed) [N, K]: a single product, in the order of x's memory. */
function rowsByMatrix(name: string, x: Tensor, w: Tensor, options: { transposed: boolean; bias: Tensor | null }): Tensor {
  const { transposed: transB, bias } = options;
  const backend = backendOf(name, [x, w, bias]);
  return inScope(() => {
    const K = x.shape[x.rank - 1];
    const N = w.shape[transB ? 0 : 1];
    const { packed, order } = packRows(x);
    const y = emptyInOrder(backend, [...x.shape.slice(0, -1), N], order);
    const R = sizeOf(x.shape.slice(0, -1));
    const rowsOf = (z: Tensor, columns: number) => new Tensor(z.storage, [R, columns], undefined, z.offset);
    const matrix = transB ? transposed(w) : w; // [K, N]
    const b = bias === null ? null : contiguous(bias);
    product(rowsOf(packed, K), matrix, y, { bias: b === null ? null : bufferOf(b) });
    discard(b === null ? [packed] : [packed, b], [x, bias]);
    record(name, [x, w, bias], [y], ([gradient], sink) => {
      const dY = arrange(gradient!, order);
      if (sink.wants(1)) {
        const { packed: rows } = packRows(x);
        const dW = sink.accumulator(1);
        if (transB) product(transposed(rowsOf(dY, N)), rowsOf(rows, K), dW, { accumulate: true });
        else product(transposed(rowsOf(rows, K)), rowsOf(dY, N), dW, { accumulate: true });
        discard([rows], [x]);
      }
      if (sink.wants(2)) backend.sumAxis(bufferOf(dY), bufferOf(sink.accumulator(2)), { outer: 1, n: R, inner: N }, true);
      // Last: it is the largest, and what is above needs memory of its own.
      const dX = sink.wants(0) ? emptyInOrder(backend, x.shape, order) : null;
      if (dX !== null) product(rowsOf(dY, N), transposed(matrix), dX); // dX = dY Wᵀ, for W [K, N]
      discard([dY], [gradient!]);
      return [dX];
    });
    return y;
  });
}

/** a [..., M, K] by b [..., K, N] without history, batch by batch. */
function products(a: Tensor, b: Tensor): Tensor {
  const backend = backendOf('matmul', [a, b]);
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul');
  const [M, N] = [a.shape[a.rank - 2], b.shape[b.rank - 1]];
  const y = empty(backend, [...batch, M, N]);
  const left = broadcastView(a, [...batch, ...a.shape.slice(-2)]);
  const right = broadcastView(b, [...batch, ...b.shape.slice(-2)]);
  const index = batch.map(() => 0);
  for (let n = sizeOf(batch); n > 0; n--) {
    product(matrixAt(left, index), matrixAt(right, index), matrixAt(y, index));
    for (let axis = batch.length - 1; axis >= 0 && ++index[axis] === batch[axis]; axis--) index[axis] = 0;
  }
  return y;
}

/** c = a b, or c += a b; a [M, K] and b [K, N] views, c row-major. */
function product(a: Tensor, b: Tensor, c: Tensor, options: { bias?: Buffer | null; accumulate?: boolean } = {}): void {
  const [M, K] = a.shape;
  const N = b.shape[1];
  if (M * N === 0) return;
  const left = stored(a);
  const right = stored(b);
  const gemm: Gemm = {
    M,
    N,
    K,
    a: left.buffer,
    transA: left.isTransposed,
    lda: left.ld,
    b: right.buffer,
    transB: right.isTransposed,
    ldb: right.ld,
    c: bufferOf(c),
    ...options,
  };
  c.backend.gemm(gemm);
  discard([left.matrix, right.matrix], [a, b]);
}

interface StoredMatrix {
  readonly matrix: Tensor;
  readonly buffer: Buffer;
  readonly isTransposed: boolean;
  readonly ld: number;
}

/** How a matrix lies in memory, as gemm says it: rows `ld` apart, or columns; a copy where neither is true. */
function stored(x: Tensor): StoredMatrix {
  const [rows, columns] = x.shape;
  const [rowStride, columnStride] = x.strides;
  const within = (isTransposed: boolean, ld: number, length: number): StoredMatrix => ({
    matrix: x,
    buffer: x.backend.slice(wholeBuffer(x), x.offset, length),
    isTransposed,
    ld,
  });
  if (rows * columns > 0) {
    if (columnStride === 1 || columns === 1) {
      const ld = rows === 1 ? columns : rowStride;
      if (ld >= columns) return within(false, ld, (rows - 1) * ld + columns);
    }
    if (rowStride === 1 || rows === 1) {
      const ld = columns === 1 ? rows : columnStride;
      if (ld >= rows) return within(true, ld, (columns - 1) * ld + rows);
    }
  }
  const matrix = contiguous(x);
  return { matrix, buffer: bufferOf(matrix), isTransposed: false, ld: columns };
}

function matrixAt(x: Tensor, index: readonly number[]): Tensor {
  const offset = index.reduce((at, i, axis) => at + i * x.strides[axis], x.offset);
  return new Tensor(x.storage, x.shape.slice(-2), x.strides.slice(-2), offset);
}

function transposed(x: Tensor): Tensor {
  const order = x.shape.map((_, axis) => axis);
  [order[x.rank - 2], order[x.rank - 1]] = [x.rank - 1, x.rank - 2];
  return new Tensor(
    x.storage,
    order.map((axis) => x.shape[axis]),
    order.map((axis) => x.strides[axis]),
    x.offset,
  );
}

function summed(gradient: Tensor, shape: Shape): Tensor {
  const total = sumTo(gradient, shape);
  discard([gradient], [total]);
  return total;
}
