/** Recommendation as a task of the command line. */
import { parseTime } from '../../data/records/times.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { Metrics } from '../../training/events.ts';
import type { Facts, Prediction, PreparedTraining, Task, TaskOptions } from '../task.ts';
import { historiesOf } from './catalogue.ts';
import { rankEvents } from './evaluate.ts';
import { readInteractions } from './interactions.ts';
import type { Recommender } from './model.ts';
import { observe } from './observe.ts';
import {
  type EvaluateOptions,
  evaluateSchema,
  predictSchema,
  type RecommendationOptions,
  type RecommendOptions,
  trainSchema,
} from './options.ts';
import { type RankedItem, type Recommended, recommend } from './recommend.ts';
import { rankingDetails, reportOf } from './report.ts';
import { recommenderFrom, type SavedRecommender } from './saved.ts';
import { type Targets, targetsIn } from './split.ts';
import { monitored, prepareRecommendation, type RecommendationTraining, resumeRecommendation, sourcesOf } from './training.ts';

export const recommendation: Task = {
  name: 'recommendation',
  summary: 'recommend the next item from what a user took before',
  data: 'CSV or TSV of users, items and times, or lines of "user item item …"',
  input: 'text',
  examples: {
    train: 'unrolled train recommendation clicks.csv --out runs/shop',
    evaluate: 'unrolled evaluate runs/shop/model.safetensors clicks.csv --at 5,10,20',
    predict: 'unrolled predict runs/shop/model.safetensors "item1 item2" --k 5 --exclude-seen',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareRecommendation({ train, valid }, options as RecommendationOptions, out));
  },

  async resume(out) {
    return prepared(await resumeRecommendation(out));
  },

  async evaluate(file, data, options) {
    if (data.length === 0)
      throw new ConfigError('expected interactions to evaluate on, received none. Name a CSV file, such as clicks.csv.');
    const { model, catalogue, config } = recommenderFrom(file);
    const { at: cutoffs, excludeSeen, ...which } = options as EvaluateOptions;
    const histories = historiesOf(await readInteractions(sourcesOf(data), config.data), catalogue);
    const asked = targetsAsked(which, config.data);
    const at = targetsIn(histories, asked);
    if (at.length === 0) {
      const shorter = asked.minUserEvents === 2 ? '' : ', or --targets last for shorter histories';
      throw new ConfigError(
        `expected users with ${asked.minUserEvents} interactions or more, the later ones in the part to foretell; received none. Give other data, or --from${shorter}.`,
      );
    }
    const ranks = await rankEvents(model, catalogue, histories, at, { excludeSeen });
    if (ranks.targets.length === 0) {
      throw new ConfigError(
        `expected items that the model knows, received none in the histories of ${histories.users.length} users. Are items named as in the training data?`,
      );
    }
    const { metrics, ...details } = rankingDetails(ranks, catalogue, cutoffs);
    const samples = ranks.targets.length;
    return { metrics, samples, details, report: reportOf({ metrics, ...details }, samples) };
  },

  async *predict(file, input, options: TaskOptions) {
    let isFirst = true;
    for await (const recommended of recommend(recommenderFrom(file), input, options as RecommendOptions)) {
      yield predictionOf(recommended, isFirst);
      isFirst = false;
    }
  },

  async observe(file, input) {
    return observe(recommenderFrom(file), input);
  },

  describe(file) {
    const saved = recommenderFrom(file);
    return [...dataFacts(saved), ...architectureFacts(saved.model, saved.config.data.loss), ...provenance(saved.config.training)];
  },
};

/** Where nothing else is asked for, as the model's data was split: without the histories that were learnt from whole. */
function targetsAsked({ targets, from }: EvaluateOptions, data: SavedRecommender['config']['data']): Required<Targets> {
  const { split, minTested = 2, testFrom } = data;
  const seconds = from === undefined ? null : parseTime(from, data) / 1000;
  if (Number.isNaN(seconds)) throw new ConfigError(`from: expected a date, such as 2024-03-01 12:30, received "${from}".`);
  return {
    targets: targets ?? (split === 'last' ? 'last' : 'all'),
    from: seconds ?? testFrom,
    minUserEvents: targets === undefined ? minTested : 2,
  };
}

