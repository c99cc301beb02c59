/** Hidden states and targets as plain rows, in the order of the states' memory: for losses that pick rows on the host. */
import { packRows } from '../autograd/layout.ts';
import { permute, reshape } from '../autograd/ops/shape.ts';
import type { Tensor } from '../autograd/tensor.ts';
import { ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';

export interface Rows {
  /** [R, H], with history. */
  readonly hidden: Tensor;
  /** R classes, in the same order. */
  readonly targets: ArrayLike<number>;
  /** Numbers of the rows [R] → in the shape of the targets. */
  restore(values: Tensor): Tensor;
}

/** @param hidden [..., H] @param targets int32 [...] */
export function rowsOf(hidden: Tensor, targets: Tensor): Rows {
  const { order } = packRows(hidden);
  const rowOrder = order.slice(0, -1);
  const inverse = rowOrder.map((_, axis) => rowOrder.indexOf(axis));
  return {
    hidden: reshape(permute(hidden, order), [targets.size, hidden.shape[hidden.rank - 1]]),
    targets: permute(targets, rowOrder).dataSync(),
    restore: (values) =>
      permute(
        reshape(
          values,
          rowOrder.map((axis) => targets.shape[axis]),
        ),
        inverse,
      ),
  };
}

/** @throws ShapeError when hidden is not [..., H] for targets [...] */
export function requireRows(operation: string, hidden: Tensor, targets: Tensor, H: number): void {
  if (hidden.shape.at(-1) === H && sameShape(hidden.shape.slice(0, -1), targets.shape)) return;
  throw new ShapeError(
    `[${operation}] expected hidden of shape [..., ${H}] and targets of shape [...], received ${formatShape(hidden.shape)} and ${formatShape(targets.shape)}.`,
  );
}
