/** Training of a model of protein structure, from files to a run folder and a model. */
import { SequenceBatches } from '../../data/sequence-batches.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { Fingerprint } from '../fingerprint.ts';
import { beginTraining, type DataPaths, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import { type StateCount, targetTable } from './alphabet.ts';
import { collate, type StructureBatch, samplesOf } from './batches.ts';
import type { Architecture, ProteinStructureConfig } from './config.ts';
import { evaluateStructure, type StructureMetrics } from './evaluate.ts';
import { ProteinStructureModel } from './model.ts';
import { type ProteinStructureOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { countedResidues, hasEightStates, type Protein, profileSizeOf } from './protein.ts';
import { type ProteinSource, readProteins } from './read.ts';

/** Files, texts or bytes that belong together: see `readProteins`. */
export type ProteinSources = readonly ProteinSource[];

/** A training that is ready to run: the proteins are read, the model is built. */
export interface ProteinStructureTraining {
  readonly model: ProteinStructureModel;
  readonly train: readonly Protein[];
  readonly valid: readonly Protein[];
  readonly options: ResolvedOptions;
  /** Names of the files. */
  readonly paths: DataPaths;
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On the validation proteins. */
  evaluate(): Promise<StructureMetrics>;
}

/**
 * Prepares a training.
 *
 * @param data  proteins with their structures; without `valid` a share of `train` is set aside
 * @param out   folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or data will not do
 * @example
 * const training = await prepareProteinStructure({ train: ['sequences.fasta', 'structures.fasta'] }, { epochs: 4 }, 'runs/protein');
 * for await (const event of training.run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareProteinStructure(
  data: { readonly train: ProteinSources; readonly valid?: ProteinSources },
  given: ProteinStructureOptions = {},
  out?: string,
): Promise<ProteinStructureTraining> {
  const sources = { train: data.train, valid: data.valid ?? [] };
  const paths = { train: namesOf(sources.train), valid: namesOf(sources.valid) };
  return training(await beginTraining({ task: 'protein-structure', paths, options: given, out }, await build(sources, given)));
}

/**
 * Takes up a training that was begun in a folder: the same files and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the files are no longer what they were
 */
export async function resumeProteinStructure(out: string): Promise<ProteinStructureTraining> {
  return training(await resumeTraining('protein-structure', out, build));
}

interface Parts extends Trainable<StructureBatch> {
  readonly model: ProteinStructureModel;
  readonly options: ResolvedOptions;
  readonly train: readonly Protein[];
  readonly valid: readonly Protein[];
}

/** What files and options make: the same each time. */
async function build(sources: { train: ProteinSources; valid: ProteinSources }, given: ProteinStructureOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const { train, valid } = await splitProteins(sources, options);
  const architecture = architectureOf(options, train);
  const { batchSize, maxLength, seed } = options;
  const model = new ProteinStructureModel({ ...architecture, rng: new Random(seed) });
  const samples = samplesOf(train, targetTable(architecture.states, architecture.reduction), maxLength).filter(({ targets }) =>
    targets.some((target) => target >= 0),
  );
  if (samples.length === 0) throw new ConfigError('expected at least one residue whose structure is known and counts, found none.');
  const lengths = Int32Array.from(samples, ({ residues }) => residues.length);
  const batches = new SequenceBatches(lengths, { batchSize, seed }, (indices) =>
    collate(
      indices.map((i) => samples[i]),
      architecture.window,
      architecture.profileSize,
    ),
  );
  const config: ProteinStructureConfig = {
    task: 'protein-structure',
    architecture,
    training: { options, proteins: train.length, residues: countedResidues(train) },
  };
  return {
    model,
    batches,
    options,
    train,
    valid,
    config,
    loss: (batch) => ({ loss: model.loss(batch), items: batch.lengths.reduce((sum, n) => sum + n, 0) }),
    evaluate: ({ pause }) => evaluateStructure(model, valid, { pause }).then(({ metrics }) => metrics),
    monitor: { metric: 'q3', mode: 'max' },
    randoms: { model: model.rng },
    fingerprint: fingerprintOf([...train, ...valid]),
  };
}

async function splitProteins(
  sources: { train: ProteinSources; valid: ProteinSources },
  options: ResolvedOptions,
): Promise<{ train: Protein[]; valid: Protein[] }> {
  const train = await readProteins(sources.train, options);
  if (sources.valid.length > 0) return { train, valid: await readProteins(sources.valid, options) };
  if (train.length < 2)
    throw new ConfigError(`expected at least two proteins, to learn from one and validate on another, received ${train.length}.`);
  const count = Math.min(train.length - 1, Math.max(1, Math.round(train.length * options.validFraction)));
  const order = new Random(options.seed).fork('validation').permutation(train.length);
  const isAside = new Set(order.subarray(0, count));
  return { train: train.filter((_, i) => !isAside.has(i)), valid: train.filter((_, i) => isAside.has(i)) };
}

function architectureOf(options: ResolvedOptions, train: readonly Protein[]): Architecture {
  const { reduction, features, embeddingSize, window, projectionSize, cell, numLayers, hiddenSize, dropout, inputDropout, residueDropout } =
    options;
  const finer = hasEightStates(train);
  if (options.states === '8' && !finer)
    throw new ConfigError('states: expected data with eight states to learn 8, found H, E and C only. Train on 3.');
  const states: StateCount = (options.states ?? (finer ? '8' : '3')) === '8' ? 8 : 3;
  const known = profileSizeOf(train);
  if (features.includes('profile') && known === 0) {
    throw new ConfigError(
      'features: expected proteins with a profile for the feature "profile", found none. Give an array (.npy), or files of PSI-BLAST or HH-suite.',
    );
  }
  const profileSize = features.includes('profile') ? known : 0;
  return {
    states,
    reduction,
    features,
    embeddingSize,
    profileSize,
    window,
    projectionSize,
    cell,
    numLayers,
    hiddenSize,
    dropout,
    inputDropout,
    residueDropout,
  };
}

function fingerprintOf(proteins: readonly Protein[]): string {
  const fingerprint = new Fingerprint();
  for (const { name, sequence, states, profile } of proteins) {
    fingerprint
      .text(name)
      .text(sequence)
      .numbers(states ?? []);
    if (profile !== null) fingerprint.numbers(new Uint8Array(profile.buffer, profile.byteOffset, profile.byteLength));
  }
  return fingerprint.toString();
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): ProteinStructureTraining {
  const { model, options, train, valid } = parts;
  return { model, options, train, valid, paths, steps, run, evaluate: async () => (await evaluateStructure(model, valid)).metrics };
}
