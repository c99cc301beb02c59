/** Sums, means and largest elements over axes. */
import { ShapeError } from '../../tensor/errors.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../../tensor/shape.ts';
import { discard, pack, permuted, stridesInOrder } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { bufferOf, contiguous, empty, Tensor } from '../tensor.ts';
import { maximum } from './binary.ts';
import { affine } from './elementwise.ts';
import { broadcastView, reshape, slice, transpose } from './shape.ts';

/** One axis or several; −1 is the last. Absent: all. */
export type Axes = number | readonly number[];

/** How a reduction leaves the shape. */
export interface ReduceOptions {
  /** Keep a reduced axis, with size 1. Default false. */
  readonly keepDims?: boolean;
}

/**
 * Sum over `axes` (all, when absent).
 *
 * @example sum(x)            // a scalar
 * @example sum(x, -1)        // [B, T, H] → [B, T]
 */
export function sum(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return inScope(() => {
    const reduced = reducedAxes('sum', x, axes);
    const total = sumOver(x, reduced);
    const y = options.keepDims ? total : withoutAxes(total, reduced);
    record('sum', [x], [y], ([dY]) => [broadcastView(options.keepDims ? dY! : insertAxes(dY!, reduced), x.shape)]);
    return y;
  });
}

/** Mean over `axes` (all, when absent). */
export function mean(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const count = reducedAxes('mean', x, axes).reduce((product, axis) => product * x.shape[axis], 1);
  return inScope(() => affine(sum(x, axes, options), 1 / count, 0));
}

/**
 * Largest element along one axis. Of equal ones the first gets the gradient.
 *
 * @throws ShapeError when the axis is empty
 */
export function max(x: Tensor, axis = -1, options: ReduceOptions = {}): Tensor {
  const along = nonEmptyAxis('max', x, axis);
  return inScope(() => {
    let y = x;
    // Halves against one another; where the number is odd, the middle one meets itself.
    while (y.shape[along] > 1) {
      const n = y.shape[along];
      const half = Math.ceil(n / 2);
      y = maximum(slice(y, along, 0, half), slice(y, along, n - half, n));
    }
    return options.keepDims
      ? y
      : reshape(
          y,
          y.shape.filter((_, other) => other !== along),
        );
  });
}

/**
 * Index of the largest element along one axis, the first of equals: int32, without the axis. No gradient.
 *
 * @throws ShapeError when the axis is empty
 */
export function argmax(x: Tensor, axis = -1): Tensor {
  const along = nonEmptyAxis('argmax', x, axis);
  return inScope(() => {
    const rows = contiguous(transpose(x.detach(), along, -1));
    const C = rows.shape[x.rank - 1];
    const best = empty(x.backend, rows.shape.slice(0, -1), 'int32');
    x.backend.argmaxRows(bufferOf(rows), bufferOf(best), best.size, C);
    discard([rows], [x]);
    if (along === x.rank - 1) return best;
    // The last axis of x stands where the reduced one was: back to its own place, the end.
    const order = best.shape.map((_, i) => i).filter((i) => i !== along);
    return permuted(best, [...order, along]);
  });
}

/** Sum over `axes`, which stay with size 1. Copies nothing that is packed; no history. */
export function sumOver(x: Tensor, axes: readonly number[]): Tensor {
  const { backend } = x;
  if (axes.length === 0) return x.detach();
  const { packed, order } = pack(x);
  // Runs of neighbouring axes in memory, reduced or not.
  const runs: { n: number; isReduced: boolean }[] = [];
  for (const axis of order) {
    const isReduced = axes.includes(axis);
    const last = runs.at(-1);
    if (last?.isReduced === isReduced) last.n *= x.shape[axis];
    else runs.push({ n: x.shape[axis], isReduced });
  }
  const sizeOfRuns = (some: typeof runs) => some.reduce((product, { n }) => product * n, 1);
  let from = packed;
  runs.forEach((run, k) => {
    if (!run.isReduced) return;
    const outer = sizeOfRuns(runs.slice(0, k));
    const inner = sizeOfRuns(runs.slice(k + 1));
    const to = empty(backend, [outer * inner]);
    backend.sumAxis(bufferOf(from), bufferOf(to), { outer, n: run.n, inner }, false);
    discard([from], [x]);
    run.n = 1;
    from = to;
  });
  const shape = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  return new Tensor(from.storage, shape, stridesInOrder(shape, order));
}

/** The gradient of a broadcast: summed back to the operand's shape. `g` itself where there was none. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  const added = g.rank - shape.length;
  const axes = g.shape.flatMap((n, axis) => (axis < added || (shape[axis - added] === 1 && n !== 1) ? [axis] : []));
  if (axes.length === 0) return g;
  const total = sumOver(g, axes);
  return new Tensor(total.storage, shape, total.strides.slice(added), total.offset);
}

function reducedAxes(operation: string, x: Tensor, axes: Axes | undefined): number[] {
  if (axes === undefined) return x.shape.map((_, axis) => axis);
  const list = typeof axes === 'number' ? [axes] : axes;
  return [...new Set(list.map((axis) => normalizeAxis(axis, x.rank, operation)))];
}

function nonEmptyAxis(operation: string, x: Tensor, axis: number): number {
  const along = normalizeAxis(axis, x.rank, operation);
  if (x.shape[along] === 0 && sizeOf(x.shape.filter((_, other) => other !== along)) > 0) {
    throw new ShapeError(`[${operation}] expected at least one element along axis ${along}, received ${formatShape(x.shape)}.`);
  }
  return along;
}

function withoutAxes(x: Tensor, axes: readonly number[]): Tensor {
  const isLeft = (_: number, axis: number) => !axes.includes(axis);
  return new Tensor(x.storage, x.shape.filter(isLeft), x.strides.filter(isLeft), x.offset);
}

/** `x` with new axes of size 1 where `axes` says. */
function insertAxes(x: Tensor, axes: readonly number[]): Tensor {
  const shape = [...x.shape];
  const strides = [...x.strides];
  for (const axis of [...axes].sort((a, b) => a - b)) {
    shape.splice(axis, 0, 1);
    strides.splice(axis, 0, 0);
  }
  return new Tensor(x.storage, shape, strides, x.offset);
}
