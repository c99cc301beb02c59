/** Reads sentences and their translations: two text files line by line, or tables (TSV, CSV). Every fault names file, line and column. */
import { fieldFault, openTable, type TableHead, type TableRow } from '../../data/records/delimited.ts';
import { linesIn, type TextSource, textFile } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';

/** How tables are written. Text files need no format: a sentence a line. */
export interface PairFormat {
  /** Column of a table; default `source`. */
  readonly sourceColumn?: string;
  /** Default `target`. */
  readonly targetColumn?: string;
  /** Of a table whose first row is not their names, in order. */
  readonly columns?: readonly string[];
  /** Of a table; default: found out. */
  readonly delimiter?: string;
}

/** A sentence and its translation, and where they stand. */
export interface SentencePair {
  readonly source: string;
  readonly target: string;
  /** Of the source. */
  readonly file: string;
  readonly line: number;
}

/** Files as a caller names them: paths, or sources. */
export type PairFiles = readonly (string | TextSource)[];

/**
 * The pairs of files, in order. A file whose name ends in `.tsv`, `.csv` or `.tab` is a table of pairs; others come two by two, the
 * sources and then, line for line, their translations. Lines that are empty in both are left out.
 *
 * @throws ConfigError when a text file has no partner
 * @throws FormatError naming file, line and column: files of different lengths, a sentence without translation, a malformed table
 */
export async function readPairs(files: PairFiles, format: PairFormat = {}): Promise<SentencePair[]> {
  const sources = files.map((file) => (typeof file === 'string' ? textFile(file) : file));
  const pairs: SentencePair[] = [];
  for (let i = 0; i < sources.length; i++) {
    const before = pairs.length;
    const source = sources[i];
    if (isTable(source.name)) {
      for await (const pair of tablePairs(source, format)) pairs.push(pair);
    } else {
      const target = sources[++i];
      if (target === undefined || isTable(target.name)) {
        throw new ConfigError(
          `expected the translations of ${source.name} in the file after it, received ${target === undefined ? 'none' : `the table ${target.name}`}. Name text files two by two, sources first; or a table of pairs (.tsv, .csv).`,
        );
      }
      for await (const pair of linePairs(source, target)) pairs.push(pair);
    }
    if (pairs.length === before) {
      throw new FormatError('expected sentences, received none.', { file: source.name, line: 1, column: 1 });
    }
  }
  return pairs;
}

/** Whether a file is read as a table of pairs. */
export function isTable(name: string): boolean {
  return /\.(tsv|csv|tab)$/i.test(name);
}

async function* linePairs(source: TextSource, target: TextSource): AsyncGenerator<SentencePair> {
  const [sources, targets] = [source, target].map((file) => linesIn(file)[Symbol.asyncIterator]());
  for (let line = 1; ; line++) {
    const [a, b] = [await sources.next(), await targets.next()];
    if (a.done === true && b.done === true) return;
    if (a.done === true || b.done === true) {
      const [short, long] = a.done === true ? [source, target] : [target, source];
      // Blank lines at the end of one of them are no sentences.
      const rest = a.done === true ? targets : sources;
      const first = (a.done === true ? b.value : a.value) as string;
      if (await areBlank(first, rest)) return;
      throw new FormatError(
        `expected as many lines as ${long.name} has, received ${line - 1}: line ${line} there has no partner. The two files must agree line for line.`,
        { file: short.name, line, column: 1 },
      );
    }
    const isBlank = [a.value, b.value].map((text) => text.trim() === '');
    if (isBlank[0] && isBlank[1]) continue;
    if (isBlank[0] || isBlank[1]) {
      const [empty, full] = isBlank[0] ? [source, target] : [target, source];
      throw new FormatError(
        `expected a sentence, received an empty line; line ${line} of ${full.name} has one. Fill it in, or leave both out.`,
        {
          file: empty.name,
          line,
          column: 1,
        },
      );
    }
    yield { source: a.value, target: b.value, file: source.name, line };
  }
}

async function areBlank(first: string, rest: AsyncIterator<string>): Promise<boolean> {
  let text = first;
  for (;;) {
    if (text.trim() !== '') return false;
    const next = await rest.next();
    if (next.done === true) return true;
    text = next.value;
  }
}

async function* tablePairs(source: TextSource, format: PairFormat): AsyncGenerator<SentencePair> {
  const { head, rows, at } = await openPairs(source, format);
  for await (const row of rows) {
    const [a, b] = at.map((index) => {
      if (row.fields[index].trim() === '') {
        throw fieldFault(
          head,
          row,
          index,
          `expected a sentence as ${head.columns[index]}, received an empty one. Fill it in, or leave the row out.`,
        );
      }
      return row.fields[index];
    });
    yield { source: a, target: b, file: source.name, line: row.line };
  }
}

/** The sources of a table that may have translations, or none. Errors as `readPairs`'. */
export async function* openSources(source: TextSource, format: PairFormat): AsyncGenerator<string> {
  const { rows, at } = await openPairs(source, format, true);
  for await (const row of rows) yield row.fields[at[0]];
}

/** A table's rows below the names, and where in a row source and target stand. */
async function openPairs(source: TextSource, format: PairFormat, isSourceEnough = false) {
  const both = [format.sourceColumn ?? 'source', format.targetColumn ?? 'target'];
  const names = isSourceEnough ? both.slice(0, 1) : both;
  const { rows, ...numbered } = await openTable(source, { delimiter: format.delimiter, header: false });
  const iterator = rows[Symbol.asyncIterator]();
  // There is one: a table without any is refused before.
  const first = (await iterator.next()).value as TableRow;
  const given = first.fields.map((name) => name.trim());
  const isNamed = format.columns === undefined && names.every((name) => given.includes(name));
  const isPlain =
    format.sourceColumn === undefined && format.targetColumn === undefined && given.length <= 2 && given.length >= names.length;
  const columns = isNamed ? given : (format.columns ?? (isPlain ? both.slice(0, given.length) : null));
  if (columns === null) {
    const received = given.slice(0, 10).map((column) => JSON.stringify(column.length > 30 ? `${column.slice(0, 30)}…` : column));
    throw new FormatError(
      `expected columns "${names.join('" and "')}", received a first row of ${received.join(', ')}. Name them with sourceColumn and targetColumn; or name all with columns, if the first row is not their names.`,
      { file: source.name, line: 1, column: 1 },
    );
  }
  const head: TableHead = { ...numbered, columns };
  if (columns.length !== given.length) {
    throw fieldFault(head, first, 0, `expected ${columns.length} columns (${columns.join(', ')}), received ${given.length}.`);
  }
  const at = names.map((name) => {
    const index = columns.indexOf(name);
    const again = columns.indexOf(name, index + 1);
    if (index >= 0 && again < 0) return index;
    throw fieldFault(
      head,
      first,
      Math.max(0, again),
      `expected one column "${name}", received ${columns.map((column) => `"${column}"`).join(', ')}.`,
    );
  });
  async function* all(): AsyncGenerator<TableRow> {
    if (!isNamed) yield first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, rows: all(), at };
}
