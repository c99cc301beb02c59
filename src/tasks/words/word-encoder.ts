/** Words as numbers: of themselves, of their characters, and of whatever else is known of them. Sentences side by side, for WordFeatures. */
import { padSequences } from '../../data/sequence-batches.ts';
import { Vocabulary, type VocabularyJson } from '../../data/text/vocabulary.ts';
import type { CharacterBatch } from '../../nn/character-encoder.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';

/** Of a longer word, the first and the last half of so many characters are read. */
const longestWord = 40;

/** A sentence in numbers. */
export interface EncodedWords {
  /** Each word's number, [T]. */
  readonly words: Int32Array;
  /** Each word's characters; the same array for the same word, mostly. */
  readonly characters: readonly Int32Array[];
  /** Of each feature the values' numbers, [T]. */
  readonly features: readonly Int32Array[];
}

/** Sentences side by side. */
export interface WordBatch {
  /** B */
  readonly batchSize: number;
  /** T: words of the longest sentence. */
  readonly length: number;
  /** True lengths, [B]. */
  readonly lengths: Int32Array;
  /** [B, T] words; padding past a sentence's end. */
  readonly words: Int32Array;
  /** The distinct words as characters. */
  readonly characters: CharacterBatch;
  /** [B, T] which of the distinct words stands where; 0 past a sentence's end. */
  readonly forms: Int32Array;
  /** Of each feature, [B, T]. */
  readonly features: readonly Int32Array[];
}

/** What was seen, and how often. */
export class WordCounts {
  readonly lowercase: boolean;
  readonly words = new Map<string, number>();
  readonly characters = new Map<string, number>();
  /** Of each feature the values. */
  readonly features: readonly Map<string, number>[];

  /** @param options.features number of features; default 0 */
  constructor(options: { readonly lowercase: boolean; readonly features?: number }) {
    this.lowercase = options.lowercase;
    this.features = Array.from({ length: options.features ?? 0 }, () => new Map());
  }

  /** Counts the words of a sentence. @param features of each feature the words' values */
  add(words: readonly string[], features: readonly (readonly string[])[] = []): void {
    for (const word of words) {
      count(this.words, this.lowercase ? word.toLowerCase() : word);
      for (const character of charactersOf(word)) count(this.characters, character);
    }
    features.forEach((values, f) => {
      for (const value of values) count(this.features[f], value);
    });
  }
}

/** Which numbers there are. */
export interface WordVocabularies {
  /** Whether words are looked up lower-cased; characters never are. */
  readonly lowercase: boolean;
  readonly words: Vocabulary;
  readonly characters: Vocabulary;
  readonly features: readonly Vocabulary[];
}

/** An encoder as it stands in a model's configuration. */
export interface WordEncoderJson {
  readonly lowercase: boolean;
  readonly words: VocabularyJson;
  readonly characters: VocabularyJson;
  readonly features: readonly VocabularyJson[];
}

/**
 * Turns words into numbers. All vocabularies have a number for padding, 0, and one for the unknown.
 *
 * @example
 * const counts = new WordCounts({ lowercase: true });
 * for (const words of sentences) counts.add(words);
 * const encoder = WordEncoder.of(counts, { minCount: 2 });
 * const batch = encoder.collate(sentences.map((words) => encoder.encode(words)));
 */
export class WordEncoder implements WordVocabularies {
  readonly lowercase: boolean;
  readonly words: Vocabulary;
  readonly characters: Vocabulary;
  readonly features: readonly Vocabulary[];
  /** Words seen lately, so that equal words share their characters. */
  readonly #known = new Map<string, { readonly id: number; readonly characters: Int32Array }>();

  /** @throws ConfigError when a vocabulary lacks padding or the unknown */
  constructor({ lowercase, words, characters, features }: WordVocabularies) {
    for (const { paddingId, unknownId } of [words, characters, ...features]) {
      if (paddingId === null || unknownId === null) {
        throw new ConfigError('[WordEncoder] expected vocabularies with numbers for padding and the unknown.');
      }
    }
    this.lowercase = lowercase;
    this.words = words;
    this.characters = characters;
    this.features = features;
  }

