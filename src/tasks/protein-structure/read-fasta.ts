/**
 * Proteins from FASTA files. A protein's records have one name, in one file or in several: its sequence, the states of its
 * residues, and, where not all of them count, a mask of 0 and 1. Which is which shows in the letters.
 */
import { type FastaRecord, fastaRecords } from '../../data/fasta.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import { aminoAcidId, stateId, unknownState } from './alphabet.ts';
import type { Protein } from './protein.ts';

/** A protein's records: its sequence and its states, in whichever order, and the mask. */
interface Parts {
  readonly chains: FastaRecord[];
  mask: FastaRecord | null;
}

/**
 * Proteins with their states, from files that belong together.
 *
 * @throws FormatError with file, line and column: a name twice, a letter that is none, a sequence without states or the
 *   other way round, states or a mask of another length
 */
export async function readLabelledFasta(sources: readonly TextSource[]): Promise<Protein[]> {
  const parts = new Map<string, Parts>();
  for (const source of sources) {
    for await (const record of fastaRecords(source)) {
      const known = parts.get(record.name) ?? { chains: [], mask: null };
      parts.set(record.name, known);
      addTo(known, record);
    }
  }
  return [...parts.values()].map(assemble);
}

/**
 * Sequences alone, one by one. What stands below a sequence under its name, its states and its mask, is passed over.
 *
 * @throws FormatError with file, line and column where a letter is no amino acid
 */
export async function* readSequences(source: TextSource): AsyncGenerator<Protein> {
  const named = new Set<string>();
  for await (const record of fastaRecords(source)) {
    if (named.has(record.name) && (isMask(record) || spellsStates.test(record.sequence))) continue;
    named.add(record.name);
    yield { name: record.name, sequence: sequenceOf(record), states: null, profile: null };
  }
}

function addTo(known: Parts, record: FastaRecord): void {
  if (isMask(record)) {
    if (known.mask !== null) throw record.fault(`a second mask for "${record.name}". Give each protein a name of its own.`);
    known.mask = record;
    return;
  }
  known.chains.push(record);
  if (known.chains.length === 1) return;
  const isSequence = known.chains.map(({ sequence }) => !spellsStates.test(sequence));
  if (known.chains.length > 2 || isSequence.every(Boolean)) {
    throw record.fault(`a second sequence named "${record.name}". Give each protein a name of its own.`);
  }
  // Where both are spelt in letters of states alone, the first is the sequence.
  if (isSequence[1]) known.chains.reverse();
}

function isMask({ sequence }: FastaRecord): boolean {
  return /^[01]+$/.test(sequence);
}

/** In either case. */
const spellsStates = /^[HGIEBTSCLPX~?-]+$/i;

function assemble({ chains: [sequence, states], mask }: Parts): Protein {
  if (sequence === undefined) throw mask!.fault(`"${mask!.name}" has a mask and no sequence. Give its record in this file or in another.`);
  if (states === undefined) {
    const missing = spellsStates.test(sequence.sequence) ? 'no sequence' : 'no secondary structure';
    throw sequence.fault(
      `"${sequence.name}" has ${missing}. Give two records of this name, the sequence and a letter for each residue, such as HHHEEECCC, in one file or in two.`,
    );
  }
  const letters = sequenceOf(sequence);
  const ids = statesOf(states, letters.length);
  if (mask !== null) {
    requireLength(mask, letters.length, 'a mask');
    for (let t = 0; t < ids.length; t++) if (mask.sequence[t] === '0') ids[t] = unknownState;
  }
  return { name: sequence.name, sequence: letters, states: ids, profile: null };
}

/** The letters of a sequence, checked; a stop at its end is left out. */
function sequenceOf(record: FastaRecord): string {
  const letters = record.sequence.replace(/\*$/, '');
  for (let t = 0; t < letters.length; t++) {
    if (aminoAcidId(letters.charCodeAt(t)) >= 0) continue;
    const remark = '-.'.includes(letters[t]) ? 'Take the gaps out.' : 'Amino acids are letters; an unknown one is X.';
    throw record.fault(`expected an amino acid, found "${letters[t]}" in "${record.name}". ${remark}`, t);
  }
  if (letters === '') throw record.fault(`expected a sequence under ">${record.name}", found none. Give it one, or take the header out.`);
  return letters;
}

function statesOf(record: FastaRecord, length: number): Uint8Array {
  requireLength(record, length, 'secondary structure');
  return Uint8Array.from(record.sequence, (letter) => stateId(letter.charCodeAt(0)));
}

function requireLength(record: FastaRecord, length: number, what: string): void {
  const received = record.sequence.length;
  if (received === length) return;
  throw record.fault(
    `expected ${what} of ${length} letters, as the sequence of "${record.name}" has, found ${received}.`,
    Math.min(length, received - 1),
  );
}
