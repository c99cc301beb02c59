/**
 * Sentences from files of columns, one token a line: CoNLL-U (universaldependencies.org/format.html), and the simple columns of
 * the CoNLL shared tasks, between tabs or blanks. All lines are kept, so that predictions can be written back into them.
 */
import { linesIn, type TextSource } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';

export const columnFormats = ['conllu', 'columns'] as const;
/** CoNLL-U, or the columns of the CoNLL shared tasks. */
export type ColumnFormat = (typeof columnFormats)[number];

/** The ten columns of CoNLL-U. */
export const conlluColumns = ['id', 'form', 'lemma', 'upos', 'xpos', 'feats', 'head', 'deprel', 'deps', 'misc'] as const;

/** A token that is tagged: neither the range of a multiword token nor an empty node. */
export interface ColumnToken {
  /** 1-based. */
  readonly line: number;
  /** Which of the sentence's `lines` it is. */
  readonly place: number;
  readonly fields: readonly string[];
}

/** A sentence, and its lines as they stood. */
export interface ColumnSentence {
  /** None, where only comments are left at a file's end. */
  readonly tokens: readonly ColumnToken[];
  /** From the end of the sentence before to its own, comments and empty lines too: those of all sentences are the file. */
  readonly lines: readonly string[];
}

/** A file that has been opened: what it turned out to be, and its sentences, to be read once. */
export interface ColumnFile {
  readonly name: string;
  readonly format: ColumnFormat;
  readonly columns: readonly string[];
  /** What stands between the fields. */
  readonly separator: Separator;
  readonly sentences: AsyncGenerator<ColumnSentence, void, void>;
}

export type Separator = 'tab' | 'blanks';

export interface ColumnOptions {
  /** Default: CoNLL-U where the file's name ends in .conllu, or its first token's line looks like it; otherwise columns. */
  readonly format?: ColumnFormat;
  /** Names of the columns, for format columns. Default: word, column2, column3, …, tag. */
  readonly columns?: readonly string[];
  /** A column that may be absent, where it is the last: what a prediction fills in. */
  readonly mayLack?: string;
}

/**
 * Opens a file of columns and finds out what it is.
 *
 * @throws FormatError with file, line and column (here, or while reading) where a line is not as the format says
 * @throws ConfigError where columns are named, and the file is CoNLL-U, which names its own
 */
export async function openColumns(source: TextSource, options: ColumnOptions = {}): Promise<ColumnFile> {
  const lines = new Lines(source);
  const format = options.format ?? (await formatOf(source.name, lines));
  if (format === 'conllu' && options.columns !== undefined && options.columns.join() !== conlluColumns.join()) {
    throw new ConfigError(
      `columns: expected none for ${source.name}, which is CoNLL-U and has columns of its own (${conlluColumns.join(', ')}), received ${options.columns.join(', ')}. Leave them out, or give format: columns.`,
    );
  }
  const first = await lines.find((line) => isData(line, format));
  if (first === null) {
    throw new FormatError('expected sentences, one token a line, and found none. Is this the right file?', { file: source.name });
  }
  const separator: Separator = format === 'conllu' || first.text.includes('\t') ? 'tab' : 'blanks';
  const width = fieldsOf(first.text, separator).length;
  const columns = format === 'conllu' ? conlluColumns : (options.columns ?? defaultColumns(width));
  const least = options.mayLack !== undefined && columns.at(-1) === options.mayLack ? columns.length - 1 : columns.length;
  const layout: Layout = { file: source.name, columns, separator, least };
  const sentences = format === 'conllu' ? conlluSentences(lines, layout) : columnSentences(lines, layout);
  return { name: source.name, format, columns, separator, sentences };
}

/** The index of the column that holds the words. */
export function wordColumn(columns: readonly string[]): number {
  return Math.max(
    0,
    columns.findIndex((name) => name === 'form' || name === 'word'),
  );
}

/** A token's line with another value in one column, or with one more column. */
export function withField(line: string, column: number, value: string, separator: Separator): string {
  if (separator === 'tab') {
    const fields = line.split('\t');
    fields[column] = value;
    return fields.join('\t');
  }
  const place = [...line.matchAll(/[^ \t]+/g)][column];
  return place === undefined ? `${line} ${value}` : line.slice(0, place.index) + value + line.slice(place.index + place[0].length);
}

