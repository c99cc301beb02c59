/** How unusual the values of tables are: every one scored before it is read on. */
import { readFor, type SavedForecaster } from './saved.ts';
import { formatDate } from './steps.ts';
import { ForecastStream, type Surprise } from './stream.ts';
import type { Tables } from './training.ts';

/** A value of a table, and how unusual it is. */
export interface Scored extends Surprise {
  readonly series: string;
  readonly date: string;
}

/**
 * Scores every value of tables by what an autoregressive model expected of it. The first values of a series, before the model's
 * lags are there, are read and not scored.
 *
 * @throws ConfigError when the model is not autoregressive
 */
export async function* scoreValues(saved: SavedForecaster, tables: Tables): AsyncGenerator<Scored> {
  const { frequency, columns } = saved.config.data;
  const { data, series } = await readFor(saved, tables, 1);
  for (const [i, { name, start, values, length, known, statics }] of data.series.entries()) {
    const stream = new ForecastStream(saved, { series: name, start, statics, scale: series[i].scale });
    const K = columns.known.length;
    for (let t = 0; t < length; t++) {
      const surprise = stream.push(values[t], Array.from(known.subarray(t * K, (t + 1) * K)));
      if (!surprise.isWarm || Number.isNaN(values[t])) continue;
      yield { ...surprise, series: name, date: formatDate(surprise.instant, frequency) };
    }
  }
}

/** A scored value as it is written. */
export interface AnomalyRow {
  readonly date: string;
  readonly series: string;
  readonly value: number;
  /** The median of what was expected, and its central interval of 80 %. */
  readonly expected: number;
  readonly low80: number;
  readonly high80: number;
  readonly tail: number;
  readonly score: number;
}

/** A value that was scored, as a row of a table: with the median and the 80 % interval that it was expected in. */
export function anomalyRow({ date, series, value, expected, tail, score }: Scored): AnomalyRow {
  const [low80, middle, high80] = [0.1, 0.5, 0.9].map((p) => expected.quantile(p));
  return { date, series, value, expected: middle, low80, high80, tail, score };
}
