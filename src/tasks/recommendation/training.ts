/** Training of a recommender, from interactions to a run folder and a model. */
import { mul } from '../../autograd/ops/binary.ts';
import { reshape } from '../../autograd/ops/shape.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { BatchSource } from '../../data/batch-source.ts';
import { type TextSource, textFile } from '../../data/text/text-source.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { Fingerprint } from '../fingerprint.ts';
import { type RankingMetrics, RankingScores } from '../metrics/ranking.ts';
import { beginTraining, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import { SessionBatches, sequenceBatches, type TrainBatch } from './batches.ts';
import { Catalogue, type Histories, historiesOf, vocabularyOf } from './catalogue.ts';
import type { Architecture, RecommendationConfig } from './config.ts';
import { coreOf } from './core.ts';
import { type Ranks, rankEvents } from './evaluate.ts';
import { readInteractions } from './interactions.ts';
import { type ItemFeature, readItemFeatures } from './item-features.ts';
import { queryLoss } from './loss.ts';
import { Recommender, type RecommenderState } from './model.ts';
import { type RecommendationOptions, type ResolvedOptions, requireLossOf, resolveOptions } from './options.ts';
import { leastToLeaveOut, leaveLastOut, type Split, splitByTime, targetsIn } from './split.ts';

/** Paths of files, or sources. */
export type InteractionSources = readonly (string | TextSource)[];

/** What is learnt from, and what it is tested on. */
export interface InteractionData {
  readonly train: InteractionSources;
  /** Default: a part of `train`, by `split`. */
  readonly valid?: InteractionSources;
}

/** A training that is ready to run: the interactions are read, the model is built. */
export interface RecommendationTraining {
  readonly model: Recommender;
  readonly catalogue: Catalogue;
  readonly features: readonly ItemFeature[];
  /** The interactions of `train`. */
  readonly histories: Histories;
  readonly split: Split;
  readonly options: ResolvedOptions;
  /** What is minimised; where `options` leaves it open it follows from the number of items. */
  readonly loss: RecommendationConfig['data']['loss'];
  /** Interactions that are learnt from. */
  readonly learnt: number;
  /** Interactions that are foretold in the validation. */
  readonly validationTargets: number;
  readonly data: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On all validation events. */
  evaluate(): Promise<RankingMetrics>;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or data will not do
 * @example
 * const training = await prepareRecommendation({ train: ['clicks.csv'] }, { epochs: 5 }, 'runs/shop');
 * for await (const event of training.run()) if (event.type === 'validation') console.log(event.metrics['hr@10']);
 */
export async function prepareRecommendation(
  data: InteractionData,
  given: RecommendationOptions = {},
  out?: string,
): Promise<RecommendationTraining> {
  const paths = { train: namesOf(data.train), valid: namesOf(data.valid ?? []) };
  return training(await beginTraining({ task: 'recommendation', paths, options: given, out }, await build(data, given)));
}

/**
 * Takes up a training that was begun in a folder: the same interactions and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the interactions are no longer what they were
 */
export async function resumeRecommendation(out: string): Promise<RecommendationTraining> {
  return training(await resumeTraining('recommendation', out, build));
}

export function sourcesOf(sources: InteractionSources): TextSource[] {
  return sources.map((source) => (typeof source === 'string' ? textFile(source) : source));
}

interface Parts extends Trainable<TrainBatch> {
  readonly model: Recommender;
  readonly options: ResolvedOptions;
  readonly catalogue: Catalogue;
  readonly features: readonly ItemFeature[];
  readonly histories: Histories;
  readonly split: Split;
  readonly validation: Validation;
  readonly config: RecommendationConfig;
}

interface Validation {
  readonly histories: Histories;
  /** Events to foretell. */
  readonly at: Int32Array;
}

/** What interactions and options make: the same each time. */
async function build(data: InteractionData, given: RecommendationOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const { seed, batchSize, sequenceLength, timeGaps, batching, format, userColumn, itemColumn, timeColumn, ratingColumn, minRating } =
    options;
  const read = await readInteractions(sourcesOf(data.train), options);
  const interactions = coreOf(read, options);
  if (interactions.events.length === 0) {
    throw new ConfigError(
      `expected users with ${options.minUserEvents} and items with ${options.minItemEvents} interactions, received none among ${read.events.length} interactions. Lower minUserEvents or minItemEvents.`,
    );
  }
  const vocabulary = vocabularyOf(interactions);
  const histories = historiesOf(interactions, vocabulary);
  const hasValid = data.valid !== undefined && data.valid.length > 0;
  const split = splitOf(histories, options, hasValid);
  const catalogue = new Catalogue(vocabulary, countsOf(histories, split.trainEnds, vocabulary.size));
  const validation = hasValid
    ? await readValidation(data.valid!, catalogue, { ...options, ...read.reading })
    : { histories, at: split.valid };
  if (timeGaps && histories.times === null) {
    throw new ConfigError('timeGaps: expected a column of times, received interactions without. Name it with timeColumn.');
  }
  const features =
    options.itemFeatures === undefined ? [] : await readItemFeatures(textFile(options.itemFeatures), catalogue, options.itemColumn);

  const loss = options.loss ?? (catalogue.size > manyItems ? 'sampled-cross-entropy' : 'cross-entropy');
  requireLossOf(options, loss);
  const model = new Recommender({
    ...architectureOf(options, catalogue, features),
    itemFeatures: features.map(({ ofItem }) => ofItem),
    rng: new Random(seed),
  });
  const settings = { batchSize, sequenceLength, timeGaps, seed };
  const batches: BatchSource<TrainBatch> = requireBatches(histories, split.trainEnds, () =>
    batching === 'sessions'
      ? new SessionBatches(histories, split.trainEnds, settings)
      : sequenceBatches(histories, split.trainEnds, settings),
  );
  const negatives = new Random(seed).fork('negatives');
  const lossOf = queryLoss({ ...options, loss }, catalogue.counts, negatives);
  // In the order of the schema, so that a model that is loaded and saved again is the same file.
  const config: RecommendationConfig = {
    task: 'recommendation',
    architecture: model.architecture,
    vocabulary: { ...catalogue.toJSON(), features },
    training: { options: { ...options, loss }, users: histories.users.length, interactions: histories.items.length },
    data: {
      format,
      userColumn,
      itemColumn,
      timeColumn,
      ...read.reading,
      ratingColumn,
      minRating,
      split: options.split,
      ...(hasValid || options.split !== 'last' ? {} : { minTested: leastToLeaveOut }),
      testFrom: split.testFrom,
      loss,
    },
  };
  return {
    model,
    batches,
    options,
    catalogue,
    features,
    histories,
    split,
    validation,
    config,
    loss: (batch, carried) => {
      const { queries, state } = model.forward(batch, batch.at, carriedOver(batch, carried));
      return { loss: lossOf(model, queries, batch.targets), items: batch.targets.length, carried: batch.goesOn === null ? null : state };
    },
    evaluate: async ({ pause }) =>
      metricsOf(await rankEvents(model, catalogue, validation.histories, sampled(validation.at, catalogue), { pause })),
    monitor: { metric: monitored, mode: 'max' },
    randoms: { model: model.rng, negatives },
    fingerprint: fingerprintOf(histories, validation.histories, features),
  };
}

/** The metric that chooses the best weights. */
export const monitored = 'ndcg@10';

/** Above so many items a softmax over all of them takes longer than the rest of a step. */
const manyItems = 50_000;

function splitOf(histories: Histories, { split, validFraction, testFraction }: ResolvedOptions, hasValid: boolean): Split {
  if (hasValid) {
    const none = new Int32Array(0);
    return { trainEnds: histories.starts.slice(1), valid: none, test: none, testFrom: null };
  }
  const parts = split === 'last' ? leaveLastOut(histories) : splitByTime(histories, { valid: validFraction, test: testFraction });
  if (parts.valid.length === 0) {
    throw new ConfigError(
      'split last: expected users with three interactions or more, received none: nothing is left to validate on. Give validation files.',
    );
  }
  return parts;
}

async function readValidation(sources: InteractionSources, catalogue: Catalogue, options: ResolvedOptions): Promise<Validation> {
  const histories = historiesOf(await readInteractions(sourcesOf(sources), options), catalogue);
  const at = targetsIn(histories, { targets: options.split === 'last' ? 'last' : 'all', from: null });
  if (at.length === 0) throw new ConfigError('expected validation files with users of two interactions or more, received none.');
  return { histories, at };
}

function requireBatches<T>({ starts }: Histories, ends: Int32Array, make: () => T): T {
  if (ends.some((end, u) => end - starts[u] >= 2)) return make();
  throw new ConfigError(
    'expected users with two interactions or more to learn from, beside those that are held out; received none. Give more data, or validation files.',
  );
}

function countsOf({ starts, items }: Histories, ends: Int32Array, size: number): Int32Array {
  const counts = new Int32Array(size);
  for (let u = 0; u < ends.length; u++) for (let event = starts[u]; event < ends[u]; event++) counts[items[event]]++;
  return counts;
}

function architectureOf(options: ResolvedOptions, catalogue: Catalogue, features: readonly ItemFeature[]): Architecture {
  const { cell, embeddingSize, hiddenSize, numLayers, tieWeights, shortcut, timeGaps, gapSize, featureSize, dropout, embeddingDropout } =
    options;
  return {
    cell,
    itemCount: catalogue.size,
    embeddingSize,
    hiddenSize,
    numLayers,
    tieWeights,
    shortcut,
    gapSize: timeGaps ? gapSize : 0,
    featureClasses: features.map(({ classes }) => classes.length + 1),
    featureSize,
    dropout,
    embeddingDropout,
  };
}

/** The states that a batch goes on from: zeros in rows that begin a session. */
function carriedOver({ goesOn, batchSize }: TrainBatch, carried: RecommenderState | null): RecommenderState | null {
  if (goesOn === null || carried === null) return null;
  return carried.map((state) => mul(state, reshape(tensor(goesOn, { backend: state.backend }), [1, batchSize, 1])));
}

/** Validation on the way looks at no more than some seconds' worth of events, evenly spread. */
function sampled(at: Int32Array, { size }: Catalogue): Int32Array {
  const most = Math.max(1000, Math.floor(5e8 / size));
  const every = Math.ceil(at.length / most);
  return every <= 1 ? at : at.filter((_, i) => i % every === 0);
}

export function metricsOf(ranks: Ranks, cutoffs?: readonly number[]): RankingMetrics {
  const scores = new RankingScores(cutoffs);
  for (const rank of ranks.model) scores.add(rank);
  return scores.metrics();
}

function fingerprintOf(train: Histories, valid: Histories, features: readonly ItemFeature[]): string {
  const print = new Fingerprint();
  for (const { starts, items, times } of [train, valid])
    print
      .numbers(starts)
      .numbers(items)
      .numbers(times ?? []);
  for (const { name, ofItem } of features) print.text(name).numbers(ofItem);
  return print.toString();
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): RecommendationTraining {
  const { model, catalogue, features, histories, split, options, validation, config } = parts;
  return {
    ...{ model, catalogue, features, histories, split, options, data: paths, steps, run },
    loss: config.data.loss,
    learnt: catalogue.counts.reduce((sum, n) => sum + n, 0),
    validationTargets: validation.at.length,
    evaluate: async () => metricsOf(await rankEvents(model, catalogue, validation.histories, validation.at)),
  };
}
