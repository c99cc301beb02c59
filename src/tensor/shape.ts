/** Shapes and strides: arithmetic on lists of sizes, in elements. No memory here. */
import { ShapeError } from './errors.ts';

/** Sizes of the axes, outermost first; [] for a single number. */
export type Shape = readonly number[];

/** What a tensor's elements are. Floats are float32 on every backend but `reference`, where they are float64. */
export type DType = 'float32' | 'float64' | 'int32';

/** The arrays that hold a tensor's numbers. */
export type TypedArray = Float32Array | Float64Array | Int32Array;

export const bytesPer: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4 };

export function arrayOf(dtype: DType, length: number): TypedArray {
  if (dtype === 'float32') return new Float32Array(length);
  if (dtype === 'float64') return new Float64Array(length);
  return new Int32Array(length);
}

/** Number of elements; 1 for the shape [] of a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Row-major strides of a contiguous tensor. */
export function rowMajor(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** True when elements lie one after another in row-major order (axes of size 1 have any stride). */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}

/** `-1` is the last axis. Throws when out of range. */
export function normalizeAxis(axis: number, rank: number, operation: string): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank) {
    throw new ShapeError(`[${operation}] expected an axis in ${-rank}…${rank - 1} for a tensor of rank ${rank}, received ${axis}.`);
  }
  return normalized;
}

/** The shape that `a` and `b` broadcast to (NumPy's rule). Throws when they do not. */
export function broadcastShapes(a: Shape, b: Shape, operation: string): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const m = a[axis - rank + a.length] ?? 1;
    const n = b[axis - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(`[${operation}] expected shapes that broadcast, received ${formatShape(a)} and ${formatShape(b)}.`);
    }
    return m === 1 ? n : m;
  });
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
