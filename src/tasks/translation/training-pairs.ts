/** From pairs of sentences to what a translator learns from: vocabularies, numbers, batches. */
import type { BatchPosition, BatchSource } from '../../data/batch-source.ts';
import { padSequences, SequenceBatches } from '../../data/sequence-batches.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { Fingerprint } from '../fingerprint.ts';
import type { TranslationBatch } from './model.ts';
import type { ResolvedOptions } from './options.ts';
import { type PairFiles, readPairs, type SentencePair } from './sentence-pairs.ts';
import { encodeSentence } from './translate.ts';
import { paddingId, SentenceVocabulary, startId } from './vocabulary.ts';

/** A pair in numbers, each with its end. */
export interface EncodedPair {
  readonly source: Int32Array;
  readonly target: Int32Array;
}

/** What is learnt from, what it is validated on, and what the numbers stand for. */
export interface TranslationData {
  readonly source: SentenceVocabulary;
  /** The same where both languages share one. */
  readonly target: SentenceVocabulary;
  readonly train: readonly EncodedPair[];
  readonly valid: readonly (EncodedPair & { readonly pair: SentencePair })[];
  /** Pairs that are too long to learn from. */
  readonly tooLong: number;
  /** Of all that was read. */
  readonly fingerprint: string;
}

/**
 * Reads the files, learns vocabularies of the training part, and encodes.
 *
 * @throws FormatError, FileError as `readPairs`; ConfigError when nothing is left to learn from
 */
export async function readTranslationData(
  files: { readonly train: PairFiles; readonly valid?: PairFiles },
  options: ResolvedOptions,
): Promise<TranslationData> {
  const given = (await readPairs(files.train, options)).map(cased);
  const apart = files.valid === undefined || files.valid.length === 0 ? null : (await readPairs(files.valid, options)).map(cased);
  const [train, valid] = apart === null ? setAside(given, options) : [given, apart];
  const { level, vocabularySize: size, minCount, jointVocabulary, maxLength } = options;
  const learn = (...sides: ('source' | 'target')[]) =>
    SentenceVocabulary.learn(
      sides.flatMap((side) => train.map((pair) => pair[side])),
      { level, size, minCount },
    );
  const source = jointVocabulary ? learn('source', 'target') : learn('source');
  const target = jointVocabulary ? source : learn('target');
  const encode = (pair: SentencePair) => ({
    source: encodeSentence(source, pair.source),
    target: encodeSentence(target, pair.target),
    pair,
  });
  const encoded = train.map(encode);
  const kept = encoded.filter((pair) => Math.max(pair.source.length, pair.target.length) <= maxLength + 1);
  if (kept.length === 0) {
    throw new ConfigError(`maxLength: expected a pair of at most ${maxLength} pieces a side, found none. Raise it, or cut the sentences.`);
  }
  const fingerprint = new Fingerprint();
  for (const pair of [...train, ...valid]) fingerprint.text(pair.source).text(pair.target);
  return {
    source,
    target,
    train: kept,
    valid: valid.map(encode),
    tooLong: train.length - kept.length,
    fingerprint: fingerprint.toString(),
  };

  function cased(pair: SentencePair): SentencePair {
    return options.lowercase ? { ...pair, source: pair.source.toLowerCase(), target: pair.target.toLowerCase() } : pair;
  }
}

function setAside(pairs: readonly SentencePair[], { validFraction, seed }: ResolvedOptions): [SentencePair[], SentencePair[]] {
  if (pairs.length < 2) {
    throw new ConfigError(`expected at least two pairs, to learn from one and validate on another, received ${pairs.length}.`);
  }
  const count = Math.min(pairs.length - 1, Math.max(1, Math.round(pairs.length * validFraction)));
  const isAside = new Set(new Random(seed).fork('validation').permutation(pairs.length).subarray(0, count));
  return [pairs.filter((_, i) => !isAside.has(i)), pairs.filter((_, i) => isAside.has(i))];
}

/** Pairs side by side: the decoder reads the start and the translation, and is to say the translation and its end. */
export function collatePairs(pairs: readonly EncodedPair[]): TranslationBatch {
  return {
    source: padSequences(
      pairs.map(({ source }) => source),
      paddingId,
    ),
    inputs: padSequences(
      pairs.map(({ target }) => Int32Array.of(startId, ...target.subarray(0, -1))),
      paddingId,
    ),
    targets: padSequences(
      pairs.map(({ target }) => target),
      paddingId,
    ).ids,
  };
}

/** Batches of pairs of about one length, and how many epochs lie before each. */
export class PairBatches implements BatchSource<TranslationBatch & { readonly epochs: number }> {
  readonly #batches: SequenceBatches<TranslationBatch>;

  constructor(pairs: readonly EncodedPair[], options: { readonly batchSize: number; readonly seed: number }) {
    // By translations, as the decoder does the most work, and by sources among equals.
    const lengths = pairs.map(({ source, target }) => target.length * 65_536 + source.length);
    this.#batches = new SequenceBatches(lengths, { ...options, poolSize: 20 }, (indices) => collatePairs(indices.map((i) => pairs[i])));
  }

  get epoch(): number {
    return this.#batches.epoch;
  }

  get batchesPerEpoch(): number {
    return this.#batches.batchesPerEpoch;
  }

  async next() {
    const { epoch, index } = this.position();
    return { ...(await this.#batches.next()), epochs: epoch + index / this.batchesPerEpoch };
  }

  position(): BatchPosition {
    return this.#batches.position();
  }

  seek(position: BatchPosition): void {
    this.#batches.seek(position);
  }
}
