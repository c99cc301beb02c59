/** Proteins as every reader gives them, and what a data set as a whole is like. */
import { aminoAcidId, eightStates, unknownState } from './alphabet.ts';

/** A chain of amino acids, and what is known of it. */
export interface Protein {
  readonly name: string;
  /** One letter a residue, as it was read. */
  readonly sequence: string;
  /** [T] numbers among `eightStates`; helix, strand and coil are H, E and C. `unknownState` where a residue does not count. */
  readonly states: Uint8Array | null;
  /** [T, P] row-major: a profile from an alignment, or whatever else is known of each residue. */
  readonly profile: Float32Array | null;
}

/** [T] numbers among `aminoAcids`. */
export function encodeSequence(sequence: string): Uint8Array {
  return Uint8Array.from(sequence, (letter) => aminoAcidId(letter.charCodeAt(0)));
}

/** P of each protein; 0: none has a profile. */
export function profileSizeOf(proteins: readonly Protein[]): number {
  const [first] = proteins;
  return first === undefined || first.profile === null ? 0 : first.profile.length / first.sequence.length;
}

/** Whether the states are more than helix, strand and coil. */
export function hasEightStates(proteins: readonly Protein[]): boolean {
  const finer = [...eightStates].map((state) => !'HEC'.includes(state));
  return proteins.some(({ states }) => states?.some((state) => state !== unknownState && finer[state]) ?? false);
}

/** Residues whose state is known. */
export function countedResidues(proteins: readonly Protein[]): number {
  return proteins.reduce(
    (sum, { states }) => sum + (states === null ? 0 : states.reduce((n, state) => n + Number(state !== unknownState), 0)),
    0,
  );
}
