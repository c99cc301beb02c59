/** The frames of a CTC model's output, sequence by sequence, as decoders on the host take them. */
import type { Tensor } from '../autograd/tensor.ts';
import { requireFrames } from '../losses/ctc.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';

/** Calls `decode` with the frames of each sequence, [n, V]. @throws ShapeError when logits or lengths do not fit */
export function eachSequence<Result>(
  operation: string,
  logits: Tensor,
  inputLengths: ArrayLike<number> | null | undefined,
  decode: (frames: ArrayLike<number>, V: number, b: number) => Result,
): Result[] {
  const { B, T, V } = requireFrames(operation, logits);
  if (inputLengths && inputLengths.length !== B) {
    throw new ShapeError(`[${operation}] expected ${B} input lengths, one a sequence, received ${inputLengths.length}.`);
  }
  const values = logits.dataSync();
  return Array.from({ length: B }, (_, b) => {
    const n = inputLengths?.[b] ?? T;
    if (!Number.isInteger(n) || n < 0 || n > T) {
      throw new ShapeError(`[${operation}] expected input lengths in 0…${T} (T), received ${n} for sequence ${b}.`);
    }
    return decode(values.subarray(b * T * V, (b * T + n) * V), V, b);
  });
}

/** @throws ConfigError */
export function requireBlank(operation: string, blank: number, V: number): void {
  if (Number.isInteger(V) && V >= 1 && Number.isInteger(blank) && blank >= 0 && blank < V) return;
  throw new ConfigError(`[${operation}] expected V classes and a blank in 0…V−1, received V ${V} and blank ${blank}.`);
}

/** @throws ShapeError */
export function requireWholeFrames(operation: string, frames: ArrayLike<number>, V: number): void {
  if (frames.length % V === 0) return;
  throw new ShapeError(`[${operation}] expected frames of ${V} classes, received ${frames.length} numbers.`);
}
