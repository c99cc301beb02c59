/** Reads texts and their labels: tables (CSV, TSV) and JSON lines. Every fault names file, line and column. */
import { fieldFault, openTable, type TableHead, type TableRow } from '../../data/records/delimited.ts';
import { jsonLines } from '../../data/records/json-lines.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import { FormatError, unknownName } from '../../tensor/errors.ts';

/** How the files are written. */
export interface LabelledTextFormat {
  /** Column, or field of JSON lines; default `text`. */
  readonly textColumn?: string;
  /** Default `label`. */
  readonly labelColumn?: string;
  /** Of a table whose first row is not their names, in order. */
  readonly columns?: readonly string[];
  /** Of a table; default: found out. */
  readonly delimiter?: string;
  /** A text may have several labels, or none, which stand in a table with this between them. */
  readonly labelSeparator?: string;
}

/** A text, and where it stands. */
export interface SourceText {
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

/** A text and its labels. */
export interface LabelledText extends SourceText {
  /** One, unless texts may have several. */
  readonly labels: readonly string[];
}

/**
 * The texts of a file and their labels, as they are read. A file whose name ends in `.jsonl` or `.ndjson` has an object a line;
 * anything else is a table. Its first row names the columns, unless `columns` does; a table of two columns with a tab
 * between, neither called by the names that are looked for, is taken as label and text.
 *
 * @param known  the labels that there may be; absent: any
 * @throws FormatError naming file, line and column: of a table, a record or a field that is not what it should be
 */
export async function* labelledTexts(
  source: TextSource,
  format: LabelledTextFormat,
  known?: readonly string[],
): AsyncGenerator<LabelledText> {
  const mayBe = known === undefined ? null : new Set(known);
  const stranger = (labels: readonly string[]): string | undefined => labels.find((label) => mayBe?.has(label) === false);
  const fields = { text: format.textColumn ?? 'text', label: format.labelColumn ?? 'label' };
  if (isJsonLines(source.name)) {
    for await (const { line, value } of jsonLines(source)) {
      const record = recordOf(value, source.name, line);
      const labels = labelField(record, fields.label, format);
      const unknown = stranger(labels);
      if (unknown !== undefined) throw record.fault(`"${fields.label}": ${unknownLabel(unknown, known!)}`);
      yield { text: textField(record, fields.text), labels, file: source.name, line };
    }
    return;
  }
  const { head, rows, text, label } = await openTexts(source, format, fields);
  for await (const row of rows) {
    const value = row.fields[text];
    if (value.trim() === '') throw fieldFault(head, row, text, emptyText);
    const labels = splitLabels(row.fields[label], format);
    if (labels === null) throw fieldFault(head, row, label, emptyLabel);
    const unknown = stranger(labels);
    if (unknown !== undefined) throw fieldFault(head, row, label, unknownLabel(unknown, known!));
    yield { text: value, labels, file: source.name, line: row.line };
  }
}

/** The texts of a file without labels, or with labels that are left alone. Empty ones are texts too. Errors as `labelledTexts`'. */
export async function* unlabelledTexts(source: TextSource, format: LabelledTextFormat): AsyncGenerator<SourceText> {
  const name = format.textColumn ?? 'text';
  if (isJsonLines(source.name)) {
    for await (const { line, value } of jsonLines(source)) {
      yield { text: textField(recordOf(value, source.name, line), name, true), file: source.name, line };
    }
    return;
  }
  const { rows, text } = await openTexts(source, format, { text: name });
  for await (const row of rows) yield { text: row.fields[text], file: source.name, line: row.line };
}

/** Whether `unlabelledTexts` takes a file for records; any other is texts, one a line. */
export function hasRecords(path: string, format: LabelledTextFormat): boolean {
  return isJsonLines(path) || /\.(csv|tsv|tab)$/i.test(path) || format.columns !== undefined;
}

function isJsonLines(name: string): boolean {
  return /\.(jsonl|ndjson)$/i.test(name);
}

const emptyText = 'expected a text, received an empty one. Fill it in, or leave the row out.';
const emptyLabel = 'expected a label, received none. Fill it in, leave the row out, or give labelSeparator if a text may have none.';

function unknownLabel(label: string, known: readonly string[]): string {
  const shown = known.length > 20 ? [...known.slice(0, 20), '…'] : known;
  return `${unknownName('label', label, shown)} The training data have no text with it.`;
}

// ---- tables -----------------------------------------------------------------------------------------------------------

/** A table's rows below the names, and where in a row text and label stand. */
async function openTexts(source: TextSource, format: LabelledTextFormat, fields: { readonly text: string; readonly label?: string }) {
  const { rows, ...numbered } = await openTable(source, { delimiter: format.delimiter, header: false });
  const iterator = rows[Symbol.asyncIterator]();
  // There is one: a table without any is refused before.
  const first = (await iterator.next()).value as TableRow;
  const names = first.fields.map((name) => name.trim());
  const wanted = Object.values(fields);
  const isNamed = format.columns === undefined && wanted.every((name) => names.includes(name));
  const head: TableHead = { ...numbered, columns: isNamed ? names : (format.columns ?? defaultColumns(numbered, names, format, fields)) };
  if (head.columns.length !== names.length) {
    throw fieldFault(head, first, 0, `expected ${head.columns.length} columns (${head.columns.join(', ')}), received ${names.length}.`);
  }
  const place = (name: string): number => {
    const index = head.columns.indexOf(name);
    const again = head.columns.indexOf(name, index + 1);
    if (index < 0 || again >= 0) {
      const received = `received ${head.columns.map((column) => `"${column}"`).join(', ')}. Name the columns with textColumn and labelColumn`;
      throw fieldFault(head, first, Math.max(0, again), `expected one column "${name}", ${received}.`);
    }
    return index;
  };
  const at = { text: place(fields.text), label: fields.label === undefined ? -1 : place(fields.label) };
  async function* all(): AsyncGenerator<TableRow> {
    if (!isNamed) yield first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, rows: all(), ...at };
}

/** Names for the columns of a table whose first row does not have them. */
function defaultColumns(
  { delimiter, name }: TableHead,
  first: readonly string[],
  { textColumn, labelColumn }: LabelledTextFormat,
  { text, label }: { readonly text: string; readonly label?: string },
): readonly string[] {
  if (textColumn === undefined && labelColumn === undefined) {
    if (first.length === 2 && delimiter === '\t') return ['label', text];
    if (first.length === 1 && label === undefined) return [text];
  }
  const wanted = [label, text].filter((column) => column !== undefined).map((column) => `"${column}"`);
  const received = first.slice(0, 10).map((column) => JSON.stringify(column.length > 30 ? `${column.slice(0, 30)}…` : column));
  throw new FormatError(
    `expected ${wanted.length > 1 ? 'columns' : 'a column'} ${wanted.join(' and ')}, received a first row of ${received.join(', ')}. Name ${wanted.length > 1 ? 'them' : 'it'} with textColumn${label === undefined ? '' : ' and labelColumn'}; or name all with columns, if the first row is not their names.`,
    { file: name, line: 1, column: 1 },
  );
}

/** null: no label, where there has to be one. */
function splitLabels(field: string, { labelSeparator }: LabelledTextFormat): string[] | null {
  if (labelSeparator === undefined) return field.trim() === '' ? null : [field.trim()];
  return distinct(field.split(labelSeparator).map((label) => label.trim()));
}

function distinct(labels: readonly string[]): string[] {
  return [...new Set(labels.filter((label) => label !== ''))];
}

// ---- JSON lines -------------------------------------------------------------------------------------------------------

interface JsonRecord {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly fault: (message: string) => FormatError;
}

function recordOf(value: unknown, file: string, line: number): JsonRecord {
  const fault = (message: string) => new FormatError(message, { file, line, column: 1 });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fault(`expected an object such as {"label": "…", "text": "…"}, received ${shown(value)}.`);
  }
  return { fields: value as Record<string, unknown>, fault };
}

