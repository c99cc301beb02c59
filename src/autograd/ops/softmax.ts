/** Softmax and its logarithm along an axis. */
import { normalizeAxis, sizeOf } from '../../tensor/shape.ts';
import { arrange, discard, emptyInOrder, packRows } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { bufferOf, type Tensor } from '../tensor.ts';
import { transpose } from './shape.ts';

/** e^x / Σ e^x along `axis`. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return alongRows('softmax', x, axis);
}

/** x − log Σ e^x along `axis`. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return alongRows('logSoftmax', x, axis);
}

function alongRows(op: 'softmax' | 'logSoftmax', x: Tensor, axis: number): Tensor {
  const along = normalizeAxis(axis, x.rank, op);
  return inScope(() => (along === x.rank - 1 ? ofRows(op, x) : transpose(ofRows(op, transpose(x, along, -1)), along, -1)));
}

function ofRows(op: 'softmax' | 'logSoftmax', x: Tensor): Tensor {
  const { backend } = x;
  const C = x.shape[x.rank - 1];
  const R = sizeOf(x.shape.slice(0, -1));
  const { packed, order } = packRows(x);
  const y = emptyInOrder(backend, x.shape, order);
  if (C > 0) backend[op](bufferOf(packed), bufferOf(y), R, C);
  discard([packed], [x]);
  record(op, [x], [y], ([gradient]) => {
    const dX = emptyInOrder(backend, x.shape, order);
    const dY = arrange(gradient!, order);
    if (C > 0) backend[op === 'softmax' ? 'softmaxBackward' : 'logSoftmaxBackward'](bufferOf(y), bufferOf(dY), bufferOf(dX), R, C);
    discard([dY], [gradient!]);
    return [dX];
  });
  return y;
}