function predictionOf({ user, history, unknown, isCold, items }: Recommended, isFirst: boolean): Prediction {
  const shown = history.length > 6 ? ['…', ...history.slice(-6)] : history;
  const lines = [
    `${isFirst ? '' : '\n'}${user === null ? '' : `${user}: `}after ${shown.join(' ')}`,
    ...(unknown.length === 0 ? [] : [`  not in the catalogue, passed over: ${listed(unknown)}`]),
    ...(isCold ? ['  nothing of this is known; what is popular:'] : []),
    ...itemLines(items),
  ];
  const value = { ...(user === null ? {} : { user }), history, unknown, isCold, items };
  return { text: `${lines.join('\n')}\n`, value };
}

function itemLines(items: readonly RankedItem[]): string[] {
  const rankWidth = String(items.length).length;
  const nameWidth = Math.max(0, ...items.map(({ item }) => item.length));
  return items.map(({ item, score, probability }, i) => {
    const value = probability === undefined ? score.toFixed(3) : `${(100 * probability).toFixed(2)} %`;
    return `  ${String(i + 1).padStart(rankWidth)}  ${item.padEnd(nameWidth)}  ${value.padStart(8)}`;
  });
}

function listed(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}

function prepared(training: RecommendationTraining): PreparedTraining {
  const { model, catalogue, histories, split, options, data, steps, run, evaluate, validationTargets, learnt, loss } = training;
  const heldOut = [
    `${count(validationTargets)} to validate on`,
    ...(split.test.length > 0 ? [`${count(split.test.length)} to test on`] : []),
  ];
  return {
    facts: [
      [
        'Data',
        `${count(histories.items.length)} interactions of ${count(histories.users.length)} users with ${count(catalogue.size)} items`,
      ],
      ['Split', `${count(learnt)} to learn from, ${heldOut.join(', ')}`],
      ...architectureFacts(model, loss),
      [
        'Training',
        `${count(steps)} steps of ${options.batchSize} ${options.batching} of at most ${count(options.sequenceLength)}, learning rate ${options.learningRate}`,
      ],
    ],
    steps,
    items: 'interactions',
    monitored,
    heldOut: 'interactions',
    next: { label: 'Recommend', input: JSON.stringify(exampleHistory(training)) },
    valid: data.valid,
    run,
    evaluate,
    tell: (metrics: Metrics) =>
      `hr@10 ${metrics['hr@10'].toFixed(4)}, ndcg@10 ${metrics['ndcg@10'].toFixed(4)}, mrr@10 ${metrics['mrr@10'].toFixed(4)}`,
  };
}

/** The first items of a user, as a shell takes them. */
function exampleHistory({ catalogue, histories }: RecommendationTraining): string {
  const items = Array.from(histories.items.subarray(0, Math.min(2, histories.starts[1])), (item) => catalogue.name(item));
  return items.every((name) => /^[\w.:-]+$/.test(name)) ? items.join(' ') : 'item1 item2';
}

function dataFacts({ catalogue, features, config }: SavedRecommender): Facts {
  const taken = catalogue.counts.reduce((sum, n) => sum + n, 0);
  const facts: [string, string][] = [['Items', `${count(catalogue.size)}, from ${count(taken)} interactions`]];
  for (const { name, classes } of features) facts.push(['Feature', `${name}, ${count(classes.length)} classes`]);
  const { split, testFrom } = config.data;
  facts.push(['Split', testFrom === null ? split : `${split}, test from ${new Date(testFrom * 1000).toISOString()}`]);
  return facts;
}

function architectureFacts(model: Recommender, loss: string): Facts {
  const { cell, numLayers, hiddenSize, embeddingSize, tieWeights, shortcut, gapSize, featureClasses } = model.architecture;
  const layers = `${numLayers === 1 ? '' : `${numLayers} × `}${cell.toUpperCase()} of ${hiddenSize} units`;
  const reads = [
    `items as ${embeddingSize} numbers`,
    ...(gapSize > 0 ? ['time gaps'] : []),
    ...(featureClasses.length > 0 ? [`${featureClasses.length} features`] : []),
  ];
  const scores = [tieWeights ? 'tied scores' : 'scores by other vectors', ...(shortcut ? ['a shortcut'] : [])];
  return [
    ['Model', `${layers}, ${scores.join(', ')}, ${count(model.parameterCount)} parameters`],
    ['Reads', reads.join(', ')],
    ['Loss', loss],
  ];
}

function provenance(training: Readonly<Record<string, unknown>> = {}): Facts {
  return Object.entries(training).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    if (typeof value !== 'object') return [[name, String(value)] as const];
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined && inner !== null);
    return [
      [
        name,
        entries.map(([key, inner]) => `${key} ${typeof inner === 'number' ? Number(inner.toPrecision(5)) : inner}`).join(', '),
      ] as const,
    ];
  });
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}
