/** Other views of the same numbers: nothing is copied, except by `reshape` where no strides say what it asks for. */
import { ShapeError } from '../../tensor/errors.ts';
import { broadcastShapes, formatShape, normalizeAxis, rowMajor, type Shape, sameShape, sizeOf } from '../../tensor/shape.ts';
import { copyInto } from '../layout.ts';
import { inScope } from '../scope.ts';
import { type Backward, record } from '../tape.ts';
import { contiguous, Tensor } from '../tensor.ts';
import { sumTo } from './reduce.ts';

/**
 * The same numbers, in row-major order, under another shape; one size may be −1 and is then worked out.
 *
 * @throws ShapeError when the number of elements differs
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const complete = completeShape(x, shape);
  return inScope(() => {
    const y = reshaped(x, complete);
    record('reshape', [x], [y], ([dY]) => [reshaped(dY!, x.shape)]);
    return y;
  });
}

/** Axes in another order: axis i of the result is axis `order[i]` of `x`. */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const axes = order.map((axis) => normalizeAxis(axis, x.rank, 'permute'));
  if (new Set(axes).size !== x.rank || axes.length !== x.rank) {
    throw new ShapeError(`[permute] expected every axis of ${formatShape(x.shape)} once, received [${order.join(', ')}].`);
  }
  const inverse = axes.map((_, axis) => axes.indexOf(axis));
  const viewed = (y: Tensor, by: readonly number[]) =>
    new Tensor(
      y.storage,
      by.map((axis) => y.shape[axis]),
      by.map((axis) => y.strides[axis]),
      y.offset,
    );
  return view('permute', x, viewed(x, axes), ([dY]) => [viewed(dY!, inverse)]);
}

/** Two axes exchanged; the last two when none are named. */
export function transpose(x: Tensor, axis0 = -2, axis1 = -1): Tensor {
  const a = normalizeAxis(axis0, x.rank, 'transpose');
  const b = normalizeAxis(axis1, x.rank, 'transpose');
  return permute(
    x,
    x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis)),
  );
}

/**
 * Elements start … end−1 along an axis. Negative positions count from the end.
 *
 * @example slice(x, 1, 0, 10) // [B, T, H] → [B, 10, H]
 * @throws ShapeError when they are not within the axis
 */
export function slice(x: Tensor, axis: number, start: number, end: number = x.shape.at(axis) ?? 0): Tensor {
  const along = normalizeAxis(axis, x.rank, 'slice');
  const n = x.shape[along];
  const from = start < 0 ? start + n : start;
  const to = end < 0 ? end + n : end;
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= n)) {
    throw new ShapeError(
      `[slice] expected 0 ≤ start ≤ end ≤ ${n} along axis ${along} of ${formatShape(x.shape)}, received ${start} to ${end}.`,
    );
  }
  return part('slice', x, (whole) => sliceView(whole, along, from, to));
}

/**
 * One position along an axis; the axis goes.
 *
 * @example select(x, 1, -1) // [B, T, H] → [B, H], the last step
 */
export function select(x: Tensor, axis: number, index: number): Tensor {
  const along = normalizeAxis(axis, x.rank, 'select');
  const n = x.shape[along];
  const at = index < 0 ? index + n : index;
  if (!Number.isInteger(index) || at < 0 || at >= n) {
    throw new ShapeError(`[select] expected an index in ${-n}…${n - 1} along axis ${along} of ${formatShape(x.shape)}, received ${index}.`);
  }
  return part('select', x, (whole) => selectView(whole, along, at));
}

/** `x` in pieces of these sizes along an axis; a single number means equal pieces of that size. */
export function split(x: Tensor, sizes: number | readonly number[], axis = -1): Tensor[] {
  const along = normalizeAxis(axis, x.rank, 'split');
  const n = x.shape[along];
  const list = typeof sizes === 'number' ? new Array<number>(Math.ceil(n / sizes)).fill(sizes) : sizes;
  if (list.some((size) => !Number.isInteger(size) || size < 0) || list.reduce((a, b) => a + b, 0) !== n) {
    throw new ShapeError(
      `[split] expected sizes that add up to ${n}, axis ${along} of ${formatShape(x.shape)}, received ${typeof sizes === 'number' ? sizes : `[${sizes.join(', ')}]`}.`,
    );
  }
  let end = 0;
  return list.map((size) => {
    end += size;
    return slice(x, along, end - size, end);
  });
}

/** Without an axis of size 1. */
export function squeeze(x: Tensor, axis: number): Tensor {
  const along = normalizeAxis(axis, x.rank, 'squeeze');
  if (x.shape[along] !== 1) throw new ShapeError(`[squeeze] expected size 1 at axis ${along}, received ${formatShape(x.shape)}.`);
  return view('squeeze', x, selectView(x, along, 0), ([dY]) => [unsqueezeView(dY!, along)]);
}

