/** Training of a captioner, from files to a run folder and a model. */
import { SequenceBatches } from '../../data/sequence-batches.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { beginTraining, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import { imageBatch } from './augment.ts';
import { featureBatch, gridsOf, imagesOf } from './caption-pictures.ts';
import type { CaptionerArchitecture, CaptionerConfig } from './config.ts';
import { type CaptionerData, type CaptionFiles, readCaptionerData, tokensOf } from './dataset.ts';
import { type CaptionMetrics, evaluateCaptioner } from './evaluate.ts';
import { type CaptionInputs, CaptioningModel, firstToken } from './model.ts';
import { type CaptionerOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import type { Picture } from './pictures.ts';
import type { SavedCaptioner } from './saved.ts';

/** What is learnt from, and what it is validated on. */
export interface CaptionerFiles {
  /** Paths, or sources, of captions. */
  readonly train: CaptionFiles;
  /** Default: what `train` calls its split val, otherwise a part of its images, chosen by chance (`validFraction`). */
  readonly valid?: CaptionFiles;
}

/** A training that is ready to run: captions and images are read, the model is built. */
export interface CaptionerTraining {
  /** The model with what its numbers stand for, for `captionPictures` and `saveCaptioner`. */
  readonly captioner: SavedCaptioner;
  readonly data: CaptionerData;
  readonly options: ResolvedOptions;
  /** Names of the files. */
  readonly files: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On the validation images. */
  evaluate(): Promise<CaptionMetrics>;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or files will not do
 * @example
 * const { run, captioner } = await prepareCaptioner({ train: ['captions.csv'] }, { epochs: 20 }, 'runs/photos');
 * for await (const event of run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareCaptioner(files: CaptionerFiles, given: CaptionerOptions = {}, out?: string): Promise<CaptionerTraining> {
  const paths = { train: namesOf(files.train), valid: namesOf(files.valid ?? []) };
  return training(await beginTraining({ task: 'captioning', paths, options: given, out }, await build(files, given)));
}

/**
 * Takes up a training that was begun in a folder: the same files and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the files are no longer what they were
 */
export async function resumeCaptioner(out: string): Promise<CaptionerTraining> {
  return training(await resumeTraining('captioning', out, build));
}

interface CaptionBatch {
  readonly pictures: readonly Picture[];
  /** Tokens, without start and end. */
  readonly captions: readonly Int32Array[];
}

interface Parts extends Trainable<CaptionBatch> {
  readonly model: CaptioningModel;
  readonly config: CaptionerConfig;
  readonly options: ResolvedOptions;
  readonly data: CaptionerData;
}

/** What files and options make: the same each time. */
async function build(files: CaptionerFiles, given: CaptionerOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const data = await readCaptionerData(files, options);
  const { tokenizer, train, valid, colours } = data;
  const { batchSize, seed, attentionPenalty, wordsLoss, labelSmoothing, shift, scale, rotation, jitter, flip, imageSize } = options;
  const rng = new Random(seed).fork('model');
  const augmenting = new Random(seed).fork('augmentation');
  const model = new CaptioningModel({ ...architectureOf(options, data), rng });
  const { input } = model.architecture;
  // Each caption is learnt by itself: an image with five is seen five times an epoch.
  const pairs = train.flatMap(({ picture, captions }) =>
    captions.map((caption) => ({ picture, tokens: tokensOf(tokenizer, caption, options.mostTokens) })),
  );
  const batches = new SequenceBatches<CaptionBatch>(
    pairs.map(({ tokens }) => tokens.length),
    // Captions are short: chance in a batch is worth more than a step less.
    { batchSize: Math.min(batchSize, pairs.length), seed, poolSize: 1 },
    (indices) => ({ pictures: indices.map((i) => pairs[i].picture), captions: indices.map((i) => pairs[i].tokens) }),
  );
  const augmentation = { shift, scale, rotation, jitter, flip };
  const inputsOf = (pictures: readonly Picture[]): CaptionInputs =>
    input.kind === 'images'
      ? { values: imageBatch(imagesOf(pictures), imageSize, colours!, { by: augmentation, rng: augmenting }), lengths: null }
      : featureBatch(gridsOf(pictures, input.featureSize));
  const config: CaptionerConfig = {
    task: 'captioning',
    architecture: model.architecture,
    vocabulary: tokenizer.toJSON(),
    normalization: colours === null ? null : { mean: [...colours.mean], deviation: [...colours.deviation] },
    format: {
      imageColumn: options.imageColumn,
      captionColumn: options.captionColumn,
      splitColumn: options.splitColumn,
      mostTokens: options.mostTokens,
    },
    training: { options, images: train.length, captions: pairs.length },
  };
  return {
    model,
    batches,
    options,
    data,
    config,
    loss: ({ pictures, captions }) => ({
      loss: model.loss(inputsOf(pictures), captions, { attentionPenalty, wordsLoss, labelSmoothing }),
      items: captions.length,
    }),
    // Greedy and of some images at most: it is one of ten, and the last has all of them.
    evaluate: async ({ pause }) =>
      (await evaluateCaptioner({ model, tokenizer, config }, valid.slice(0, mostValidated), { beamWidth: 1, pause })).metrics,
    monitor: { metric: 'cider', mode: 'max' },
    randoms: { model: rng, augmentation: augmenting },
    fingerprint: data.fingerprint,
  };
}

/** Images of a validation on the way. */
const mostValidated = 1000;

function architectureOf(options: ResolvedOptions, { tokenizer, train }: CaptionerData): CaptionerArchitecture {
  const { imageSize, gridSize, channels, channelsMost, depth, memorySize, embeddingSize, hiddenSize, attentionSize, dropout } = options;
  const [{ picture }] = train;
  const halvings = Math.log2(imageSize / gridSize);
  const widths = Array.from({ length: halvings + 1 }, (_, block) => Math.min(channelsMost, channels * 2 ** block));
  return {
    input:
      picture instanceof Uint8Array
        ? { kind: 'images', size: imageSize, channels: widths, halvings, depth }
        : { kind: 'features', featureSize: picture.size, memorySize },
    vocabularySize: tokenizer.size + firstToken,
    embeddingSize,
    hiddenSize,
    attentionSize,
    dropout,
  };
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): CaptionerTraining {
  const { model, data, options, config } = parts;
  const captioner = { model, tokenizer: data.tokenizer, config };
  return {
    captioner,
    data,
    options,
    files: paths,
    steps,
    run,
    evaluate: async () => (await evaluateCaptioner(captioner, data.valid)).metrics,
  };
}
