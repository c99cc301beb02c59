/** Proteins side by side, as a model takes them. */
import type { Tensor } from '../../autograd/tensor.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { Backend } from '../../backend/backend.ts';
import { aminoAcids, beyondEnd, unknownState } from './alphabet.ts';
import { encodeSequence, type Protein } from './protein.ts';

/** A protein, or a piece of one, in numbers. */
export interface Sample {
  /** [T] numbers among `aminoAcids`. */
  readonly residues: Uint8Array;
  /** [T] numbers among the model's states, or `ignored`. */
  readonly targets: Int32Array;
  /** [T, P] row-major. */
  readonly profile: Float32Array | null;
}

/** Target of a residue that does not count: crossEntropy's ignoreIndex. */
export const ignored = -100;

/**
 * @param target     for each of `eightStates`, its number among the model's states
 * @param maxLength  longer proteins come in pieces of about equal length
 */
export function samplesOf(proteins: readonly Protein[], target: ArrayLike<number>, maxLength = Number.POSITIVE_INFINITY): Sample[] {
  return proteins.flatMap(({ sequence, states, profile }) => {
    const residues = encodeSequence(sequence);
    const T = residues.length;
    const targets =
      states === null ? new Int32Array(T).fill(ignored) : Int32Array.from(states, (s) => (s === unknownState ? ignored : target[s]));
    const pieces = Math.ceil(T / maxLength) || 1;
    const P = profile === null ? 0 : profile.length / T;
    return Array.from({ length: pieces }, (_, i) => {
      const [begin, end] = [Math.floor((i * T) / pieces), Math.floor(((i + 1) * T) / pieces)];
      return {
        residues: residues.subarray(begin, end),
        targets: targets.subarray(begin, end),
        profile: profile?.subarray(begin * P, end * P) ?? null,
      };
    });
  });
}

/** Samples side by side, the shorter ones padded at their ends; each residue with its neighbours in the window. */
export interface StructureBatch {
  /** [B, T, W] symbols: numbers among `aminoAcids`, or `beyondEnd`. */
  readonly ids: Int32Array;
  /** [B, T, W, P], zeros beyond the ends; null without profiles. */
  readonly profile: Float32Array | null;
  /** [B, T]; `ignored` past a sample's end. */
  readonly targets: Int32Array;
  /** [B] */
  readonly lengths: Int32Array;
  readonly batchSize: number;
  /** T: the longest. */
  readonly length: number;
}

/** @param window  W, odd: a residue, and (W − 1) / 2 to each side */
export function collate(samples: readonly Sample[], window: number, profileSize: number): StructureBatch {
  const batchSize = samples.length;
  const lengths = Int32Array.from(samples, ({ residues }) => residues.length);
  const length = lengths.reduce((longest, n) => Math.max(longest, n), 0);
  const ids = new Int32Array(batchSize * length * window).fill(beyondEnd);
  const targets = new Int32Array(batchSize * length).fill(ignored);
  const profile = profileSize === 0 ? null : new Float32Array(batchSize * length * window * profileSize);
  samples.forEach((sample, b) => {
    targets.set(sample.targets, b * length);
    spread(sample.residues, window, 1, ids, b * length * window);
    if (profile !== null) spread(sample.profile!, window, profileSize, profile, b * length * window * profileSize);
  });
  return { ids, profile, targets, lengths, batchSize, length };
}

/** Writes the window around each of T rows of `width` numbers; what is beyond the ends stays as it is. */
function spread(
  rows: ArrayLike<number> & { subarray(begin: number, end: number): ArrayLike<number> },
  window: number,
  width: number,
  into: Int32Array | Float32Array,
  offset: number,
): void {
  const T = rows.length / width;
  const half = (window - 1) / 2;
  for (let t = 0; t < T; t++) {
    const first = Math.max(0, t - half);
    const part = rows.subarray(first * width, Math.min(T, t + half + 1) * width);
    into.set(part, offset + (t * window + (first - (t - half))) * width);
  }
}

/** As tensors: ids [B, T·W] (the table's rows lie side by side), profile [B, T, W·P], targets [B, T]. */
export function batchTensors(
  { ids, profile, targets, batchSize, length }: StructureBatch,
  backend: Backend,
): { ids: Tensor; profile: Tensor | null; targets: Tensor } {
  const W = ids.length / (batchSize * length);
  return {
    ids: tensor(ids, { shape: [batchSize, length, W], dtype: 'int32', backend }),
    profile: profile && tensor(profile, { shape: [batchSize, length, profile.length / (batchSize * length)], backend }),
    targets: tensor(targets, { shape: [batchSize, length], dtype: 'int32', backend }),
  };
}

/** What a residue becomes that is made unknown. */
export const unknownResidue = aminoAcids.indexOf('X');
