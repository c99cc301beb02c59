/** Elementwise operations. Two operands broadcast as NumPy's do; each rule of differentiation stands beside its operation. */
import type { UnaryOp } from '../../backend/backend.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { bufferOf, contiguous, empty, type Tensor } from '../tensor.ts';

export const neg = unary('neg');
export const exp = unary('exp');
/** Natural logarithm. */
export const log = unary('log');
export const sqrt = unary('sqrt');
export const square = unary('square');
export const abs = unary('abs');
/** 1 / (1 + e^−x) */
export const sigmoid = unary('sigmoid');
export const tanh = unary('tanh');
/** max(x, 0); its derivative at 0 is 0. */
export const relu = unary('relu');

function unary(op: UnaryOp): (x: Tensor) => Tensor {
  return (x) =>
    inScope(() => {
      const { backend } = x;
      const dense = contiguous(x);
      const y = empty(backend, x.shape);
      backend.unary(op, bufferOf(dense), bufferOf(y));
      record(op, [x], [y], ([dY]) => {
        const dX = empty(backend, x.shape);
        backend.unaryBackward(op, bufferOf(dense), bufferOf(y), bufferOf(contiguous(dY!)), bufferOf(dX));
        return [dX];
      });
      return y;
    });
}
