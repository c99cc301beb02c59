/** What is said, as symbols: characters, words, or phonemes between blanks. Class 0 is CTC's blank, k + 1 the k-th symbol. */
import { pattern } from '../../data/text/pattern.ts';
import type { spellings, units as unitNames } from './options.ts';

/** What a transcript is made of. */
export type Unit = (typeof unitNames)[number];
/** How a transcript is written before it is compared; see `spell`. */
export type Spelling = (typeof spellings)[number];

/** Apostrophes within words, and all that is neither letter nor digit. */
const marks = pattern('gu')`(?<=[\p{L}\p{N}])'(?=[\p{L}\p{N}])|[^\p{L}\p{M}\p{N}]`;
const strayApostrophes = pattern('gu')`(?<![\p{L}\p{N}])'|'(?![\p{L}\p{N}])`;

/**
 * A transcript as it is compared: blanks made single; 'lower': lower case too; 'plain': punctuation gone too, but apostrophes and
 * hyphens within words become part of the word or a blank.
 *
 * @example spell('Call-Forward on  No Answer.', 'plain') // 'call forward on no answer'
 */
export function spell(text: string, spelling: Spelling): string {
  const lower = spelling === 'as-is' ? text : text.toLowerCase();
  const plain = spelling === 'plain' ? lower.replaceAll(/[’ʼ]/gu, "'").replaceAll(marks(), (c) => (c === "'" ? c : ' ')) : lower;
  const kept = spelling === 'plain' ? plain.replaceAll(strayApostrophes(), ' ') : plain;
  return kept.replaceAll(/\s+/gu, ' ').trim();
}

/** The symbols that a recogniser knows. */
export class SymbolTable {
  readonly unit: Unit;
  readonly symbols: readonly string[];
  readonly #classes: ReadonlyMap<string, number>;

  constructor(unit: Unit, symbols: readonly string[]) {
    this.unit = unit;
    this.symbols = symbols;
    this.#classes = new Map(symbols.map((symbol, k) => [symbol, k + 1]));
  }

  /** All symbols of transcripts, in the order of their code units. */
  static of(unit: Unit, transcripts: Iterable<string>): SymbolTable {
    const seen = new Set<string>();
    for (const transcript of transcripts) for (const symbol of symbolsOf(unit, transcript)) seen.add(symbol);
    return new SymbolTable(unit, [...seen].sort());
  }

  /** V: symbols and the blank. */
  get classes(): number {
    return this.symbols.length + 1;
  }

  /** Classes of a transcript; symbols that are not known are left out. */
  encode(transcript: string): Int32Array {
    return Int32Array.from(symbolsOf(this.unit, transcript).flatMap((symbol) => this.#classes.get(symbol) ?? []));
  }

  /** The symbol of a class from 1 on. */
  symbol(k: number): string {
    return this.symbols[k - 1];
  }

  /** What these classes write. */
  decode(classes: ArrayLike<number>): string {
    return Array.from(classes, (k) => this.symbol(k)).join(this.separator);
  }

  /** What stands between symbols. */
  get separator(): string {
    return this.unit === 'character' ? '' : ' ';
  }
}

/** A transcript, taken apart. */
export function symbolsOf(unit: Unit, transcript: string): string[] {
  return unit === 'character' ? [...transcript] : transcript.split(' ').filter((symbol) => symbol !== '');
}
