/** Forecasts of what comes after tables, as rows, as CSV and as a plot. */
import { ConfigError } from '../../tensor/errors.ts';
import { forecastWindows } from './forecast.ts';
import { type PlotSeries, plotForecast } from './plot.ts';
import { Point, type Predictive } from './predictive.ts';
import { readFor, type SavedForecaster } from './saved.ts';
import { addSteps, describeFrequency, type Frequency, formatDate } from './steps.ts';
import type { Tables } from './training.ts';
import { type ModelSeries, requireKnown } from './windows.ts';

/** What comes after a series. */
export interface SeriesForecast {
  readonly name: string;
  readonly frequency: Frequency;
  /** Instants of the steps ahead, in milliseconds since 1970. */
  readonly instants: Float64Array;
  /** What is said of each step ahead. */
  readonly steps: readonly Predictive[];
  /** Instants and values that it was made from; NaN where missing. */
  readonly history: { readonly instants: Float64Array; readonly values: Float64Array };
}

/** How far to forecast, and by how many paths. */
export interface ForecastOptions {
  /** Steps ahead; default: as trained. */
  readonly horizon?: number;
  /** Paths that an autoregressive model draws. Default 200. */
  readonly samples?: number;
  /** Of the paths. Default 0. */
  readonly seed?: number;
}

/**
 * Forecasts what comes after the last values of tables.
 *
 * @throws ConfigError when the horizon is longer than the model can, or covariates that are known beforehand do not reach as far
 * @throws FormatError with file, line and column when a table will not do
 * @example
 * const saved = await loadForecaster('runs/sales/model.safetensors');
 * const [{ steps }] = await forecast(saved, ['sales.csv'], { horizon: 14 });
 * console.log(steps[0].quantile(0.1), steps[0].quantile(0.5), steps[0].quantile(0.9));
 */
export async function forecast(saved: SavedForecaster, tables: Tables, options: ForecastOptions = {}): Promise<SeriesForecast[]> {
  const { model, config } = saved;
  const { architecture } = model;
  const wanted = options.horizon ?? architecture.horizon;
  const isDrawn = architecture.model === 'autoregressive';
  if (!isDrawn && wanted > architecture.horizon) {
    throw new ConfigError(
      `horizon: the model forecasts ${architecture.horizon} steps at once, received ${wanted}. Train it with --horizon ${wanted}, or an autoregressive one, which goes on as far as you like.`,
    );
  }
  const horizon = isDrawn ? wanted : architecture.horizon;
  const { series } = await readFor(saved, tables, horizon);
  const { frequency, columns } = config.data;
  for (const one of series) requireKnown(one, one.length, horizon, columns.known);
  const windows = { series: Int32Array.from(series, (_, i) => i), origins: Int32Array.from(series, ({ length }) => length) };
  const forecasts: SeriesForecast[] = [];
  for (const batch of forecastWindows(model, series, windows, { samples: options.samples ?? 200, seed: options.seed ?? 0, horizon })) {
    for (const { series: one, steps } of batch) {
      forecasts.push({
        name: one.name,
        frequency,
        instants: Float64Array.from({ length: wanted }, (_, h) => addSteps(frequency, one.start, one.length + h)),
        steps: steps.slice(0, wanted),
        history: historyOf(one, frequency),
      });
    }
  }
  return forecasts;
}

function historyOf({ start, length, original }: ModelSeries, frequency: Frequency): SeriesForecast['history'] {
  return { instants: Float64Array.from({ length }, (_, t) => addSteps(frequency, start, t)), values: original.subarray(0, length) };
}

/** A step of a forecast as it is written. */
export interface ForecastRow {
  readonly date: string;
  readonly series: string;
  /** The median. */
  readonly forecast: number;
  /** Central intervals of 50 and 80 %; absent where a forecast is a point. */
  readonly low50?: number;
  readonly high50?: number;
  readonly low80?: number;
  readonly high80?: number;
}

/** Forecasts as the rows of a table: a series, a date, and what is expected then. */
export function* forecastRows(forecasts: readonly SeriesForecast[]): Generator<ForecastRow> {
  for (const { name, frequency, instants, steps } of forecasts) {
    for (const [h, step] of steps.entries()) {
      const intervals =
        step instanceof Point
          ? {}
          : { low50: step.quantile(0.25), high50: step.quantile(0.75), low80: step.quantile(0.1), high80: step.quantile(0.9) };
      yield { date: formatDate(instants[h], frequency), series: name, forecast: step.quantile(0.5), ...intervals };
    }
  }
}

/** Rows as CSV, the names of the columns first: a line each, with its end. */
export function* csvLines(rows: Iterable<object>): Generator<string> {
  let isFirst = true;
  for (const row of rows) {
    if (isFirst) yield `${Object.keys(row).join(',')}\n`;
    isFirst = false;
    yield `${Object.values(row).map(csvField).join(',')}\n`;
  }
}

function csvField(value: unknown): string {
  if (typeof value === 'number') return Number.isNaN(value) ? '' : String(Number(value.toPrecision(7)));
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Series that a plot shows, at most. */
const mostPanels = 12;

/** The forecasts as SVG, each after the last part of its history. */
export async function plotOf(forecasts: readonly SeriesForecast[], title?: string): Promise<string> {
  const shown = forecasts.slice(0, mostPanels);
  const more = forecasts.length > mostPanels ? ` (${mostPanels} of ${forecasts.length} series)` : '';
  const [{ frequency }] = forecasts;
  return plotForecast(shown.map(plotSeries), {
    timeLabel: `steps of ${describeFrequency(frequency)}, UTC`,
    title: (title ?? `Forecast of ${shown[0].steps.length} steps`) + more,
  });
}

function plotSeries({ name, instants, steps, history }: SeriesForecast): PlotSeries {
  const from = Math.max(0, history.values.length - 3 * steps.length);
  return {
    name,
    history: Array.from(history.values.subarray(from), (value, i) => ({ instant: history.instants[from + i], value })),
    forecast: steps.map((step, h) => ({
      instant: instants[h],
      median: step.quantile(0.5),
      ...(step instanceof Point
        ? {}
        : {
            interval50: [step.quantile(0.25), step.quantile(0.75)] as const,
            interval80: [step.quantile(0.1), step.quantile(0.9)] as const,
          }),
    })),
  };
}
