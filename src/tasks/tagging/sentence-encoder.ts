/** All that turns sentences into a tagger's numbers, and its numbers into tags. */
import { padFeatures } from '../../data/sequence-batches.ts';
import type { EncodedWords } from '../words/word-encoder.ts';
import { WordEncoder } from '../words/word-encoder.ts';
import type { CharacterContext } from './character-context.ts';
import type { TaggingVocabulary } from './config.ts';
import { convertTags } from './entity-schemes.ts';
import type { SentenceBatch } from './model.ts';
import { type FeatureTokens, TokenFeatures } from './token-features.ts';

/** A sentence in numbers. */
export interface EncodedSentence {
  readonly words: EncodedWords;
  /** T */
  readonly length: number;
  /** [T, D] states of language models; null where there are none. */
  readonly context: Float32Array | null;
}

/** Sentences as numbers: words, their characters and features, states of language models; and tags to numbers and back. */
export class SentenceEncoder {
  readonly vocabulary: TaggingVocabulary;
  readonly words: WordEncoder;
  readonly features: TokenFeatures;
  readonly #contexts: readonly CharacterContext[];
  readonly #tagIds: ReadonlyMap<string, number>;

  constructor(vocabulary: TaggingVocabulary, contexts: readonly CharacterContext[], words = WordEncoder.fromJSON(vocabulary.words)) {
    this.vocabulary = vocabulary;
    this.words = words;
    this.features = new TokenFeatures(vocabulary.features, vocabulary.columns, vocabulary.gazetteers);
    this.#contexts = contexts;
    this.#tagIds = new Map(vocabulary.tags.map((tag, id) => [tag, id]));
  }

  /** Each sentence by itself, ready to be put into batches. */
  encode(sentences: readonly FeatureTokens[]): EncodedSentence[] {
    const contexts = this.#contexts.map((context) => ({
      size: context.size,
      vectors: context.vectorsOf(sentences.map(({ words }) => words)),
    }));
    return sentences.map((sentence, s) => ({
      words: this.words.encode(sentence.words, this.features.valuesOf(sentence)),
      length: sentence.words.length,
      context:
        contexts.length === 0
          ? null
          : sideBySide(
              contexts.map(({ vectors, size }) => ({ values: vectors[s], size })),
              sentence.words.length,
            ),
    }));
  }

  /** Tags as the model learns them, by number. @param tags as in the data, each one that the training data has */
  encodeTags(tags: readonly string[]): Int32Array {
    const { learntScheme } = this.vocabulary;
    const learnt = learntScheme === null ? tags : convertTags(tags, learntScheme);
    return Int32Array.from(learnt, (tag) => this.#tagIds.get(tag)!);
  }

  /** Tags as the data write them. */
  decodeTags(ids: Int32Array): string[] {
    const { tags, scheme, learntScheme } = this.vocabulary;
    const learnt = Array.from(ids, (id) => tags[id]);
    return scheme === null || scheme === learntScheme ? learnt : convertTags(learnt, scheme);
  }

  /** Sentences side by side, the shorter ones padded. */
  collate(sentences: readonly EncodedSentence[]): SentenceBatch {
    const words = this.words.collate(sentences.map((sentence) => sentence.words));
    if (this.#contexts.length === 0) return { words, context: null };
    const size = this.#contexts.reduce((sum, context) => sum + context.size, 0);
    const { values } = padFeatures(
      sentences.map(({ context }) => context!),
      size,
    );
    return { words, context: values };
  }
}

/** Vectors of several sizes for the same T words, as one. [T, Σ size] */
function sideBySide(parts: readonly { readonly values: Float32Array; readonly size: number }[], T: number): Float32Array {
  const width = parts.reduce((sum, { size }) => sum + size, 0);
  const joined = new Float32Array(T * width);
  let column = 0;
  for (const { values, size } of parts) {
    for (let t = 0; t < T; t++) joined.set(values.subarray(t * size, (t + 1) * size), t * width + column);
    column += size;
  }
  return joined;
}
