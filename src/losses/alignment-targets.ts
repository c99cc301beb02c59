/** Targets of losses without alignment (CTC, transducer): symbols and their number, checked, as kernels take them. */
import { type Tensor, tensor } from '../autograd/tensor.ts';
import type { Backend } from '../backend/backend.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape } from '../tensor/shape.ts';

/** One list of symbols a row; or int32 [B, U], each row's first `targetLengths` symbols. */
export type AlignmentTargets = Tensor | readonly ArrayLike<number>[];

/** A batch of targets on the host. */
export interface TargetBatch {
  /** Symbols of the longest target, or more; may be 0. */
  readonly U: number;
  /** [B, U]; the blank past a row's length. */
  readonly symbols: Int32Array;
  readonly lengths: Int32Array; // [B]
}

/**
 * @param operation      for messages
 * @param targetLengths  [B]; with lists of symbols, and when absent: as many as there are
 * @param sizes          places: U, where it is given from elsewhere; default: the longest target's length
 * @throws ShapeError   when there is not one target a row, or a length or a symbol is out of range
 * @throws ConfigError  when a target contains the blank
 */
export function targetsOf(
  operation: string,
  targets: AlignmentTargets,
  targetLengths: ArrayLike<number> | null | undefined,
  { B, V, blank, places }: { readonly B: number; readonly V: number; readonly blank: number; readonly places?: number },
): TargetBatch {
  if (!Number.isInteger(blank) || blank < 0 || blank >= V) {
    throw new ConfigError(`[${operation}] expected blank in 0…${V - 1} (V ${V}), received ${blank}.`);
  }
  const rows = rowsOf(operation, targets, B);
  if (targetLengths && targetLengths.length !== B) {
    throw new ShapeError(`[${operation}] expected ${B} target lengths, one a sequence, received ${targetLengths.length}.`);
  }
  const lengths = Int32Array.from(rows, (row, b) => {
    const length = targetLengths?.[b] ?? row.length;
    if (Number.isInteger(length) && length >= 0 && length <= row.length) return length;
    throw new ShapeError(`[${operation}] expected target lengths in 0…${row.length}, received ${length} for sequence ${b}.`);
  });
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const U = places ?? longest;
  if (longest > U) {
    throw new ShapeError(
      `[${operation}] expected logits of shape [B, T, U + 1, V] with U at least the longest target's ${longest} symbols, received U + 1 = ${U + 1}.`,
    );
  }
  const symbols = new Int32Array(B * U).fill(blank);
  rows.forEach((row, b) => {
    for (let u = 0; u < lengths[b]; u++) {
      const symbol = row[u];
      if (symbol === blank) {
        throw new ConfigError(
          `[${operation}] expected targets without the blank (${blank}), received it at symbol ${u} of sequence ${b}: number the symbols around it, or give another blank.`,
        );
      }
      if (!Number.isInteger(symbol) || symbol < 0 || symbol >= V) {
        throw new ShapeError(`[${operation}] expected targets in 0…${V - 1} (V ${V}), received ${symbol} at symbol ${u} of sequence ${b}.`);
      }
      symbols[b * U + u] = symbol;
    }
  });
  return { U, symbols, lengths };
}

/** The batch on a backend. */
export function targetTensors({ U, symbols, lengths }: TargetBatch, backend: Backend): { symbols: Tensor; lengths: Tensor } {
  return {
    symbols: tensor(symbols, { shape: [lengths.length, U], dtype: 'int32', backend }),
    lengths: tensor(lengths, { dtype: 'int32', backend }),
  };
}

function rowsOf(operation: string, targets: AlignmentTargets, B: number): readonly ArrayLike<number>[] {
  if (!('shape' in targets)) {
    if (targets.length === B) return targets;
    throw new ShapeError(`[${operation}] expected ${B} targets, one a sequence, received ${targets.length}.`);
  }
  if (targets.dtype !== 'int32' || targets.rank !== 2 || targets.shape[0] !== B) {
    throw new ShapeError(
      `[${operation}] expected int32 targets of shape [${B}, U], received ${targets.dtype} of shape ${formatShape(targets.shape)}.`,
    );
  }
  const values = targets.dataSync();
  const width = targets.shape[1];
  return Array.from({ length: B }, (_, b) => values.subarray(b * width, (b + 1) * width));
}
