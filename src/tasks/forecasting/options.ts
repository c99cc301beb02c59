/** Options of forecasting, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { dateOrders, timeUnits } from '../../data/records/times.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, names, optionsSchema, parseOptions, requireChoice, text, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { scalings } from './normalization.ts';
import { outputs } from './outputs.ts';
import { parseFrequency } from './series.ts';
import type { Frequency } from './steps.ts';
import { windowNorms } from './windows.ts';

export const models = ['segment', 'encoder', 'autoregressive'] as const;
export const cells = ['gru', 'lstm', 'rnn'] as const;

/** What a user may give; what is absent follows from the model and from the steps of the data. */
export const trainSchema = optionsSchema(() => ({
  dateColumn: v.optional(text('column of dates; default: the first that is called date or time, or looks like it')),
  seriesColumn: v.optional(text('column that names the series of each row (long tables)')),
  targets: v.optional(names('columns to forecast; default: every column that is nothing else')),
  known: v.optional(names('covariates known beforehand: holidays, prices'), []),
  past: v.optional(names('covariates known afterwards'), []),
  statics: v.optional(names('columns that are the same in all rows of a series (long tables)'), []),
  dateOrder: v.optional(choice('of dates such as 03/04/2016', dateOrders)),
  timeUnit: v.optional(
    choice('what plain numbers among the dates are; auto: 2016 a year, 20160701 a day, 1467331200 since 1970', timeUnits),
    'auto',
  ),
  frequency: v.optional(text('steps of the data, such as "1 hour"; default: found in the dates')),
  calendar: v.optional(names('minute, hour, weekday, day, month; auto: by the steps; none'), ['auto']),
  season: v.optional(
    whole('steps of a season, for seasonal naive and MASE (default: a day of hours, a week of days, a year of months)', 1),
  ),

  model: v.optional(choice('segments of a window, step by step to all horizons at once, or one step after another', models), 'segment'),
  output: v.optional(choice('what is forecast (default quantiles; autoregressive student-t)', outputs)),
  levels: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.gtValue(0), v.ltValue(1))),
      v.minLength(1),
      v.description('probabilities (output quantiles; default 0.05,0.1,0.25,0.5,0.75,0.9,0.95)'),
    ),
  ),
  horizon: v.optional(whole('H: steps to forecast', 1, 100_000), 24),
  context: v.optional(whole('L: steps of history that a forecast reads (default 4 horizons, at least 2 seasons)', 1, 1_000_000)),
  segmentLength: v.optional(whole('w: steps in a segment (model segment; default: a quarter of a season or horizon)', 1, 100_000)),
  cell: v.optional(choice('recurrent cell', cells)),
  numLayers: v.optional(whole('recurrent layers', 1, 16), 1),
  hiddenSize: v.optional(whole('units in each recurrent layer (default 128; autoregressive 64)', 1, 65_536)),
  dropout: v.optional(within('share of outputs dropped while training, in [0, 1)', 0, 1), 0.1),
  seriesEmbedding: v.optional(flag('learn a vector for each series; without, a model takes series that it has not seen'), true),
  lags: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(2))),
      v.description('earlier steps read at each step (model autoregressive; default: a season)'),
    ),
  ),
  scaling: v.optional(choice('how each series is scaled by its training part (negative-binomial: mean)', scalings)),
  windowNorm: v.optional(choice('what is taken out of each window (default last; autoregressive none)', windowNorms)),

  validFraction: v.optional(within('share of each series, at its end, that is set aside for validation', 0.0001, 0.9), 0.1),
  ...trainingEntries({ batchSize: 64, learningRate: 0.001, epochs: 10 }),
}));

/** As a user writes them. */
export type ForecastingOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete, but for what follows from the data. */
export interface ResolvedOptions extends v.InferOutput<ReturnType<typeof trainSchema>> {
  readonly output: (typeof outputs)[number];
  readonly cell: (typeof cells)[number];
  readonly hiddenSize: number;
  readonly scaling: (typeof scalings)[number];
  readonly windowNorm: (typeof windowNorms)[number];
  readonly levels: readonly number[] & number[];
}

