/** How well a model predicts the structure of proteins whose structure is known. */
import { ConfigError } from '../../tensor/errors.ts';
import { ConfusionMatrix } from '../metrics/classification.ts';
import { eightStates, reductionTable, targetTable, threeStates, unknownState } from './alphabet.ts';
import { samplesOf } from './batches.ts';
import { inThreeStates, likeliest, probabilitiesOf } from './infer.ts';
import type { ProteinStructureModel } from './model.ts';
import { hasEightStates, type Protein } from './protein.ts';
import { type SegmentOverlap, segmentOverlap } from './sov.ts';

/** Scores of a model on proteins. Residues whose state is unknown, or that a mask leaves out, count nowhere. */
export interface StructureMetrics extends Readonly<Record<string, number>> {
  /** Share of the residues whose state of three is right. With eight states: of the three they belong to. */
  readonly q3: number;
  /** Segment overlap, SOV'99, of the three states: mean over the proteins, in [0, 1]. */
  readonly sov: number;
  // and q8, likewise of eight states, where model and data have them
}

/** Scores, and where they come from. */
export interface StructureEvaluation {
  readonly metrics: StructureMetrics;
  /** How many were judged. */
  readonly residues: number;
  readonly three: ConfusionMatrix;
  /** Where model and data have eight states. */
  readonly eight: ConfusionMatrix | null;
  /** SOV'99 of helix, strand and coil: mean over the proteins that have any. */
  readonly sovByState: Readonly<Record<string, number>>;
  /** Mean over the proteins of each one's q3: a short protein counts as much as a long one. */
  readonly q3PerProtein: number;
}

const namesOfThree = ['helix', 'strand', 'coil'];

/**
 * Predicts every protein, and compares.
 *
 * @throws ConfigError when no residue's state is known
 * @example const { metrics } = await evaluateStructure(model, await readProteins(['cb513.npy.gz']));
 */
export async function evaluateStructure(
  model: ProteinStructureModel,
  proteins: readonly Protein[],
  { pause }: { readonly pause?: () => Promise<void> } = {},
): Promise<StructureEvaluation> {
  const { states, reduction } = model.architecture;
  const reduced = reductionTable(reduction);
  const three = new ConfusionMatrix(namesOfThree);
  const eight = states === 8 && hasEightStates(proteins) ? new ConfusionMatrix([...eightStates]) : null;
  const chains = new ChainScores();
  for await (const [i, probabilities] of probabilitiesOf(model, samplesOf(proteins, targetTable(states, reduction)), pause)) {
    const known = proteins[i].states;
    if (known === null) throw new ConfigError(`expected the structure of "${proteins[i].name}", found its sequence alone.`);
    const said = likeliest(inThreeStates(probabilities, model.architecture), threeStates.length);
    const truth = known.map((state) => (state === unknownState ? unknownState : reduced[state]));
    said.forEach((state, t) => {
      if (known[t] === unknownState) said[t] = unknownState;
      else three.add(truth[t], state);
    });
    chains.add(truth, said);
    if (eight === null) continue;
    likeliest(probabilities, states).forEach((state, t) => {
      if (known[t] !== unknownState) eight.add(known[t], state);
    });
  }
  if (three.total === 0) throw new ConfigError('expected at least one residue whose structure is known and counts, found none.');
  return {
    metrics: { q3: three.accuracy, ...(eight === null ? {} : { q8: eight.accuracy }), sov: chains.sov },
    residues: three.total,
    three,
    eight,
    sovByState: chains.sovByState,
    q3PerProtein: chains.q3,
  };
}

/** For a screen. */
export function reportOf({ three, eight, sovByState, q3PerProtein }: StructureEvaluation): string {
  const overlaps = Object.entries(sovByState).map(([state, score]) => `${state} ${score.toFixed(4)}`);
  const lines = [`Segment overlap (SOV'99): ${overlaps.join(', ')}`, `Q3 as a mean over proteins: ${q3PerProtein.toFixed(4)}`];
  return [three.report(), ...(eight === null ? [] : [eight.report()]), lines.join('\n')].join('\n');
}

/** For machines. */
export function detailsOf({ three, eight, sovByState, q3PerProtein }: StructureEvaluation): unknown {
  return { three, ...(eight === null ? {} : { eight }), sovByState, q3PerProtein };
}

/** Means over chains; one without a residue that counts is left out. */
class ChainScores {
  readonly #sov = new Mean();
  readonly #q3 = new Mean();
  readonly #byState = namesOfThree.map(() => new Mean());

  /** @param truth [T], @param said [T]: `unknownState` in both where a residue does not count */
  add(truth: Uint8Array, said: Uint8Array): void {
    const overlaps = namesOfThree.map((_, state) => segmentOverlap(truth, said, state));
    overlaps.forEach((overlap, state) => {
      this.#byState[state].add(scoreOf([overlap]));
    });
    this.#sov.add(scoreOf(overlaps));
    const counted = truth.reduce((n, state) => n + Number(state !== unknownState), 0);
    const right = truth.reduce((n, state, t) => n + Number(state !== unknownState && state === said[t]), 0);
    this.#q3.add(right / counted);
  }

  get sov(): number {
    return this.#sov.value;
  }

  get q3(): number {
    return this.#q3.value;
  }

  get sovByState(): Record<string, number> {
    return Object.fromEntries(namesOfThree.map((name, state) => [name, this.#byState[state].value]));
  }
}

function scoreOf(overlaps: readonly SegmentOverlap[]): number {
  const sum = (of: (overlap: SegmentOverlap) => number): number => overlaps.reduce((total, overlap) => total + of(overlap), 0);
  return sum(({ overlap }) => overlap) / sum(({ length }) => length);
}

/** Of the numbers that are numbers; 0 of none. */
class Mean {
  #sum = 0;
  #count = 0;

  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.#sum += value;
    this.#count++;
  }

  get value(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }
}
