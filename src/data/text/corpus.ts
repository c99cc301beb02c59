/** From texts to the integers that a language model learns from: a vocabulary, and the training and validation parts. */
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { type TextSource, textFile } from './text-source.ts';
import { type TextLevel, type Tokenizer, tokenizerBuilder, type VocabularyOptions } from './tokenizer.ts';

/** A tokenised text. */
export interface TokenText {
  readonly ids: TokenArray;
  /** Unicode characters of the text: what bits per character are reckoned by. */
  readonly characters: number;
  /** How many of the ids are the unknown token. */
  readonly unknowns: number;
}

/** The narrowest array that holds every id. */
export type TokenArray = Uint8Array | Uint16Array | Int32Array;

/** Texts as a language model learns from them: tokens, and what they stand for. */
export interface Corpus {
  readonly tokenizer: Tokenizer;
  readonly train: TokenText;
  readonly valid: TokenText;
}

/** How texts are cut into tokens, and into training and validation. */
export interface CorpusOptions extends VocabularyOptions {
  readonly level: TextLevel;
  /** Without validation texts: the last part of the training text, as a share of its characters. In (0, 1). */
  readonly validFraction: number;
}

/** Texts as a caller names them: paths of UTF-8 files, or sources. */
export type Texts = readonly (string | TextSource)[];

/**
 * Reads texts, piece by piece, in as many passes as it takes: measure, count, encode. Texts are joined in the given order.
 *
 * @param texts.valid  validation texts; when absent, the end of the training text is set aside
 * @throws FormatError when a file cannot be read, is not UTF-8 text, or leaves nothing to learn from
 */
export async function readCorpus(texts: { readonly train: Texts; readonly valid?: Texts }, options: CorpusOptions): Promise<Corpus> {
  const training = sourcesOf(texts.train);
  const total = await countCharacters(training);
  const apart = texts.valid === undefined || texts.valid.length === 0 ? null : sourcesOf(texts.valid);
  const cut = apart === null ? Math.floor(total * (1 - options.validFraction)) : Number.POSITIVE_INFINITY;
  if (cut < 2) {
    throw new FormatError(
      `${total} ${total === 1 ? 'character is' : 'characters are'} too short to learn from. Give some thousand or more.`,
      {
        file: training.map(({ name }) => name).join(', '),
      },
    );
  }
  const atSpace = options.level !== 'char';

  const builder = tokenizerBuilder(options.level, options);
  for await (const piece of part(training, 0, cut, atSpace)) builder.push(piece);
  builder.end();
  const tokenizer = builder.build();

  const train = await tokenize(part(training, 0, cut, atSpace), tokenizer, total);
  const valid =
    apart === null
      ? await tokenize(part(training, cut, Number.POSITIVE_INFINITY, atSpace), tokenizer, total - cut)
      : await tokenize(part(apart, 0, Number.POSITIVE_INFINITY, false), tokenizer, await countCharacters(apart));
  return { tokenizer, train, valid };
}

/** Reads texts with a tokenizer that is known, for evaluation. */
export async function readTokens(texts: Texts, tokenizer: Tokenizer): Promise<TokenText> {
  const sources = sourcesOf(texts);
  return tokenize(part(sources, 0, Number.POSITIVE_INFINITY, false), tokenizer, await countCharacters(sources));
}

function sourcesOf(texts: Texts): TextSource[] {
  if (texts.length === 0) throw new ConfigError('expected at least one text, received none. Name a UTF-8 text file.');
  return texts.map((text) => (typeof text === 'string' ? textFile(text) : text));
}

async function countCharacters(sources: readonly TextSource[]): Promise<number> {
  let total = 0;
  for (const source of sources) {
    let characters = 0;
    for await (const piece of source.chunks()) characters += charactersOf(piece);
    if (characters === 0)
      throw new FormatError('this text is empty. Give a text of some thousand characters or more.', { file: source.name });
    total += characters;
  }
  return total;
}

/** Unicode code points. */
function charactersOf(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--;
  return count;
}

/**
 * Characters start … end-1 of the joined texts. With `atSpace`, both places move on to the next white space, so that no
 * word is cut in two.
 */
async function* part(sources: readonly TextSource[], start: number, end: number, atSpace: boolean): AsyncGenerator<string> {
  const from = new Cut(start, atSpace);
  const to = new Cut(end, atSpace);
  for (const source of sources) {
    for await (const piece of source.chunks()) {
      const first = from.find(piece);
      const last = to.find(piece);
      if (first < last) yield piece.slice(first, last);
      if (last < piece.length) return;
    }
  }
}

/** Finds a place in a text that comes in pieces. */
class Cut {
  #left: number;
  readonly #atSpace: boolean;
  #isFound = false;

  constructor(characters: number, atSpace: boolean) {
    this.#left = characters;
    this.#atSpace = atSpace && characters > 0;
  }

  /** Where the place is in this piece: 0 when before it, its length when after it. */
  find(piece: string): number {
    if (this.#isFound) return 0;
    let i = 0;
    if (this.#left >= piece.length) {
      const characters = charactersOf(piece);
      if (this.#left >= characters) {
        this.#left -= characters;
        return piece.length;
      }
    }
    for (; this.#left > 0 && i < piece.length; this.#left--) i += piece.codePointAt(i)! > 0xffff ? 2 : 1;
    if (this.#atSpace) while (i < piece.length && !/\s/.test(piece[i])) i++;
    this.#isFound = i < piece.length;
    return i;
  }
}

/** Room for one token a character: a bound for char and word; memory that is not written is not used. */
async function tokenize(pieces: AsyncIterable<string>, tokenizer: Tokenizer, characters: number): Promise<TokenText> {
  const tokens = new GrowingTokens(tokenizer.size, characters);
  let unknowns = 0;
  let seen = 0;
  const encoder = tokenizer.encoder((id) => {
    if (id === tokenizer.unknownId) unknowns++;
    tokens.push(id);
  });
  for await (const piece of pieces) {
    seen += charactersOf(piece);
    encoder.push(piece);
  }
  encoder.end();
  return { ids: tokens.take(), characters: seen, unknowns };
}

/** A list of ids that grows by half when full. */
class GrowingTokens {
  #ids: TokenArray;
  #length = 0;

  constructor(vocabularySize: number, capacity: number) {
    const Narrowest = vocabularySize <= 0x100 ? Uint8Array : vocabularySize <= 0x10000 ? Uint16Array : Int32Array;
    this.#ids = new Narrowest(Math.max(16, capacity));
  }

  push(id: number): void {
    if (this.#length === this.#ids.length) {
      const grown = new (this.#ids.constructor as new (length: number) => TokenArray)(Math.ceil(this.#length * 1.5));
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids[this.#length++] = id;
  }

  take(): TokenArray {
    return this.#length * 2 < this.#ids.length ? this.#ids.slice(0, this.#length) : this.#ids.subarray(0, this.#length);
  }
}
