/** Tensors side by side, and on top of one another. */
import { ShapeError } from '../../tensor/errors.ts';
import { formatShape, normalizeAxis, sameShape } from '../../tensor/shape.ts';
import { copyInto, emptyInOrder, type Order, packedOrder } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { backendOf, type Tensor } from '../tensor.ts';
import { selectView, sliceView } from './shape.ts';

/**
 * Tensors joined along an axis that they have. The result lies in memory as the first does.
 *
 * @throws ShapeError when there are none, or other axes differ
 */
export function concat(tensors: readonly Tensor[], axis = -1): Tensor {
  const first = firstOf('concat', tensors);
  const along = normalizeAxis(axis, first.rank, 'concat');
  for (const x of tensors) {
    if (x.rank !== first.rank || x.shape.some((n, other) => other !== along && n !== first.shape[other])) {
      throw new ShapeError(
        `[concat] expected shapes equal but for axis ${along}, received ${tensors.map(({ shape }) => formatShape(shape)).join(', ')}.`,
      );
    }
  }
  const ends: number[] = [];
  for (const x of tensors) ends.push((ends.at(-1) ?? 0) + x.shape[along]);
  const shape = first.shape.with(along, ends.at(-1)!);
  return assemble('concat', tensors, shape, packedOrder(first), (y, i) => sliceView(y, along, ends[i] - tensors[i].shape[along], ends[i]));
}

/**
 * Tensors of one shape along a new axis, which will be axis `axis` of the result. In memory it is the slowest, so steps
 * [B, H] stacked along axis 1 make a time-major [B, T, H], as a recurrent layer does.
 *
 * @throws ShapeError when there are none, or shapes differ
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = firstOf('stack', tensors);
  const along = normalizeAxis(axis, first.rank + 1, 'stack');
  if (!tensors.every((x) => sameShape(x.shape, first.shape))) {
    throw new ShapeError(`[stack] expected tensors of one shape, received ${tensors.map(({ shape }) => formatShape(shape)).join(', ')}.`);
  }
  const shape = first.shape.toSpliced(along, 0, tensors.length);
  const order = [along, ...shape.map((_, other) => other).filter((other) => other !== along)];
  return assemble('stack', tensors, shape, order, (y, i) => selectView(y, along, i));
}

/** Copies each tensor into its place; each gradient is a view of that place. */
function assemble(
  name: string,
  tensors: readonly Tensor[],
  shape: readonly number[],
  order: Order | null,
  place: (y: Tensor, i: number) => Tensor,
): Tensor {
  const backend = backendOf(name, tensors);
  return inScope(() => {
    const y = emptyInOrder(backend, shape, order, tensors[0].dtype);
    tensors.forEach((x, i) => {
      copyInto(x, place(y, i));
    });
    record(name, tensors, [y], ([dY], sink) => tensors.map((_, i) => (sink.wants(i) ? place(dY!, i) : null)));
    return y;
  });
}

function firstOf(operation: string, tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 0) throw new ShapeError(`[${operation}] expected at least one tensor, received none.`);
  if (tensors.some(({ dtype }) => dtype !== tensors[0].dtype)) {
    throw new ShapeError(`[${operation}] expected tensors of one dtype, received ${tensors.map(({ dtype }) => dtype).join(', ')}.`);
  }
  return tensors[0];
}
