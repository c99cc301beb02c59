/**
 * Proteins from arrays as the CB513 and CullPDB ones of Zhou & Troyanskaya: [N, T, 57], or [N, T·57] with T = 700. Of each
 * residue: [0, 22) amino acid, [22, 31) state, [31, 33) ends, [33, 35) solvent accessibility, [35, 57) profile; the last of the
 * 22 and of the 9 says that the protein has ended. Ends and accessibility, which follow from the structure, are left out.
 *
 * @see Zhou & Troyanskaya (2014), arXiv:1403.1347, and the data set's own description
 */
import { openNpy } from '../../data/npy.ts';
import { FormatError } from '../../tensor/errors.ts';
import { eightStates, unknownState } from './alphabet.ts';
import type { Protein } from './protein.ts';

const width = 57;
/** T where an array does not say. */
const usualLength = 700;
const residueOrder = 'ACEDGFIHKMLNQPSRTWVYX';
const stateOrder = 'LBEGIHST';
const statesAt = 22;
const profileAt = 35;
/** Columns of the profile: amino acids in the order of the alphabet, then X; NoSeq is left out. */
export const arrayProfileSize = 21;

const stateIds = Uint8Array.from(stateOrder, (state) => eightStates.indexOf(state === 'L' ? 'C' : state));

/**
 * Proteins one by one; each is named by its place, 1 the first.
 *
 * @param pieces  the file's bytes
 * @throws FormatError when the array is another: with the axis, or with the protein and the residue at fault
 */
export async function* readArray(pieces: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Protein> {
  const { shape, rows } = await openNpy(pieces, name);
  const isFlat = shape.length === 2 && shape[1] === usualLength * width;
  if (!isFlat && !(shape.length === 3 && shape[2] === width)) {
    throw new FormatError(
      `expected an array of shape [N, T, ${width}] or [N, ${usualLength * width}], as cb513+profile_split1.npy has, found [${shape.join(', ')}].`,
      { file: name },
    );
  }
  let count = 0;
  for await (const row of rows) yield proteinOf(row, name, ++count);
}

function proteinOf(row: Float64Array, file: string, number: number): Protein {
  const T = lengthOf(row, file, number);
  let sequence = '';
  const states = new Uint8Array(T).fill(unknownState);
  const profile = new Float32Array(T * arrayProfileSize);
  for (let t = 0; t < T; t++) {
    const residue = row.subarray(t * width, (t + 1) * width);
    const letter = oneOf(residue.subarray(0, statesAt - 1));
    if (letter < 0) throw fault(file, number, t, 'expected one amino acid in columns 0 to 20, found none or several');
    sequence += residueOrder[letter];
    const state = oneOf(residue.subarray(statesAt, statesAt + stateOrder.length));
    if (state >= 0) states[t] = stateIds[state];
    for (let k = 0; k < arrayProfileSize; k++) {
      const value = residue[profileAt + k];
      if (!Number.isFinite(value))
        throw fault(file, number, t, `expected a number in column ${profileAt + k} of the profile, found ${value}`);
      profile[t * arrayProfileSize + k] = value;
    }
  }
  return { name: String(number), sequence, states, profile };
}

/** Residues before the protein has ended. */
function lengthOf(row: Float64Array, file: string, number: number): number {
  const most = row.length / width;
  let T = 0;
  while (T < most && row[T * width + statesAt - 1] !== 1) T++;
  if (T === 0) throw fault(file, number, 0, 'expected a protein of at least one residue, found its end (column 21)');
  return T;
}

/** Where the only 1 is among zeros; −1 for anything else. */
function oneOf(flags: Float64Array): number {
  const at = flags.indexOf(1);
  return at >= 0 && flags.every((flag, i) => flag === 0 || i === at) ? at : -1;
}

function fault(file: string, number: number, t: number, message: string): FormatError {
  return new FormatError(`protein ${number}, residue ${t + 1}: ${message}. Is this an array in the layout of CB513?`, { file });
}
