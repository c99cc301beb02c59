/** The letters of proteins: amino acids, and the states of their secondary structure as DSSP writes them. */

/** Amino acids in one-letter code; X is any other or an unknown one. The index of a letter is its number everywhere. */
export const aminoAcids = 'ACDEFGHIKLMNPQRSTVWYX';
/** What stands beyond both ends of a protein, where a window reaches over them. */
export const beyondEnd = aminoAcids.length;
/** Symbols that a model knows: amino acids and what is beyond. */
export const symbolCount = aminoAcids.length + 1;

/**
 * DSSP's eight states: α helix, 3₁₀ helix, π helix, β bridge, extended strand, turn, bend, coil.
 *
 * @see Kabsch & Sander (1983), doi:10.1002/bip.360221211
 */
export const eightStates = 'HGIBETSC';
/** Helix, strand, coil. */
export const threeStates = 'HEC';

/** The states that a model tells apart. */
export type StateCount = 3 | 8;

/** Letters of each number of states, in the order of a model's outputs. */
export function statesOf(count: StateCount): string {
  return count === 8 ? eightStates : threeStates;
}

/** Ways from eight states to three. */
export const reductions = ['dssp', 'no-pi', 'strict'] as const;
export type Reduction = (typeof reductions)[number];

/** What of `eightStates` each reduction calls helix and strand; the rest is coil. */
const helixAndStrand: Readonly<Record<Reduction, readonly [helix: string, strand: string]>> = {
  dssp: ['HGI', 'EB'],
  'no-pi': ['HG', 'EB'],
  strict: ['H', 'E'],
};

/** For each of `eightStates`, its number among `threeStates`. */
export function reductionTable(reduction: Reduction): Uint8Array {
  const [helix, strand] = helixAndStrand[reduction];
  return Uint8Array.from(eightStates, (state) => (helix.includes(state) ? 0 : strand.includes(state) ? 1 : 2));
}

/** For each of `eightStates`, its number among the states that a model tells apart. */
export function targetTable(count: StateCount, reduction: Reduction): Uint8Array {
  return count === 8 ? Uint8Array.from(eightStates, (_, state) => state) : reductionTable(reduction);
}

/** The number of an amino acid's letter, of either case: those that are no amino acid of the twenty are X; −1: no letter. */
export function aminoAcidId(code: number): number {
  return code < 128 ? aminoAcidIds[code] : -1;
}

/** The number of a state's letter, of either case, among `eightStates`; `unknownState` for X and ?, −1 for what is no state. */
export function stateId(code: number): number {
  return code < 128 ? stateIds[code] : -1;
}

/** A residue whose state is not known: it counts nowhere. */
export const unknownState = 255;

const aminoAcidIds = new Int8Array(128).fill(-1);
// B, J, O, U and Z are ambiguous or rare amino acids.
for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') {
  const id = aminoAcids.indexOf(letter);
  aminoAcidIds[letter.charCodeAt(0)] = aminoAcidIds[letter.toLowerCase().charCodeAt(0)] = id < 0 ? aminoAcids.indexOf('X') : id;
}

const stateIds = new Int16Array(128).fill(-1);
for (const [id, letter] of [...eightStates].entries()) setState(letter, id);
// Other spellings of coil; P is the polyproline helix of DSSP 4, which older versions called coil.
for (const letter of 'L-~P') setState(letter, eightStates.indexOf('C'));
for (const letter of 'X?') setState(letter, unknownState);

function setState(letter: string, id: number): void {
  stateIds[letter.charCodeAt(0)] = stateIds[letter.toLowerCase().charCodeAt(0)] = id;
}
