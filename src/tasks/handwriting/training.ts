/** Training of a handwriting recogniser, from files to a run folder and a model. */

import type { PaddedFeatures } from '../../data/sequence-batches.ts';
import { SequenceBatches } from '../../data/sequence-batches.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { blankShareOf } from '../blank-share.ts';
import { beginTraining, type DataPaths, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import type { HandwritingConfig } from './config.ts';
import { architectureOf, type HandwritingData, type HandwritingSources, readHandwritingData } from './dataset.ts';
import { type HandwritingMetrics, validateHandwriting } from './evaluate.ts';
import type { Augmentation } from './geometry.ts';
import { HandwritingModel } from './model.ts';
import { type HandwritingOptions, type ResolvedOptions, readingOf, resolveOptions } from './options.ts';
import type { SavedHandwriting } from './saved.ts';

/** What is learnt from, and what it is validated on. */
export interface HandwritingFiles {
  /** Paths, or sources. */
  readonly train: HandwritingSources;
  /** Default: a part of the training lines, chosen by chance (`validFraction`). */
  readonly valid?: HandwritingSources;
}

/** A training that is ready to run: the files are read, the model is built. */
export interface HandwritingTraining {
  /** The model with what its numbers stand for, for `recognize` and `saveHandwriting`. */
  readonly recognizer: SavedHandwriting;
  readonly data: HandwritingData;
  readonly options: ResolvedOptions;
  /** Names of the files. */
  readonly files: DataPaths;
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On the validation lines. */
  evaluate(): Promise<HandwritingMetrics>;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or files will not do
 * @example
 * const { run, recognizer } = await prepareHandwriting({ train: ['notes.inkml'] }, { epochs: 10 }, 'runs/notes');
 * for await (const event of run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareHandwriting(
  files: HandwritingFiles,
  given: HandwritingOptions = {},
  out?: string,
): Promise<HandwritingTraining> {
  const paths = { train: namesOf(files.train), valid: namesOf(files.valid ?? []) };
  return training(await beginTraining({ task: 'handwriting', paths, options: given, out }, await build(files, given)));
}

/**
 * Takes up a training that was begun in a folder: the same files and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the files are no longer what they were
 */
export async function resumeHandwriting(out: string): Promise<HandwritingTraining> {
  return training(await resumeTraining('handwriting', out, build));
}

interface HandwritingBatch {
  readonly features: PaddedFeatures;
  readonly targets: readonly Int32Array[];
}

interface Parts extends Trainable<HandwritingBatch> {
  readonly model: HandwritingModel;
  readonly config: HandwritingConfig;
  readonly options: ResolvedOptions;
  readonly data: HandwritingData;
}

/** What files and options make: the same each time. */
async function build(files: HandwritingFiles, given: HandwritingOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const data = await readHandwritingData(files, options);
  const { alphabet, extractor, train, valid } = data;
  const { batchSize, seed } = options;
  const architecture = architectureOf(options, data);
  const characters = train.reduce((sum, { target }) => sum + target.length, 0);
  const blankShare = blankShareOf(data.lengths, options.factors, characters);
  const model = new HandwritingModel({ ...architecture, blankShare, rng: new Random(seed) });
  const augmenting = { augmentation: augmentationOf(options), rng: new Random(seed).fork('augmentation') };
  const batches = new SequenceBatches<HandwritingBatch>(data.lengths, { batchSize, seed, poolSize: 20 }, (indices) => ({
    features: model.collate(indices.map((i) => extractor.extract(train[i].writing, { augmenting }).values)),
    targets: indices.map((i) => train[i].target),
  }));
  const config: HandwritingConfig = {
    task: 'handwriting',
    architecture,
    vocabulary: { characters: [...alphabet.characters] },
    normalization: extractor.normalization,
    reading: readingOf(options),
    training: { options, lines: train.length },
  };
  return {
    model,
    batches,
    options,
    data,
    config,
    loss: ({ features, targets }) => ({ loss: model.loss(features, targets), items: targets.length }),
    evaluate: ({ pause }) => validateHandwriting({ model, alphabet, extractor }, valid, pause),
    monitor: { metric: 'cer', mode: 'min' },
    randoms: { model: model.rng, augmentation: augmenting.rng },
    fingerprint: data.fingerprint,
  };
}

function augmentationOf(options: ResolvedOptions): Augmentation {
  const { augmentRotation, augmentScale, augmentShear, augmentJitter, augmentWarp, strokeDropout } = options;
  return {
    rotation: augmentRotation,
    scale: augmentScale,
    shear: augmentShear,
    jitter: augmentJitter,
    warp: augmentWarp,
    strokeDropout,
  };
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): HandwritingTraining {
  const { model, data, options, config } = parts;
  const { alphabet, extractor } = data;
  const recognizer: SavedHandwriting = { model, alphabet, extractor, config };
  return { recognizer, data, options, files: paths, steps, run, evaluate: () => validateHandwriting(recognizer, data.valid) };
}
