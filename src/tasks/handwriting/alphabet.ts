/** Characters as classes: 0 is CTC's blank, k + 1 the k-th character. */
import { FormatError } from '../../tensor/errors.ts';
import { charactersOf } from '../metrics/error-rate.ts';
import type { Handwriting } from './ink.ts';

/** The characters that a recogniser knows. */
export class Alphabet {
  readonly characters: readonly string[];
  readonly #classes: ReadonlyMap<string, number>;

  constructor(characters: readonly string[]) {
    this.characters = characters;
    this.#classes = new Map(characters.map((character, k) => [character, k + 1]));
  }

  /** All characters of texts, by their code points. */
  static of(texts: Iterable<string>): Alphabet {
    const seen = new Set<string>();
    for (const text of texts) for (const character of charactersOf(text)) seen.add(character);
    return new Alphabet([...seen].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  /** V: characters and the blank. */
  get classes(): number {
    return this.characters.length + 1;
  }

  /** −1: not known. */
  classOf(character: string): number {
    return this.#classes.get(character) ?? -1;
  }

  /** Classes of a line's text. @throws FormatError when it has none, or a character is not known */
  encode({ text, file, line }: Handwriting): Int32Array {
    if (text === null) throw new FormatError('expected a text of this line, found none.', { file, line });
    return Int32Array.from(charactersOf(text), (character) => {
      const k = this.classOf(character);
      if (k > 0) return k;
      throw new FormatError(`a character that the training data do not have: ${JSON.stringify(character)}, in "${text}".`, { file, line });
    });
  }

  /** The text of classes; the blank is none. */
  decode(classes: ArrayLike<number>): string {
    return Array.from(classes, (k) => this.characters[k - 1]).join('');
  }
}
