/** Symbols and their numbers: words, labels, features of words. Text level tokenizers have vocabularies of their own. */
import { FormatError } from '../../tensor/errors.ts';

/** Which symbols a vocabulary keeps, and what else it has numbers for. */
export interface SymbolVocabularyOptions {
  /** Symbols seen less often are left out. Default 1. */
  readonly minCount?: number;
  /** Keeps so many of the most frequent symbols; padding and unknown come on top. Default: all. */
  readonly maxSize?: number;
  /** Number 0 stands for no symbol: what fills sequences up. Default false. */
  readonly padding?: boolean;
  /** A number for all symbols that are not in the vocabulary. Default false. */
  readonly unknown?: boolean;
}

/** A vocabulary as it stands in a model's configuration. */
export interface VocabularyJson {
  /** In the order of their numbers, padding and unknown left out. */
  readonly symbols: readonly string[];
  readonly padding: boolean;
  readonly unknown: boolean;
}

/**
 * Numbers for symbols: 0 for padding and the next for the unknown, if wanted; then the symbols from frequent to rare, equals
 * in the order of their code points.
 *
 * @example
 * const words = Vocabulary.of(new Map([['the', 2], ['cat', 1]]), { padding: true, unknown: true });
 * words.id('cat'); // 3
 */
export class Vocabulary {
  readonly paddingId: number | null;
  readonly unknownId: number | null;
  readonly #symbols: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  private constructor(symbols: readonly string[], padding: boolean, unknown: boolean) {
    this.paddingId = padding ? 0 : null;
    this.unknownId = unknown ? Number(padding) : null;
    const first = Number(padding) + Number(unknown);
    this.#symbols = symbols;
    this.#ids = new Map(symbols.map((symbol, i) => [symbol, first + i]));
  }

  /** The symbols that were counted, the most frequent first; of equally frequent ones in the order of their code points. */
  static of(counts: ReadonlyMap<string, number>, options: SymbolVocabularyOptions = {}): Vocabulary {
    const { minCount = 1, maxSize, padding = false, unknown = false } = options;
    const symbols = [...counts]
      .filter(([, count]) => count >= minCount)
      .sort(([a, countA], [b, countB]) => countB - countA || byCodePoints(a, b))
      .slice(0, maxSize)
      .map(([symbol]) => symbol);
    return new Vocabulary(symbols, padding, unknown);
  }

  /** Symbols, and padding and unknown where there are numbers for them. */
  get size(): number {
    return this.#first + this.#symbols.length;
  }

  /** The symbols in the order of their numbers. */
  get symbols(): readonly string[] {
    return this.#symbols;
  }

  /** The number of a symbol; `unknownId`, or −1 where there is none, if it is not here. */
  id(symbol: string): number {
    return this.#ids.get(symbol) ?? this.unknownId ?? -1;
  }

  /** The symbol of a number; `<padding>` and `<unknown>` for what is none. */
  symbol(id: number): string {
    if (id === this.paddingId) return '<padding>';
    if (id === this.unknownId) return '<unknown>';
    const symbol = this.#symbols[id - this.#first];
    if (symbol === undefined) throw new RangeError(`[Vocabulary] expected a number in 0…${this.size - 1}, received ${id}.`);
    return symbol;
  }

  /** Whether the symbol has a number of its own. */
  has(symbol: string): boolean {
    return this.#ids.has(symbol);
  }

  /** What `fromJSON` reads. */
  toJSON(): VocabularyJson {
    return { symbols: this.#symbols, padding: this.paddingId !== null, unknown: this.unknownId !== null };
  }

  /** @throws FormatError when it is no vocabulary */
  static fromJSON(json: unknown): Vocabulary {
    const { symbols, padding, unknown } = (json ?? {}) as Partial<VocabularyJson>;
    const isVocabulary =
      Array.isArray(symbols) &&
      symbols.every((symbol) => typeof symbol === 'string') &&
      typeof padding === 'boolean' &&
      typeof unknown === 'boolean';
    if (!isVocabulary) throw new FormatError('vocabulary: expected symbols, padding and unknown, as toJSON writes them.');
    const vocabulary = new Vocabulary(symbols, padding, unknown);
    if (vocabulary.#ids.size < symbols.length) throw new FormatError('vocabulary: expected each symbol once.');
    return vocabulary;
  }

  get #first(): number {
    return Number(this.paddingId !== null) + Number(this.unknownId !== null);
  }
}

/** Not by code units, as `<` does: surrogates would stand before U+E000…U+FFFF. */
function byCodePoints(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  // A pair whose second half differs: the code points begin one unit earlier.
  if (at > 0 && isLowSurrogate(a.charCodeAt(at)) && isLowSurrogate(b.charCodeAt(at))) at--;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
