/** How good forecasts are: of their middle, of their spread, and beside the forecast that needs no model. */

/** What one forecast says, and what came. */
export interface Judged {
  readonly actual: number;
  readonly mean: number;
  readonly median: number;
  /** Continuous ranked probability score, in the units of the series. */
  readonly crps: number;
  /** Ends of the central interval of 80 %; NaN: the forecast is a point. */
  readonly low80: number;
  readonly high80: number;
  /** Of the series, over its training part: what squared and absolute errors and crps are divided by. */
  readonly deviation: number;
  /** Mean error of seasonal naive over the training part of the series: what MASE divides by. */
  readonly naiveError: number;
}

/** Forecasts of steps of one series, and what came: as `Judged`, a number a step in each array, of which the first `count` are in use. */
export class JudgedSteps {
  count = 0;
  /** How far ahead each step is, from 0 on. */
  readonly ahead: Int32Array;
  /** None is missing. */
  readonly actual: Float64Array;
  readonly mean: Float64Array;
  readonly median: Float64Array;
  readonly crps: Float64Array;
  readonly low80: Float64Array;
  readonly high80: Float64Array;

  /** @param most  steps there is room for */
  constructor(most: number) {
    this.ahead = new Int32Array(most);
    [this.actual, this.mean, this.median, this.crps] = Array.from({ length: 4 }, () => new Float64Array(most));
    [this.low80, this.high80] = Array.from({ length: 2 }, () => new Float64Array(most).fill(Number.NaN));
  }
}

/**
 * - `mse`, `mae`, `crps`: in units of each series' deviation over its training part, so that series of all sizes count alike. Squared
 *   errors of the mean, absolute ones of the median.
 * - `mase`: mean absolute error over that of seasonal naive on the training part; below 1 is better (Hyndman & Koehler 2006).
 * - `smape`: 100 % · mean of 2|y − ŷ| / (|y| + |ŷ|), 0 to 200 (as in the M4 competition).
 * - `coverage80`: share of values within the 80 % interval.
 */
export type ForecastMetricName = 'mse' | 'mae' | 'mase' | 'smape' | 'crps' | 'coverage80';

/** Adds forecasts up. Values that are missing count for nothing. */
export class ForecastMetrics {
  #count = 0;
  #squares = 0;
  #errors = 0;
  #scaled = 0;
  #relative = 0;
  #crps = 0;
  #intervals = 0;
  #covered = 0;

  /** Values that were judged. */
  get count(): number {
    return this.#count;
  }

  /** One step of one forecast; left out where the actual value is missing. */
  add({ actual, mean, median, crps, low80, high80, deviation, naiveError }: Judged): void {
    if (Number.isNaN(actual)) return;
    const error = Math.abs(actual - median);
    this.#count++;
    this.#squares += ((actual - mean) / deviation) ** 2;
    this.#errors += error / deviation;
    this.#scaled += error / naiveError;
    this.#relative += relativeError(error, actual, median);
    this.#crps += crps / deviation;
    if (Number.isNaN(low80)) return;
    this.#intervals++;
    if (actual >= low80 && actual <= high80) this.#covered++;
  }

  /** Many steps of one series: summed up in its units, then divided once. */
  addSteps(steps: JudgedSteps, { deviation, naiveError }: Pick<Judged, 'deviation' | 'naiveError'>): void {
    const { count } = steps;
    let [squares, errors, relative, crps, intervals, covered] = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const actual = steps.actual[i];
      const median = steps.median[i];
      const error = Math.abs(actual - median);
      squares += (actual - steps.mean[i]) ** 2;
      errors += error;
      relative += relativeError(error, actual, median);
      crps += steps.crps[i];
      const low80 = steps.low80[i];
      if (Number.isNaN(low80)) continue;
      intervals++;
      if (actual >= low80 && actual <= steps.high80[i]) covered++;
    }
    this.#count += count;
    this.#squares += squares / deviation ** 2;
    this.#errors += errors / deviation;
    this.#scaled += errors / naiveError;
    this.#relative += relative;
    this.#crps += crps / deviation;
    this.#intervals += intervals;
    this.#covered += covered;
  }

  /** Other forecasts of the same steps, which are points: `values` stand for their means and medians. */
  addPoints(
    { count, actual }: JudgedSteps,
    values: Float64Array,
    { deviation, naiveError }: Pick<Judged, 'deviation' | 'naiveError'>,
  ): void {
    let [squares, errors, relative] = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      const error = Math.abs(actual[i] - values[i]);
      squares += error ** 2;
      errors += error;
      relative += relativeError(error, actual[i], values[i]);
    }
    this.#count += count;
    this.#squares += squares / deviation ** 2;
    this.#errors += errors / deviation;
    this.#scaled += errors / naiveError;
    this.#relative += relative;
    this.#crps += errors / deviation;
  }

  /** Adds what another one has added up. */
  merge(other: ForecastMetrics): void {
    this.#count += other.#count;
    this.#squares += other.#squares;
    this.#errors += other.#errors;
    this.#scaled += other.#scaled;
    this.#relative += other.#relative;
    this.#crps += other.#crps;
    this.#intervals += other.#intervals;
    this.#covered += other.#covered;
  }

  /** @returns means; no `coverage80` of points */
  get metrics(): Readonly<Record<string, number>> {
    const n = this.#count;
    return {
      mse: this.#squares / n,
      mae: this.#errors / n,
      mase: this.#scaled / n,
      smape: (100 * this.#relative) / n,
      crps: this.#crps / n,
      ...(this.#intervals > 0 ? { coverage80: this.#covered / this.#intervals } : {}),
    };
  }
}

/** 2|y − ŷ| / (|y| + |ŷ|); 0 forecast as 0 is right, not undefined. */
function relativeError(error: number, actual: number, median: number): number {
  return error === 0 ? 0 : (2 * error) / (Math.abs(actual) + Math.abs(median));
}
