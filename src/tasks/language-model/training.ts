/** Training of a language model, from texts to a run folder and a model. */
import { tensor } from '../../autograd/tensor.ts';
import { type StreamBatch, StreamBatches } from '../../data/stream-batches.ts';
import { type Corpus, readCorpus, type Texts, type TokenText } from '../../data/text/corpus.ts';
import type { Tokenizer } from '../../data/text/tokenizer.ts';
import { AdamW } from '../../optim/adam.ts';
import type { Optimizer } from '../../optim/optimizer.ts';
import { cosine, type Schedule, warmup } from '../../optim/schedule.ts';
import { SGD } from '../../optim/sgd.ts';
import { WeightAverage } from '../../optim/weight-average.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { RunFolder } from '../../training/run-folder.ts';
import { Trainer } from '../../training/trainer.ts';
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
  const options = resolveOptions(given);
  const corpus = await readCorpus(texts, options);
  const { model, batches } = build(corpus, options);
  const steps = await plannedSteps(options, batches, model);
  const names = { train: namesOf(texts.train), valid: namesOf(texts.valid ?? []) };
  const record: RunRecord = { task: 'language-model', texts: names, options: given, steps, fingerprint: fingerprint(corpus) };
  const folder = out === undefined ? undefined : await RunFolder.create(out, record);
  return assemble(corpus, record, { model, batches }, folder);
}

/**
 * Takes up a training that was begun in a folder: the same texts and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the texts are no longer what they were
 */
export async function resumeLanguageModel(out: string): Promise<LanguageTraining> {
  const folder = await RunFolder.open(out);
  const record = folder.config as RunRecord;
  if (record?.task !== 'language-model')
    throw new ConfigError(`${out} holds a training of the task "${record?.task}", not language-model.`);
  const options = resolveOptions(record.options);
  const corpus = await readCorpus(record.texts, options);
  if (fingerprint(corpus) !== record.fingerprint) {
    throw new ConfigError(
      `the texts of the training in ${out} have changed since it began: ${[...record.texts.train, ...record.texts.valid].join(', ')}. Bring them back, or train anew in another folder.`,
    );
  }
  return assemble(corpus, record, build(corpus, options), folder);
}

/** config.json of a run. */
interface RunRecord {
  readonly task: 'language-model';
  readonly texts: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** As given. */
  readonly options: LanguageModelOptions;
  readonly steps: number;
  /** Of the tokens; the same text gives the same. */
  readonly fingerprint: string;
}

function namesOf(texts: Texts): string[] {
  return texts.map((text) => (typeof text === 'string' ? text : text.name));
}

/** FNV-1a over all tokens. */
function fingerprint({ train, valid, tokenizer }: Corpus): string {
  let hash = 0x811c9dc5;
  for (const { ids } of [train, valid]) for (let i = 0; i < ids.length; i++) hash = Math.imul(hash ^ ids[i], 0x01000193);
  return `${tokenizer.size}-${train.ids.length}-${valid.ids.length}-${(hash >>> 0).toString(16)}`;
}

interface Parts {
  readonly model: LanguageModel;
  readonly batches: StreamBatches;
}

