/** Elementwise functions of one tensor. The result lies in memory as its argument does. */
import type { UnaryOp } from '../../backend/backend.ts';
import { arrange, discard, emptyInOrder, pack } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { bufferOf, type Tensor } from '../tensor.ts';

/** −x */
export const neg = unary('neg');
/** e^x */
export const exp = unary('exp');
/** Natural logarithm. */
export const log = unary('log');
/** Square root. */
export const sqrt = unary('sqrt');
/** x² */
export const square = unary('square');
/** |x|; its derivative at 0 is 0. */
export const abs = unary('abs');
/** 1 / (1 + e^−x) */
export const sigmoid = unary('sigmoid');
/** Hyperbolic tangent. */
export const tanh = unary('tanh');
/** max(x, 0); its derivative at 0 is 0. */
export const relu = unary('relu');

function unary(op: UnaryOp): (x: Tensor) => Tensor {
  return (x) =>
    inScope(() => {
      const { backend } = x;
      const { packed, order } = pack(x);
      const y = emptyInOrder(backend, x.shape, order);
      backend.unary(op, bufferOf(packed), bufferOf(y));
      discard([packed], [x]);
      record(op, [x], [y], ([dY]) => {
        const dX = emptyInOrder(backend, x.shape, order);
        const copies = [arrange(x, order), arrange(dY!, order)];
        backend.unaryBackward(op, bufferOf(copies[0]), bufferOf(y), bufferOf(copies[1]), bufferOf(dX));
        discard(copies, [x, dY!]);
        return [dX];
      });
      return y;
    });
}

/** scale · x + shift */
export function affine(x: Tensor, scale: number, shift: number): Tensor {
  return inScope(() => {
    const { backend } = x;
    const { packed, order } = pack(x);
    const y = emptyInOrder(backend, x.shape, order);
    backend.affine(bufferOf(packed), scale, shift, bufferOf(y));
    discard([packed], [x]);
    record('affine', [x], [y], ([dY]) => [affine(dY!, scale, 0)]);
    return y;
  });
}