function textField({ fields, fault }: JsonRecord, name: string, mayBeEmpty = false): string {
  const value = fields[name];
  if (typeof value !== 'string') throw fault(`expected a text as "${name}", received ${shown(value, fields)}.`);
  if (value.trim() === '' && !mayBeEmpty) throw fault(`"${name}": ${emptyText}`);
  return value;
}

function labelField({ fields, fault }: JsonRecord, name: string, format: LabelledTextFormat): string[] {
  const value = fields[name];
  const isList = Array.isArray(value);
  const values: unknown[] = isList ? value : [value];
  if (!values.every((label) => ['string', 'number', 'boolean'].includes(typeof label))) {
    throw fault(`expected a label as "${name}", received ${shown(value, fields)}.`);
  }
  if (isList && format.labelSeparator === undefined) {
    throw fault(
      `expected one label as "${name}", received the list ${shown(value)}. Give labelSeparator, whatever it is, if a text may have several.`,
    );
  }
  const labels = isList ? distinct(values.map((label) => String(label).trim())) : splitLabels(String(value), format);
  if (labels === null) throw fault(`"${name}": ${emptyLabel}`);
  return labels;
}

function shown(value: unknown, fields?: Readonly<Record<string, unknown>>): string {
  if (value === undefined) return `a record without it (it has ${Object.keys(fields ?? {}).join(', ') || 'nothing'})`;
  const json = JSON.stringify(value);
  return json.length > 40 ? `${json.slice(0, 40)}…` : json;
}
