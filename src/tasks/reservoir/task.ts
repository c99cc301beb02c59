/** Echo state networks as a task of the command line. */
import { textFile } from '../../data/text/text-source.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { Metrics } from '../../training/events.ts';
import type { ModelFile } from '../../training/model-file.ts';
import type { Evaluation, Facts, PreparedTraining, Task } from '../task.ts';
import type { ReservoirConfig } from './config.ts';
import { confusionOf, judgeFreeRun, judgeSteps, SeriesErrors } from './evaluate.ts';
import {
  type EvaluateOptions,
  evaluateSchema,
  type PredictOptions,
  predictSchema,
  type ReservoirTaskOptions,
  trainSchema,
} from './options.ts';
import { predictReservoir } from './predict.ts';
import { readSequences } from './read.ts';
import { reservoirFrom, rolesOf, type SavedReservoir } from './saved.ts';
import { pairsOf } from './sequences.ts';
import { prepareReservoir, type ReservoirTraining, resumeReservoir } from './training.ts';

export const reservoir: Task = {
  name: 'reservoir',
  summary: 'echo state networks: series that go on, series from others, classes of sequences',
  data: 'CSV of numbers, or one number a line; a row is a step',
  input: 'optional file',
  examples: {
    train: 'unrolled train reservoir laser.txt --hidden-size 500 --search 50 --out runs/laser',
    evaluate: 'unrolled evaluate runs/laser/model.safetensors later.txt --free-run 100',
    predict: 'unrolled predict runs/laser/model.safetensors --steps 200 --out next.csv',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareReservoir({ train, valid }, options as ReservoirTaskOptions, out));
  },

  async resume(out) {
    return prepared(await resumeReservoir(out));
  },

  async evaluate(file, data, options) {
    if (data.length === 0) throw new ConfigError('expected at least one table to evaluate on, received none. Name a file.');
    return evaluateReservoir(reservoirFrom(file), data, options as EvaluateOptions);
  },

  async *predict(file, input, options) {
    yield* predictReservoir(reservoirFrom(file), input, options as PredictOptions);
  },

  describe(file: ModelFile) {
    const { config } = reservoirFrom(file);
    const { columns, labels } = config.data;
    return [
      ...architectureFacts(config),
      ['Columns', columnsInWords(config)],
      ...(labels.length > 0 ? ([['Classes', `${labels.length}: ${labels.slice(0, 10).join(', ')}`]] as const) : []),
      ...(columns.sequence === null ? [] : ([['Sequences', `named in ${columns.sequence}`]] as const)),
    ];
  },
};

/**
 * A model's errors on tables: of a series what comes after the washout of each sequence, or with `freeRun` the last rows of each, told
 * without a look at them; of a classification how many classes are right.
 */
export async function evaluateReservoir(
  saved: SavedReservoir,
  tables: readonly string[],
  { freeRun }: EvaluateOptions = {},
): Promise<Evaluation> {
  const { config } = saved;
  const { ahead, isSelf, labels } = config.data;
  const sources = tables.map((path) => textFile(path));
  const { sequences } = await readSequences(sources, rolesOf(config));
  if (saved.head === 'classification') {
    if (freeRun !== undefined) throw new ConfigError('freeRun: a classification has no free run. Leave it out.');
    const matrix = confusionOf(saved.model, labels, sequences, config.normalization.inputs);
    const { accuracy, f1Macro } = matrix;
    return { metrics: { accuracy, f1Macro }, samples: sequences.length, report: matrix.report(), details: matrix.toJSON() };
  }
  const { washout } = config.architecture;
  const scale = config.normalization.targets;
  const errors = new SeriesErrors(scale.mean.length);
  if (freeRun !== undefined && ((isSelf && ahead !== 1) || (!isSelf && !saved.model.hasFeedback)))
    throw new ConfigError(
      'freeRun: expected a model that feeds itself: targets that foretell themselves with ahead 1, or feedback. Leave it out.',
    );
  for (const sequence of sequences) {
    const pairs = pairsOf(sequence, { ahead, normalization: config.normalization });
    if (freeRun === undefined) judgeSteps(saved.model, pairs, { state: null, skip: washout, scale, errors });
    else {
      if (pairs.steps <= freeRun)
        throw new ConfigError(
          `freeRun: expected more than ${freeRun + ahead} rows in ${sequence.name}, some of them to warm up, received ${sequence.length}.`,
        );
      judgeFreeRun(saved.model, pairs, { run: freeRun, isSelf, scale, errors });
    }
  }
  if (errors.steps === 0)
    throw new ConfigError(
      `expected sequences of more than ${washout + ahead} rows (washout ${washout}, ahead ${ahead}), received at most ${Math.max(...sequences.map(({ length }) => length))}.`,
    );
  return { metrics: errors.metrics, samples: errors.steps };
}

