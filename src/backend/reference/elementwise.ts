/** Elementwise kernels and moving data, by the book. */
import { BackendError } from '../../tensor/errors.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { BinaryOp, Buffer, StridedCopy, UnaryOp } from '../backend.ts';
import { checkApart, elements, floats } from './memory.ts';

export function fill(x: Buffer, value: number): void {
  elements('fill', 'x', x).fill(value);
}

export function copy(x: Buffer, y: Buffer): void {
  checkSameDtype('copy', x, y);
  elements('copy', 'y', y, x.length).set(elements('copy', 'x', x));
}

export function stridedCopy({ shape, x, xOffset, xStrides, y, yOffset, yStrides, accumulate = false }: StridedCopy): void {
  checkSameDtype('stridedCopy', x, y);
  if (shape.length > 6 || xStrides.length !== shape.length || yStrides.length !== shape.length) {
    throw new BackendError(
      `[reference.stridedCopy] expected up to 6 axes with one stride each, received shape [${shape}], xStrides [${xStrides}], yStrides [${yStrides}].`,
    );
  }
  const from = accumulate ? floats('stridedCopy', 'x', x) : elements('stridedCopy', 'x', x);
  const to = elements('stridedCopy', 'y', y);
  if (sizeOf(shape) === 0) return;
  checkReach('x', shape, xStrides, xOffset, from.length);
  checkReach('y', shape, yStrides, yOffset, to.length);

  const visit = (axis: number, i: number, j: number): void => {
    if (axis === shape.length) {
      to[j] = accumulate ? to[j] + from[i] : from[i];
      return;
    }
    for (let n = 0; n < shape[axis]; n++) visit(axis + 1, i + n * xStrides[axis], j + n * yStrides[axis]);
  };
  visit(0, xOffset, yOffset);
}

/** Refuses strides that lead outside of a buffer of `length` elements. */
function checkReach(name: string, shape: readonly number[], strides: readonly number[], offset: number, length: number): void {
  let lowest = offset;
  let highest = offset;
  shape.forEach((n, axis) => {
    const reach = (n - 1) * strides[axis];
    if (reach < 0) lowest += reach;
    else highest += reach;
  });
  if (lowest >= 0 && highest < length) return;
  throw new BackendError(
    `[reference.stridedCopy] expected ${name} to stay within 0…${length - 1}, received shape [${shape}], strides [${strides}] and offset ${offset}, which reach ${lowest}…${highest}.`,
  );
}

const functions: Readonly<Record<UnaryOp, (x: number) => number>> = {
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  square: (x) => x * x,
  abs: Math.abs,
  sigmoid,
  tanh: Math.tanh,
  relu,
};

/** op'(x), given x and y = op(x). */
const derivatives: Readonly<Record<UnaryOp, (x: number, y: number) => number>> = {
  neg: () => -1,
  exp: (_, y) => y,
  log: (x) => 1 / x,
  sqrt: (_, y) => 0.5 / y,
  square: (x) => 2 * x,
  abs: (x) => Math.sign(x),
  sigmoid: (_, y) => y * (1 - y),
  tanh: (_, y) => 1 - y * y,
  relu: (_, y) => (y > 0 ? 1 : 0),
};

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** NaN stays NaN. */
export function relu(x: number): number {
  return Math.max(x, 0);
}

export function unary(op: UnaryOp, x: Buffer, y: Buffer): void {
  const from = floats(op, 'x', x);
  const to = floats(op, 'y', y, x.length);
  for (let i = 0; i < to.length; i++) to[i] = functions[op](from[i]);
}

export function unaryBackward(op: UnaryOp, x: Buffer, y: Buffer, dY: Buffer, dX: Buffer): void {
  const kernel = `${op}Backward`;
  const input = floats(kernel, 'x', x);
  const output = floats(kernel, 'y', y, x.length);
  const from = floats(kernel, 'dY', dY, x.length);
  const to = floats(kernel, 'dX', dX, x.length);
  for (let i = 0; i < to.length; i++) to[i] = from[i] * derivatives[op](input[i], output[i]);
}

const functionsOfTwo: Readonly<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  less: (a, b) => (a < b ? 1 : 0),
};

export function binary(op: BinaryOp, a: Buffer, b: Buffer, y: Buffer): void {
  const left = floats(op, 'a', a);
  const right = floats(op, 'b', b);
  const to = floats(op, 'y', y);
  checkDivides(op, 'a', left.length, to.length);
  checkDivides(op, 'b', right.length, to.length);
  for (let i = 0; i < to.length; i++) to[i] = functionsOfTwo[op](left[i % left.length], right[i % right.length]);
}

export function select(mask: Buffer, a: Buffer, b: Buffer, y: Buffer): void {
  const chooser = floats('select', 'mask', mask);
  const left = floats('select', 'a', a);
  const right = floats('select', 'b', b);
  const to = floats('select', 'y', y);
  checkDivides('select', 'mask', chooser.length, to.length);
  checkDivides('select', 'a', left.length, to.length);
  checkDivides('select', 'b', right.length, to.length);
  for (let i = 0; i < to.length; i++) to[i] = chooser[i % chooser.length] !== 0 ? left[i % left.length] : right[i % right.length];
}

function checkDivides(kernel: string, name: string, length: number, whole: number): void {
  if (whole === 0 || whole % length === 0) return;
  throw new BackendError(`[reference.${kernel}] expected ${name}'s length to divide y's, ${whole}, received ${length}.`);
}

export function affine(x: Buffer, scale: number, shift: number, y: Buffer): void {
  const from = floats('affine', 'x', x);
  const to = floats('affine', 'y', y, x.length);
  for (let i = 0; i < to.length; i++) to[i] = scale * from[i] + shift;
}

export function axpy(alpha: number, x: Buffer, y: Buffer): void {
  const from = floats('axpy', 'x', x);
  const to = floats('axpy', 'y', y, x.length);
  for (let i = 0; i < to.length; i++) to[i] += alpha * from[i];
}

export function scaleRows(x: Buffer, w: Buffer, y: Buffer, R: number, C: number, accumulate: boolean): void {
  const from = floats('scaleRows', 'x', x, R * C);
  const scale = floats('scaleRows', 'w', w, R);
  const to = floats('scaleRows', 'y', y, R * C);
  checkApart('scaleRows', [to], [scale]);
  for (let r = 0; r < R; r++) {
    for (let i = r * C; i < (r + 1) * C; i++) to[i] = (accumulate ? to[i] : 0) + from[i] * scale[r];
  }
}

export function lerp(x: Buffer, y: Buffer, weight: number): void {
  const from = floats('lerp', 'x', x);
  const to = floats('lerp', 'y', y, x.length);
  for (let i = 0; i < to.length; i++) to[i] += weight * (from[i] - to[i]);
}

function checkSameDtype(kernel: string, x: Buffer, y: Buffer): void {
  if (x.dtype !== y.dtype)
    throw new BackendError(`[reference.${kernel}] expected x and y of one dtype, received ${x.dtype} and ${y.dtype}.`);
}
