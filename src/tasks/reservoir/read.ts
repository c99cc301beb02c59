/** Tables of numbers as sequences: a row is a step. Plain files of numbers, without names, are tables too. */
import { fieldFault, readTable, type Table, type TableRow } from '../../data/records/delimited.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import { ConfigError, FormatError, unknownName } from '../../tensor/errors.ts';

/** Which columns are what. */
export interface Columns {
  /** Columns that drive the reservoir. */
  readonly inputs: readonly string[];
  /** Columns that are told; none in a classification. */
  readonly targets: readonly string[];
  /** Names the sequence of each row; null: each file is one. */
  readonly sequence: string | null;
  /** The class of each sequence; null: no classification. */
  readonly label: string | null;
}

/** A sequence of numbers. */
export interface NumberSequence {
  readonly name: string;
  /** T. */
  readonly length: number;
  readonly inputs: Float64Array; // [T, I]
  /** Null where the table has no targets, as when they are to be predicted. */
  readonly targets: Float64Array | null; // [T, O]
  readonly label: string | null;
}

/** What a user says of the columns. */
export interface ColumnRoles {
  readonly inputs?: readonly string[];
  readonly targets?: readonly string[];
  readonly sequence?: string;
  readonly label?: string;
}

/** Sequences, and the columns that they were read from. */
export interface SequenceSet {
  readonly columns: Columns;
  readonly sequences: readonly NumberSequence[];
}

/**
 * Reads tables: comma-, tab- or semicolon-separated, or one number a line. A first row that is all numbers is data, and columns are
 * called 1, 2, 3, … then. Columns are found in the first table; the others have to have them.
 *
 * @param needs  what must be there: without 'targets' or 'label' such columns may be missing from a table
 * @throws FormatError with file, line and column of what is no number, of a label that changes within its sequence, of a sequence in
 *         two places; ConfigError for a column that is not there, or has two roles
 */
export async function readSequences(
  sources: readonly TextSource[],
  roles: ColumnRoles,
  needs: { readonly targets: boolean; readonly label: boolean } = { targets: true, label: true },
): Promise<SequenceSet> {
  let columns: Columns | null = null;
  const sequences: NumberSequence[] = [];
  const seen = new Map<string, string>();
  for (const source of sources) {
    const table = await readNumbers(source);
    columns ??= columnsOf(table, roles, needs);
    for (const sequence of sequencesIn(table, columns, needs)) {
      const before = seen.get(sequence.name);
      if (before !== undefined && columns.sequence !== null)
        throw new FormatError(`expected each sequence in one file, received ${quoted(sequence.name)}, which ${before} has too.`, {
          file: source.name,
        });
      seen.set(sequence.name, source.name);
      sequences.push(sequence);
    }
  }
  if (columns === null) throw new ConfigError('expected at least one table, received none.');
  return { columns, sequences };
}

/** A table whose first row may be data. */
async function readNumbers(source: TextSource): Promise<Table> {
  const plain = await readTable(source, { header: false });
  const [first] = plain.rows;
  if (first.fields.every((field) => isNumber(field, plain.delimiter))) return plain;
  const columns = first.fields.map((name) => name.trim());
  columns.forEach((name, i) => {
    if (name === '') throw fieldFault(plain, first, i, `expected a name for column ${i + 1}, received nothing.`);
    const before = columns.indexOf(name);
    if (before < i)
      throw fieldFault(
        plain,
        first,
        i,
        `expected columns of different names, received ${quoted(name)} as column ${before + 1} and ${i + 1}. Rename one.`,
      );
  });
  if (plain.rows.length === 1)
    throw new FormatError('expected rows of numbers below the names of the columns, received none.', { file: source.name, line: 2 });
  return { ...plain, columns, rows: plain.rows.slice(1) };
}

function columnsOf(table: Table, roles: ColumnRoles, needs: { readonly targets: boolean }): Columns {
  const { sequence = null, label = null } = roles;
  if (label !== null && sequence === null) {
    // One class a file.
    columnIn(table, label);
  }
  const named = [sequence, label].filter((name) => name !== null);
  const others = new Set([...named, ...(roles.inputs ?? [])]);
  const isSelf = roles.inputs === undefined;
  const found = (): string[] => {
    const rest = table.columns.filter((name) => !others.has(name));
    const [row] = table.rows;
    // A column of dates, as the first often is, is no target.
    const numbers = rest.filter((name) => isNumber(row.fields[table.columns.indexOf(name)], table.delimiter));
    if (numbers.length === 0)
      throw new ConfigError(
        `${table.name}: expected a column of numbers, received ${table.columns.join(', ')}. Name them: inputs, targets.`,
      );
    return numbers;
  };
  const targets = label !== null ? [] : (roles.targets ?? found());
  const inputs = roles.inputs ?? (label !== null ? found() : targets);
  const once = [...named, ...inputs, ...(isSelf ? [] : targets)];
  const twice = once.find((name, i) => once.indexOf(name) < i);
  if (twice !== undefined) throw new ConfigError(`expected each column to have one role, received ${quoted(twice)} for two.`);
  for (const name of [...named, ...inputs, ...(needs.targets ? targets : [])]) columnIn(table, name);
  return { inputs, targets, sequence, label };
}

