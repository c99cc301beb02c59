/**
 * How a tensor's elements lie in memory. A recurrent layer's output [B, T, H] is a view of time-major memory; an operation
 * that treats all elements, or all rows, alike works through memory in its own order and returns a tensor that lies the
 * same way, and nothing is copied. No history here: these are for operations.
 */
import type { Backend } from '../backend/backend.ts';
import { ShapeError } from '../tensor/errors.ts';
import { type DType, rowMajor, type Shape, sizeOf } from '../tensor/shape.ts';
import { own, releaseEarly } from './scope.ts';
import { Storage } from './storage.ts';
import { contiguous, Tensor, wholeBuffer } from './tensor.ts';

/** What the kernel takes. */
const maxAxes = 6;

/** Axes from the slowest in memory to the fastest. */
export type Order = readonly number[];

export function rowMajorOrder(rank: number): Order {
  return rowMajorOrders[rank] ?? Array.from({ length: rank }, (_, axis) => axis);
}

/** The orders that are asked for at every operation. */
const rowMajorOrders: readonly Order[] = Array.from({ length: 7 }, (_, rank) => Array.from({ length: rank }, (__, axis) => axis));

/** The order in which the elements of `x` lie one after another without gaps or repeats; null when they do not. */
export function packedOrder(x: Tensor): Order | null {
  const { shape, strides, rank } = x;
  if (x.isContiguous) return rowMajorOrder(rank);
  // An axis of size 1 has no place of its own: the last stays last (it is a row's), others go first.
  const reach = (axis: number) => (shape[axis] !== 1 ? strides[axis] : axis === rank - 1 ? 0 : Number.POSITIVE_INFINITY);
  const order = [...rowMajorOrder(rank)].sort((a, b) => (reach(a) === reach(b) ? a - b : reach(b) - reach(a)));
  const expected = stridesInOrder(shape, order);
  return order.every((axis) => shape[axis] === 1 || strides[axis] === expected[axis]) ? order : null;
}

/** Strides of a tensor whose elements lie one after another in this order of axes. */
export function stridesInOrder(shape: Shape, order: Order): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let k = order.length - 1; k >= 0; k--) {
    strides[order[k]] = stride;
    stride *= shape[order[k]];
  }
  return strides;
}

/** An uninitialised tensor in the current scope that lies in this order; null: row-major. */
export function emptyInOrder(backend: Backend, shape: Shape, order: Order | null, dtype: DType = backend.float): Tensor {
  const storage = Storage.onBackend(backend, dtype, sizeOf(shape));
  own(storage);
  return new Tensor(storage, shape, order === null ? rowMajor(shape) : stridesInOrder(shape, order));
}

/** `x`, or a copy of it, lying in this order. */
export function arrange(x: Tensor, order: Order): Tensor {
  const strides = stridesInOrder(x.shape, order);
  if (x.shape.every((n, axis) => n === 1 || x.strides[axis] === strides[axis])) return x;
  const copy = emptyInOrder(x.backend, x.shape, order, x.dtype);
  copyInto(x, copy);
  return copy;
}

/** `x` without gaps, and the order it lies in: itself where it has none, otherwise a row-major copy. */
export function pack(x: Tensor): { packed: Tensor; order: Order } {
  const order = packedOrder(x);
  return order === null ? { packed: contiguous(x), order: rowMajorOrder(x.rank) } : { packed: x, order };
}

/** As `pack`, with the elements of the last axis next to one another: rows for a kernel, in the order of memory. */
export function packRows(x: Tensor): { packed: Tensor; order: Order } {
  const order = packedOrder(x);
  if (order !== null && (x.rank === 0 || order[x.rank - 1] === x.rank - 1)) return { packed: x, order };
  return { packed: contiguous(x), order: rowMajorOrder(x.rank) };
}

/** The order of a packed tensor's memory as its order of axes: a row-major view. */
export function permuted(x: Tensor, order: Order): Tensor {
  return new Tensor(
    x.storage,
    order.map((axis) => x.shape[axis]),
    order.map((axis) => x.strides[axis]),
    x.offset,
  );
}

/** y = x, or y += x; of one shape, under any strides (y's without repeats). */
export function copyInto(x: Tensor, y: Tensor, accumulate = false): void {
  const { backend } = x;
  if (x.size === 0) return;
  const axes = mergedAxes(x, y);
  if (axes.length === 1 && axes[0].xStride === 1 && axes[0].yStride === 1) {
    const length = axes[0].n;
    const from = backend.slice(wholeBuffer(x), x.offset, length);
    const to = backend.slice(wholeBuffer(y), y.offset, length);
    if (accumulate) backend.axpy(1, from, to);
    else backend.copy(from, to);
    return;
  }
  backend.stridedCopy({
    shape: axes.map(({ n }) => n),
    x: wholeBuffer(x),
    xOffset: x.offset,
    xStrides: axes.map(({ xStride }) => xStride),
    y: wholeBuffer(y),
    yOffset: y.offset,
    yStrides: axes.map(({ yStride }) => yStride),
    accumulate,
  });
}

/** The axes that a copy from x to y must count: by y's stride, without those of size 1, neighbours in both memories as one. */
function mergedAxes(x: Tensor, y: Tensor): { n: number; xStride: number; yStride: number }[] {
  const axes = x.shape
    .map((n, axis) => ({ n, xStride: x.strides[axis], yStride: y.strides[axis] }))
    .filter(({ n }) => n !== 1)
    .sort((a, b) => b.yStride - a.yStride);
  const merged: typeof axes = [];
  for (const axis of axes) {
    const outer = merged.at(-1);
    if (outer !== undefined && outer.xStride === axis.n * axis.xStride && outer.yStride === axis.n * axis.yStride) {
      merged[merged.length - 1] = { ...axis, n: outer.n * axis.n };
    } else merged.push(axis);
  }
  if (merged.length > maxAxes) {
    throw new ShapeError(
      `[contiguous] expected at most ${maxAxes} axes that lie apart from one another, received ${x} with strides [${x.strides.join(', ')}].`,
    );
  }
  return merged.length > 0 ? merged : [{ n: 1, xStride: 1, yStride: 1 }];
}

/** Frees copies that an operation made of its inputs, now that its kernels have run; what is an input itself stays. */
export function discard(copies: readonly Tensor[], inputs: readonly (Tensor | null)[]): void {
  for (const copy of copies) if (!inputs.some((x) => x?.storage === copy.storage)) releaseEarly(copy.storage);
}
