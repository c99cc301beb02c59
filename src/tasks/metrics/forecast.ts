/** How good forecasts are: of their middle, of their spread, and beside the forecast that needs no model. */

/** What one forecast says, and what came. */
export interface Judged {
  readonly actual: number;
  readonly mean: number;
  readonly median: number;
  /** Continuous ranked probability score, in the units of the series. */
  readonly crps: number;
  /** Of the central interval of 80 %; null: the forecast is a point. */
  readonly interval80: readonly [low: number, high: number] | null;
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
  add({ actual, mean, median, crps, interval80, deviation, naiveError }: Judged): void {
    if (Number.isNaN(actual)) return;
    const error = Math.abs(actual - median);
    this.#count++;
    this.#squares += ((actual - mean) / deviation) ** 2;
    this.#errors += error / deviation;
    this.#scaled += error / naiveError;
    // 0 forecast as 0 is right, not undefined.
    this.#relative += error === 0 ? 0 : (2 * error) / (Math.abs(actual) + Math.abs(median));
    this.#crps += crps / deviation;
    if (interval80 === null) return;
    this.#intervals++;
    if (actual >= interval80[0] && actual <= interval80[1]) this.#covered++;
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