function build({ tokenizer, train }: Corpus, options: ResolvedOptions): Parts {
  const architecture = architectureOf(options, tokenizer.size);
  const model = new LanguageModel({ ...architecture, rng: new Random(options.seed) });
  const { sequenceLength, batchSize } = options;
  // A short text has room for fewer streams: each should hold a window at least.
  const streams = Math.max(1, Math.min(batchSize, Math.floor(train.ids.length / (sequenceLength + 1))));
  return { model, batches: new StreamBatches(train.ids, { batchSize: streams, windowLength: sequenceLength }) };
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

/** Steps by `maxSteps`, `epochs`, or `maxMinutes` and a measurement; the least of those given. */
async function plannedSteps(options: ResolvedOptions, batches: StreamBatches, model: LanguageModel): Promise<number> {
  const { maxSteps, maxMinutes } = options;
  const epochs = options.epochs ?? (maxSteps === undefined && maxMinutes === undefined ? 10 : undefined);
  const limits = [
    maxSteps,
    epochs === undefined ? undefined : Math.max(1, Math.round(epochs * batches.batchesPerEpoch)),
    maxMinutes === undefined
      ? undefined
      : Math.max(1, Math.floor((maxMinutes * 60 * shareOfTraining) / (await secondsPerStep(model, batches, options)))),
  ];
  return Math.min(...limits.filter((limit) => limit !== undefined));
}

/** Of the time: the rest goes to validation, samples and checkpoints. */
const shareOfTraining = 0.9;

/** Forwards and backwards on the first batches, without an update: what the training computes later stays the same. */
async function secondsPerStep(model: LanguageModel, batches: StreamBatches, options: ResolvedOptions): Promise<number> {
  const start = batches.position();
  const randomness = model.rng.state;
  const optimizer = optimizerOf(model, options, 1);
  const seconds: number[] = [];
  const begun = performance.now();
  while (seconds.length < 3 || (seconds.length < 50 && performance.now() - begun < 1500)) {
    const batch = await batches.next();
    const since = performance.now();
    optimizer.zeroGrad();
    optimizer.accumulate(() => ({ loss: lossOf(model, batch, null).loss }));
    seconds.push((performance.now() - since) / 1000);
  }
  optimizer.zeroGrad();
  batches.seek(start);
  model.rng.state = randomness;
  // The first steps still warm up.
  const later = seconds.slice(Math.floor(seconds.length / 3)).sort((a, b) => a - b);
  return later[Math.floor(later.length / 2)];
}

function optimizerOf(model: LanguageModel, options: ResolvedOptions, steps: number): Optimizer {
  const { weightDecay, clipNorm, optimizer } = options;
  const groups = [{ match: (name: string) => name.includes('bias'), weightDecay: 0 }];
  const common = { learningRate: scheduleOf(options, steps), weightDecay, clipNorm, ...(weightDecay > 0 ? { groups } : {}) };
  return optimizer === 'sgd' ? new SGD(model, common) : new AdamW(model, { ...common, beta2: options.beta2 });
}

function scheduleOf({ schedule, learningRate, warmupSteps }: ResolvedOptions, steps: number): Schedule {
  const rise = Math.min(steps - 1, warmupSteps ?? (schedule === 'cosine' ? Math.round(steps / 20) : 0));
  const after = schedule === 'cosine' ? cosine({ learningRate, steps: steps - rise, minimum: learningRate / 100 }) : () => learningRate;
  return rise === 0 ? after : warmup(after, { steps: rise, startFactor: 1 / rise });
}

function lossOf(
  model: LanguageModel,
  { inputs, targets, batchSize, length, isFirst }: StreamBatch,
  carried: Parameters<LanguageModel['loss']>[2],
) {
  const options = { shape: [batchSize, length], dtype: 'int32', backend: model.backend } as const;
  return model.loss(tensor(inputs, options), tensor(targets, options), isFirst ? null : carried);
}

function assemble(
  corpus: Corpus,
  { texts, steps, options: given }: RunRecord,
  { model, batches }: Parts,
  folder: RunFolder | undefined,
): LanguageTraining {
  const options = resolveOptions(given);
  const { tokenizer, valid } = corpus;
  const { averageDecay, patience, checkpointEvery, sampleLength, maxMinutes } = options;
  const tokens = validationTokens(valid, steps, batches);
  const config: LanguageModelConfig = {
    task: 'language-model',
    architecture: model.architecture,
    vocabulary: tokenizer.toJSON(),
    training: { options, characters: corpus.train.characters, tokens: corpus.train.ids.length },
  };
  const trainer = new Trainer<StreamBatch>(
    {
      model,
      optimizer: optimizerOf(model, options, steps),
      batches,
      loss: (batch, carried) => {
        const { loss, state } = lossOf(model, batch, carried);
        return { loss, items: batch.inputs.length, carried: state };
      },
      evaluate: ({ pause }) => evaluateTokens(model, valid, { tokens, pause }),
      randoms: { model: model.rng },
      ...(sampleLength > 0 ? { sample: (step) => [...generate(model, tokenizer, { length: sampleLength, seed: step })].join('') } : {}),
      ...(averageDecay > 0 ? { average: new WeightAverage(model, { decay: averageDecay }) } : {}),
    },
    {
      maxSteps: steps,
      // The number of steps keeps to the time; this is for a machine that has become slow since it was measured.
      ...(maxMinutes === undefined ? {} : { maxMinutes: 1.5 * maxMinutes }),
      validateEvery: options.evaluateEvery ?? Math.max(1, Math.ceil(steps / 10)),
      ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
      ...(patience > 0 ? { patience } : {}),
      monitor: { metric: 'natsPerToken', mode: 'min' },
      ...(folder === undefined ? {} : { folder, modelConfig: config as never }),
    },
  );
  return {
    model,
    tokenizer,
    corpus,
    options,
    texts,
    steps,
    run: (given) => trainer.run(given),
    evaluate: () => evaluateTokens(model, valid, { tokens: lastEvaluationTokens(steps, batches) }),
  };
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
