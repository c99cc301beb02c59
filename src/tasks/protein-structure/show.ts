/** A predicted structure as people read it: aligned under its sequence, or a line for each residue. */
import type { StructurePrediction } from './predict.ts';

/** Residues of a line. */
const lineLength = 60;
const margin = 10;

/**
 * Colours of helix, strand and coil in the 256 of terminals, near Okabe & Ito's orange and sky blue, which people with any
 * kind of colour vision tell apart; coil is grey. Letters say the same without colours.
 */
const colors: Readonly<Record<string, string>> = { H: '38;5;214', E: '38;5;75', C: '38;5;245' };
/** The finer states in the colours of helix, strand and coil. */
const colorOf: Readonly<Record<string, string>> = {
  ...colors,
  G: colors.H,
  I: colors.H,
  B: colors.E,
  T: colors.C,
  S: colors.C,
};

/**
 * The sequence in lines of 60 residues with the number of the first and the last, the structure below it, and below that how
 * sure it is: 9 for a probability of 0.9 or more, 0 for less than 0.1.
 */
export function alignment(prediction: StructurePrediction, hasColors = false): string {
  const { name, sequence, structure, probabilities, states } = prediction;
  const digits = Array.from(structure, (state, t) => Math.min(9, Math.floor(10 * probabilities[t][states.indexOf(state)]))).join('');
  const lines = [`>${name}  ${sequence.length} residues: ${shares(structure)}`];
  for (let begin = 0; begin < sequence.length; begin += lineLength) {
    const end = Math.min(sequence.length, begin + lineLength);
    const row = (label: string, text: string, tail = ''): string => `${label.padStart(margin - 2)}  ${text}${tail}`;
    const states = structure.slice(begin, end);
    lines.push(
      '',
      row(String(begin + 1), sequence.slice(begin, end), `  ${end}`),
      row('state', hasColors ? painted(states) : states),
      row('sure', hasColors ? `\x1b[2m${digits.slice(begin, end)}\x1b[22m` : digits.slice(begin, end)),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The head of `table`. */
export function tableHead(states: string): string {
  return `${['protein', 'position', 'residue', 'state', ...states].join('\t')}\n`;
}

/** A line for each residue, a tab between columns: protein, position from 1, residue, state, and each state's probability. */
export function table({ name, sequence, structure, probabilities }: StructurePrediction): string {
  return Array.from(
    sequence,
    (residue, t) => `${[name, t + 1, residue, structure[t], ...probabilities[t].map((p) => p.toFixed(4))].join('\t')}\n`,
  ).join('');
}

/** "helix 43 %, strand 12 %, coil 45 %" */
function shares(structure: string): string {
  const share = (letters: string): string =>
    `${Math.round((100 * [...structure].filter((state) => letters.includes(state)).length) / structure.length)} %`;
  return `helix ${share('HGI')}, strand ${share('EB')}, coil ${share('CTS')}`;
}

/** Runs of one colour in one escape. */
function painted(states: string): string {
  return states.replaceAll(/([HGI]+)|([EB]+)|([CTS]+)/g, (run) => `\x1b[${colorOf[run[0]]}m${run}\x1b[39m`);
}
