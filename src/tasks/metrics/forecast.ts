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
    // 0 forecast as 0 is right, not undefined.
    this.#relative += error === 0 ? 0 : (2 * error) / (Math.abs(actual) + Math.abs(median));
    this.#crps += crps / deviation;
    if (Number.isNaN(low80)) return;
    this.#intervals++;
    if (actual >= low80 && actual <= high80) this.#covered++;
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