interface Layout {
  readonly file: string;
  readonly columns: readonly string[];
  readonly separator: Separator;
  /** Fewest fields of a line. */
  readonly least: number;
}

interface Line {
  readonly text: string;
  /** 1-based. */
  readonly number: number;
}

/** Lines with their numbers; some may be looked at before they are read. */
class Lines {
  readonly #rest: AsyncIterator<string>;
  readonly #ahead: Line[] = [];
  #read = 0;

  constructor(source: TextSource) {
    this.#rest = linesIn(source)[Symbol.asyncIterator]();
  }

  async next(): Promise<Line | null> {
    return this.#ahead.shift() ?? (await this.#fetch());
  }

  /** The first line to come of which this is true; it and those before it are yet to be read. */
  async find(isIt: (line: string) => boolean): Promise<Line | null> {
    const known = this.#ahead.find(({ text }) => isIt(text));
    if (known !== undefined) return known;
    for (;;) {
      const line = await this.#fetch();
      if (line === null) return null;
      this.#ahead.push(line);
      if (isIt(line.text)) return line;
    }
  }

  async #fetch(): Promise<Line | null> {
    const { value, done } = await this.#rest.next();
    if (done === true) return null;
    this.#read++;
    return { text: value, number: this.#read };
  }
}

async function formatOf(name: string, lines: Lines): Promise<ColumnFormat> {
  if (/\.conllu$/i.test(name)) return 'conllu';
  const line = await lines.find((text) => isData(text, 'conllu'));
  const fields = line?.text.split('\t') ?? [];
  return fields.length === conlluColumns.length && /^\d+(-\d+|\.\d+)?$/.test(fields[0]) ? 'conllu' : 'columns';
}

function isData(line: string, format: ColumnFormat): boolean {
  return line.trim() !== '' && !(format === 'conllu' ? line.startsWith('#') : isDocumentStart(line));
}

function isDocumentStart(line: string): boolean {
  return /^-DOCSTART-(\s|$)/.test(line);
}

function defaultColumns(width: number): string[] {
  if (width === 1) return ['word'];
  return ['word', ...Array.from({ length: width - 2 }, (_, i) => `column${i + 2}`), 'tag'];
}

function fieldsOf(line: string, separator: Separator): string[] {
  return separator === 'tab' ? line.split('\t') : line.split(/[ \t]+/).filter((field) => field !== '');
}

// ---- columns ------------------------------------------------------------------------------------------------------------

async function* columnSentences(lines: Lines, layout: Layout): AsyncGenerator<ColumnSentence, void, void> {
  let sentence = new OpenSentence();
  for (let line = await lines.next(); line !== null; line = await lines.next()) {
    const isEmpty = line.text.trim() === '';
    const isStart = isDocumentStart(line.text);
    // Empty lines after a sentence are its own.
    if ((sentence.isClosed && !isEmpty) || (isStart && sentence.tokens.length > 0)) {
      yield sentence;
      sentence = new OpenSentence();
    }
    if (isEmpty || isStart) {
      sentence.isClosed = sentence.tokens.length > 0;
      sentence.lines.push(line.text);
    } else sentence.add(line, requireFields(line, layout));
  }
  if (sentence.lines.length > 0) yield sentence;
}

class OpenSentence implements ColumnSentence {
  readonly tokens: ColumnToken[] = [];
  readonly lines: string[] = [];
  isClosed = false;

  add({ text, number }: Line, fields: readonly string[]): void {
    this.tokens.push({ line: number, place: this.lines.length, fields });
    this.lines.push(text);
  }
}

function requireFields(line: Line, { file, columns, separator, least }: Layout): string[] {
  const fields = fieldsOf(line.text, separator);
  const place = (column: number) => ({ file, line: line.number, column });
  const between = separator === 'tab' ? 'tabs' : 'blanks';
  if (fields.length < least) {
    const hint =
      separator === 'tab' && !line.text.includes('\t') && /\S +\S/.test(line.text)
        ? ' Here the fields seem to stand between blanks; use tabs in the whole file.'
        : ' Fill the line up; sentences end with an empty line.';
    throw new FormatError(
      `expected ${columns.length} columns between ${between} (${columns.join(', ')}), found ${fields.length}.${hint}`,
      place(line.text.length + 1),
    );
  }
  if (fields.length > columns.length) {
    throw new FormatError(
      `expected ${columns.length} columns between ${between} (${columns.join(', ')}), found ${fields.length}. Take "${excerpt(fields[columns.length])}" away, or name all columns with --columns.`,
      place(startOf(line.text, columns.length, separator)),
    );
  }
  const empty = fields.findIndex((field) => field.trim() === '');
  if (empty >= 0) {
    throw new FormatError(
      `expected a value for ${columns[empty]}, found nothing between the tabs. Write _ where there is none.`,
      place(startOf(line.text, empty, separator)),
    );
  }
  return fields;
}

