/** A rolling backtest: forecasts from many places of series, judged beside the naive ones. */
import { Breath } from '../../training/breath.ts';
import { ForecastMetrics, JudgedSteps } from '../metrics/forecast.ts';
import { forecastWindows, type SamplingOptions, type WindowForecast } from './forecast.ts';
import type { Forecaster } from './model.ts';
import type { ModelSeries, Windows } from './windows.ts';

/** How a model fares, overall and by series, and how forecasts without a model do on the same windows. */
export interface Backtest {
  readonly metrics: Readonly<Record<string, number>>;
  /** Forecasts. */
  readonly windows: number;
  readonly bySeries: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Of each step ahead: mean absolute error, in deviations of the series. */
  readonly maeByStep: Float64Array;
  /** The last value, for all steps. */
  readonly naive: Readonly<Record<string, number>>;
  /** The value of the same step one season before. */
  readonly seasonalNaive: Readonly<Record<string, number>>;
}

/** The season of seasonal naive and of MASE, and how many paths an autoregressive model draws. */
export interface BacktestOptions extends SamplingOptions {
  readonly season: number;
  /** Called between batches: lets the host's other work run. */
  readonly pause?: () => Promise<void>;
}

/** Judges a model by windows of series. */
export async function backtest(
  model: Forecaster,
  series: readonly ModelSeries[],
  windows: Windows,
  { season, pause = pauseNow(), ...sampling }: BacktestOptions,
): Promise<Backtest> {
  const wasTraining = model.isTraining;
  model.eval();
  try {
    const [naive, seasonal] = [new ForecastMetrics(), new ForecastMetrics()];
    const bySeries = new Map(series.map(({ name }) => [name, new ForecastMetrics()]));
    const { horizon } = model.architecture;
    const byStep = new StepErrors(horizon);
    const steps = new JudgedSteps(horizon);
    const last = new LastSeen(horizon, 1);
    const seasonBefore = new LastSeen(horizon, season);
    for (const forecasts of forecastWindows(model, series, windows, { ...sampling, isLent: true })) {
      for (const forecast of forecasts) {
        const { name, scale } = forecast.series;
        judge(forecast, steps);
        bySeries.get(name)!.addSteps(steps, scale);
        byStep.add(steps, scale.deviation);
        naive.addPoints(steps, last.before(forecast, steps), scale);
        seasonal.addPoints(steps, seasonBefore.before(forecast, steps), scale);
      }
      await pause();
    }
    const all = new ForecastMetrics();
    for (const metrics of bySeries.values()) all.merge(metrics);
    return {
      metrics: all.metrics,
      windows: windows.series.length,
      bySeries: new Map([...bySeries].filter(([, { count }]) => count > 0).map(([name, { metrics }]) => [name, metrics])),
      maeByStep: byStep.means,
      naive: naive.metrics,
      seasonalNaive: seasonal.metrics,
    };
  } finally {
    model.train(wasTraining);
  }
}

/** Metrics of a model that draws nothing, in the mode that it is in. */
export async function judgeWindows(
  model: Forecaster,
  series: readonly ModelSeries[],
  windows: Windows,
  pause: () => Promise<void>,
): Promise<Readonly<Record<string, number>>> {
  const all = new ForecastMetrics();
  const steps = new JudgedSteps(model.architecture.horizon);
  for (const forecasts of forecastWindows(model, series, windows, { samples: 0, seed: 0, isLent: true })) {
    for (const forecast of forecasts) {
      judge(forecast, steps);
      all.addSteps(steps, forecast.series.scale);
    }
    await pause();
  }
  return all.metrics;
}

/** Mean absolute error of each step ahead, in deviations of the series. */
class StepErrors {
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;

  constructor(horizon: number) {
    this.#sums = new Float64Array(horizon);
    this.#counts = new Float64Array(horizon);
  }

  add({ count, ahead, actual, median }: JudgedSteps, deviation: number): void {
    const part = 1 / deviation;
    for (let i = 0; i < count; i++) {
      this.#sums[ahead[i]] += part * Math.abs(actual[i] - median[i]);
      this.#counts[ahead[i]]++;
    }
  }

  get means(): Float64Array {
    return this.#sums.map((sum, h) => sum / this.#counts[h]);
  }
}

/** The naive forecast: what was last seen `season` steps, or whole seasons, before each step. */
class LastSeen {
  readonly #season: number;
  readonly #values: Float64Array;

  constructor(horizon: number, season: number) {
    this.#season = season;
    this.#values = new Float64Array(horizon);
  }

  /** @returns a value for each of the steps that are judged; the same array each time */
  before({ series: { original, scale }, origin }: WindowForecast, { count, ahead }: JudgedSteps): Float64Array {
    const season = this.#season;
    const values = this.#values;
    for (let h = 0; h < values.length; h++) {
      if (h >= season) {
        values[h] = values[h - season];
        continue;
      }
      let t = origin + h - season;
      // Missing: a season earlier; none left: the mean.
      while (t >= 0 && Number.isNaN(original[t])) t -= season;
      values[h] = t >= 0 ? original[t] : scale.shift;
    }
    if (count < values.length) for (let i = 0; i < count; i++) values[i] = values[ahead[i]];
    return values;
  }
}

/** Judges the steps whose values are known: neither missing, nor after the last row. */
function judge(forecast: WindowForecast, steps: JudgedSteps): void {
  const { original } = forecast.series;
  const { ahead, actual } = steps;
  const end = Math.min(ahead.length, original.length - forecast.origin);
  let count = 0;
  for (let h = 0; h < end; h++) {
    const value = original[forecast.origin + h];
    if (Number.isNaN(value)) continue;
    ahead[count] = h;
    actual[count++] = value;
  }
  steps.count = count;
  forecast.judge(steps);
}

function pauseNow(): () => Promise<void> {
  const breath = new Breath();
  return () => breath.pause();
}

/** A table for a screen: the model, the naive forecasts, and each series where there are a few. */
export function reportOf({ metrics, naive, seasonalNaive, bySeries }: Backtest, season: number): string {
  const names = ['mse', 'mae', 'mase', 'smape', 'crps', 'coverage80'];
  const shown = names.filter((name) => name in metrics);
  const rows: [string, Readonly<Record<string, number>>][] = [
    ['this model', metrics],
    ['naive: the last value', naive],
    ...(season > 1 ? ([[`seasonal naive: ${season} steps ago`, seasonalNaive]] as [string, typeof metrics][]) : []),
    ...(bySeries.size > 1 && bySeries.size <= mostShown
      ? [...bySeries].map(([name, of]) => [`  ${name}`, of] as [string, typeof metrics])
      : []),
  ];
  const width = Math.min(34, Math.max(...rows.map(([name]) => name.length)));
  const line = (name: string, cells: readonly string[]): string =>
    `${name.slice(0, width).padEnd(width)}${cells.map((cell) => cell.padStart(11)).join('')}`.trimEnd();
  return [
    line('', shown),
    ...rows.map(([name, of]) =>
      line(
        name,
        shown.map((metric) => number(of[metric])),
      ),
    ),
  ].join('\n');
}

const mostShown = 24;

function number(value: number | undefined): string {
  return value === undefined ? '–' : value.toPrecision(4);
}
