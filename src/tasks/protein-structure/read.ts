/** Proteins from files of every kind that the task reads; which one it is shows in how the file begins. */
import { openFile } from '#files';
import { fileBytes, unpacked } from '../../data/gzip.ts';
import { npyMagic } from '../../data/npy.ts';
import { type TextSource, textStream } from '../../data/text/text-source.ts';
import type { ByteSource } from '../../interop/byte-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { DataOptions } from './options.ts';
import type { Protein } from './protein.ts';
import { readArray } from './read-array.ts';
import { readLabelledFasta, readSequences } from './read-fasta.ts';
import { profileStarts, readProfile } from './read-profile.ts';
import { readProteinTable } from './read-table.ts';

/** A file's path, a text (FASTA, a table, a profile), or bytes (any of these, or an array), compressed with gzip or not. */
export type ProteinSource = string | TextSource | ByteSource;

type Kind = 'fasta' | 'table' | 'array' | 'pssm' | 'hhm';

/**
 * All proteins of the sources, with their structures. FASTA files among them belong together, and files of profiles go to the
 * proteins of their names: see `readLabelledFasta` and `readProfile`.
 *
 * @throws FormatError, FileError or ConfigError that say where and what to do
 * @example const proteins = await readProteins(['sequences.fasta', 'structures.fasta', 'mask.fasta']);
 */
export async function readProteins(sources: readonly ProteinSource[], options: DataOptions = {}): Promise<Protein[]> {
  if (sources.length === 0) throw new ConfigError('expected at least one file of proteins, received none.');
  const opened = await Promise.all(sources.map(open));
  const proteins = await readLabelledFasta(opened.flatMap(({ kind, text }) => (kind === 'fasta' ? [text()] : [])));
  for (const source of opened) {
    if (source.kind === 'fasta' || isProfile(source)) continue;
    for await (const protein of proteinsIn(source, options)) {
      if (protein.states === null) {
        throw new FormatError('expected a column of secondary structures, found none. Name it: structureColumn.', {
          file: source.name,
          line: 1,
          column: 1,
        });
      }
      proteins.push(protein);
    }
  }
  if (proteins.length === 0)
    throw new ConfigError(`expected at least one protein, found none in ${opened.map(({ name }) => name).join(', ')}.`);
  const complete = await withProfiles(proteins, opened.filter(isProfile));
  requireLikeProfiles(complete, opened);
  return complete;
}

/** The proteins of one source, one by one, whether or not their structures are known. */
export async function* streamProteins(source: ProteinSource, options: DataOptions = {}): AsyncGenerator<Protein> {
  yield* proteinsIn(await open(source), options);
}

/** A source whose kind is known. */
interface Opened {
  readonly name: string;
  readonly kind: Kind;
  readonly text: () => TextSource;
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

async function open(source: ProteinSource): Promise<Opened> {
  if (typeof source === 'string') {
    const file = await openFile(source);
    try {
      if (file.size === 0) throw empty(source);
      return described(source, () => fileBytes(source));
    } finally {
      await file.close();
    }
  }
  if ('read' in source) return described(source.name, () => unpacked(source));
  return { name: source.name, kind: await kindOfText(source), text: () => source, bytes: () => encoded(source) };
}

async function described(name: string, bytes: () => AsyncIterable<Uint8Array>): Promise<Opened> {
  const text = (): TextSource => textStream(bytes(), name);
  for await (const start of bytes()) {
    const isArray = npyMagic.every((byte, i) => start[i] === byte);
    return { name, kind: isArray ? 'array' : await kindOfText(text()), text, bytes };
  }
  throw empty(name);
}

async function kindOfText(source: TextSource): Promise<Kind> {
  for await (const piece of source.chunks()) {
    const start = piece.replace(/^\ufeff/, '').trimStart();
    if (start === '') continue;
    if (start.startsWith(profileStarts.pssm)) return 'pssm';
    if (start.startsWith(profileStarts.hhm)) return 'hhm';
    return '>;'.includes(start[0]) ? 'fasta' : 'table';
  }
  throw empty(source.name);
}

function empty(name: string): FormatError {
  return new FormatError('expected proteins, found an empty file. Give FASTA, a table with a header, or a NumPy array.', {
    file: name,
    line: 1,
    column: 1,
  });
}

async function* encoded(source: TextSource): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const piece of source.chunks()) yield encoder.encode(piece);
}

function proteinsIn({ kind, name, text, bytes }: Opened, options: DataOptions): AsyncGenerator<Protein> {
  switch (kind) {
    case 'fasta':
      return readSequences(text());
    case 'table':
      return readProteinTable(text(), options);
    case 'array':
      return readArray(bytes(), name);
    case 'pssm':
    case 'hhm':
      return one(readProfile(text(), kind));
    default:
      throw new Error(`unreachable: ${kind satisfies never}`);
  }
}

async function* one(protein: Promise<Protein>): AsyncGenerator<Protein> {
  yield await protein;
}

function isProfile({ kind }: Opened): boolean {
  return kind === 'pssm' || kind === 'hhm';
}

/** Gives each protein the profile of its name. @throws FormatError when there is no such protein, or its sequence is another */
async function withProfiles(proteins: readonly Protein[], sources: readonly Opened[]): Promise<Protein[]> {
  const known = new Map(proteins.map((protein) => [protein.name, protein]));
  const profiles = new Map<string, Float32Array | null>();
  for (const source of sources) {
    for await (const { name, sequence, profile } of proteinsIn(source, {})) {
      const protein = known.get(name);
      if (protein === undefined) {
        throw new FormatError(`a profile of "${name}", which is no protein of the other files. Names must be the same.`, {
          file: source.name,
        });
      }
      if (protein.sequence.toUpperCase() !== sequence.toUpperCase()) {
        throw new FormatError(
          `expected a profile of ${protein.sequence.length} residues, as the sequence of "${name}" has, found one of ${sequence.length} or of other letters.`,
          { file: source.name },
        );
      }
      profiles.set(name, profile);
    }
  }
  return proteins.map((protein) => ({ ...protein, profile: profiles.get(protein.name) ?? protein.profile }));
}

/** A profile goes with every protein or with none. */
function requireLikeProfiles(proteins: readonly Protein[], opened: readonly Opened[]): void {
  const sizes = new Set(proteins.map(({ profile, sequence }) => (profile === null ? 0 : profile.length / sequence.length)));
  if (sizes.size > 1) {
    const files = opened.map(({ name }) => name).join(', ');
    throw new ConfigError(
      `expected profiles of one size for all proteins or for none, found ${[...sizes].join(' and ')} numbers a residue in ${files}.`,
    );
  }
}