/** 1-based character column where a field begins. */
function startOf(line: string, field: number, separator: Separator): number {
  if (separator === 'blanks') return ([...line.matchAll(/[^ \t]+/g)][field]?.index ?? line.length) + 1;
  const before = line.split('\t').slice(0, field);
  return before.reduce((sum, { length }) => sum + length + 1, 0) + 1;
}

function excerpt(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}

// ---- CoNLL-U ------------------------------------------------------------------------------------------------------------

async function* conlluSentences(lines: Lines, layout: Layout): AsyncGenerator<ColumnSentence, void, void> {
  let sentence = new OpenSentence();
  let ids = new SentenceIds(layout.file);
  for (let line = await lines.next(); line !== null; line = await lines.next()) {
    const isEmpty = line.text.trim() === '';
    if (sentence.isClosed && !isEmpty) {
      yield sentence;
      sentence = new OpenSentence();
      ids = new SentenceIds(layout.file);
    }
    if (isEmpty) {
      if (ids.hasLines && !sentence.isClosed) ids.end(line.number);
      sentence.isClosed = ids.hasLines;
      sentence.lines.push(line.text);
    } else if (line.text.startsWith('#')) {
      if (ids.hasLines) {
        throw new FormatError('a comment stands within a sentence. Comments go before the first word; an empty line ends a sentence.', {
          file: layout.file,
          line: line.number,
          column: 1,
        });
      }
      sentence.lines.push(line.text);
    } else {
      const fields = requireFields(line, layout);
      if (ids.take(fields[0], line.number) === 'word') sentence.add(line, fields);
      else sentence.lines.push(line.text);
    }
  }
  if (ids.hasLines && !sentence.isClosed) ids.end(null);
  if (sentence.lines.length > 0) yield sentence;
}

/** Counts a sentence's words: 1, 2, 3, …; ranges 1-2 stand before their first word, empty nodes 1.1, 1.2 after theirs. */
class SentenceIds {
  readonly #file: string;
  #words = 0;
  #emptyNodes = 0;
  /** Of the last multiword token. */
  #range: { readonly last: number; readonly line: number; readonly id: string } | null = null;
  hasLines = false;

  constructor(file: string) {
    this.#file = file;
  }

  take(id: string, line: number): 'word' | 'other' {
    this.hasLines = true;
    const [, first, sign, second] = /^(\d+)(?:([-.])(\d+))?$/.exec(id) ?? this.#fail('a number, a range or an empty node', id, line);
    if (sign === '.') {
      if (Number(first) !== this.#words || Number(second) !== this.#emptyNodes + 1) {
        this.#fail(`an empty node ${this.#words}.${this.#emptyNodes + 1} or word ${this.#words + 1}`, id, line);
      }
      this.#emptyNodes++;
      return 'other';
    }
    if (Number(first) !== this.#words + 1) this.#fail(`word ${this.#words + 1}`, id, line);
    if (sign === '-') {
      if (this.#range !== null && this.#range.last > this.#words) this.#fail(`a word of ${this.#range.id}, no range within it`, id, line);
      if (Number(second) < Number(first)) this.#fail('a range that ends after it begins', id, line);
      this.#range = { last: Number(second), line, id };
      return 'other';
    }
    this.#words++;
    this.#emptyNodes = 0;
    return 'word';
  }

  end(line: number | null): void {
    if (this.#range === null || this.#range.last <= this.#words) return;
    const where = line === null ? 'the file' : 'the sentence';
    throw new FormatError(
      `the multiword token ${this.#range.id} has words up to ${this.#range.last}, and ${where} ends after word ${this.#words}. Add them, or shorten the range.`,
      { file: this.#file, line: this.#range.line, column: 1 },
    );
  }

  #fail(expected: string, id: string, line: number): never {
    throw new FormatError(
      `id: expected ${expected}, found "${excerpt(id)}". Number each sentence's words from 1, and end it with an empty line.`,
      {
        file: this.#file,
        line,
        column: 1,
      },
    );
  }
}