  /**
   * Vocabularies of what was counted.
   *
   * @param options.minCount  words seen less often are unknown; default 1
   * @param options.maxWords  so many of the most frequent words are known; default: all
   * @param options.others    words that are known however often they were seen
   */
  static of(
    counts: WordCounts,
    options: { readonly minCount?: number; readonly maxWords?: number; readonly others?: Iterable<string> } = {},
  ): WordEncoder {
    const special = { padding: true, unknown: true } as const;
    const { minCount, maxWords: maxSize, others = [] } = options;
    const seen = Vocabulary.of(counts.words, { ...special, minCount, maxSize });
    const known = new Map([...seen.symbols, ...others].map((word) => [word, counts.words.get(word) ?? 0]));
    return new WordEncoder({
      lowercase: counts.lowercase,
      words: Vocabulary.of(known, { ...special, minCount: 0 }),
      characters: Vocabulary.of(counts.characters, special),
      features: counts.features.map((values) => Vocabulary.of(values, special)),
    });
  }

  /**
   * @param features  of each feature the words' values, in the order of the vocabularies
   * @throws ConfigError when features are missing, or are not one value a word
   */
  encode(words: readonly string[], features: readonly (readonly string[])[] = []): EncodedWords {
    if (features.length !== this.features.length || features.some((values) => values.length !== words.length)) {
      throw new ConfigError(
        `[WordEncoder] expected ${this.features.length} features of ${words.length} values, one a word, received ${features.length} of ${features.map((values) => values.length).join(', ')}.`,
      );
    }
    const known = words.map((word) => this.#lookUp(word));
    return {
      words: Int32Array.from(known, ({ id }) => id),
      characters: known.map(({ characters }) => characters),
      features: features.map((values, f) => Int32Array.from(values, (value) => this.features[f].id(value))),
    };
  }

  /** Whether a word has a number of its own. */
  knows(word: string): boolean {
    return this.words.has(this.lowercase ? word.toLowerCase() : word);
  }

  /** Sentences, at least one and each of at least one word, side by side. */
  collate(sentences: readonly EncodedWords[]): WordBatch {
    const { ids: words, lengths, batchSize, length } = padSequences(sentences.map((sentence) => sentence.words));
    const distinct = new Map<Int32Array, number>();
    const forms = new Int32Array(batchSize * length);
    sentences.forEach(({ characters }, b) => {
      characters.forEach((word, t) => {
        let form = distinct.get(word);
        if (form === undefined) {
          form = distinct.size;
          distinct.set(word, form);
        }
        forms[b * length + t] = form;
      });
    });
    const padded = padSequences([...distinct.keys()]);
    return {
      batchSize,
      length,
      lengths,
      words,
      characters: { ids: padded.ids, lengths: padded.lengths, count: padded.batchSize, length: padded.length },
      forms,
      features: this.features.map((_, f) => padSequences(sentences.map(({ features }) => features[f])).ids),
    };
  }

  /** For the model file. */
  toJSON(): WordEncoderJson {
    const { lowercase, words, characters, features } = this;
    return {
      lowercase,
      words: words.toJSON(),
      characters: characters.toJSON(),
      features: features.map((vocabulary) => vocabulary.toJSON()),
    };
  }

  /** @throws FormatError when it is no word encoder */
  static fromJSON(json: unknown): WordEncoder {
    const { lowercase, words, characters, features } = (json ?? {}) as Partial<WordEncoderJson>;
    if (typeof lowercase !== 'boolean' || !Array.isArray(features)) {
      throw new FormatError('vocabulary: expected lowercase, words, characters and features, as toJSON writes them.');
    }
    return new WordEncoder({
      lowercase,
      words: Vocabulary.fromJSON(words),
      characters: Vocabulary.fromJSON(characters),
      features: features.map((vocabulary) => Vocabulary.fromJSON(vocabulary)),
    });
  }

  #lookUp(word: string): { readonly id: number; readonly characters: Int32Array } {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    const entry = {
      id: this.words.id(this.lowercase ? word.toLowerCase() : word),
      characters: Int32Array.from(charactersOf(word), (character) => this.characters.id(character)),
    };
    // A stream of texts has no end of new words.
    if (this.#known.size >= mostKnown) this.#known.clear();
    this.#known.set(word, entry);
    return entry;
  }
}

const mostKnown = 200_000;

/** Code points; one space for a word without any. */
function charactersOf(word: string): readonly string[] {
  if (word === '') return [' '];
  const characters = Array.from(word);
  const half = longestWord / 2;
  return characters.length <= longestWord ? characters : [...characters.slice(0, half), ...characters.slice(-half)];
}

function count(counts: Map<string, number>, symbol: string): void {
  counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
}
