/** Training of a language model, from texts to a run folder and a model. */
import { tensor } from '../../autograd/tensor.ts';
import { type StreamBatch, StreamBatches } from '../../data/stream-batches.ts';
import { type Corpus, readCorpus, type Texts, type TokenText } from '../../data/text/corpus.ts';
import type { Tokenizer } from '../../data/text/tokenizer.ts';
import { FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { Fingerprint } from '../fingerprint.ts';
import { beginTraining, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import type { Architecture, LanguageModelConfig } from './config.ts';
import { evaluateTokens, type LanguageMetrics } from './evaluate.ts';
import { generate } from './generate.ts';
import { LanguageModel } from './model.ts';
import { type LanguageModelOptions, type ResolvedOptions, resolveOptions } from './options.ts';

/** A training that is ready to run: the texts are read, the model is built. */
export interface LanguageTraining {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly corpus: Corpus;
  readonly options: ResolvedOptions;
  /** Names of the texts. */
  readonly texts: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** B: streams of text read side by side; fewer than asked for where the text is too short for them. */
  readonly streams: number;
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On the validation text; all of it, unless that would take longer than a good part of the training did. */
  evaluate(): Promise<LanguageMetrics>;
}

/** What is learnt from, and what it is tested on. */
export interface LanguageTexts {
  /** Paths of UTF-8 files, or sources. */
  readonly train: Texts;
  /** Default: the end of the training text (`validFraction`). */
  readonly valid?: Texts;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or texts will not do
 * @example
 * const training = await prepareLanguageModel({ train: ['book.txt'] }, { maxMinutes: 2 }, 'runs/book');
 * for await (const event of training.run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareLanguageModel(
  texts: LanguageTexts,
  given: LanguageModelOptions = {},
  out?: string,
): Promise<LanguageTraining> {
  const paths = { train: namesOf(texts.train), valid: namesOf(texts.valid ?? []) };
  return training(await beginTraining({ task: 'language-model', paths, options: given, out }, await build(texts, given)));
}

/**
 * Takes up a training that was begun in a folder: the same texts and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the texts are no longer what they were
 */
export async function resumeLanguageModel(out: string): Promise<LanguageTraining> {
  return training(await resumeTraining('language-model', out, build));
}

interface Parts extends Trainable<StreamBatch> {
  readonly model: LanguageModel;
  readonly batches: StreamBatches;
  readonly options: ResolvedOptions;
  readonly corpus: Corpus;
}

/** What texts and options make: the same each time. */
async function build(texts: LanguageTexts, given: LanguageModelOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const corpus = await readCorpus(texts, options);
  requireTokens(texts, corpus);
  const { tokenizer, train, valid } = corpus;
  const { sequenceLength, batchSize, sampleLength, seed } = options;
  const model = new LanguageModel({ ...architectureOf(options, tokenizer.size), rng: new Random(seed) });
  // A short text has room for fewer streams: each should hold a window at least.
  const streams = Math.max(1, Math.min(batchSize, Math.floor(train.ids.length / (sequenceLength + 1))));
  const batches = new StreamBatches(train.ids, { batchSize: streams, windowLength: sequenceLength });
  const config: LanguageModelConfig = {
    task: 'language-model',
    architecture: model.architecture,
    vocabulary: tokenizer.toJSON(),
    training: { options, characters: train.characters, tokens: train.ids.length },
  };
  return {
    model,
    batches,
    options,
    corpus,
    config,
    loss: (batch, carried) => {
      const { loss, state } = lossOf(model, batch, carried);
      return { loss, items: batch.inputs.length, carried: state };
    },
    evaluate: ({ pause }, steps) => evaluateTokens(model, valid, { tokens: validationTokens(valid, steps, batches), pause }),
    monitor: { metric: 'natsPerToken', mode: 'min' },
    randoms: { model: model.rng },
    fingerprint: new Fingerprint().numbers([tokenizer.size]).numbers(train.ids).numbers(valid.ids).toString(),
    ...(sampleLength > 0 ? { sample: (step) => [...generate(model, tokenizer, { length: sampleLength, seed: step })].join('') } : {}),
  };
}

/** Before anything is trained: a token is predicted from another. */
function requireTokens(texts: LanguageTexts, { tokenizer, train, valid }: Corpus): void {
  const [one, more] = { char: ['character', 'characters'], word: ['word', 'words'], bpe: ['token', 'tokens'] }[tokenizer.level];
  const require = ({ ids }: TokenText, names: readonly string[], purpose: string, remedy: string): void => {
    if (ids.length >= 2) return;
    const held = ids.length === 1 ? `1 ${one} is` : `${ids.length} ${more} are`;
    throw new FormatError(`${held} too few to ${purpose}. ${remedy}`, { file: names.join(', ') });
  };
  const [training, validation] = [namesOf(texts.train), namesOf(texts.valid ?? [])];
  require(train, training, 'learn from', `Give some thousand ${more} or more.`);
  if (validation.length > 0) require(valid, validation, 'validate on', 'Give a longer validation text.');
  else require(valid, training, 'validate on', 'Give more text, or a larger validFraction.');
}

function architectureOf(options: ResolvedOptions, vocabularySize: number): Architecture {
  const { cell, embeddingSize, hiddenSize, numLayers, dropout, embeddingDropout, tieWeights, samples } = options;
  const softmax = options.softmax ?? (vocabularySize > 10_000 && !tieWeights ? 'adaptive' : 'full');
  const cutoffs = softmax === 'adaptive' ? (options.cutoffs ?? defaultCutoffs(vocabularySize)) : [];
  return { cell, vocabularySize, embeddingSize, hiddenSize, numLayers, dropout, embeddingDropout, tieWeights, softmax, samples, cutoffs };
}

/** A fifth of the words makes most of any text. */
function defaultCutoffs(vocabularySize: number): number[] {
  const cutoffs = [2000, 10_000].filter((cutoff) => cutoff < vocabularySize);
  return cutoffs.length > 0 ? cutoffs : [Math.max(1, Math.floor(vocabularySize / 5))];
}

function lossOf(
  model: LanguageModel,
  { inputs, targets, batchSize, length, isFirst }: StreamBatch,
  carried: Parameters<LanguageModel['loss']>[2],
) {
  const options = { shape: [batchSize, length], dtype: 'int32', backend: model.backend } as const;
  return model.loss(tensor(inputs, options), tensor(targets, options), isFirst ? null : carried);
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): LanguageTraining {
  const { model, batches, options, corpus } = parts;
  const { tokenizer, valid } = corpus;
  const evaluate = () => evaluateTokens(model, valid, { tokens: lastEvaluationTokens(steps, batches) });
  return { model, tokenizer, corpus, options, texts: paths, streams: batches.batchSize, steps, run, evaluate };
}

/** The last evaluation reads half as much as the training did, at most: a sixth of its time. */
function lastEvaluationTokens(steps: number, { tokensPerEpoch, batchesPerEpoch }: StreamBatches): number {
  return Math.max(20_000, Math.round((steps * tokensPerEpoch) / batchesPerEpoch / 2));
}

/** A validation on the way reads so much that all ten take some 5 % of the training; the whole text is for the end. */
function validationTokens({ ids }: TokenText, steps: number, { tokensPerEpoch, batchesPerEpoch }: StreamBatches): number {
  const trained = steps * (tokensPerEpoch / batchesPerEpoch);
  return Math.min(ids.length, Math.max(2000, Math.round(trained * 0.015)));
}
