/**
 * Words over an open vocabulary. A token is a number, a word (letters, digits, and apostrophes or hyphens inside), any other
 * mark alone, or the end of a line (`<eos>`). Spaces are not tokens: `decode` puts them back by the usual rules of
 * typesetting, so that running text returns as it was, but for runs of spaces and the spacing of unusual marks.
 * Ids go from frequent to rare, as adaptive softmax wants it.
 */
import { FormatError } from '../../tensor/errors.ts';
import { pattern } from './pattern.ts';
import { PieceBuffer } from './piece-buffer.ts';
import type { TextSink, TokenDecoder, Tokenizer, TokenizerBuilder, VocabularyOptions } from './tokenizer.ts';
import { WordCounts } from './word-counts.ts';

/** What a model file keeps of a word tokenizer. */
export interface WordTokenizerJson {
  readonly level: 'word';
  /** From frequent to rare; the first has id 2, after `<unk>` and `<eos>`. */
  readonly words: readonly string[];
  readonly lowercase: boolean;
}

const unknownId = 0;
const endOfLineId = 1;
const specials = ['<unk>', '<eos>'];

const tokenPattern = pattern('gu')`\n|\p{N}+(?:[.,]\p{N}+)+|[\p{L}\p{M}\p{N}_]+(?:['’-][\p{L}\p{M}\p{N}_]+)*|\S`;

/** The tokens of a text, as strings; '\n' ends a line. */
function words(text: string, lowercase: boolean): Iterable<string> {
  return (lowercase ? text.toLowerCase() : text).match(tokenPattern()) ?? [];
}

export class WordTokenizer implements Tokenizer {
  readonly level = 'word';
  readonly size: number;
  readonly unknownId = unknownId;
  readonly #words: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #lowercase: boolean;

  /** @param known from frequent to rare, without the special tokens */
  constructor(known: readonly string[], lowercase = false) {
    this.#words = [...specials, ...known];
    this.#ids = new Map<string, number>([['\n', endOfLineId], ...known.map((word, i): [string, number] => [word, i + specials.length])]);
    this.#lowercase = lowercase;
    this.size = this.#words.length;
  }

  /**
   * The tokenizer that `toJSON` wrote.
   *
   * @throws FormatError when the words are malformed
   */
  static fromJson(json: WordTokenizerJson): WordTokenizer {
    if (!Array.isArray(json.words) || json.words.some((word) => typeof word !== 'string')) {
      throw new FormatError('[tokenizer] expected "words" to be a list of strings.');
    }
    if (new Set(json.words).size !== json.words.length) throw new FormatError('[tokenizer] "words" holds a word twice.');
    return new WordTokenizer(json.words, json.lowercase === true);
  }

  encode(text: string): Int32Array {
    return Int32Array.from(words(text, this.#lowercase), (word) => this.#ids.get(word) ?? unknownId);
  }

  encoder(emit: (id: number) => void): TextSink {
    return new PieceBuffer((piece) => {
      for (const word of words(piece, this.#lowercase)) emit(this.#ids.get(word) ?? unknownId);
    });
  }

  decode(ids: Iterable<number>): string {
    const decoder = this.decoder();
    let text = '';
    for (const id of ids) text += decoder.push(id);
    return text + decoder.end();
  }

  decoder(): TokenDecoder {
    let wantsSpace = false;
    let isQuoteOpen = false;
    return {
      push: (id) => {
        if (id === endOfLineId) {
          wantsSpace = false;
          isQuoteOpen = false;
          return '\n';
        }
        const word = this.#words[id] ?? specials[unknownId];
        const isClosing = word === '"' ? isQuoteOpen : /^[.,;:!?)\]}%’”»…]$/u.test(word);
        const text = wantsSpace && !isClosing && word !== '—' ? ` ${word}` : word;
        if (word === '"') isQuoteOpen = !isQuoteOpen;
        wantsSpace = word === '"' ? !isQuoteOpen : !/^[([{“‘«—$£€#@]$/u.test(word);
        return text;
      },
      end: () => '',
    };
  }

  show(id: number): string {
    return id < specials.length ? specials[id] : JSON.stringify(this.#words[id]);
  }

  toJSON(): WordTokenizerJson {
    return { level: 'word', words: this.#words.slice(specials.length), lowercase: this.#lowercase };
  }
}

/** Counts words; the vocabulary is the most frequent ones. */
export class WordVocabularyBuilder implements TokenizerBuilder {
  readonly #options: VocabularyOptions;
  readonly #counts = new WordCounts();
  readonly #pieces: PieceBuffer;

  constructor(options: VocabularyOptions) {
    this.#options = options;
    this.#pieces = new PieceBuffer((piece) => {
      for (const word of words(piece, options.lowercase)) if (word !== '\n') this.#counts.add(word);
    });
  }

  push(text: string): void {
    this.#pieces.push(text);
  }

  end(): void {
    this.#pieces.end();
  }

  build(): WordTokenizer {
    const { minCount, vocabularySize, lowercase } = this.#options;
    if (vocabularySize <= specials.length) {
      throw new FormatError(
        `[tokenizer] word level needs a vocabularySize above ${specials.length}, for ${specials.map((token) => JSON.stringify(token)).join(', ')} and a word at least, received ${vocabularySize}.`,
      );
    }
    const kept = this.#counts.ranked(minCount).slice(0, vocabularySize - specials.length);
    if (kept.length === 0) throw new FormatError(`[tokenizer] no word occurs ${minCount} times or more; lower minCount.`);
    return new WordTokenizer(
      kept.map(([word]) => word),
      lowercase,
    );
  }
}
