/** Training of a forecaster, from tables to a run folder and a model. */

import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { SequenceBatches } from '../../data/sequence-batches.ts';
import { type TextSource, textFile } from '../../data/text/text-source.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { Metrics, TrainingEvent } from '../../training/events.ts';
import type { EvaluationContext } from '../../training/training.ts';
import { Fingerprint } from '../fingerprint.ts';
import { beginTraining, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import { resolveCalendar } from './calendar.ts';
import type { Architecture, DataConfig, ForecastingConfig } from './config.ts';
import { type Backtest, backtest, judgeWindows } from './evaluate.ts';
import { createForecaster } from './forecast.ts';
import type { Forecaster } from './model.ts';
import { fitNormalization, type Normalization, scaleOf, staticSize } from './normalization.ts';
import { type ForecastingOptions, type ResolvedOptions, resolveOptions, rolesOf } from './options.ts';
import { readSeries, type Series, type SeriesSet } from './series.ts';
import { seasonOf, stepsBetween } from './steps.ts';
import { collate, type ModelSeries, thinned, viewSeries, type WindowBatch, type Windows, windowsOf } from './windows.ts';

/** Paths of tables, or sources. */
export type Tables = readonly (string | TextSource)[];

/** What is learnt from, and what it is tested on. */
export interface ForecastingData {
  readonly train: Tables;
  /** Default: the end of each series (`validFraction`). Rows that go on where the training's end have those as their history. */
  readonly valid?: Tables;
}

/** A training that is ready to run: the tables are read, the model is built. */
export interface ForecastingTraining {
  readonly model: Forecaster;
  readonly config: ForecastingConfig;
  readonly options: ResolvedOptions;
  readonly data: SeriesSet;
  readonly windows: { readonly train: number; readonly valid: number };
  readonly tables: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** A backtest on the validation part; of an autoregressive model, from some hundred places of it. */
  evaluate(): Promise<Backtest>;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or tables will not do
 * @example
 * const training = await prepareForecasting({ train: ['sales.csv'] }, { horizon: 14 }, 'runs/sales');
 * for await (const event of training.run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareForecasting(
  data: ForecastingData,
  given: ForecastingOptions = {},
  out?: string,
): Promise<ForecastingTraining> {
  const paths = { train: namesOf(data.train), valid: namesOf(data.valid ?? []) };
  return training(await beginTraining({ task: 'forecasting', paths, options: given, out }, await build(data, given)));
}

/**
 * Takes up a training that was begun in a folder: the same tables and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the tables are no longer what they were
 */
export async function resumeForecasting(out: string): Promise<ForecastingTraining> {
  return training(await resumeTraining('forecasting', out, build));
}

export function sourcesOf(tables: Tables): TextSource[] {
  return tables.map((table) => (typeof table === 'string' ? textFile(table) : table));
}

interface Parts extends Trainable<WindowBatch> {
  readonly model: Forecaster;
  readonly options: ResolvedOptions;
  readonly config: ForecastingConfig;
  readonly data: SeriesSet;
  readonly windows: { readonly train: Windows; readonly valid: Windows };
  readonly validSeries: readonly ModelSeries[];
}

/** What tables and options make: the same each time. */
async function build(tables: ForecastingData, given: ForecastingOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const data = await readSeries(sourcesOf(tables.train), rolesOf(options));
  const { valid: validTables = [] } = tables;
  const validData =
    validTables.length > 0
      ? await readSeries(sourcesOf(validTables), { ...rolesOf(options), ...data.reading, frequency: data.frequency })
      : null;
  const { horizon } = options;
  const parts = validData === null ? splitAtEnd(data, options.validFraction, horizon) : continued(data, validData);
  const season = options.season ?? seasonOf(data.frequency);
  const normalization = fitNormalization(parts.train, options.scaling, season);
  const calendar = resolveCalendar(options.calendar, data.frequency);
  const architecture = architectureOf(options, parts.train, { normalization, season, calendarSize: 2 * calendar.length });
  const model = createForecaster({ ...architecture, rng: new Random(options.seed) });

  const known = new Map(normalization.series.map((scale, index) => [scale.name, { index, scale }]));
  const view = {
    normalization,
    calendar,
    horizon,
    place: (one: Series) => {
      const place = known.get(one.name);
      if (place === undefined && architecture.seriesCount > 0) throw unknownSeries(one.name, [...known.keys()]);
      return place ?? { index: 0, scale: scaleOf(one, options.scaling, season) };
    },
  };
  const trainSeries = viewSeries(parts.train, view);
  const validSeries = viewSeries(parts.valid, view);
  const shape = { context: model.history, horizon, norm: options.windowNorm };
  const windows = {
    train: windowsOf(trainSeries, shape),
    valid: windowsOf(validSeries, { ...shape, from: (one) => parts.validFrom(one.name) ?? Math.min(model.history, one.length - horizon) }),
  };
  requireWindows(windows, trainSeries, horizon);
  // A batch ends with its step: the next one lies where it lay.
  let batch: WindowBatch | undefined;
  const batches = new SequenceBatches(
    new Uint8Array(windows.train.series.length),
    { batchSize: options.batchSize, seed: options.seed, poolSize: 1 },
    (indices) => {
      batch = collate(trainSeries, windows.train, indices, shape, batch);
      return batch;
    },
  );
  const { columns, frequency, reading } = data;
  const { scaling } = options;
  const dataConfig: DataConfig = {
    columns: {
      ...columns,
      targets: [...columns.targets],
      known: [...columns.known],
      past: [...columns.past],
      statics: [...columns.statics],
    },
    ...reading,
    frequency,
    calendar,
    season,
    scaling,
  };
  const config: ForecastingConfig = {
    task: 'forecasting',
    architecture: model.architecture,
    data: dataConfig,
    normalization,
    training: { options, series: trainSeries.length, windows: windows.train.series.length },
  };
  const isPoint = options.output === 'mean' || options.output === 'median';
  return {
    model,
    batches,
    options,
    config,
    data,
    windows,
    validSeries,
    loss: (batch) => ({ loss: model.loss(batch), items: batch.size }),
    evaluate: (context) =>
      validate(model, validSeries, thinned(windows.valid, Math.min(validationWindows, validationValues / horizon)), {
        shape,
        isPoint,
        context,
      }),
    monitor: { metric: isPoint ? 'mse' : 'loss', mode: 'min' },
    randoms: { model: model.rng },
    fingerprint: fingerprintOf([trainSeries, validSeries]),
  };
}

/** Windows of a validation on the way, evenly spread: so many, of so many values together. */
const validationWindows = 2048;
const validationValues = 400_000;
/** Values of the backtest at a training's end, and forecasts of it where they are drawn; `evaluate` judges all. */
const lastValues = 2_000_000;
const drawnWindows = 256;

function unknownSeries(name: string, known: readonly string[]): ConfigError {
  const shown = known.slice(0, 10).join(', ');
  return new ConfigError(
    `expected a series of the training, received "${name}". Known: ${shown}${known.length > 10 ? `, … (${known.length})` : ''}. A model that is trained with seriesEmbedding: false takes others too.`,
  );
}

function requireWindows(
  windows: { readonly train: Windows; readonly valid: Windows },
  series: readonly ModelSeries[],
  horizon: number,
): void {
  if (windows.train.series.length === 0) {
    const longest = Math.max(...series.map(({ length }) => length));
    throw new ConfigError(
      `expected a series of more than ${horizon} steps to learn a horizon of ${horizon} from, the longest has ${longest} (without what is set aside for validation). Give more rows, or a shorter horizon.`,
    );
  }
  if (windows.valid.series.length === 0) {
    throw new ConfigError(
      `expected at least one whole horizon of ${horizon} steps to validate on, received none. Give more rows or a shorter horizon; a file for validation needs its history too, or must go on where the training's rows end.`,
    );
  }
}

// ---- parts ------------------------------------------------------------------------------------------------------------

interface DataParts {
  readonly train: SeriesSet;
  readonly valid: SeriesSet;
  /** The first step of a series that belongs to the validation; undefined: where its history is whole. */
  readonly validFrom: (name: string) => number | undefined;
}

/** The end of each series is set aside, a horizon at least; it has what is before it as its history. */
function splitAtEnd(data: SeriesSet, fraction: number, horizon: number): DataParts {
  const from = new Map<string, number>();
  const train = data.series.map((one) => {
    const aside = Math.max(horizon, Math.round(one.length * fraction));
    const kept = one.length - aside;
    // Too short for both: all of it is learnt from.
    if (kept <= horizon) {
      from.set(one.name, one.length);
      return one;
    }
    from.set(one.name, kept);
    return { ...one, length: kept };
  });
  return { train: { ...data, series: train }, valid: data, validFrom: (name) => from.get(name) };
}

/** Validation rows after the training's: joined where they follow. */
function continued(train: SeriesSet, valid: SeriesSet): DataParts {
  const byName = new Map(train.series.map((one) => [one.name, one]));
  const from = new Map<string, number>();
  const series = valid.series.map((one) => {
    const before = byName.get(one.name);
    const steps = before === undefined ? Number.NaN : stepsBetween(train.frequency, before.start, one.start);
    // The rows in between may be missing; more than a history of them would be another series.
    if (before === undefined || !(steps >= before.length) || steps > 2 * before.length) return one;
    from.set(one.name, steps);
    return joined(before, one, steps);
  });
  return { train, valid: { ...valid, series }, validFrom: (name) => from.get(name) };
}

function joined(before: Series, after: Series, steps: number): Series {
  const T = steps + after.values.length;
  const join = <A extends Float32Array | Float64Array>(out: A, a: A, b: A): A => {
    const width = out.length / T;
    out.fill(Number.NaN);
    out.set(a.subarray(0, steps * width));
    out.set(b, steps * width);
    return out;
  };
  return {
    ...after,
    start: before.start,
    length: steps + after.length,
    values: join(new Float64Array(T), before.values, after.values),
    known: join(new Float32Array((T * after.known.length) / after.values.length), before.known, after.known),
    past: join(new Float32Array((T * after.past.length) / after.values.length), before.past, after.past),
  };
}

// ---- the model --------------------------------------------------------------------------------------------------------

/** The longest segment that is chosen without being asked for: SegRNN's on hourly data. */
const longestSegment = 48;

function architectureOf(
  options: ResolvedOptions,
  { series }: SeriesSet,
  facts: { readonly normalization: Normalization; readonly season: number; readonly calendarSize: number },
): Architecture {
  const { model, output, levels, cell, numLayers, hiddenSize, dropout, horizon, windowNorm, seriesEmbedding } = options;
  const { normalization, season, calendarSize } = facts;
  const isAutoregressive = model === 'autoregressive';
  const longest = Math.max(...series.map(({ length }) => length));
  const room = Math.max(1, longest - horizon);
  const context = Math.min(options.context ?? Math.max(4 * horizon, 2 * season), options.context ?? room, room);
  const segmentLength = Math.min(context, options.segmentLength ?? Math.max(1, Math.min(longestSegment, Math.round(horizon / 4))));
  const lags = isAutoregressive ? (options.lags ?? (season > 1 && season < room / 2 ? [season] : [])) : [];
  if (isAutoregressive && normalization.past.length > 0) {
    throw new ConfigError(
      'past covariates are not known for the steps that an autoregressive model draws. Use model segment or encoder, or name them as known.',
    );
  }
  if (output === 'negative-binomial') requireCounts(series);
  const isShort = series.some(({ length }) => length < context + horizon);
  const hasMissing = series.some(({ values, length }) => values.subarray(0, length).some(Number.isNaN));
  return {
    model,
    output,
    levels: output === 'quantiles' ? levels : [],
    cell,
    numLayers,
    hiddenSize,
    dropout,
    context,
    horizon,
    segmentLength,
    lags,
    windowNorm,
    hasMask: isShort || hasMissing,
    seriesCount: seriesEmbedding && series.length > 1 ? series.length : 0,
    knownSize: calendarSize + normalization.known.length,
    pastSize: normalization.past.length,
    staticSize: staticSize(normalization),
  };
}

function requireCounts(series: readonly Series[]): void {
  for (const { name, values, length } of series) {
    const wrong = values.subarray(0, length).find((value) => !Number.isNaN(value) && !(value >= 0 && Number.isInteger(value)));
    if (wrong !== undefined) {
      throw new ConfigError(
        `negative-binomial is for counts: expected whole numbers of at least 0 in series "${name}", received ${wrong}.`,
      );
    }
  }
}

// ---- validation -------------------------------------------------------------------------------------------------------

async function validate(
  model: Forecaster,
  series: readonly ModelSeries[],
  windows: Windows,
  how: {
    readonly shape: { context: number; horizon: number; norm: ResolvedOptions['windowNorm'] };
    readonly isPoint: boolean;
    readonly context: EvaluationContext;
  },
): Promise<Metrics> {
  const { shape, isPoint, context } = how;
  if (isPoint) {
    const metrics = await judgeWindows(model, series, windows, context.pause);
    return { mse: metrics.mse, mae: metrics.mae };
  }
  const batchSize = 128;
  let [sum, count] = [0, 0];
  for (let begin = 0; begin < windows.series.length; begin += batchSize) {
    const which = Array.from({ length: Math.min(batchSize, windows.series.length - begin) }, (_, i) => begin + i);
    sum += which.length * scope(() => noGrad(() => model.loss(collate(series, windows, which, shape)).item()));
    count += which.length;
    await context.pause();
  }
  return { loss: sum / count };
}

function fingerprintOf(parts: readonly (readonly ModelSeries[])[]): string {
  const fingerprint = new Fingerprint();
  for (const series of parts) {
    for (const { name, start, values, known, past } of series)
      fingerprint.text(name).numbers([start]).numbers(values).numbers(known).numbers(past);
  }
  return fingerprint.toString();
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): ForecastingTraining {
  const { model, options, config, data, windows, validSeries } = parts;
  const { season } = config.data;
  const last = thinned(windows.valid, options.model === 'autoregressive' ? drawnWindows : lastValues / options.horizon);
  return {
    model,
    config,
    options,
    data,
    windows: { train: windows.train.series.length, valid: windows.valid.series.length },
    tables: paths,
    steps,
    run,
    evaluate: () => backtest(model, validSeries, last, { season, samples: 100, seed: options.seed }),
  };
}
