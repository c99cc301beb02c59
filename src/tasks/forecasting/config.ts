/** What a forecaster's file says about it. */
import * as v from 'valibot';
import { dateOrders, timeUnits } from '../../data/records/times.ts';
import { modelConfigEntries } from '../../training/model-file.ts';
import { calendarFeatures } from './calendar.ts';
import { normalizationSchema, scalings } from './normalization.ts';
import { cells, models } from './options.ts';
import { outputs } from './outputs.ts';
import { windowNorms } from './windows.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000_000));
const size = v.pipe(count, v.minValue(1));

export const architectureSchema = v.lazy(() =>
  v.object({
    model: v.picklist(models),
    output: v.picklist(outputs),
    // of output 'quantiles'
    levels: v.array(v.pipe(v.number(), v.gtValue(0), v.ltValue(1))),
    cell: v.picklist(cells),
    numLayers: v.pipe(size, v.maxValue(16)),
    hiddenSize: size,
    dropout: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
    // steps of history, and of forecast
    context: size,
    horizon: size,
    // model 'segment'
    segmentLength: size,
    // model 'autoregressive'
    lags: v.array(size),
    windowNorm: v.picklist(windowNorms),
    // a feature says where values are missing
    hasMask: v.boolean(),
    // rows of the table of series; 0: none
    seriesCount: count,
    knownSize: count,
    pastSize: count,
    staticSize: count,
  }),
);

/** What a forecaster is built from: kind, sizes, what it puts out, and how many features it reads. */
export type Architecture = v.InferOutput<typeof architectureSchema>;

const name = v.string();

export const dataSchema = v.lazy(() =>
  v.object({
    columns: v.object({
      date: name,
      series: v.nullable(name),
      targets: v.array(name),
      known: v.array(name),
      past: v.array(name),
      statics: v.array(name),
    }),
    dateOrder: v.optional(v.picklist(dateOrders)),
    timeUnit: v.optional(v.picklist(timeUnits)),
    frequency: v.object({
      unit: v.picklist(['millisecond', 'month']),
      count: v.pipe(v.number(), v.gtValue(0)),
      isMonthEnd: v.optional(v.boolean()),
    }),
    calendar: v.array(v.picklist(calendarFeatures)),
    season: size,
    scaling: v.picklist(scalings),
  }),
);

/** What a table has to be for a model: its columns, its steps. */
export type DataConfig = v.InferOutput<typeof dataSchema>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('forecasting'),
    architecture: architectureSchema,
    data: dataSchema,
    normalization: normalizationSchema,
  }),
);

/** The configuration in a forecaster's file: architecture, columns and steps of its data, scales. */
export type ForecastingConfig = v.InferOutput<typeof configSchema>;
