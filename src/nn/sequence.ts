/** What recurrent layers are given, checked and laid out time-major: [T, B, ·]. */
import { copyInto } from '../autograd/layout.ts';
import { inScope } from '../autograd/scope.ts';
import { record } from '../autograd/tape.ts';
import { bufferOf, empty, Tensor, tensor } from '../autograd/tensor.ts';
import type { Backend } from '../backend/backend.ts';
import { ShapeError } from '../tensor/errors.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';

/** Sizes and lengths of a batch of sequences. */
export interface Sequence {
  readonly T: number;
  readonly B: number;
  /** null: all T. */
  readonly lengths: Lengths | null;
}

/** True lengths, where some are shorter than T. On the host: they outlive every scope. */
export interface Lengths {
  readonly values: Int32Array; // [B]
  readonly tensor: Tensor; // int32 [B]
  /** 1 where a step is within its sequence, else 0. */
  readonly rowMask: Tensor; // [T, B]
}

/**
 * @param layer      for messages
 * @param shape      of x
 * @param lengths    true lengths in steps, [B]; all T when absent
 * @throws ShapeError  when x is not a batch of sequences of `inputSize` features, or lengths are not in 0…T
 */
export function sequenceOf(
  layer: string,
  backend: Backend,
  shape: Shape,
  inputSize: number,
  lengths: ArrayLike<number> | null | undefined,
  batchFirst: boolean,
): Sequence {
  if (shape.length !== 3 || shape[2] !== inputSize) {
    const remedy = shape.length === 3 ? `\nCheck the feature axis of the input, or build the layer with inputSize: ${shape[2]}.` : '';
    throw new ShapeError(
      `[${layer}] expected x of shape [${batchFirst ? 'B, T' : 'T, B'}, ${inputSize}] (inputSize ${inputSize}), received ${formatShape(shape)}.${remedy}`,
    );
  }
  const [B, T] = batchFirst ? shape : [shape[1], shape[0]];
  if (T === 0 || B === 0) {
    throw new ShapeError(`[${layer}] expected at least one sequence of at least one step, received x of shape ${formatShape(shape)}.`);
  }
  return { T, B, lengths: lengths === null || lengths === undefined ? null : lengthsOf(layer, backend, lengths, B, T) };
}

/** @throws ShapeError when there is not one length in 0…T for each sequence */
export function lengthsOf(layer: string, backend: Backend, lengths: ArrayLike<number>, B: number, T: number): Lengths | null {
  if (lengths.length !== B) throw new ShapeError(`[${layer}] expected ${B} lengths, one a sequence, received ${lengths.length}.`);
  const values = Int32Array.from(lengths);
  for (let b = 0; b < B; b++) {
    if (lengths[b] !== values[b] || values[b] < 0 || values[b] > T) {
      throw new ShapeError(`[${layer}] expected lengths in 0…${T} (T), received ${lengths[b]} for sequence ${b}.`);
    }
  }
  if (values.every((length) => length === T)) return null;
  const rowMask = Float32Array.from({ length: T * B }, (_, tb) => (Math.floor(tb / B) < values[tb % B] ? 1 : 0));
  return { values, tensor: tensor(values, { dtype: 'int32', backend }), rowMask: tensor(rowMask, { shape: [T, B], backend }) };
}

/**
 * x [T, B, ·] itself where it is row-major and without padding, otherwise a row-major copy. What stands past a sequence's
 * length is left out of it: zeros, even where it was NaN.
 */
export function timeMajor(x: Tensor, lengths: Lengths | null): Tensor {
  if (x.isContiguous && lengths === null) return x;
  return inScope(() => {
    const y = empty(x.backend, x.shape);
    if (lengths === null) copyInto(x, y);
    else {
      x.backend.fill(bufferOf(y), 0);
      for (const [b, length] of lengths.values.entries()) copyInto(firstSteps(x, b, length), firstSteps(y, b, length));
    }
    // Past a length the gradient is 0 already: the recurrence gives none there.
    record('timeMajor', [x], [y], ([dY]) => [dY]);
    return y;
  });
}

/** [length, ·] of sequence b */
function firstSteps(x: Tensor, b: number, length: number): Tensor {
  return new Tensor(x.storage, [length, x.shape[2]], [x.strides[0], x.strides[2]], x.offset + b * x.strides[1]);
}