function columnIn(table: Table, name: string): number {
  const index = table.columns.indexOf(name);
  if (index < 0) throw new ConfigError(`${table.name}: ${unknownName('column', name, table.columns)}`);
  return index;
}

interface Group {
  readonly name: string;
  readonly inputs: number[];
  readonly targets: number[];
  readonly label: string | null;
  length: number;
}

function sequencesIn(table: Table, columns: Columns, needs: { readonly targets: boolean; readonly label: boolean }): NumberSequence[] {
  const maybe = (name: string | null, isNeeded: boolean): number =>
    name === null ? -1 : isNeeded || table.columns.includes(name) ? columnIn(table, name) : -1;
  const at = {
    inputs: columns.inputs.map((name) => columnIn(table, name)),
    targets: columns.targets.map((name) => maybe(name, needs.targets)),
    sequence: maybe(columns.sequence, true),
    label: maybe(columns.label, needs.label),
  };
  const hasTargets = at.targets.length > 0 && at.targets.every((index) => index >= 0);
  const groups = new Map<string, Group>();
  let last: Group | null = null;
  for (const row of table.rows) {
    const name = at.sequence < 0 ? fileName(table.name) : row.fields[at.sequence].trim();
    if (name === '') throw fieldFault(table, row, at.sequence, "expected the sequence's name, received nothing.");
    const label = at.label < 0 ? null : row.fields[at.label].trim();
    if (label === '') throw fieldFault(table, row, at.label, 'expected the class of the sequence, received nothing.');
    let group: Group | undefined = groups.get(name);
    if (group !== undefined && group !== last)
      throw fieldFault(
        table,
        row,
        at.sequence,
        `expected the rows of a sequence one after another, received ${quoted(name)} again after ${quoted(last!.name)}. Sort the table by its sequences.`,
      );
    if (group === undefined) {
      group = { name, inputs: [], targets: [], label, length: 0 };
      groups.set(name, group);
    } else if (group.label !== label) {
      throw fieldFault(
        table,
        row,
        at.label,
        `expected ${quoted(group.label ?? '')}, as in the other rows of sequence ${quoted(name)}, received ${quoted(label ?? '')}. A sequence has one class.`,
      );
    }
    for (const index of at.inputs) group.inputs.push(numberIn(table, row, index));
    if (hasTargets) for (const index of at.targets) group.targets.push(numberIn(table, row, index));
    group.length++;
    last = group;
  }
  return [...groups.values()].map(({ name, inputs, targets, label, length }) => ({
    name,
    length,
    label,
    inputs: Float64Array.from(inputs),
    targets: hasTargets ? Float64Array.from(targets) : null,
  }));
}

function numberIn(table: Table, row: TableRow, index: number): number {
  const text = row.fields[index].trim();
  const value = parsed(text, table.delimiter);
  if (Number.isFinite(value)) return value;
  const column = `column ${quoted(table.columns[index])}`;
  if (text === '' || /^(nan|na|null|none|-|\?)$/i.test(text)) {
    throw fieldFault(
      table,
      row,
      index,
      `expected a number in ${column}, received ${text === '' ? 'nothing' : quoted(text)}. A reservoir needs every step: fill the gap, or cut the sequence there.`,
    );
  }
  throw fieldFault(
    table,
    row,
    index,
    `expected a number in ${column}, received ${quoted(text)}. Name the columns of numbers: inputs, targets.`,
  );
}

function isNumber(text: string, delimiter: string): boolean {
  return Number.isFinite(parsed(text.trim(), delimiter));
}

function parsed(text: string, delimiter: string): number {
  if (text === '') return Number.NaN;
  return Number(delimiter === ';' ? text.replace(',', '.') : text);
}

function fileName(path: string): string {
  return path.split(/[\\/]/).pop() ?? path;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}
