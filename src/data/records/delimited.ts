/**
 * Tables in text: comma-, tab- or semicolon-separated values, read piece by piece. papaparse splits the rows; this file knows
 * where each stands, and refuses what is no table.
 */
import type Papa from 'papaparse';
import { ConfigError, type FileLocation, FormatError, unknownName } from '../../tensor/errors.ts';
import type { TextSource } from '../text/text-source.ts';

/** How a table is written. */
export interface TableOptions {
  /** One character. Default: a tab where the first line has one, else the more frequent of ',' and ';' there. */
  readonly delimiter?: string;
  /** Whether the first row names the columns. Default true; columns without names are called 1, 2, 3, … */
  readonly header?: boolean;
  /**
   * Whether a field may stand in double quotes, and then hold delimiters, line ends, and quotes written twice (RFC 4180).
   * Default: unless the delimiter is a tab, where quotes are characters like others (IANA's text/tab-separated-values).
   */
  readonly quotes?: boolean;
}

/** One row of a table. */
export interface TableRow {
  /** Where it begins, 1-based. */
  readonly line: number;
  /** Without quotes. As many as the table has columns. */
  readonly fields: readonly string[];
  /** As it stands in the text, for the places of faults. */
  readonly source: string;
}

/** What all rows of a table have in common. */
export interface TableHead {
  /** Of its file, for messages. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly delimiter: string;
  readonly quotes: boolean;
}

/** A table in memory. */
export interface Table extends TableHead {
  readonly rows: readonly TableRow[];
}

/** A table that is read row by row, once. */
export interface TableStream extends TableHead {
  readonly rows: AsyncIterable<TableRow>;
}

/**
 * All of a table. Blank lines are left out.
 *
 * @throws FormatError with file, line and column: no rows, rows of different lengths, a quote that is not closed, a column twice
 * @example const { columns, rows } = await readTable(textFile('reviews.csv'));
 */
export async function readTable(source: TextSource, options: TableOptions = {}): Promise<Table> {
  const { rows, ...head } = await openTable(source, options);
  const all: TableRow[] = [];
  for await (const row of rows) all.push(row);
  if (all.length === 0)
    throw new FormatError('expected rows below the names of the columns, received none.', { file: source.name, line: 2 });
  return { ...head, rows: all };
}

/**
 * A table's columns at once, its rows as they are read: for tables that are larger than memory. Errors as `readTable`'s,
 * except that a table may have no rows.
 */
export async function openTable(source: TextSource, options: TableOptions = {}): Promise<TableStream> {
  const { header = true } = options;
  const pieces = source.chunks()[Symbol.asyncIterator]();
  const begin = await throughFirstLine(pieces);
  const format = formatOf(begin, options);
  const rows = rowsOf(source.name, begin, pieces, format);
  const { value: first, done } = await rows.next();
  if (done) throw new FormatError('expected a table, received an empty file.', { file: source.name, line: 1, column: 1 });
  const columns = header ? first.fields.map((name) => name.trim()) : first.fields.map((_, i) => String(i + 1));
  const head: TableHead = { name: source.name, columns, ...format };
  if (header) requireDistinct(head, first);
  return { ...head, rows: complete(head, rows, header ? null : first) };
}

/** Every row as it is read, that of the names too; each has as many fields as the first. See `openTable` for rows by columns. */
export async function* tableRows(source: TextSource, options: TableOptions = {}): AsyncGenerator<TableRow> {
  yield* (await openTable(source, { ...options, header: false })).rows;
}

/** The index of a column. @throws ConfigError naming the nearest */
export function columnOf(table: TableHead, name: string): number {
  const index = table.columns.indexOf(name);
  if (index < 0) throw new ConfigError(`${table.name}: ${unknownName('column', name, table.columns)}`);
  return index;
}

/**
 * An error that names the place of a field.
 *
 * @param index  of the field; past the last: the end of the row
 * @example throw fieldFault(table, row, 2, `expected a number, received "${row.fields[2]}".`);
 */
export function fieldFault(table: TableHead, row: TableRow, index: number, message: string): FormatError {
  return new FormatError(message, { file: table.name, ...placeIn(row.source, fieldStart(table, row.source, index), row.line) });
}

// ---- the format -------------------------------------------------------------------------------------------------------

type Format = Pick<TableHead, 'delimiter' | 'quotes'>;

/** The text up to a line end behind the first line that is not blank, if there is one; a source may be one that is read only once. */
async function throughFirstLine(pieces: AsyncIterator<string>): Promise<string> {
  let text = '';
  for (;;) {
    const { value: piece, done } = await pieces.next();
    if (done) return text;
    text += piece;
    if (piece.includes('\n') && /\S.*\n/.test(text)) return text;
  }
}

function formatOf(begin: string, options: TableOptions): Format {
  const delimiter = options.delimiter ?? guessDelimiter(/^.*\S.*$/m.exec(begin)?.[0] ?? '');
  // Those that papaparse calls bad; it is not loaded yet.
  if (delimiter.length !== 1 || '"\r\n\ufeff'.includes(delimiter)) {
    throw new ConfigError(`delimiter: expected one character, neither a quote nor a line end, received ${JSON.stringify(delimiter)}.`);
  }
  return { delimiter, quotes: options.quotes ?? delimiter !== '\t' };
}

function guessDelimiter(line: string): string {
  if (line.includes('\t')) return '\t';
  const bare = line.replace(/"[^"]*"/g, '');
  const count = (delimiter: string) => bare.split(delimiter).length;
  return count(';') > count(',') ? ';' : ',';
}

// ---- rows -------------------------------------------------------------------------------------------------------------

/** Every row that is not blank, of any number of fields. */
async function* rowsOf(file: string, begin: string, pieces: AsyncIterator<string>, format: Format): AsyncGenerator<TableRow> {
  // Not loaded before there is a table: it is a fifth of what an import of this library would take.
  const { default: papa } = await import('papaparse');
  let rest = begin;
  let line = 1;
  // What is left over is looked at again once it has doubled: a quoted field of any length costs linear time.
  let wanted = 0;
  const take = (isLast: boolean): TableRow[] => {
    const { rows, length } = parsed(papa, rest, format, { file, line }, isLast);
    line = lineAfter(rest.slice(0, length), line);
    rest = rest.slice(length);
    wanted = 2 * rest.length;
    return rows;
  };
  yield* take(false);
  for await (const piece of { [Symbol.asyncIterator]: () => pieces }) {
    rest += piece;
    if (rest.length >= wanted) yield* take(false);
  }
  yield* take(true);
}

/** The complete rows at the beginning of a text, and how long they are together. */
function parsed({ Parser }: typeof Papa, text: string, { delimiter, quotes }: Format, at: { file: string; line: number }, isLast: boolean) {
  const rows: TableRow[] = [];
  let length = 0;
  let { line } = at;
  const step = ({ data: [fields], errors: [error], meta }: Papa.ParseStepResult<string[]> & { data: string[][] }): void => {
    if (error !== undefined) throw quoteFault(error as Papa.ParseError & { index: number }, text, at);
    const source = text.slice(length, meta.cursor);
    if (source.trim() !== '' || fields.length > 1) rows.push({ line, fields, source });
    line = lineAfter(source, line);
    length = meta.cursor;
  };
  const config = { delimiter, newline: '\n', step, ...(quotes ? {} : { fastMode: true }) };
  new Parser(config as unknown as Papa.ParseConfig).parse(text, 0, !isLast);
  return { rows, length };
}

function quoteFault({ code, index }: { code: string; index: number }, text: string, at: { file: string; line: number }): FormatError {
  const place = { file: at.file, ...placeIn(text, index - 1, at.line) };
  if (code === 'MissingQuotes') {
    return new FormatError(
      'a field begins with a quote here, and the quote is not closed. Close it, or double it if it is text: """.',
      place,
    );
  }
  return new FormatError(
    'a field in quotes begins here, and text follows its closing quote. Double a quote that is text (""), in a field that is in quotes itself.',
    place,
  );
}

async function* complete(head: TableHead, rows: AsyncGenerator<TableRow>, first: TableRow | null): AsyncGenerator<TableRow> {
  if (first !== null) yield first;
  for await (const row of rows) {
    requireFields(head, row);
    yield row;
  }
}

function requireFields(head: TableHead, row: TableRow): void {
  const expected = head.columns.length;
  const received = row.fields.length;
  if (received === expected) return;
  const fields = `${expected} field${expected === 1 ? '' : 's'}`;
  const remedy = `Fields are separated by ${JSON.stringify(head.delimiter)}${head.quotes ? '; a field that holds one stands in quotes' : ''}.`;
  throw fieldFault(head, row, Math.min(expected, received), `expected ${fields}, as in the first row, received ${received}. ${remedy}`);
}

function requireDistinct(head: TableHead, row: TableRow): void {
  head.columns.forEach((name, i) => {
    const before = head.columns.indexOf(name);
    if (before < i) {
      const message = `expected columns of different names, received "${name}" as column ${before + 1} and ${i + 1}. Rename one.`;
      throw fieldFault(head, row, i, message);
    }
  });
}

// ---- places -----------------------------------------------------------------------------------------------------------

/** Where field `index` begins in the text of its row. */
function fieldStart({ delimiter, quotes }: Format, source: string, index: number): number {
  let inQuotes = false;
  let isStart = true;
  let field = 0;
  const end = source.endsWith('\n') ? source.length - 1 : source.length;
  for (let i = 0; i < end; i++) {
    if (isStart && field === index) return i;
    const character = source[i];
    if (quotes && character === '"' && (inQuotes || isStart)) inQuotes = !inQuotes;
    isStart = character === delimiter && !inQuotes;
    if (isStart) field++;
  }
  return end;
}

/** Line and column, in characters, of a place in a text that begins at the beginning of a line. */
function placeIn(text: string, at: number, line: number): Required<Pick<FileLocation, 'line' | 'column'>> {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: lineAfter(before, line), column: [...before.slice(lineStart)].length + 1 };
}

function lineAfter(text: string, line: number): number {
  let count = line;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
