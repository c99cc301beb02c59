/** One token a Unicode character (code point). Unknown ones are `<unk>`, shown as U+FFFD. */
import { FormatError } from '../../tensor/errors.ts';
import type { TextSink, TokenDecoder, Tokenizer, TokenizerBuilder, VocabularyOptions } from './tokenizer.ts';

/** What a model file keeps of a character tokenizer. */
export interface CharTokenizerJson {
  readonly level: 'char';
  /** Every known character once; the first has id 1. */
  readonly characters: string;
}

const unknownId = 0;

export class CharTokenizer implements Tokenizer {
  readonly level = 'char';
  readonly size: number;
  readonly unknownId = unknownId;
  readonly #characters: readonly string[];
  /** Ids of the basic plane by code unit; of others by code point. */
  readonly #basic = new Int32Array(0x10000);
  readonly #astral = new Map<number, number>();

  /** @param characters every known character once, in the order of their ids */
  constructor(characters: readonly string[]) {
    this.#characters = ['\ufffd', ...characters];
    this.size = this.#characters.length;
    characters.forEach((character, i) => {
      const point = character.codePointAt(0)!;
      if (point < 0x10000) this.#basic[point] = i + 1;
      else this.#astral.set(point, i + 1);
    });
  }

  /**
   * The tokenizer that `toJSON` wrote.
   *
   * @throws FormatError when the characters are malformed
   */
  static fromJson(json: CharTokenizerJson): CharTokenizer {
    if (typeof json.characters !== 'string') throw new FormatError('[tokenizer] expected "characters" to be a string.');
    const characters = Array.from(json.characters);
    if (characters.length === 0) throw new FormatError('[tokenizer] expected at least one character, received none.');
    if (new Set(characters).size !== characters.length) throw new FormatError('[tokenizer] "characters" holds a character twice.');
    return new CharTokenizer(characters);
  }

  encode(text: string): Int32Array {
    const ids = new Int32Array(text.length);
    let count = 0;
    this.encoder((id) => {
      ids[count++] = id;
    }).push(text);
    return ids.slice(0, count);
  }

  encoder(emit: (id: number) => void): TextSink {
    return {
      push: (text) => {
        for (let i = 0; i < text.length; i++) {
          const unit = text.charCodeAt(i);
          if (unit >= 0xd800 && unit < 0xdc00) {
            emit(this.#astral.get(text.codePointAt(i)!) ?? unknownId);
            i++;
          } else emit(this.#basic[unit]);
        }
      },
      end: () => {},
    };
  }

  decode(ids: Iterable<number>): string {
    let text = '';
    for (const id of ids) text += this.#characters[id] ?? '\ufffd';
    return text;
  }

  decoder(): TokenDecoder {
    return { push: (id) => this.#characters[id] ?? '\ufffd', end: () => '' };
  }

  show(id: number): string {
    return id === unknownId ? '<unk>' : JSON.stringify(this.#characters[id]);
  }

  toJSON(): CharTokenizerJson {
    return { level: 'char', characters: this.#characters.slice(1).join('') };
  }
}

/** Counts characters; the vocabulary is in code-point order. */
export class CharVocabularyBuilder implements TokenizerBuilder {
  readonly #options: VocabularyOptions;
  readonly #basic = new Float64Array(0x10000);
  readonly #astral = new Map<number, number>();

  constructor(options: VocabularyOptions) {
    this.#options = options;
  }

  push(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0xd800 && unit < 0xdc00) {
        const point = text.codePointAt(i++)!;
        this.#astral.set(point, (this.#astral.get(point) ?? 0) + 1);
      } else this.#basic[unit]++;
    }
  }

  end(): void {}

  build(): CharTokenizer {
    const { minCount, vocabularySize } = this.#options;
    const counts = new Map(this.#astral);
    this.#basic.forEach((count, unit) => {
      if (count > 0) counts.set(unit, count);
    });
    const kept = [...counts]
      .filter(([, count]) => count >= minCount)
      .sort(([a, countA], [b, countB]) => countB - countA || a - b)
      .slice(0, vocabularySize - 1)
      .map(([point]) => point)
      .sort((a, b) => a - b);
    if (kept.length === 0) throw new FormatError(`[tokenizer] no character occurs ${minCount} times or more; lower minCount.`);
    return new CharTokenizer(kept.map((point) => String.fromCodePoint(point)));
  }
}
