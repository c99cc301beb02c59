/** What sentences are to a translator: pieces with numbers, and the marks of a sentence's beginning and end. */
import type { BpeTokenizerJson } from '../../data/text/bpe-tokenizer.ts';
import { BpeTokenizer } from '../../data/text/bpe-tokenizer.ts';
import { BpeTrainer } from '../../data/text/bpe-trainer.ts';
import { Vocabulary, type VocabularyJson } from '../../data/text/vocabulary.ts';
import { FormatError, unknownName } from '../../tensor/errors.ts';

/** What a piece of a sentence is: bytes learnt by byte-pair encoding, or a word between spaces. */
export const levels = ['bpe', 'word'] as const;
/** `bpe` or `word`. */
export type TranslationLevel = (typeof levels)[number];

/** Fills sequences up; it stands in no sentence. */
export const paddingId = 0;
/** What stands before a translation. */
export const startId = 1;
/** What ends a sentence. */
export const endId = 2;
/** Tokens of no text. */
const marks = ['<padding>', '<start>', '<end>'];

/** What a model file keeps. */
export type SentenceVocabularyJson =
  | { readonly level: 'bpe'; readonly bpe: BpeTokenizerJson }
  | { readonly level: 'word'; readonly words: VocabularyJson };

/** Numbers for the pieces of sentences of one language, or of two together. Made by `learn`. */
export class SentenceVocabulary {
  readonly level: TranslationLevel;
  readonly #bpe: BpeTokenizer | null;
  readonly #words: Vocabulary | null;

  private constructor(bpe: BpeTokenizer | null, words: Vocabulary | null) {
    this.level = bpe === null ? 'word' : 'bpe';
    this.#bpe = bpe;
    this.#words = words;
  }

  /**
   * The vocabulary of sentences.
   *
   * @param options size: most pieces, the marks included; minCount: of words, those seen less often are unknown
   * @throws FormatError when byte-pair encoding has no room for the 256 bytes
   */
  static learn(
    sentences: Iterable<string>,
    { level, size, minCount }: { readonly level: TranslationLevel; readonly size: number; readonly minCount: number },
  ): SentenceVocabulary {
    if (level === 'bpe') {
      const trainer = new BpeTrainer({ vocabularySize: size - marks.length });
      for (const sentence of sentences) trainer.push(`${spaced(sentence)}\n`);
      trainer.end();
      return new SentenceVocabulary(trainer.build(), null);
    }
    const counts = new Map<string, number>();
    for (const sentence of sentences) for (const word of wordsOf(sentence)) counts.set(word, (counts.get(word) ?? 0) + 1);
    // One more stands for all unknown words.
    const maxSize = size - marks.length - 1;
    return new SentenceVocabulary(null, Vocabulary.of(counts, { minCount, maxSize, unknown: true }));
  }

  /** @throws FormatError when it is not what `toJSON` writes */
  static fromJSON(json: SentenceVocabularyJson): SentenceVocabulary {
    if (json?.level === 'bpe') return new SentenceVocabulary(BpeTokenizer.fromHuggingFace(json.bpe?.tokenizer), null);
    if (json?.level === 'word') return new SentenceVocabulary(null, Vocabulary.fromJSON(json.words));
    throw new FormatError(`vocabulary: ${unknownName('level', String((json as { level?: unknown } | null)?.level), levels)}`);
  }

  /** What `fromJSON` reads. */
  toJSON(): SentenceVocabularyJson {
    return this.#bpe === null ? { level: 'word', words: this.#words!.toJSON() } : { level: 'bpe', bpe: this.#bpe.toJSON() };
  }

  /** V: marks, and pieces. */
  get size(): number {
    return marks.length + (this.#bpe ?? this.#words!).size;
  }

  /** The number that stands for all words that have none; null: every text has pieces. */
  get unknownId(): number | null {
    return this.#words === null ? null : marks.length + this.#words.unknownId!;
  }

  /** The pieces of a sentence, each in 3…V−1, without marks. */
  encode(sentence: string): Int32Array {
    if (this.#bpe !== null) return this.#bpe.encode(spaced(sentence)).map((id) => id + marks.length);
    return Int32Array.from(wordsOf(sentence), (word) => this.#words!.id(word) + marks.length);
  }

  /** The text of pieces; marks leave none. */
  decode(ids: ArrayLike<number>): string {
    const own = Array.from(ids).flatMap((id) => (id < marks.length ? [] : [id - marks.length]));
    if (this.#bpe !== null) return this.#bpe.decode(own).trim();
    return own.map((id) => this.#words!.symbol(id)).join(' ');
  }

  /** Each piece for people, with the space before it where it has one. */
  show(ids: ArrayLike<number>): string[] {
    return Array.from(ids, (id) => {
      if (id < marks.length) return marks[id];
      return this.#bpe === null ? this.#words!.symbol(id - marks.length) : this.#bpe.decode([id - marks.length]);
    });
  }
}

/** Words keep the space before them: also the first one, so that it is the same piece wherever it stands. */
function spaced(sentence: string): string {
  return ` ${wordsOf(sentence).join(' ')}`;
}

function wordsOf(sentence: string): string[] {
  return sentence.split(/\s+/u).filter((word) => word !== '');
}
