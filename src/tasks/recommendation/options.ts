/** Options of recommendation, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { dateOrders, timeUnits } from '../../data/records/times.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, optionsSchema, parseOptions, path, requireChoice, requireOther, text, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { interactionFormats } from './interactions.ts';
import { splits, targetKinds } from './split.ts';

export const cells = ['gru', 'lstm'] as const;
export const losses = ['cross-entropy', 'sampled-cross-entropy', 'bpr-max', 'top1-max'] as const;
export const batchings = ['sequences', 'sessions'] as const;

/** What a user may give. */
export const trainSchema = optionsSchema(() => ({
  format: v.optional(
    choice('table: a row an event; lines: "user item item …" a line; auto: by the first line', interactionFormats),
    'auto',
  ),
  userColumn: v.optional(text('column of users or sessions (default: user, user_id, session, …)')),
  itemColumn: v.optional(text('column of items (default: item, item_id, product, …)')),
  timeColumn: v.optional(text('column of times (default: timestamp, time, date, …; without one: the order of rows)')),
  dateOrder: v.optional(choice('of dates such as 03/04/2016', dateOrders)),
  timeUnit: v.optional(
    choice('what plain numbers among the times are; auto: 2016 a year, 20160701 a day, 1467331200 since 1970', timeUnits),
    'auto',
  ),
  ratingColumn: v.optional(text('column of ratings for minRating (default: rating, score, stars, …)')),
  minRating: v.optional(v.pipe(v.number(), v.description('leave out interactions rated lower; without it ratings are ignored'))),
  minUserEvents: v.optional(whole('leave out users with fewer interactions (with minItemEvents: the k-core)', 1), 1),
  minItemEvents: v.optional(whole('leave out items with fewer interactions', 1), 1),
  itemFeatures: v.optional(path('CSV of items: a column of items, each other column a feature')),

  split: v.optional(
    choice("last: a user's last item is for the test, the one before for validation; time: the newest interactions", splits),
    'last',
  ),
  validFraction: v.optional(within('share of the interactions for validation (split time)', 0.0001, 0.5), 0.1),
  testFraction: v.optional(within('share of the interactions, the newest, for the test (split time)', 0, 0.5), 0.1),

  cell: v.optional(choice('recurrent cell', cells), 'gru'),
  numLayers: v.optional(whole('recurrent layers', 1, 16), 1),
  hiddenSize: v.optional(whole('units in each recurrent layer', 1, 65_536), 128),
  embeddingSize: v.optional(whole('numbers that stand for an item', 1, 65_536), 64),
  tieWeights: v.optional(flag('score items by the vectors that they are read with (constrained embedding)'), true),
  shortcut: v.optional(flag("add the last item's vector to what the layers say (default: with tieWeights)")),
  timeGaps: v.optional(flag('read the time since the interaction before, too'), false),
  gapSize: v.optional(whole('numbers that stand for a time gap', 1, 65_536), 8),
  featureSize: v.optional(whole('numbers that stand for a feature of an item', 1, 65_536), 16),
  dropout: v.optional(within("share of the layers' outputs dropped while training, in [0, 1)", 0, 1), 0.3),
  embeddingDropout: v.optional(within('likewise of what the layers read', 0, 1), 0.3),

  loss: v.optional(choice('what is minimised (default cross-entropy, above 50,000 items sampled-cross-entropy)', losses)),
  samples: v.optional(whole('further negative items for each batch, drawn by popularity', 0, 1_000_000), 2048),
  sampleAlpha: v.optional(within('popularity to this power: 0 all alike, 1 as often as taken', 0, 1.0001), 0.5),
  regularization: v.optional(v.pipe(v.number(), v.minValue(0), v.description("weight of the negatives' squared scores (bpr-max)")), 0.5),
  labelSmoothing: v.optional(within('share of the target spread over all items (cross-entropy)', 0, 1), 0),

  batching: v.optional(
    choice('sequences: whole histories side by side; sessions: one after another in each row, states carried (GRU4Rec)', batchings),
    'sequences',
  ),
  sequenceLength: v.optional(whole('T: steps through which gradients flow (default 50; sessions 1)', 1, 65_536)),
  ...trainingEntries({ batchSize: 64, learningRate: 0.002, epochs: 20 }),
  batchSize: v.optional(whole('B: histories side by side', 1, 65_536), 64),
}));

/** As a user writes them. */
export type RecommendationOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete, but for what follows from the data. */
export interface ResolvedOptions extends v.InferOutput<ReturnType<typeof trainSchema>> {
  readonly shortcut: boolean;
  readonly sequenceLength: number;
}

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: RecommendationOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  const { tieWeights, loss, batching, split } = options;
  const shortcut = options.shortcut ?? tieWeights;
  if (shortcut && !tieWeights) {
    throw new ConfigError('shortcut: expected tieWeights, as the vector that is added must be one that items are scored by.');
  }
  if (loss !== undefined) requireLossOf(options, loss);
  requireChoice(trainSchema(), options, ['split', split], { validFraction: ['time'], testFraction: ['time'] });
  requireOther(trainSchema(), options, { gapSize: 'timeGaps', featureSize: 'itemFeatures', ratingColumn: 'minRating' });
  return {
    ...options,
    shortcut,
    sequenceLength: options.sequenceLength ?? (batching === 'sessions' ? 1 : 50),
    epochs: epochsOf(options, 20),
  };
}

/** Refuses options that a loss has no use for. @throws ConfigError */
export function requireLossOf(options: object, loss: (typeof losses)[number]): void {
  const sampling = losses.filter((name) => name !== 'cross-entropy');
  const uses = { samples: sampling, sampleAlpha: sampling, regularization: ['bpr-max'], labelSmoothing: ['cross-entropy'] };
  requireChoice(trainSchema(), options, ['loss', loss], uses);
}

export const evaluateSchema = optionsSchema(() => ({
  at: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1))),
      v.nonEmpty(),
      v.description('k of hr@k, ndcg@k and mrr@k (default 5,10,20)'),
    ),
  ),
  excludeSeen: v.optional(flag('recommend nothing that the history has already'), false),
  targets: v.optional(
    choice("what is foretold: each user's last item, or all but the first (default: as the model was split)", targetKinds),
  ),
  from: v.optional(text('foretell only what happened from this time on, such as 2024-03-01 (default: where the test part begins)')),
}));
/** How a model is measured. */
export type EvaluateOptions = v.InferInput<ReturnType<typeof evaluateSchema>>;

export const predictSchema = optionsSchema(() => ({
  k: v.optional(whole('how many items to recommend', 1), 10),
  excludeSeen: v.optional(flag('recommend nothing that the history has already'), false),
  withUsers: v.optional(flag('the first word of each line is a user, as in training files of lines'), false),
}));
/** How much is recommended. */
export type RecommendOptions = v.InferInput<ReturnType<typeof predictSchema>>;
