/** What is known of a word beside its letters: columns of its file, its shape, its affixes, whether a list of names has it. */
import { pattern } from '../../data/text/pattern.ts';
import { linesIn, type TextSource } from '../../data/text/text-source.ts';
import { ConfigError, FormatError, unknownName } from '../../tensor/errors.ts';

/** A list of names, such as cities. */
export interface Gazetteer {
  readonly name: string;
  /** Each entry's words lower-cased, between single blanks. */
  readonly entries: readonly string[];
}

/** A sentence for its features: words, and the fields of their lines where it comes from a file. */
export interface FeatureTokens {
  readonly words: readonly string[];
  /** Of each token; null: plain text. */
  readonly fields: readonly (readonly string[])[] | null;
}

type Reader = (sentence: FeatureTokens) => string[];

/**
 * Features of a sentence's words, by name: a column (`lemma`, `upos`), `shape`, `capitals`, `prefixN`, `suffixN`, or `gazetteer`,
 * which makes one feature of each list.
 *
 * @example
 * const features = new TokenFeatures(['suffix3', 'shape'], ['word', 'tag']);
 * features.valuesOf({ words: ['Oslo', 'is'], fields: null }); // [['slo', 'is'], ['Xx', 'x']]
 */
export class TokenFeatures {
  /** One for each list of values. */
  readonly names: readonly string[];
  readonly #readers: readonly Reader[];

  /** @throws ConfigError on an unknown feature, naming the nearest; on gazetteer without lists, and lists without gazetteer */
  constructor(features: readonly string[], columns: readonly string[], gazetteers: readonly Gazetteer[] = []) {
    if (features.includes('gazetteer') && gazetteers.length === 0) {
      throw new ConfigError(
        'features: expected lists for the feature gazetteer, received none. Name files of one entry a line: --gazetteers.',
      );
    }
    const readers = features.flatMap((name) => readersOf(name, columns, gazetteers));
    this.names = readers.map(([name]) => name);
    this.#readers = readers.map(([, reader]) => reader);
    const twice = this.names.find((name, i) => this.names.indexOf(name) < i);
    if (twice !== undefined) throw new ConfigError(`features: expected each feature once, received ${twice} twice.`);
  }

  /** @throws ConfigError when a feature is a column and the sentence has none */
  valuesOf(sentence: FeatureTokens): string[][] {
    return this.#readers.map((reader) => reader(sentence));
  }
}

function readersOf(name: string, columns: readonly string[], gazetteers: readonly Gazetteer[]): (readonly [string, Reader])[] {
  const column = columns.indexOf(name);
  if (column >= 0) return [[name, columnReader(name, column)]];
  const affix = /^(prefix|suffix)([1-9]\d?)$/.exec(name);
  if (affix !== null) return [[name, eachWord(affix[1] === 'prefix' ? prefix(Number(affix[2])) : suffix(Number(affix[2])))]];
  if (name === 'shape') return [[name, eachWord(shapeOf)]];
  if (name === 'capitals') return [[name, eachWord(capitalsOf)]];
  if (name === 'gazetteer') return gazetteers.map((list) => [`gazetteer ${list.name}`, gazetteerReader(list)] as const);
  throw new ConfigError(
    `features: ${unknownName('feature', name, [...columns, 'shape', 'capitals', 'prefix3', 'suffix3', 'gazetteer'])} N of prefixN and suffixN is a number of letters.`,
  );
}

function columnReader(name: string, column: number): Reader {
  return ({ fields }) => {
    if (fields === null) {
      throw new ConfigError(`the model reads the column ${name}, which plain text does not have. Give a file with columns: --file FILE.`);
    }
    return fields.map((values) => {
      const value = values[column];
      if (value === undefined) throw new ConfigError(`the model reads the column ${name}, which is missing.`);
      return value;
    });
  };
}

function eachWord(read: (word: string) => string): Reader {
  return ({ words }) => words.map(read);
}

function prefix(letters: number): (word: string) => string {
  return (word) =>
    Array.from(word.slice(0, 2 * letters).toLowerCase())
      .slice(0, letters)
      .join('');
}

function suffix(letters: number): (word: string) => string {
  return (word) =>
    Array.from(word.slice(-2 * letters).toLowerCase())
      .slice(-letters)
      .join('');
}

const letterKind = { any: pattern('u')`\p{L}`, capital: pattern('u')`\p{Lu}`, capitalOrTitle: pattern('u')`[\p{Lu}\p{Lt}]` };
const digit = pattern('u')`\p{N}`;

/**
 * Letters as X and x, digits as d, the rest as it is; of each run at most two: `McDonald-9000` is `XxXxx-dd`.
 *
 * @see Collins (2002), for the idea; spaCy's shape keeps runs of four
 */
export function shapeOf(word: string): string {
  const letters = Array.from(word, (letter) =>
    letterKind.capital().test(letter) ? 'X' : letterKind.any().test(letter) ? 'x' : digit().test(letter) ? 'd' : letter,
  );
  return letters
    .filter((letter, i) => letter !== letters[i - 1] || letter !== letters[i - 2])
    .slice(0, 12)
    .join('');
}

/** Which letters are capitals: none, first, all, some; or no letters at all. */
export function capitalsOf(word: string): 'none' | 'first' | 'all' | 'some' | 'no letters' {
  const letters = Array.from(word).filter((letter) => letterKind.any().test(letter));
  if (letters.length === 0) return 'no letters';
  const capitals = letters.map((letter) => letterKind.capitalOrTitle().test(letter));
  const count = capitals.filter(Boolean).length;
  if (count === 0) return 'none';
  if (count === 1 && capitals[0]) return 'first';
  return count === letters.length ? 'all' : 'some';
}

/** B for the first word of an entry, I within it, O elsewhere; the longest entry that begins at a word holds, whatever its capitals. */
function gazetteerReader({ entries }: Gazetteer): Reader {
  const known = new Set(entries);
  const longest = entries.reduce((most, entry) => Math.max(most, entry.split(' ').length), 0);
  return ({ words }) => {
    const lower = words.map((word) => word.toLowerCase());
    const values = words.map(() => 'O');
    for (let start = 0; start < words.length; start++) {
      let length = Math.min(longest, words.length - start);
      while (length > 0 && !known.has(lower.slice(start, start + length).join(' '))) length--;
      if (length === 0) continue;
      values.fill('I', start, start + length);
      values[start] = 'B';
      start += length - 1;
    }
    return values;
  };
}

/**
 * Reads a list of names, one a line; words between blanks. Empty lines and those that begin with # are left out.
 *
 * @throws FormatError when it has no entry
 */
export async function readGazetteer(source: TextSource, name: string): Promise<Gazetteer> {
  const entries = new Set<string>();
  for await (const line of linesIn(source)) {
    const words = line.trim().toLowerCase().split(/\s+/);
    if (words[0] !== '' && !line.startsWith('#')) entries.add(words.join(' '));
  }
  if (entries.size === 0) throw new FormatError('expected names, one a line, found none.', { file: source.name });
  return { name, entries: [...entries] };
}
