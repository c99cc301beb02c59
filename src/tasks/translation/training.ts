/** Training of a translator, from files to a run folder and a model. */
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { beginTraining, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import type { TranslationConfig, TranslatorArchitecture } from './config.ts';
import { evaluateTranslator, lossOf, type TranslationMetrics } from './evaluate.ts';
import { type TranslationBatch, Translator } from './model.ts';
import { type ResolvedOptions, resolveOptions, type TranslationOptions } from './options.ts';
import type { SavedTranslator } from './saved.ts';
import type { PairFiles } from './sentence-pairs.ts';
import { PairBatches, readTranslationData, type TranslationData } from './training-pairs.ts';

/** What is learnt from, and what it is validated on. */
export interface TranslationFiles {
  /** Tables of pairs; or text files two by two, sources and then their translations. */
  readonly train: PairFiles;
  /** Default: a part of the training pairs, chosen by chance (`validFraction`). */
  readonly valid?: PairFiles;
}

/** A training that is ready to run: the sentences are read, the model is built. */
export interface TranslationTraining {
  /** The model with what its numbers stand for, for `translateSentences` and `saveTranslator`. */
  readonly translator: SavedTranslator;
  readonly data: TranslationData;
  readonly options: ResolvedOptions;
  /** Names of the files. */
  readonly files: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights, by chrF of greedy translations. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On all validation pairs, with a beam. */
  evaluate(): Promise<TranslationMetrics>;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or files will not do
 * @example
 * const { run, translator } = await prepareTranslation({ train: ['train.en', 'train.de'] }, { epochs: 10 }, 'runs/en-de');
 * for await (const event of run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareTranslation(
  files: TranslationFiles,
  given: TranslationOptions = {},
  out?: string,
): Promise<TranslationTraining> {
  const paths = { train: namesOf(files.train), valid: namesOf(files.valid ?? []) };
  return training(await beginTraining({ task: 'translation', paths, options: given, out }, await build(files, given)));
}

/**
 * Takes up a training that was begun in a folder: the same files and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the files are no longer what they were
 */
export async function resumeTranslation(out: string): Promise<TranslationTraining> {
  return training(await resumeTraining('translation', out, build));
}

interface Parts extends Trainable<TranslationBatch & { readonly epochs: number }> {
  readonly translator: SavedTranslator;
  readonly options: ResolvedOptions;
  readonly data: TranslationData;
}

/** Validation pairs that are translated on the way. */
const judgedOnTheWay = 2000;

/** What files and options make: the same each time. */
async function build(files: TranslationFiles, given: TranslationOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const data = await readTranslationData(files, options);
  const { batchSize, seed, labelSmoothing, scheduledSampling, scheduledSamplingEpochs } = options;
  const architecture = architectureOf(options, data);
  const model = new Translator({ ...architecture, rng: new Random(seed) });
  const choices = new Random(seed).fork('scheduled sampling');
  const { sourceColumn, targetColumn, columns, delimiter, bleuTokenizer } = options;
  const config: TranslationConfig = {
    task: 'translation',
    architecture,
    vocabulary: {
      source: data.source.toJSON(),
      target: data.target === data.source ? null : data.target.toJSON(),
      lowercase: options.lowercase,
      maxLength: options.maxLength,
    },
    training: { options, pairs: data.train.length },
    format: { sourceColumn, targetColumn, columns: columns === undefined ? undefined : [...columns], delimiter, bleuTokenizer },
  };
  const translator = { model, source: data.source, target: data.target, config };
  return {
    translator,
    model,
    batches: new PairBatches(data.train, { batchSize, seed }),
    options,
    data,
    config,
    loss: ({ epochs, ...batch }) => {
      const rate = scheduledSampling * Math.min(1, epochs / scheduledSamplingEpochs);
      const inputs = rate > 0 ? model.sampledInputs(batch, rate, choices) : batch.inputs;
      const loss = model.loss({ ...batch, inputs }, { labelSmoothing });
      return { loss, items: inputs.lengths.reduce((sum, n) => sum + n, 0) };
    },
    evaluate: async ({ pause }) => {
      const pairs = everyNth(data.valid, judgedOnTheWay);
      const { metrics } = await evaluateTranslator(
        translator,
        pairs.map(({ pair }) => pair),
        { beamWidth: 1, batchSize: 128, pause },
      );
      return { ...metrics, loss: await lossOf(translator, pairs, pause) };
    },
    // Not BLEU, which is 0 as long as no four words in a row are right: always, of short sentences.
    monitor: { metric: 'chrf', mode: 'max' },
    randoms: { model: model.rng, choices },
    fingerprint: data.fingerprint,
  };
}

/** At most `most` of them, evenly spread. */
function everyNth<T>(all: readonly T[], most: number): readonly T[] {
  const step = Math.ceil(all.length / most);
  return all.filter((_, i) => i % step === 0);
}

function architectureOf(options: ResolvedOptions, { source, target }: TranslationData): TranslatorArchitecture {
  const { embeddingSize, tied, cell, encoderSize, encoderLayers, decoderSize, decoderLayers, attention, attendFirst } = options;
  const { embeddingDropout, dropout, recurrentDropout, wordDropout } = options;
  return {
    sourceVocabularySize: source.size,
    targetVocabularySize: target.size,
    embeddingSize,
    tied,
    cell,
    encoderSize,
    encoderLayers,
    decoderSize,
    decoderLayers,
    attention,
    attentionSize: options.attentionSize ?? decoderSize,
    attendFirst,
    embeddingDropout,
    dropout,
    recurrentDropout,
    wordDropout,
  };
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): TranslationTraining {
  const { translator, data, options } = parts;
  return {
    translator,
    data,
    options,
    files: paths,
    steps,
    run,
    evaluate: async () => {
      const pairs = data.valid.map(({ pair }) => pair);
      return (await evaluateTranslator(translator, pairs)).metrics;
    },
  };
}
