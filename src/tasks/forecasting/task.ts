/** Forecasting as a task of the command line. */
import { writeAtomically } from '#files';
import { parseTime, type TimeReading } from '../../data/records/times.ts';
import { type TextSource, textIn, textOf } from '../../data/text/text-source.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { Metrics } from '../../training/events.ts';
import { requireChoice } from '../schema.ts';
import type { Facts, Prediction, PreparedTraining, Task } from '../task.ts';
import { type AnomalyRow, anomalyRow, scoreValues } from './anomalies.ts';
import type { Architecture } from './config.ts';
import { backtest, reportOf } from './evaluate.ts';
import type { Forecaster } from './model.ts';
import { observe } from './observe.ts';
import {
  type EvaluateOptions,
  evaluateSchema,
  type ForecastingOptions,
  type PredictOptions,
  predictSchema,
  trainSchema,
} from './options.ts';
import { csvLines, forecast, forecastRows, plotOf, type SeriesForecast } from './predict.ts';
import { forecasterFrom, readFor, type SavedForecaster } from './saved.ts';
import { describeFrequency, formatDate, stepsBetween } from './steps.ts';
import { type ForecastingTraining, prepareForecasting, resumeForecasting } from './training.ts';
import { windowsOf } from './windows.ts';

export const forecasting: Task = {
  name: 'forecasting',
  summary: 'forecast time series, with intervals; find what is unusual in them',
  data: 'CSV with a column of dates, and a column for each series or one that names it',
  input: 'file',
  examples: {
    train: 'unrolled train forecasting history.csv --horizon 48 --out runs/load',
    evaluate: 'unrolled evaluate runs/load/model.safetensors later.csv --from 2017-10-24',
    predict: 'unrolled predict runs/load/model.safetensors history.csv --out forecast.csv --plot forecast.svg',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareForecasting({ train, valid }, options as ForecastingOptions, out));
  },

  async resume(out) {
    return prepared(await resumeForecasting(out));
  },

  async evaluate(file, data, options) {
    if (data.length === 0) throw new ConfigError('expected at least one table to evaluate on, received none. Name a CSV file.');
    const { stride = 1, from, samples = 100, seed = 0 } = options as EvaluateOptions;
    const saved = forecasterFrom(file);
    const { model, config } = saved;
    const { horizon } = model.architecture;
    requireChoice(evaluateSchema(), options, ['model', model.architecture.model], drawing);
    const { series } = await readFor(saved, data, horizon);
    const first = from === undefined ? undefined : instantOf(from, config.data);
    const { season, frequency } = config.data;
    const windows = windowsOf(series, {
      context: model.history,
      horizon,
      stride,
      ...(first === undefined ? {} : { from: (one) => Math.max(0, Math.ceil(stepsFrom(one.start, first))) }),
    });
    function stepsFrom(start: number, to: number): number {
      const steps = stepsBetween(frequency, start, to);
      if (Number.isNaN(steps))
        throw new ConfigError(`from: expected a date at steps of ${describeFrequency(frequency)}, received ${from}.`);
      return steps;
    }
    if (windows.series.length === 0) {
      throw new ConfigError(
        `expected at least one horizon of ${horizon} steps after a history of ${model.history}, received series of ${series
          .map(({ length }) => length)
          .slice(0, 5)
          .join(', ')} steps. Give more rows, or --from where less history will do.`,
      );
    }
    const result = await backtest(model, series, windows, { season, samples, seed });
    return {
      metrics: result.metrics,
      samples: result.windows,
      report: reportOf(result, season),
      details: {
        season,
        naive: result.naive,
        seasonalNaive: result.seasonalNaive,
        bySeries: Object.fromEntries(result.bySeries),
        maeByStep: [...result.maeByStep],
      },
    };
  },

  async *predict(file, input, options) {
    const { out, plot, anomalies = false, ...sampling } = options as PredictOptions;
    const saved = forecasterFrom(file);
    // Standard input comes once, and a table is read twice: for its format, and for its rows.
    const table = input.path === null ? textOf(await textIn(input), input.name) : input;
    if (anomalies) {
      for (const [name, value] of Object.entries({ plot, horizon: sampling.horizon })) {
        if (value !== undefined)
          throw new ConfigError(`${name}: expected a forecast, received --anomalies as well, which makes none. Leave one of them out.`);
      }
      yield* written(scoredRows(saved, table), out, mostUnusual);
      return;
    }
    requireChoice(predictSchema(), options, ['model', saved.model.architecture.model], drawing);
    const forecasts = await forecast(saved, [table], sampling);
    if (plot !== undefined) await writeAtomically(plot, await plotOf(forecasts));
    yield* written(forecastRows(forecasts), out, () => forecastInWords(forecasts, plot));
  },

  async observe(file, input) {
    return observe(forecasterFrom(file), [input.path === null ? textOf(await textIn(input), input.name) : input]);
  },

  describe(file) {
    const { model, config } = forecasterFrom(file);
    const { columns, frequency, calendar, season } = config.data;
    return [
      ...architectureFacts(model),
      ['Steps', `${describeFrequency(frequency)}, seasons of ${season}`],
      ['Columns', columnsInWords(columns)],
      ...(calendar.length > 0 ? ([['Calendar', calendar.join(', ')]] as const) : []),
      ['Series', namesInWords(config.normalization.series.map(({ name }) => name))],
    ];
  },
};

