/**
 * Profiles from alignments, one protein a file: PSI-BLAST's ASCII matrices (`psiblast -out_ascii_pssm`) and the hidden Markov
 * models of HH-suite (`hhblits -ohhm`). Each says the protein's sequence too.
 *
 * @see Altschul et al. (1997), doi:10.1093/nar/25.17.3389; Steinegger et al. (2019), doi:10.1186/s12859-019-3019-7
 */
import { linesIn, type TextSource } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { aminoAcidId } from './alphabet.ts';
import type { Protein } from './protein.ts';

/** How a file of each kind begins. */
export const profileStarts = { pssm: 'Last position-specific scoring matrix', hhm: 'HHsearch' } as const;
export type ProfileKind = keyof typeof profileStarts;

/** Numbers of a residue: 20 scores of a PSSM; 20 frequencies, 7 transitions and 3 effective numbers of sequences of an HMM. */
export const profileSizes: Readonly<Record<ProfileKind, number>> = { pssm: 20, hhm: 30 };

/**
 * The protein of a profile. A PSSM's protein has the name of its file, without what is behind the last dot; an HMM says its own.
 * Scores become 1 / (1 + e⁻ˢ), an HMM's −1000 log₂ p become p, its effective numbers are given in units of 20.
 *
 * @throws FormatError with file, line and column where it is malformed or ends early
 */
export async function readProfile(source: TextSource, kind: ProfileKind): Promise<Protein> {
  const reader = new ProfileReader(source.name);
  let name = baseName(source.name);
  let isTable = false;
  for await (const text of linesIn(source)) {
    reader.line++;
    if (kind === 'pssm') {
      if (/^\s*\d+\s/.test(text)) reader.scores(text);
      // Behind the matrix stand statistics.
      else if (reader.letters !== '' && text.trim() === '') break;
    } else if (isTable) {
      if (text.startsWith('//')) return reader.protein(name);
      reader.model(text);
    } else if (text.startsWith('NAME')) name = text.slice(4).trim().split(/\s+/)[0] || name;
    // The table's head has two lines more, of transitions.
    else if (/^HMM\s/.test(text)) isTable = true;
  }
  if (kind === 'hhm')
    throw reader.fault(
      isTable ? 'expected // at the end of the model, found the end of the file.' : 'expected a line that begins with HMM, found none.',
    );
  return reader.protein(name);
}

class ProfileReader {
  line = 0;
  letters = '';
  readonly #file: string;
  readonly #values: number[] = [];
  /** Lines of the HMM's table so far: its head, then two a residue. */
  #rows = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** `    1 M    -1 -2 …`: 20 scores, and what else stands there. */
  scores(text: string): void {
    const [, head, residue, rest] = /^(\s*\d+\s+)(\S+)(.*)$/.exec(text) ?? [];
    if (residue === undefined) throw this.fault('expected a position and an amino acid, such as "1 M".', 1);
    this.#residue(residue, head.length + 1);
    // Numbers of two digits may touch the one before: "-9-10".
    const scores = rest.match(/-?\d+/g)?.slice(0, profileSizes.pssm) ?? [];
    if (scores.length < profileSizes.pssm) throw this.fault(`expected 20 scores, found ${scores.length}.`, text.length + 1);
    for (const score of scores) this.#values.push(1 / (1 + Math.exp(-Number(score))));
  }

  /** `M 1   1234 * … 1`, and below it ten numbers. */
  model(text: string): void {
    if (text.trim() === '') return;
    const row = this.#rows++;
    // Names of the transitions, and those from the beginning.
    if (row < 2) return;
    const fields = [...text.matchAll(/\S+/g)];
    if (row % 2 === 0) {
      this.#residue(fields[0][0], fields[0].index + 1);
      this.#numbers(fields.slice(2), 20, text).forEach((value) => {
        this.#values.push(2 ** (-value / 1000));
      });
      return;
    }
    this.#numbers(fields, 10, text).forEach((value, i) => {
      this.#values.push(i < 7 ? 2 ** (-value / 1000) : value === Number.POSITIVE_INFINITY ? 0 : value / 1000 / 20);
    });
  }

  /** @throws FormatError when there is nothing */
  protein(name: string): Protein {
    if (this.letters === '') throw this.fault('expected at least one residue, found none.');
    if (this.#rows % 2 === 1) throw this.fault(`expected the transitions of residue ${this.letters.length}, found the end of the model.`);
    return { name, sequence: this.letters, states: null, profile: Float32Array.from(this.#values) };
  }

  fault(message: string, column = 1): FormatError {
    return new FormatError(message, { file: this.#file, line: this.line, column });
  }

  #residue(letter: string, column: number): void {
    if (letter.length !== 1 || aminoAcidId(letter.charCodeAt(0)) < 0)
      throw this.fault(`expected an amino acid, found "${letter}".`, column);
    this.letters += letter;
  }

  /** The first `count` fields as numbers; a star is a probability of 0. */
  #numbers(fields: readonly RegExpExecArray[], count: number, text: string): number[] {
    if (fields.length < count) throw this.fault(`expected ${count} numbers, found ${fields.length}.`, text.length + 1);
    return fields.slice(0, count).map((field) => {
      const value = field[0] === '*' ? Number.POSITIVE_INFINITY : Number(field[0]);
      if (Number.isNaN(value)) throw this.fault(`expected a number or *, found "${field[0]}".`, field.index + 1);
      return value;
    });
  }
}

function baseName(path: string): string {
  return path
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.gz$/, '')
    .replace(/\.[^.]+$/, '');
}
