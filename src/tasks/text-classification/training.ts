/** Training of a text classifier, from files to a run folder and a model. */
import { add, mul } from '../../autograd/ops/binary.ts';
import { inScope } from '../../autograd/scope.ts';
import type { Tensor } from '../../autograd/tensor.ts';
import { SequenceBatches } from '../../data/sequence-batches.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { beginTraining, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import type { WordBatch } from '../words/word-encoder.ts';
import { sizesOf } from '../words/word-features.ts';
import type { TextClassifierArchitecture, TextClassifierConfig } from './config.ts';
import { type ClassifierData, formatOf, type LabelledTextFiles, readClassifierData } from './dataset.ts';
import { type ClassificationMetrics, evaluateClassifier } from './evaluate.ts';
import { classifierLoss, classWeightsOf, disagreement } from './loss.ts';
import { TextClassifierModel } from './model.ts';
import { type ResolvedOptions, resolveOptions, type TextClassifierOptions } from './options.ts';
import type { SavedTextClassifier } from './saved.ts';

/** What is learnt from, and what it is validated on. */
export interface ClassifierFiles {
  /** Paths, or sources. */
  readonly train: LabelledTextFiles;
  /** Default: a part of the training texts, chosen by chance (`validFraction`). */
  readonly valid?: LabelledTextFiles;
}

/** A training that is ready to run: the texts are read, the model is built. */
export interface TextClassifierTraining {
  /** The model with what its numbers stand for, for `classifyTexts` and `saveTextClassifier`. */
  readonly classifier: SavedTextClassifier;
  readonly data: ClassifierData;
  readonly options: ResolvedOptions;
  /** Names of the files. */
  readonly files: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** Training steps in all. */
  readonly steps: number;
  /** The metric that chooses the best weights: accuracy; with several labels a text f1Micro; with weighted labels f1Macro. */
  readonly monitored: string;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On the validation texts. */
  evaluate(): Promise<ClassificationMetrics>;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or files will not do
 * @example
 * const { run, classifier } = await prepareTextClassifier({ train: ['reviews.csv'] }, { epochs: 10 }, 'runs/reviews');
 * for await (const event of run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareTextClassifier(
  files: ClassifierFiles,
  given: TextClassifierOptions = {},
  out?: string,
): Promise<TextClassifierTraining> {
  const paths = { train: namesOf(files.train), valid: namesOf(files.valid ?? []) };
  return training(await beginTraining({ task: 'text-classification', paths, options: given, out }, await build(files, given)));
}

/**
 * Takes up a training that was begun in a folder: the same files and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the files are no longer what they were
 */
export async function resumeTextClassifier(out: string): Promise<TextClassifierTraining> {
  return training(await resumeTraining('text-classification', out, build));
}

interface ClassifierBatch {
  readonly words: WordBatch;
  readonly labels: readonly Int32Array[];
}

interface Parts extends Trainable<ClassifierBatch> {
  readonly model: TextClassifierModel;
  readonly config: TextClassifierConfig;
  readonly options: ResolvedOptions;
  readonly data: ClassifierData;
}

/** What files and options make: the same each time. */
async function build(files: ClassifierFiles, given: TextClassifierOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const data = await readClassifierData(files, options);
  const { encoder, train, valid, labels, isMultiLabel, vectors } = data;
  const { batchSize, seed, labelSmoothing, consistency } = options;
  const model = new TextClassifierModel({
    ...architectureOf(options, data),
    unknownRates: data.unknownRates,
    rng: new Random(seed),
  });
  if (vectors !== null) {
    model.words.useVectors(vectors.vectors, encoder.words);
    if (options.freezeVectors) model.words.words!.weight.requiresGrad = false;
  }
  const classWeights = classWeightsOf(options.classWeights, labels, { counts: data.labelCounts, total: train.length, isMultiLabel });
  const lengths = train.map(({ words }) => words.words.length);
  const batches = new SequenceBatches<ClassifierBatch>(lengths, { batchSize, seed, poolSize: 20 }, (indices) => ({
    words: encoder.collate(indices.map((i) => train[i].words)),
    labels: indices.map((i) => train[i].labels),
  }));
  const lossOf = ({ words, labels }: ClassifierBatch): Tensor =>
    inScope(() => {
      const wrong = (logits: Tensor): Tensor => classifierLoss(logits, labels, { isMultiLabel, classWeights, labelSmoothing });
      const logits = model.forward(words).logits;
      if (consistency === 0) return wrong(logits);
      const again = model.forward(words).logits;
      const meanOfBoth = mul(add(wrong(logits), wrong(again)), 0.5);
      return add(meanOfBoth, mul(disagreement(logits, again, { isMultiLabel }), consistency));
    });
  const config: TextClassifierConfig = {
    task: 'text-classification',
    architecture: model.architecture,
    vocabulary: { words: encoder.toJSON(), labels: [...labels], features: options.features, maxLength: options.maxLength },
    format: { ...formatOf(options), columns: options.columns === undefined ? undefined : [...options.columns] },
    training: { options, texts: train.length },
  };
  return {
    model,
    batches,
    options,
    data,
    config,
    loss: (batch) => ({ loss: lossOf(batch), items: batch.labels.length }),
    evaluate: async ({ pause }) => (await evaluateClassifier(model, data, valid, { pause })).metrics,
    monitor: { metric: monitoredMetric(isMultiLabel, classWeights !== null), mode: 'max' },
    randoms: { model: model.rng },
    fingerprint: data.fingerprint,
  };
}

/** Who weighs labels wants the rare ones right. */
function monitoredMetric(isMultiLabel: boolean, isWeighted: boolean): string {
  if (isWeighted) return 'f1Macro';
  return isMultiLabel ? 'f1Micro' : 'accuracy';
}

function architectureOf(options: ResolvedOptions, data: ClassifierData): TextClassifierArchitecture {
  const { cell, hiddenSize, numLayers, bidirectional, pooling, dropout, characterEmbeddingSize, characterHiddenSize } = options;
  const { encoder, labels, isMultiLabel, vectors } = data;
  const features = data.features.names.map((name) => ({ name, embeddingSize: options.featureEmbeddingSize }));
  const wordEmbeddingSize = options.embeddingSize ?? vectors?.size ?? 100;
  if (vectors !== null && wordEmbeddingSize !== vectors.size) {
    throw new ConfigError(
      `embeddingSize: expected ${vectors.size}, as the vectors in ${options.wordVectors} have numbers, received ${wordEmbeddingSize}. Leave it out.`,
    );
  }
  const words = sizesOf(encoder, { wordEmbeddingSize, characterEmbeddingSize, characterHiddenSize, features });
  return { words, cell, hiddenSize, numLayers, bidirectional, pooling, classes: labels.length, isMultiLabel, dropout };
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): TextClassifierTraining {
  const { model, data, options, config } = parts;
  return {
    classifier: { model, encoder: data.encoder, features: data.features, labels: data.labels, config },
    data,
    options,
    files: paths,
    steps,
    monitored: parts.monitor.metric,
    run,
    evaluate: async () => (await evaluateClassifier(model, data, data.valid)).metrics,
  };
}
