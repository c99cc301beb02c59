/**
 * Proteins from tables, one a row. A cell is a word with a letter for each residue, or has blanks between them; a mask has
 * numbers, 0 for a residue that does not count.
 */
import { columnOf, fieldFault, openTable, type TableHead, type TableRow } from '../../data/records/delimited.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { aminoAcidId, stateId, unknownState } from './alphabet.ts';
import type { DataOptions } from './options.ts';
import type { Protein } from './protein.ts';

/** Names that columns are known by, the best first. */
const usual = {
  sequence: ['sequence', 'seq', 'input', 'primary'],
  structure: ['dssp8', 'sst8', 'q8', 'dssp3', 'sst3', 'q3', 'structure', 'label'],
  mask: ['disorder', 'mask'],
  protein: ['name', 'id', 'pdb_id', 'protein'],
} as const;

/** Where in the table is what. */
interface Columns {
  readonly sequence: number;
  readonly structure: number | null;
  readonly masks: readonly number[];
  readonly protein: number | null;
}

/**
 * Proteins one by one.
 *
 * @throws FormatError with file, line and column: no column of sequences, a letter that is none, states or a mask of another
 *   length; ConfigError when a column that is named is not there
 */
export async function* readProteinTable(source: TextSource, options: DataOptions = {}): AsyncGenerator<Protein> {
  const table = await openTable(source, { delimiter: options.delimiter });
  const columns = columnsOf(table, options);
  for await (const row of table.rows) yield proteinOf(table, row, columns);
}

function columnsOf(table: TableHead, { sequenceColumn, structureColumn, maskColumns, proteinColumn }: DataOptions): Columns {
  const find = (given: string | undefined, known: readonly string[]): number | null => {
    if (given !== undefined) return columnOf(table, given);
    const names = table.columns.map((name) => name.toLowerCase());
    const found = known.map((name) => names.indexOf(name)).find((index) => index >= 0);
    return found ?? null;
  };
  const sequence = find(sequenceColumn, usual.sequence);
  if (sequence === null) {
    throw new FormatError(
      `expected a column named ${usual.sequence.join(', ')}, found ${table.columns.join(', ')}. Name it: sequenceColumn.`,
      { file: table.name, line: 1, column: 1 },
    );
  }
  const masks = maskColumns?.map((name) => columnOf(table, name)) ?? [find(undefined, usual.mask)].filter((index) => index !== null);
  return { sequence, structure: find(structureColumn, usual.structure), masks, protein: find(proteinColumn, usual.protein) };
}

function proteinOf(table: TableHead, row: TableRow, columns: Columns): Protein {
  const fail = (column: number, message: string): never => {
    throw fieldFault(table, row, column, message);
  };
  const letters = row.fields[columns.sequence].replaceAll(/\s+/g, '');
  if (letters === '') fail(columns.sequence, `expected a sequence in "${table.columns[columns.sequence]}", found nothing.`);
  for (let t = 0; t < letters.length; t++) {
    if (aminoAcidId(letters.charCodeAt(t)) < 0) {
      fail(
        columns.sequence,
        `expected an amino acid as letter ${t + 1} of the sequence, found "${letters[t]}". Amino acids are letters; an unknown one is X.`,
      );
    }
  }
  const states =
    columns.structure === null
      ? null
      : statesIn(row.fields[columns.structure], letters.length, (message) => fail(columns.structure!, message));
  for (const mask of columns.masks) applyMask(row.fields[mask], letters.length, states, (message) => fail(mask, message));
  return { name: columns.protein === null ? `line ${row.line}` : row.fields[columns.protein], sequence: letters, states, profile: null };
}

function statesIn(field: string, length: number, fail: (message: string) => never): Uint8Array {
  const letters = field.replaceAll(/\s+/g, '');
  if (letters.length !== length) fail(`expected ${length} states, as the sequence has residues, found ${letters.length}.`);
  return Uint8Array.from(letters, (letter, t) => {
    const id = stateId(letter.charCodeAt(0));
    return id >= 0
      ? id
      : fail(`expected a state as letter ${t + 1} of the structure, found "${letter}". States are H G I E B T S C; an unknown one is X.`);
  });
}

/** Takes out of the states what the mask leaves out: 0 or 0.0; whatever else it has, counts. */
function applyMask(field: string, length: number, states: Uint8Array | null, fail: (message: string) => never): void {
  const trimmed = field.trim();
  const marks = /\s/.test(trimmed) ? trimmed.split(/\s+/) : [...trimmed];
  if (marks.length !== length) fail(`expected a mask of ${length} numbers, as the sequence has residues, found ${marks.length}.`);
  marks.forEach((mark, t) => {
    const value = Number(mark);
    if (value !== 0 && value !== 1) fail(`expected 0 or 1 as number ${t + 1} of the mask, found "${mark}".`);
    if (value === 0 && states !== null) states[t] = unknownState;
  });
}
