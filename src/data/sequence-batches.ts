/**
 * Mini-batches of sequences of different lengths. Within shuffled pools sequences are sorted by length, so that those of a
 * batch are about equally long and little is padded; what an epoch holds depends on seed and epoch alone.
 */
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { BatchCounter, type BatchPosition, type BatchSource } from './batch-source.ts';

/** Size and order of batches of sequences. */
export interface SequenceBatchesOptions {
  /** B; an epoch's last batch may be smaller. */
  readonly batchSize: number;
  readonly seed: number;
  /** Batches whose sequences are sorted together; more: less padding, less chance. Default 50; 1: no sorting to speak of. */
  readonly poolSize?: number;
  /** Whether the order changes from epoch to epoch. Default true. */
  readonly shuffle?: boolean;
}

/**
 * Which sequences are in each batch.
 *
 * @param lengths  of each sequence, in steps
 * @param collate  makes a batch of the sequences with these indices; see `padSequences`
 * @example
 * const batches = new SequenceBatches(samples.map((s) => s.length), { batchSize: 32, seed: 1 }, (indices) =>
 *   padSequences(indices.map((i) => samples[i])));
 */
export class SequenceBatches<Batch> implements BatchSource<Batch> {
  readonly #lengths: ArrayLike<number>;
  readonly #collate: (indices: readonly number[]) => Batch | Promise<Batch>;
  readonly #options: Required<SequenceBatchesOptions>;
  readonly #counter: BatchCounter;
  #plan: { readonly epoch: number; readonly batches: readonly Int32Array[] } | null = null;

  constructor(
    lengths: ArrayLike<number>,
    options: SequenceBatchesOptions,
    collate: (indices: readonly number[]) => Batch | Promise<Batch>,
  ) {
    this.#options = { poolSize: 50, shuffle: true, ...options };
    const { batchSize, poolSize } = this.#options;
    for (const [name, value] of Object.entries({ batchSize, poolSize })) {
      if (!Number.isInteger(value) || value < 1)
        throw new ConfigError(`[SequenceBatches] expected ${name} to be a whole number ≥ 1, received ${value}.`);
    }
    if (lengths.length === 0) throw new ConfigError('[SequenceBatches] expected at least one sequence, received none.');
    this.#lengths = lengths;
    this.#collate = collate;
    this.#counter = new BatchCounter(Math.ceil(lengths.length / batchSize));
  }

  get epoch(): number {
    return this.#counter.epoch;
  }

  get batchesPerEpoch(): number {
    return this.#counter.batchesPerEpoch;
  }

  position(): BatchPosition {
    return this.#counter.position();
  }

  seek(position: BatchPosition): void {
    this.#counter.seek(position);
  }

  next(): Batch | Promise<Batch> {
    const { epoch, index } = this.#counter.take();
    if (this.#plan?.epoch !== epoch) this.#plan = { epoch, batches: this.#arrange(epoch) };
    return this.#collate([...this.#plan.batches[index]]);
  }

  #arrange(epoch: number): Int32Array[] {
    const { batchSize, poolSize, seed, shuffle } = this.#options;
    const n = this.#lengths.length;
    const rng = new Random(seed).fork(`epoch ${epoch}`);
    const order = shuffle ? rng.permutation(n) : Int32Array.from({ length: n }, (_, i) => i);
    const batches: Int32Array[] = [];
    for (let begin = 0; begin < n; begin += batchSize * poolSize) {
      const pool = order.subarray(begin, begin + batchSize * poolSize);
      // Stable, so that what is equally long stays in its random order.
      if (poolSize > 1) pool.sort((a, b) => this.#lengths[a] - this.#lengths[b]);
      for (let at = 0; at < pool.length; at += batchSize) batches.push(pool.subarray(at, at + batchSize));
    }
    return shuffle ? [...rng.permutation(batches.length)].map((i) => batches[i]) : batches;
  }
}

/** Sequences side by side, the shorter ones padded at their ends. */
export interface PaddedSequences {
  /** [B, T] row-major. */
  readonly ids: Int32Array;
  /** True lengths, [B]. */
  readonly lengths: Int32Array;
  readonly batchSize: number;
  /** T: the longest. */
  readonly length: number;
}

/**
 * Sequences of symbols, side by side.
 *
 * @param padding  what stands after a sequence's end: an embedding's padding index, or a loss's ignore index. Default 0.
 */
export function padSequences(sequences: readonly ArrayLike<number>[], padding = 0): PaddedSequences {
  const batchSize = sequences.length;
  const lengths = Int32Array.from(sequences, (sequence) => sequence.length);
  const length = lengths.reduce((longest, n) => Math.max(longest, n), 0);
  const ids = new Int32Array(batchSize * length).fill(padding);
  sequences.forEach((sequence, b) => {
    ids.set(sequence, b * length);
  });
  return { ids, lengths, batchSize, length };
}

/** Sequences of vectors side by side. */
export interface PaddedFeatures {
  /** [B, T, I] row-major; zeros after a sequence's end. */
  readonly values: Float32Array;
  readonly lengths: Int32Array;
  readonly batchSize: number;
  readonly length: number;
}

/**
 * Sequences of feature vectors, side by side; zeros after a sequence's end.
 *
 * @param sequences  each [T, inputSize] row-major
 * @throws ConfigError when a sequence is no whole number of steps
 */
export function padFeatures(sequences: readonly ArrayLike<number>[], inputSize: number): PaddedFeatures {
  const batchSize = sequences.length;
  const lengths = Int32Array.from(sequences, (sequence) => sequence.length / inputSize);
  const wrong = sequences.findIndex((sequence) => sequence.length % inputSize !== 0);
  if (wrong >= 0) {
    throw new ConfigError(
      `[padFeatures] expected whole steps of ${inputSize} numbers, received ${sequences[wrong].length} numbers in sequence ${wrong}.`,
    );
  }
  const length = lengths.reduce((longest, n) => Math.max(longest, n), 0);
  const values = new Float32Array(batchSize * length * inputSize);
  sequences.forEach((sequence, b) => {
    values.set(sequence, b * length * inputSize);
  });
  return { values, lengths, batchSize, length };
}