/** With a new axis of size 1, which will be axis `axis` of the result. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const along = normalizeAxis(axis, x.rank + 1, 'unsqueeze');
  return view('unsqueeze', x, unsqueezeView(x, along), ([dY]) => [selectView(dY!, along, 0)]);
}

/**
 * Repeated along new and size-1 axes to `shape` (NumPy's rule), without a copy.
 *
 * @throws ShapeError when it does not broadcast
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (!sameShape(broadcastShapes(x.shape, shape, 'broadcastTo'), shape)) {
    throw new ShapeError(`[broadcastTo] expected a shape that broadcasts to ${formatShape(shape)}, received ${formatShape(x.shape)}.`);
  }
  return inScope(() => view('broadcastTo', x, broadcastView(x, shape), ([dY]) => [sumTo(dY!, x.shape)]));
}

// ---- without history, for operations ------------------------------------------------------------------------------

export function broadcastView(x: Tensor, shape: Shape): Tensor {
  const added = shape.length - x.rank;
  const strides = shape.map((n, axis) => (axis < added || (x.shape[axis - added] === 1 && n !== 1) ? 0 : x.strides[axis - added]));
  return new Tensor(x.storage, shape, strides, x.offset);
}

export function sliceView(x: Tensor, axis: number, start: number, end: number): Tensor {
  const shape = x.shape.map((n, other) => (other === axis ? end - start : n));
  return new Tensor(x.storage, shape, x.strides, x.offset + start * x.strides[axis]);
}

export function selectView(x: Tensor, axis: number, index: number): Tensor {
  const isLeft = (_: number, other: number) => other !== axis;
  return new Tensor(x.storage, x.shape.filter(isLeft), x.strides.filter(isLeft), x.offset + index * x.strides[axis]);
}

export function unsqueezeView(x: Tensor, axis: number): Tensor {
  const stride = axis < x.rank ? x.strides[axis] * x.shape[axis] : 1;
  return new Tensor(x.storage, x.shape.toSpliced(axis, 0, 1), x.strides.toSpliced(axis, 0, stride), x.offset);
}

/** A view of `x` where strides allow it, otherwise of a row-major copy. */
function reshaped(x: Tensor, shape: Shape): Tensor {
  const strides = reshapedStrides(x, shape);
  if (strides !== null) return new Tensor(x.storage, shape, strides, x.offset);
  return new Tensor(contiguous(x).storage, shape);
}

/** Strides that read the elements of `x`, in its row-major order, under `shape`; null when there are none. */
function reshapedStrides(x: Tensor, shape: Shape): number[] | null {
  if (x.isContiguous) return rowMajor(shape);
  if (x.size === 0) return null;
  const strides = new Array<number>(shape.length).fill(1);
  const from = x.shape.flatMap((n, axis) => (n === 1 ? [] : [{ n, stride: x.strides[axis] }]));
  let axis = shape.length - 1;
  while (from.length > 0) {
    // A run of axes in x that lie like one, and the new axes that together have its size.
    let { n: left, stride } = from.pop()!;
    while (from.at(-1)?.stride === left * stride) left *= from.pop()!.n;
    while (left > 1 || (axis >= 0 && shape[axis] === 1)) {
      if (axis < 0 || left % shape[axis] !== 0) return null;
      strides[axis] = stride;
      stride *= shape[axis];
      left /= shape[axis];
      axis--;
    }
  }
  return strides;
}

function completeShape(x: Tensor, shape: Shape): number[] {
  const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const complete = shape.map((n) => (n === -1 && known > 0 ? x.size / known : n));
  const isValid = shape.filter((n) => n === -1).length <= 1 && complete.every((n) => Number.isInteger(n) && n >= 0);
  if (!isValid || sizeOf(complete) !== x.size) {
    throw new ShapeError(`[reshape] expected a shape of ${x.size} elements for ${formatShape(x.shape)}, received ${formatShape(shape)}.`);
  }
  return complete;
}

/** Puts a view of a part on the tape. Its gradient adds into that part of the whole's: many parts make no temporaries. */
function part(name: string, x: Tensor, of: (whole: Tensor) => Tensor): Tensor {
  return view(name, x, of(x), ([dY], sink) => {
    copyInto(dY!, of(sink.accumulator(0, 'any layout')), true);
    return undefined;
  });
}

/** Puts a view on the tape. */
function view(name: string, x: Tensor, y: Tensor, backward: Backward): Tensor {
  record(name, [x], [y], backward);
  return y;
}
