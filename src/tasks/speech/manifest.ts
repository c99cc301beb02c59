/**
 * Which sound goes with which words: manifests (tables or JSON lines), or folders of WAV files with a text beside each. Every fault
 * names file, line and column.
 */
import { listFolder } from '#files';
import { fieldFault, readTable, type TableRow } from '../../data/records/delimited.ts';
import { jsonLines } from '../../data/records/json-lines.ts';
import { textFile, textIn } from '../../data/text/text-source.ts';
import { ConfigError, FileError, FormatError, unknownName } from '../../tensor/errors.ts';
import type { ReadingOptions } from './options.ts';

/** An utterance that is in a file. */
export interface Utterance {
  /** Of the WAV file. */
  readonly path: string;
  readonly transcript: string;
  /** null: not known. */
  readonly speaker: string | null;
  /** null: not said. */
  readonly split: string | null;
  /** Where it was named. */
  readonly file: string;
  readonly line?: number;
}

const columnNames = {
  path: ['path', 'wav', 'audio', 'audio_filepath', 'file', 'filename'],
  transcript: ['transcript', 'transcription', 'text', 'sentence', 'label'],
  speaker: ['speaker', 'speaker_id', 'client_id'],
  split: ['split', 'subset'],
} as const;
type Role = keyof typeof columnNames;

/**
 * The utterances of a manifest or a folder. A manifest is a table whose first row names its columns, or JSON lines (a file that ends
 * in `.jsonl`, `.ndjson` or `.json`); paths in it are relative to its folder, unless `audioFolder` says otherwise. In a folder, and the
 * folders below it, each WAV file has a text file of its name.
 *
 * @throws FormatError, FileError or ConfigError that says where and what to do
 * @example const utterances = await readUtterances('digits/manifest.tsv');
 */
export async function readUtterances(path: string, options: ReadingOptions = {}): Promise<Utterance[]> {
  const names = await namesIn(path);
  if (names !== null) {
    const utterances = await readFolder(path, names);
    if (utterances.length > 0) return utterances;
    throw new FormatError('expected WAV files with a text file (.txt) beside each, found none. Give a manifest, or another folder.', {
      file: path,
    });
  }
  return /\.(jsonl|ndjson|json)$/i.test(path) ? readJsonLines(path, options) : readManifest(path, options);
}

/** Of a folder; null: it is none. */
async function namesIn(path: string): Promise<string[] | null> {
  try {
    const names = await listFolder(path);
    // An empty list may mean that there is no such folder: opening it as a file then says so.
    return names.length > 0 ? names : null;
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOTDIR') return null;
    throw error;
  }
}

async function readFolder(folder: string, names: readonly string[]): Promise<Utterance[]> {
  const utterances: Utterance[] = [];
  const present = new Set(names);
  for (const name of names) {
    const path = `${folder}/${name}`;
    if (/\.wav$/i.test(name)) {
      const text = name.replace(/\.wav$/i, '.txt');
      if (!present.has(text))
        throw new FileError(`expected a text file ${text} beside it, with what is said. There is none.`, { file: path });
      const transcript = (await textIn(textFile(`${folder}/${text}`))).trim();
      if (transcript === '') throw new FormatError('expected what is said, found an empty file.', { file: `${folder}/${text}`, line: 1 });
      utterances.push({ path, transcript, speaker: null, split: null, file: path });
    } else if (!/\.[^/]*$/.test(name)) {
      const below = await namesIn(path);
      if (below !== null) utterances.push(...(await readFolder(path, below)));
    }
  }
  return utterances;
}

async function readManifest(path: string, options: ReadingOptions): Promise<Utterance[]> {
  const table = await readTable(textFile(path));
  const roles = rolesIn(table.columns, options, path);
  const folder = options.audioFolder ?? folderOf(path);
  const field = (row: TableRow, role: Role): string | null => {
    const at = roles[role];
    return at === null ? null : row.fields[at].trim();
  };
  return table.rows.map((row) => {
    for (const role of ['path', 'transcript'] as const) {
      if (field(row, role) === '') throw fieldFault(table, row, roles[role]!, `${missing[role]} Fill it in, or leave the row out.`);
    }
    return {
      path: within(folder, field(row, 'path')!),
      transcript: field(row, 'transcript')!,
      speaker: field(row, 'speaker'),
      split: field(row, 'split'),
      file: path,
      line: row.line,
    };
  });
}

const missing = {
  path: 'expected the path of a WAV file, received an empty field.',
  transcript: 'expected what is said, received an empty field.',
} as const;

async function readJsonLines(path: string, options: ReadingOptions): Promise<Utterance[]> {
  const utterances: Utterance[] = [];
  const folder = options.audioFolder ?? folderOf(path);
  for await (const { line, value } of jsonLines(textFile(path))) {
    const place = { file: path, line };
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new FormatError('expected an object, such as {"path": "a.wav", "transcript": "yes"}.', place);
    }
    const record = value as Readonly<Record<string, unknown>>;
    const keys = Object.keys(record);
    const roles = rolesIn(keys, options, path, line);
    const field = (role: Role): string | null => {
      const at = roles[role];
      if (at === null) return null;
      const content = record[keys[at]];
      if (typeof content !== 'string' && typeof content !== 'number') {
        throw new FormatError(`expected "${keys[at]}" to be a text, received ${JSON.stringify(content)}.`, place);
      }
      return String(content).trim();
    };
    for (const role of ['path', 'transcript'] as const) {
      if (field(role) === '') throw new FormatError(`${missing[role].replace('field', `"${keys[roles[role]!]}"`)}`, place);
    }
    utterances.push({
      path: within(folder, field('path')!),
      transcript: field('transcript')!,
      speaker: field('speaker'),
      split: field('split'),
      ...place,
    });
  }
  if (utterances.length === 0)
    throw new FormatError('expected an utterance a line, such as {"path": "a.wav", "transcript": "yes"}, found none.', {
      file: path,
      line: 1,
    });
  return utterances;
}

/** Where each column is. */
function rolesIn(
  columns: readonly string[],
  options: ReadingOptions,
  file: string,
  line = 1,
): { path: number; transcript: number; speaker: number | null; split: number | null } {
  const find = (role: Role): number | null => {
    const named = options[`${role}Column`];
    if (named !== undefined) {
      const at = columns.indexOf(named);
      if (at >= 0) return at;
      throw new ConfigError(`${file}: ${unknownName('column', named, columns)}`);
    }
    const lower = columns.map((column) => column.toLowerCase());
    const known = columnNames[role].find((name) => lower.includes(name));
    return known === undefined ? null : lower.indexOf(known);
  };
  const required = (role: 'path' | 'transcript', what: string): number => {
    const at = find(role);
    if (at !== null) return at;
    const received = columns.map((column) => `"${column}"`).join(', ');
    throw new FormatError(
      `expected a column of ${what} (${columnNames[role].join(', ')}), received ${received}. Name it with ${role}Column.`,
      { file, line },
    );
  };
  return {
    path: required('path', 'WAV files'),
    transcript: required('transcript', 'what is said'),
    speaker: find('speaker'),
    split: find('split'),
  };
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash) || '/';
}

function within(folder: string, path: string): string {
  return path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path) || folder === '.' ? path : `${folder}/${path}`;
}