export const defaultLevels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: ForecastingOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  const isAutoregressive = options.model === 'autoregressive';
  const output = options.output ?? (isAutoregressive ? 'student-t' : 'quantiles');
  const isOfCounts = output === 'negative-binomial';
  const scaling = options.scaling ?? (isOfCounts ? 'mean' : 'standard');
  const windowNorm = options.windowNorm ?? (isAutoregressive || isOfCounts ? 'none' : 'last');
  if (isAutoregressive && !['gaussian', 'student-t', 'negative-binomial'].includes(output)) {
    throw new ConfigError(
      `output: expected gaussian, student-t or negative-binomial with an autoregressive model, which draws its forecasts, received ${output}. For quantiles use model segment or encoder.`,
    );
  }
  if (isAutoregressive && windowNorm !== 'none') {
    throw new ConfigError(
      `windowNorm: expected none with an autoregressive model, which reads a series without end, received ${windowNorm}.`,
    );
  }
  if (isOfCounts && (scaling === 'standard' || windowNorm !== 'none')) {
    throw new ConfigError('negative-binomial is for counts, where zero stays zero: expected scaling mean or none, and windowNorm none.');
  }
  requireChoice(trainSchema(), options, ['model', options.model], { segmentLength: ['segment'], lags: ['autoregressive'] });
  requireChoice(trainSchema(), options, ['output', output], { levels: ['quantiles'] });
  const levels = options.levels ?? defaultLevels;
  const wrong = levels.findIndex((level, i) => i > 0 && level <= levels[i - 1]);
  if (wrong > 0) throw new ConfigError(`levels: expected rising probabilities, received ${levels[wrong]} after ${levels[wrong - 1]}.`);
  return {
    ...options,
    output,
    scaling,
    windowNorm,
    levels: [...levels],
    cell: options.cell ?? (isAutoregressive ? 'lstm' : 'gru'),
    hiddenSize: options.hiddenSize ?? (isAutoregressive ? 64 : 128),
    epochs: epochsOf(options, 10),
  };
}

/** The roles of columns that options name. */
export function rolesOf(
  options: Pick<
    ResolvedOptions,
    'dateColumn' | 'seriesColumn' | 'targets' | 'known' | 'past' | 'statics' | 'dateOrder' | 'timeUnit' | 'frequency'
  >,
) {
  const { dateColumn, seriesColumn, targets, known, past, statics, dateOrder, timeUnit, frequency } = options;
  return {
    known,
    past,
    statics,
    timeUnit,
    ...(dateColumn === undefined ? {} : { date: dateColumn }),
    ...(seriesColumn === undefined ? {} : { series: seriesColumn }),
    ...(targets === undefined ? {} : { targets }),
    ...(dateOrder === undefined ? {} : { dateOrder }),
    ...(frequency === undefined ? {} : { frequency: parseFrequency(frequency) as Frequency }),
  };
}

export const evaluateSchema = optionsSchema(() => ({
  stride: v.optional(whole('steps from one forecast of the backtest to the next', 1), 1),
  from: v.optional(text('first date to forecast; what is before is history')),
  samples: v.optional(whole('paths drawn for each forecast (model autoregressive)', 10, 100_000), 100),
  seed: v.optional(whole('of the paths', 0), 0),
}));
export type EvaluateOptions = v.InferInput<ReturnType<typeof evaluateSchema>>;

export const predictSchema = optionsSchema(() => ({
  horizon: v.optional(whole('steps to forecast; default: as trained', 1, 100_000)),
  out: v.optional(text('write the forecast, or the scores, to this CSV file instead of the screen')),
  plot: v.optional(text('draw the forecast into this SVG file')),
  anomalies: v.optional(flag('score every value of the history instead: how unlikely it was (autoregressive)'), false),
  samples: v.optional(whole('paths drawn for a forecast (model autoregressive)', 10, 100_000), 200),
  seed: v.optional(whole('of the paths', 0), 0),
}));
/** What is forecast, and where it goes. */
export type PredictOptions = v.InferInput<ReturnType<typeof predictSchema>>;