function prepared(training: ReservoirTraining): PreparedTraining {
  const { config, sizes, steps, options, paths, run, evaluate } = training;
  const isClassification = config.architecture.head === 'classification';
  const what = isClassification ? 'sequences' : 'rows';
  const { isSelf, columns } = config.data;
  const next = isSelf
    ? { label: 'Go on', input: '--steps 100' }
    : { label: isClassification ? 'Classify' : 'Tell', input: paths.train[0] ?? 'data.csv' };
  return {
    facts: [
      ['Data', `${count(sizes.train)} ${what} to learn from, ${count(sizes.valid)} to validate on`],
      ['Columns', columnsInWords(config)],
      ...(isClassification ? ([['Classes', `${config.data.labels.length}: ${config.data.labels.slice(0, 10).join(', ')}`]] as const) : []),
      ...(columns.sequence === null ? [] : ([['Sequences', count(sizes.sequences)]] as const)),
      ...architectureFacts(config),
      ...(options.search > 0
        ? ([['Search', `${count(options.search)} points, ${count(steps - 1)} trials, ${options.folds} folds`]] as const)
        : []),
    ],
    steps,
    items: what,
    monitored: isClassification ? 'accuracy' : 'nrmse',
    heldOut: what,
    next,
    valid: paths.valid.length > 0 ? paths.valid : paths.train,
    run,
    evaluate: async () => evaluate(),
    tell,
  };
}

function tell({ nrmse, rmse, accuracy, f1Macro }: Metrics): string {
  if (accuracy !== undefined) return `${(100 * accuracy).toFixed(1)} % right, f1 ${f1Macro.toFixed(3)}`;
  return `nrmse ${nrmse.toPrecision(4)}, rmse ${rmse.toPrecision(4)}`;
}

function architectureFacts({ architecture }: ReservoirConfig): Facts {
  const { hiddenSize, numLayers, arrangement, spectralRadius, leakRate, inputScaling, density, ridge, feedbackScaling } = architecture;
  const layers =
    numLayers === 1 ? '' : `${numLayers} ${arrangement === 'deep' ? 'layers, one above another, of' : 'reservoirs side by side of'} `;
  const feedback = feedbackScaling > 0 ? `, feedback ${short(feedbackScaling)}` : '';
  return [
    ['Reservoir', `${layers}${count(hiddenSize)} units, density ${short(density)}`],
    ['Dynamics', `spectral radius ${short(spectralRadius)}, leak rate ${short(leakRate)}, input scaling ${short(inputScaling)}${feedback}`],
    ['Readout', `ridge regression, penalty ${short(ridge)}`],
  ];
}

function columnsInWords({ data: { columns, ahead, isSelf } }: ReservoirConfig): string {
  const list = (names: readonly string[]) => `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`;
  if (columns.label !== null) return `${columns.label} from ${list(columns.inputs)}`;
  const when = ahead === 0 ? '' : ahead === 1 ? ', a step ahead' : `, ${count(ahead)} steps ahead`;
  return isSelf ? `${list(columns.targets)}${when}` : `${list(columns.targets)} from ${list(columns.inputs)}${when}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}
