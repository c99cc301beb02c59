/** What turns text into the integers that a model reads, and back. Three ways, each in its own file: char, word, bpe. */
import { FormatError, unknownName } from '../../tensor/errors.ts';
import { BpeTokenizer, type BpeTokenizerJson } from './bpe-tokenizer.ts';
import { BpeTrainer } from './bpe-trainer.ts';
import { CharTokenizer, type CharTokenizerJson, CharVocabularyBuilder } from './char-tokenizer.ts';
import { WordTokenizer, type WordTokenizerJson, WordVocabularyBuilder } from './word-tokenizer.ts';

/** What a token is: a Unicode character, a word, or a byte sequence learnt by byte-pair encoding. */
export type TextLevel = 'char' | 'word' | 'bpe';
export const textLevels: readonly TextLevel[] = ['char', 'word', 'bpe'];

/** A text's tokenisation, both ways. Immutable; `toJSON` is what a model file keeps. */
export interface Tokenizer {
  readonly level: TextLevel;
  /** Number of tokens, V. */
  readonly size: number;
  /** The token for what the vocabulary lacks; null when nothing can be lacking. */
  readonly unknownId: number | null;
  /** The ids of a text, each in 0…V−1. */
  encode(text: string): Int32Array;
  /** Encodes a text that comes in pieces: the same tokens as `encode` of the whole. */
  encoder(emit: (id: number) => void): TextSink;
  /** The text of these ids. */
  decode(ids: Iterable<number>): string;
  /** Decodes token by token, for a screen: the parts joined are `decode` of all. */
  decoder(): TokenDecoder;
  /** One token for people: `"e"`, `"whale"`, `" the"`, `<unk>`. */
  show(id: number): string;
  /** Plain JSON, from which `tokenizerFromJson` makes it again. */
  toJSON(): TokenizerJson;
}

/** Takes a text in pieces, cut anywhere between two code points. */
export interface TextSink {
  /** The next piece of the text. */
  push(text: string): void;
  /** Nothing follows. */
  end(): void;
}

/** Turns tokens back into text, one at a time. */
export interface TokenDecoder {
  /** The text that is certain now; may be '' while a character is incomplete. */
  push(id: number): string;
  /** What was held back. */
  end(): string;
}

/** Counts a text, then makes the vocabulary. */
export interface TokenizerBuilder extends TextSink {
  /**
   * The vocabulary of the texts pushed so far.
   *
   * @throws FormatError when nothing is left of them
   */
  build(): Tokenizer;
}

/** Which tokens a vocabulary takes in. */
export interface VocabularyOptions {
  /** Tokens seen less often are unknown (char, word). */
  readonly minCount: number;
  /** Most tokens there may be, special ones included. */
  readonly vocabularySize: number;
  /** Lower-case the text first (word). */
  readonly lowercase: boolean;
}

/** What a model file keeps of a tokenizer. */
export type TokenizerJson = CharTokenizerJson | WordTokenizerJson | BpeTokenizerJson;

/**
 * Counts texts for a vocabulary of this level.
 *
 * @throws FormatError when the level is unknown, or the vocabulary too small for it
 */
export function tokenizerBuilder(level: TextLevel, options: VocabularyOptions): TokenizerBuilder {
  switch (level) {
    case 'char':
      return new CharVocabularyBuilder(options);
    case 'word':
      return new WordVocabularyBuilder(options);
    case 'bpe':
      return new BpeTrainer(options);
    default:
      throw new FormatError(unknownName('level', level satisfies never, textLevels));
  }
}

/** The tokenizer of a model file. @throws FormatError when it is not one */
export function tokenizerFromJson(json: TokenizerJson): Tokenizer {
  switch (json.level) {
    case 'char':
      return CharTokenizer.fromJson(json);
    case 'word':
      return WordTokenizer.fromJson(json);
    case 'bpe':
      return BpeTokenizer.fromJson(json);
    default:
      throw new FormatError(`[tokenizer] ${unknownName('level', String((json as { level?: unknown }).level), textLevels)}`);
  }
}
