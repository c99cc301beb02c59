/** Words as vectors: what they are, how they are spelled, and what else is known of them. */
import * as v from 'valibot';
import { concat } from '../../autograd/ops/concat.ts';
import { gather } from '../../autograd/ops/gather.ts';
import { inScope } from '../../autograd/scope.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { Vocabulary } from '../../data/text/vocabulary.ts';
import { CharacterEncoder } from '../../nn/character-encoder.ts';
import { Embedding } from '../../nn/embedding.ts';
import { initialize, uniform } from '../../nn/initializers.ts';
import { Module } from '../../nn/module.ts';
import { ConfigError, ShapeError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { WordBatch, WordVocabularies } from './word-encoder.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000_000));

/** Of the part of a model's architecture that describes its words. */
export const wordFeaturesSchema = v.lazy(() =>
  v.object({
    wordVocabularySize: count,
    // 0: none
    wordEmbeddingSize: count,
    characterVocabularySize: count,
    characterEmbeddingSize: count,
    // units in each direction; 0: characters are not read
    characterHiddenSize: count,
    features: v.array(v.object({ name: v.string(), vocabularySize: count, embeddingSize: v.pipe(count, v.minValue(1)) })),
  }),
);

/** Sizes of the parts of a word's vector; 0 leaves a part out. */
export type WordFeaturesSizes = v.InferOutput<typeof wordFeaturesSchema>;

/** Sizes, and what training needs. */
export interface WordFeaturesOptions extends WordFeaturesSizes {
  /** [V] how often each word is taken as unknown while training; default: never. See `unknownRates`. */
  readonly unknownRates?: Float32Array | null;
  /** The number of an unknown word. Default 1, as `WordEncoder`'s. */
  readonly unknownId?: number;
  /** For first values and unknown words; default: different each time. */
  readonly rng?: Random;
}

/**
 * Words as vectors: a learnt vector of each word, its characters read by a bidirectional LSTM, and a learnt vector of each
 * value of each feature, side by side. Distinct words of a batch are spelled once. Parameters: `words.weight` [V, E];
 * `characters.…` as `CharacterEncoder`'s; `features.NAME.weight` [V, E].
 *
 * @example
 * const features = new WordFeatures({ ...sizesOf(encoder, { wordEmbeddingSize: 100, characterHiddenSize: 50 }), rng });
 * const x = features.forward(encoder.collate(sentences)); // [B, T, features.outputSize]
 */
export class WordFeatures extends Module {
  readonly sizes: WordFeaturesSizes;
  readonly words: Embedding | null;
  readonly characters: CharacterEncoder | null;
  readonly features: readonly Embedding[];
  /** E: numbers of a word's vector. */
  readonly outputSize: number;
  readonly rng: Random;
  readonly #unknownRates: Float32Array | null;
  readonly #unknownId: number;

  /** @throws ConfigError when no part is left */
  constructor({ unknownRates = null, unknownId = 1, rng = Random.fromEntropy(), ...sizes }: WordFeaturesOptions) {
    super();
    const { wordVocabularySize, wordEmbeddingSize, characterVocabularySize, characterEmbeddingSize, characterHiddenSize } = sizes;
    this.sizes = sizes;
    this.rng = rng;
    this.#unknownRates = unknownRates;
    this.#unknownId = unknownId;
    const table = (name: string, vocabularySize: number, embeddingSize: number): Embedding => {
      const embedding = this.child(name, new Embedding({ vocabularySize, embeddingSize, rng }));
      // Standard normal, an embedding's own first values, would drown what the characters say: here vectors of length about 1.
      initialize(embedding.weight, (values) => uniform(values, Math.sqrt(3 / embeddingSize), rng));
      return embedding;
    };
    this.words = wordEmbeddingSize === 0 ? null : table('words', wordVocabularySize, wordEmbeddingSize);
    this.characters =
      characterHiddenSize === 0
        ? null
        : this.child(
            'characters',
            new CharacterEncoder({
              vocabularySize: characterVocabularySize,
              embeddingSize: characterEmbeddingSize,
              hiddenSize: characterHiddenSize,
              rng,
            }),
          );
    this.features = sizes.features.map(({ name, vocabularySize, embeddingSize }) =>
      table(`features.${name}`, vocabularySize, embeddingSize),
    );
    this.outputSize =
      wordEmbeddingSize + (this.characters?.outputSize ?? 0) + sizes.features.reduce((sum, { embeddingSize }) => sum + embeddingSize, 0);
    if (this.outputSize === 0) {
      throw new ConfigError('[WordFeatures] expected words, characters or a feature to make vectors of, received sizes of 0 for all.');
    }
  }

  /** @returns [B, T, outputSize]; past a sentence's end it holds what no layer that is told the lengths will read */
  forward(batch: WordBatch): Tensor {
    const { backend } = this;
    const ids = (values: Int32Array): Tensor => tensor(values, { shape: [batch.batchSize, batch.length], dtype: 'int32', backend });
    if (batch.features.length !== this.features.length) {
      throw new ShapeError(`[WordFeatures] expected ${this.features.length} features, received ${batch.features.length}.`);
    }
    return inScope(() => {
      const parts: Tensor[] = [];
      if (this.words !== null) parts.push(this.words.forward(ids(this.isTraining ? this.#withUnknowns(batch.words) : batch.words)));
      if (this.characters !== null) parts.push(gather(this.characters.forward(batch.characters), ids(batch.forms)));
      this.features.forEach((feature, f) => {
        parts.push(feature.forward(ids(batch.features[f])));
      });
      return parts.length === 1 ? parts[0] : concat(parts, 2);
    });
  }

  /**
   * Takes over vectors made elsewhere as the words' first ones.
   *
   * @param vectors  by word, as the vocabulary has it
   * @returns        how many words have one
   * @throws ConfigError when vectors are not of wordEmbeddingSize
   */
  useVectors(vectors: ReadonlyMap<string, Float32Array>, vocabulary: Vocabulary): number {
    if (this.words === null) throw new ConfigError('[WordFeatures] expected a word embedding to put vectors into; wordEmbeddingSize is 0.');
    const { embeddingSize: E, weight } = this.words;
    const values = weight.dataSync();
    let found = 0;
    for (const [word, vector] of vectors) {
      if (!vocabulary.has(word)) continue;
      if (vector.length !== E)
        throw new ConfigError(`[WordFeatures] expected vectors of ${E} numbers, received ${vector.length} for "${word}".`);
      values.set(vector, vocabulary.id(word) * E);
      found++;
    }
    weight.assign(values);
    return found;
  }

  /** The words, some of them unknown by chance, so that the vector of the unknown is learnt, and what to do without a word's own. */
  #withUnknowns(words: Int32Array): Int32Array {
    const rates = this.#unknownRates;
    if (rates === null) return words;
    const chance = this.rng.fillUniform(new Float32Array(words.length));
    return words.map((word, i) => (chance[i] < rates[word] ? this.#unknownId : word));
  }
}

/** The sizes of an encoder's vocabularies beside those of the vectors. */
export function sizesOf(
  { words, characters, features }: WordVocabularies,
  sizes: {
    readonly wordEmbeddingSize: number;
    readonly characterEmbeddingSize: number;
    readonly characterHiddenSize: number;
    readonly features: readonly { readonly name: string; readonly embeddingSize: number }[];
  },
): WordFeaturesSizes {
  return {
    ...sizes,
    wordVocabularySize: words.size,
    characterVocabularySize: characters.size,
    features: sizes.features.map((feature, f) => ({ ...feature, vocabularySize: features[f].size })),
  };
}

/**
 * How often each word is taken as unknown while training: a word seen n times with probability rate / (rate + n), so rare
 * ones often and frequent ones hardly ever.
 *
 * @param counts  of words as the vocabulary has them
 * @param rate    0.25 is a usual one; 0: never
 * @see Kiperwasser & Goldberg (2016), arXiv:1603.04351
 */
export function unknownRates(vocabulary: Vocabulary, counts: ReadonlyMap<string, number>, rate: number): Float32Array | null {
  if (rate === 0) return null;
  const rates = new Float32Array(vocabulary.size);
  for (const symbol of vocabulary.symbols) rates[vocabulary.id(symbol)] = rate / (rate + (counts.get(symbol) ?? 0));
  return rates;
}