/** Options of a model that draws its forecasts. A seed alone does no harm. */
const drawing = { samples: ['autoregressive'] };

async function* scoredRows(saved: SavedForecaster, table: TextSource): AsyncGenerator<AnomalyRow> {
  for await (const scored of scoreValues(saved, [table])) yield anomalyRow(scored);
}

/** Rows as CSV: on the screen as they come, or into a file, and then some words about them. */
async function* written<R extends object>(
  rows: Iterable<R> | AsyncIterable<R>,
  out: string | undefined,
  tellOf: (rows: readonly R[]) => string,
): AsyncGenerator<Prediction> {
  const all: R[] = [];
  for await (const row of rows) {
    const lines = csvLines([row]);
    const head = lines.next().value as string;
    const line = lines.next().value as string;
    if (out === undefined) yield { text: all.length === 0 ? head + line : line, value: row };
    else yield { text: '', value: row };
    all.push(row);
  }
  if (out === undefined) return;
  await writeAtomically(out, [...csvLines(all)].join(''));
  yield { text: `${tellOf(all)}Written to ${out}.\n` };
}

function forecastInWords(forecasts: readonly SeriesForecast[], plot: string | undefined): string {
  const [{ instants, frequency }] = forecasts;
  const [first, last] = [instants[0], instants[instants.length - 1]].map((instant) => formatDate(instant, frequency));
  const what = `${count(instants.length)} steps of ${count(forecasts.length)} series, ${first} to ${last}.\n`;
  return plot === undefined ? what : `${what}Drawn into ${plot}.\n`;
}

/** The values that were least expected, for a screen. */
function mostUnusual(rows: readonly AnomalyRow[]): string {
  const worst = rows.toSorted((a, b) => b.score - a.score).slice(0, 10);
  const lines = worst.map(({ date, series, value, low80, high80, score }) => {
    const [given, low, high] = [value, low80, high80].map((of) => String(Number(of.toPrecision(4))));
    return `  ${date}  ${series}  ${given}, expected ${low} to ${high}, score ${score.toFixed(1)}`;
  });
  return `${count(rows.length)} values scored; the most unusual:\n${lines.join('\n')}\n`;
}

function instantOf(text: string, reading: TimeReading): number {
  const instant = Math.round(parseTime(text, reading));
  if (Number.isNaN(instant)) throw new ConfigError(`from: expected a date, such as 2016-07-01 13:00, received "${text}".`);
  return instant;
}

