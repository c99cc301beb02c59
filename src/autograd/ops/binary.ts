/**
 * Elementwise functions of two tensors, or of a tensor and a number. Shapes broadcast as NumPy's do; the gradient of what
 * was broadcast is summed back. The result lies in memory as the larger operand does.
 */
import type { BinaryOp, Buffer } from '../../backend/backend.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { broadcastShapes, type Shape, sameShape } from '../../tensor/shape.ts';
import { arrange, discard, emptyInOrder, type Order, packedOrder, permuted, rowMajorOrder } from '../layout.ts';
import { inScope, releaseEarly } from '../scope.ts';
import { record } from '../tape.ts';
import { backendOf, bufferOf, full, type Tensor, wholeBuffer } from '../tensor.ts';
import { affine, neg } from './elementwise.ts';
import { sumTo } from './reduce.ts';
import { broadcastView } from './shape.ts';

/** What an elementwise operation takes: a tensor, or a number that stands for a tensor of it. */
export type Operand = Tensor | number;

/** a + b */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number') return affine(tensorOf('add', a), 1, b);
  if (typeof a === 'number') return affine(b, 1, a);
  return differentiable('add', a, b, { dA: (dY) => dY, dB: (dY) => dY });
}

/** a − b */
export function sub(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number') return affine(tensorOf('sub', a), 1, -b);
  if (typeof a === 'number') return affine(b, -1, a);
  return differentiable('sub', a, b, { dA: (dY) => dY, dB: (dY) => neg(dY) });
}

/** a ⊙ b */
export function mul(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number') return affine(tensorOf('mul', a), b, 0);
  if (typeof a === 'number') return affine(b, a, 0);
  return differentiable('mul', a, b, { dA: (dY) => apply('mul', dY, b), dB: (dY) => apply('mul', dY, a) });
}

/** a / b */
export function div(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number') return affine(tensorOf('div', a), 1 / b, 0);
  return differentiable('div', typeof a === 'number' ? scalar(a, b) : a, b, {
    dA: (dY) => apply('div', dY, b),
    dB: (dY, y) => {
      const product = apply('mul', dY, y);
      const quotient = apply('div', product, b);
      releaseEarly(product.storage);
      const { backend } = quotient;
      backend.unary('neg', bufferOf(quotient), bufferOf(quotient));
      return quotient;
    },
  });
}

/** The larger of a and b; `a` gets the gradient where they are equal. */
export function maximum(a: Operand, b: Operand): Tensor {
  const x = typeof a === 'number' ? scalar(a, tensorOf('maximum', b)) : a;
  const y = typeof b === 'number' ? scalar(b, x) : b;
  const maskedBy = (dY: Tensor, isLess: boolean) => {
    const mask = apply('less', x, y); // 1 where y was taken
    if (!isLess) mask.backend.affine(bufferOf(mask), -1, 1, bufferOf(mask));
    const gradient = apply('mul', dY, mask);
    releaseEarly(mask.storage);
    return gradient;
  };
  return differentiable('maximum', x, y, { dA: (dY) => maskedBy(dY, false), dB: (dY) => maskedBy(dY, true) });
}

/** The smaller of a and b; `a` gets the gradient where they are equal. */
export function minimum(a: Operand, b: Operand): Tensor {
  const negative = (x: Operand) => (typeof x === 'number' ? -x : neg(x));
  return inScope(() => neg(maximum(negative(a), negative(b))));
}

/** Each element into [low, high]; no gradient outside. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return inScope(() => minimum(maximum(x, low), high));
}

/** 1 where a < b, otherwise 0. No gradient. */
export function less(a: Operand, b: Operand): Tensor {
  const x = typeof a === 'number' ? scalar(a, tensorOf('less', b)) : a;
  return inScope(() => apply('less', x, typeof b === 'number' ? scalar(b, x) : b));
}

interface BinaryGradients {
  /** ∂L/∂a and ∂L/∂b in the result's shape; may be dY itself. */
  dA(dY: Tensor, y: Tensor): Tensor;
  dB(dY: Tensor, y: Tensor): Tensor;
}

function differentiable(op: BinaryOp, a: Tensor, b: Tensor, { dA, dB }: BinaryGradients): Tensor {
  return inScope(() => {
    const y = apply(op, a, b);
    record(op, [a, b], [y], ([dY], sink) => {
      const gradientFor = (i: number, x: Tensor, rule: BinaryGradients['dA']): Tensor | null => {
        if (!sink.wants(i)) return null;
        const whole = rule(dY!, y);
        const gradient = sumTo(whole, x.shape);
        if (gradient.storage !== whole.storage) discard([whole], [dY!]);
        return gradient;
      };
      return [gradientFor(0, a, dA), gradientFor(1, b, dB)];
    });
    return y;
  });
}

/** op(a, b) without history. */
function apply(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  const backend = backendOf(op, [a, b]);
  const shape = sameShape(a.shape, b.shape) ? a.shape : broadcastShapes(a.shape, b.shape, op);
  const order = (sameShape(a.shape, shape) ? packedOrder(a) : null) ?? (sameShape(b.shape, shape) ? packedOrder(b) : null);
  const y = emptyInOrder(backend, shape, order);
  const left = repeating(a, shape, order ?? rowMajorOrder(shape.length));
  const right = repeating(b, shape, order ?? rowMajorOrder(shape.length));
  backend.binary(op, left.buffer, right.buffer, bufferOf(y));
  discard([left.copy, right.copy], [a, b]);
  return y;
}

/** The elements of `x` that the kernel goes through again and again to fill `shape` in this order of memory. */
export function repeating(x: Tensor, shape: Shape, order: Order): { buffer: Buffer; copy: Tensor } {
  const whole = permuted(broadcastView(x, shape), order);
  let period = 1;
  let axis = whole.rank - 1;
  while (axis >= 0 && (whole.shape[axis] === 1 || whole.strides[axis] === period)) period *= whole.shape[axis--];
  if (whole.shape.every((n, outer) => outer > axis || n === 1 || whole.strides[outer] === 0)) {
    const all = wholeBuffer(x);
    return { buffer: period === all.length ? all : x.backend.slice(all, x.offset, period), copy: x };
  }
  const copy = arrange(broadcastView(x, shape), order);
  return { buffer: bufferOf(copy), copy };
}

/** A number as a tensor on the backend of `like`. */
export function scalar(value: number, like: Tensor): Tensor {
  return full([], value, { backend: like.backend });
}

function tensorOf(operation: string, x: Operand): Tensor {
  if (typeof x === 'number') throw new ShapeError(`[${operation}] expected at least one tensor, received two numbers.`);
  return x;
}
