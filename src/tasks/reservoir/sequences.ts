/** Sequences of numbers as a model reads them: scaled, and each row beside the target that is told there. */
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { Scale } from './config.ts';
import type { NumberSequence } from './read.ts';

/** Mean and deviation of each column over some rows of some sequences; a column that never changes is only taken from its mean. */
export function scaleOf(parts: readonly { readonly values: Float64Array; readonly rows: number }[], columns: number): Scale {
  const mean = new Array<number>(columns).fill(0);
  const deviation = new Array<number>(columns).fill(0);
  const total = parts.reduce((sum, { rows }) => sum + rows, 0);
  for (const { values, rows } of parts) for (let i = 0; i < rows * columns; i++) mean[i % columns] += values[i] / total;
  for (const { values, rows } of parts) {
    for (let i = 0; i < rows * columns; i++) deviation[i % columns] += (values[i] - mean[i % columns]) ** 2 / total;
  }
  return { mean, deviation: deviation.map((square) => Math.sqrt(square) || 1) };
}

/** Numbers as they are. */
export function identityScale(columns: number): Scale {
  return { mean: new Array<number>(columns).fill(0), deviation: new Array<number>(columns).fill(1) };
}

/** What the model sees. */
export function scaled(values: ArrayLike<number>, { mean, deviation }: Scale): Float32Array {
  return Float32Array.from(values, (value, i) => (value - mean[i % mean.length]) / deviation[i % mean.length]);
}

/** What a user sees. */
export function unscaled(values: ArrayLike<number>, { mean, deviation }: Scale): Float64Array {
  return Float64Array.from(values, (value, i) => value * deviation[i % mean.length] + mean[i % mean.length]);
}

/** A row and the target that is told there: x [1, T', I] and y [1, T', O], T' = T − ahead. */
export interface Pairs {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly steps: number;
}

/** How sequences become what a network learns from. */
export interface PairingOptions {
  readonly ahead: number;
  readonly normalization: { readonly inputs: Scale; readonly targets: Scale };
}

/** @throws ConfigError when the sequence is not longer than `ahead`, or has no targets */
export function pairsOf({ name, length, inputs, targets }: NumberSequence, { ahead, normalization }: PairingOptions): Pairs {
  const I = normalization.inputs.mean.length;
  const O = normalization.targets.mean.length;
  const steps = length - ahead;
  if (targets === null) throw new ConfigError(`expected targets in ${name}, received none.`);
  if (steps < 1) throw new ConfigError(`expected sequences of more than ${ahead} rows (ahead), received ${length} in ${name}.`);
  const x = tensor(scaled(inputs.subarray(0, steps * I), normalization.inputs), { shape: [1, steps, I] });
  const y = tensor(scaled(targets.subarray(ahead * O), normalization.targets), { shape: [1, steps, O] });
  return { x, y, steps };
}

/** Sequences side by side, padded: x [B, T, I] and lengths [B]. */
export function paddedBatch(sequences: readonly NumberSequence[], scale: Scale): { readonly x: Tensor; readonly lengths: Int32Array } {
  const I = scale.mean.length;
  const lengths = Int32Array.from(sequences, ({ length }) => length);
  const T = Math.max(...lengths);
  const values = new Float32Array(sequences.length * T * I);
  for (const [b, { inputs }] of sequences.entries()) values.set(scaled(inputs, scale), b * T * I);
  return { x: tensor(values, { shape: [sequences.length, T, I] }), lengths };
}