function prepared(training: ForecastingTraining): PreparedTraining {
  const { model, config, data, windows, steps, options, run, evaluate, tables } = training;
  const { architecture } = model;
  const { series, gaps, frequency } = data;
  const longest = Math.max(...series.map(({ length }) => length));
  const isPoint = options.output === 'mean' || options.output === 'median';
  return {
    facts: [
      ['Data', `${count(series.length)} series of up to ${count(longest)} steps of ${describeFrequency(frequency)}`],
      ...(gaps.steps + gaps.missing > 0 ? ([['Missing', gapsInWords(gaps)]] as const) : []),
      ['Windows', `${count(windows.train)} to learn from, ${count(windows.valid)} to validate on`],
      ...architectureFacts(model),
      ['Training', `${count(steps)} steps of ${options.batchSize} windows, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'windows',
    monitored: isPoint ? 'mse' : 'loss',
    heldOut: 'steps',
    next: { label: `Forecast ${architecture.horizon}`, input: tables.train[0] ?? 'history.csv' },
    valid: tables.valid.length > 0 ? tables.valid : tables.train,
    run,
    evaluate: async () => {
      const { metrics, seasonalNaive } = await evaluate();
      return { ...metrics, seasonalNaiveMae: seasonalNaive.mae };
    },
    tell: (metrics: Metrics) => tell(metrics, config.data.season),
  };
}

function tell({ loss, mse, mae, mase, coverage80, seasonalNaiveMae }: Metrics, season: number): string {
  if (mae === undefined) return `loss ${loss.toFixed(4)}`;
  const parts = [`mse ${mse.toFixed(3)}`, `mae ${mae.toFixed(3)}`];
  if (mase !== undefined) parts.push(`mase ${mase.toFixed(3)}`);
  if (coverage80 !== undefined) parts.push(`${(100 * coverage80).toFixed(0)} % within the 80 % interval`);
  if (seasonalNaiveMae !== undefined) parts.push(`${season > 1 ? 'seasonal naive' : 'naive'} mae ${seasonalNaiveMae.toFixed(3)}`);
  return parts.join(', ');
}

function architectureFacts(model: Forecaster): Facts {
  const { architecture } = model;
  const { cell, numLayers, hiddenSize, context, horizon, output } = architecture;
  const layers = `${numLayers === 1 ? '' : `${numLayers} × `}${cell.toUpperCase()} of ${hiddenSize} units`;
  return [
    ['Model', `${kindInWords(architecture)}, ${layers}, ${count(model.parameterCount)} parameters`],
    ['Forecast', `${count(horizon)} steps from ${count(context)}: ${output}`],
  ];
}

function kindInWords({ model, segmentLength, lags }: Architecture): string {
  if (model === 'segment') return `segments of ${segmentLength}`;
  return model === 'encoder' ? 'encoder and head' : `autoregressive${lags.length > 0 ? ` with lags ${lags.join(', ')}` : ''}`;
}

function gapsInWords({ steps, places, first, missing }: ForecastingTraining['data']['gaps']): string {
  const rows = steps === 0 ? null : `${count(steps)} steps without a row in ${count(places)} gaps, the first at ${first}`;
  const values = `${count(missing)} values in all`;
  return [rows, values].filter(Boolean).join('; ');
}

function columnsInWords({ date, series, targets, known, past, statics }: ForecastingTraining['config']['data']['columns']): string {
  const roles: [string, readonly string[]][] = [
    ['date', [date]],
    ['series', series === null ? [] : [series]],
    ['forecast', targets],
    ['known beforehand', known],
    ['known afterwards', past],
    ['static', statics],
  ];
  return roles
    .filter(([, names]) => names.length > 0)
    .map(([role, names]) => `${role}: ${namesInWords(names)}`)
    .join('; ');
}

function namesInWords(names: readonly string[]): string {
  return names.length <= 10 ? names.join(', ') : `${names.slice(0, 10).join(', ')}, … (${count(names.length)})`;
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}
