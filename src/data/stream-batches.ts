/**
 * Mini-batches from one long stream of tokens, for truncated backpropagation through time: the stream is cut into B parallel
 * parts, each read window by window from its beginning, so that the state after one window is the state before the next.
 */
import { ConfigError } from '../tensor/errors.ts';
import { BatchCounter, type BatchPosition, type BatchSource } from './batch-source.ts';
import { type TokenSource, tokensOf } from './token-source.ts';

/** One window of every part of the stream. */
export interface StreamBatch {
  /** `[B, T]` row-major, int32. T is `windowLength`, or less in an epoch's last window. */
  readonly inputs: Int32Array;
  /** `[B, T]`, the token after each input. */
  readonly targets: Int32Array;
  readonly batchSize: number;
  readonly length: number;
  /** Whether the parts begin here: carried states start anew. */
  readonly isFirst: boolean;
}

/** Into what a stream is cut. */
export interface StreamBatchesOptions {
  /** B, parallel parts of the stream. */
  readonly batchSize: number;
  /** T, steps in a window. */
  readonly windowLength: number;
}

/** Steps of each part that are read at once from a source that is not in memory. */
const readAhead = 1 << 14;

/**
 * Batches of contiguous windows. The last (N − 1) mod B tokens of the stream fit into no part and are left out.
 *
 * @example
 * const batches = new StreamBatches(ids, { batchSize: 50, windowLength: 50 });
 * const { inputs, targets, batchSize, length, isFirst } = await batches.next();
 */
export class StreamBatches implements BatchSource<StreamBatch> {
  readonly #tokens: TokenSource;
  /** B: parallel parts of the stream. */
  readonly batchSize: number;
  readonly #windowLength: number;
  /** Steps in each part. */
  readonly partLength: number;
  readonly #counter: BatchCounter;
  /** What has been read: of each part the tokens begin … begin+length-1, [B, length]. */
  #cache: { readonly begin: number; readonly length: number; readonly tokens: Int32Array } | null = null;

  /** @throws ConfigError when the stream is too short for one step of each part */
  constructor(tokens: TokenSource | Uint8Array | Uint16Array | Int32Array, options: StreamBatchesOptions) {
    const { batchSize, windowLength } = options;
    this.#tokens = 'read' in tokens ? tokens : tokensOf(tokens);
    requireCount('batchSize', batchSize);
    requireCount('windowLength', windowLength);
    this.batchSize = batchSize;
    this.#windowLength = windowLength;
    this.partLength = Math.floor((this.#tokens.length - 1) / batchSize);
    if (this.partLength < 1) {
      throw new ConfigError(
        `[StreamBatches] expected at least ${batchSize + 1} tokens for a batchSize of ${batchSize}, received ${this.#tokens.length}. Give more text or a smaller batchSize.`,
      );
    }
    this.#counter = new BatchCounter(Math.ceil(this.partLength / windowLength));
  }

  get epoch(): number {
    return this.#counter.epoch;
  }

  get batchesPerEpoch(): number {
    return this.#counter.batchesPerEpoch;
  }

  /** Input steps in an epoch, over all parts. */
  get tokensPerEpoch(): number {
    return this.partLength * this.batchSize;
  }

  position(): BatchPosition {
    return this.#counter.position();
  }

  seek(position: BatchPosition): void {
    this.#counter.seek(position);
  }

  async next(): Promise<StreamBatch> {
    const { index } = this.#counter.take();
    const begin = index * this.#windowLength;
    const length = Math.min(this.#windowLength, this.partLength - begin);
    const batchSize = this.batchSize;
    const { tokens, length: cached, begin: cachedFrom } = await this.#covering(begin, length + 1);
    const inputs = new Int32Array(batchSize * length);
    const targets = new Int32Array(batchSize * length);
    for (let b = 0; b < batchSize; b++) {
      const at = b * cached + begin - cachedFrom;
      inputs.set(tokens.subarray(at, at + length), b * length);
      targets.set(tokens.subarray(at + 1, at + 1 + length), b * length);
    }
    return { inputs, targets, batchSize, length, isFirst: index === 0 };
  }

  /** Reads ahead, so that a file is read in large pieces. */
  async #covering(begin: number, length: number) {
    const cache = this.#cache;
    if (cache !== null && begin >= cache.begin && begin + length <= cache.begin + cache.length) return cache;
    const span = Math.min(Math.max(length, readAhead), this.partLength + 1 - begin);
    const tokens = new Int32Array(this.batchSize * span);
    const parts = Array.from({ length: this.batchSize }, (_, b) => this.#tokens.read(b * this.partLength + begin, span));
    for (const [b, part] of (await Promise.all(parts)).entries()) tokens.set(part, b * span);
    this.#cache = { begin, length: span, tokens };
    return this.#cache;
  }
}

function requireCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new ConfigError(`[StreamBatches] expected ${name} to be a whole number ≥ 1, received ${value}.`);
}
