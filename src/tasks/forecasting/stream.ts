/** A series that is watched as it comes: what was expected of each value, and how unlikely it was. */

import type { RecurrentStream, StreamState } from '../../nn/recurrent-stream.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { AutoregressiveForecaster } from './autoregressive-forecaster.ts';
import { writeCalendar } from './calendar.ts';
import { encodeStatics, type SeriesScale } from './normalization.ts';
import type { Predictive } from './predictive.ts';
import type { SavedForecaster } from './saved.ts';
import { addSteps } from './steps.ts';

/** Where a stream begins. */
export interface StreamOptions {
  /** As it is called in the training's data; default: its only one. */
  readonly series?: string;
  /** Instant of the first value, in milliseconds since 1970. */
  readonly start: number;
  /** Static features, where the model has some. */
  readonly statics?: readonly string[];
  /** Of a series that the training has not seen: how it is scaled. */
  readonly scale?: SeriesScale;
}

/** A value, and what was expected of it. */
export interface Surprise {
  readonly instant: number;
  readonly value: number;
  /** What the model said before it saw the value. */
  readonly expected: Predictive;
  /** The probability of a value that is as far out, on either side: 1 for the median, near 0 for what is unheard of. NaN of a missing value. */
  readonly tail: number;
  /** −log₁₀ of the tail: 3 is one in a thousand. */
  readonly score: number;
  /** Whether all the lags that the model reads were there; before that it guesses. */
  readonly isWarm: boolean;
}

/** All there is to a stream at an instant; plain values. */
export interface ForecastStreamState {
  readonly network: StreamState;
  readonly recent: Float32Array;
  readonly steps: number;
  readonly observed: number;
}

/**
 * Reads a series one value at a time, in constant time and memory, and says of each how unlikely it was. Needs an autoregressive
 * model, whose state is a value: it can be kept, copied, and set again.
 *
 * @example
 * const watch = new ForecastStream(await loadForecaster('runs/pump/model.safetensors'), { start: Date.UTC(2026, 0, 1) });
 * for await (const value of readings) {
 *   const { score, expected } = watch.push(value);
 *   if (score > 4) console.log(`${value}, expected ${expected.quantile(0.1)} to ${expected.quantile(0.9)}`);
 * }
 */
export class ForecastStream {
  readonly #saved: SavedForecaster;
  readonly #model: AutoregressiveForecaster;
  readonly #network: RecurrentStream;
  readonly #scale: SeriesScale;
  readonly #start: number;
  readonly #input: Float32Array;
  readonly #known: Float32Array;
  /** The last `reach` values as the model sees them, and room for the next. */
  #recent: Float32Array;
  #steps = 0;
  #observed = 0;

  /** @throws ConfigError when the model is not autoregressive, or the series is not known */
  constructor(saved: SavedForecaster, options: StreamOptions) {
    const { model, config } = saved;
    if (!(model instanceof AutoregressiveForecaster)) {
      throw new ConfigError(
        `expected an autoregressive model to watch a series with, received model ${model.architecture.model}. Train with --model autoregressive.`,
      );
    }
    this.#saved = saved;
    this.#model = model;
    this.#network = model.rnn.stream();
    const { index, scale } = placeOf(saved, options);
    this.#scale = scale;
    this.#start = options.start;
    const statics = encodeStatics(options.statics ?? [], config.normalization, config.data.columns.statics);
    const vector = model.vectorsOf({ series: Int32Array.of(index), statics, size: 1 });
    this.#input = new Float32Array(model.stepSize + (vector?.length ?? 0));
    if (vector !== null) this.#input.set(vector, model.stepSize);
    this.#known = new Float32Array(model.architecture.knownSize);
    this.#recent = new Float32Array(model.reach + 1);
  }

  /**
   * The next value of the series; NaN when it is missing.
   *
   * @param known  covariates of this step that are known beforehand, in the order of the training's columns
   * @throws ConfigError when the value is infinite, or covariates are lacking; the stream stays as it was
   */
  push(value: number, known: readonly number[] = []): Surprise {
    const { reach, output } = this.#model;
    // The state would keep it for good.
    if (Math.abs(value) === Number.POSITIVE_INFINITY) {
      throw new ConfigError(`expected a number, or NaN where it is missing, received ${value}.`);
    }
    const instant = addSteps(this.#saved.config.data.frequency, this.#start, this.#steps);
    this.#writeKnown(instant, known);
    this.#model.writeStep(this.#input, 0, this.#recent, reach, this.#observed, this.#known, 0);
    const raw = this.#model.read(this.#network.step(this.#input), 1);
    const expected = output.read(raw, 0, this.#scale.shift, this.#scale.scale);
    const isMissing = Number.isNaN(value);
    const rank = expected.rank(value);
    const tail = isMissing ? Number.NaN : Math.min(1, 2 * Math.min(rank, 1 - rank));
    const isWarm = this.#steps >= reach;
    // A missing value is as the one before.
    const seen = isMissing ? this.#recent[reach - 1] : (value - this.#scale.shift) / this.#scale.scale;
    this.#recent[reach] = seen;
    this.#recent.copyWithin(0, 1);
    this.#observed = isMissing ? 0 : 1;
    this.#steps++;
    return { instant, value, expected, tail, score: -Math.log10(Math.max(tail, leastTail)) + 0, isWarm };
  }

  get state(): ForecastStreamState {
    return { network: this.#network.state, recent: this.#recent.slice(), steps: this.#steps, observed: this.#observed };
  }

  set state({ network, recent, steps, observed }: ForecastStreamState) {
    this.#network.state = network;
    this.#recent = recent.slice();
    this.#steps = steps;
    this.#observed = observed;
  }

  #writeKnown(instant: number, given: readonly number[]): void {
    const { calendar, columns } = this.#saved.config.data;
    const { known } = this.#saved.config.normalization;
    if (given.length !== known.length) {
      throw new ConfigError(`expected ${known.length} covariates (${columns.known.join(', ')}), received ${given.length}.`);
    }
    writeCalendar(instant, calendar, this.#known, 0);
    known.forEach(({ shift, scale }, c) => {
      // A missing one stays what it was.
      if (!Number.isNaN(given[c])) this.#known[2 * calendar.length + c] = (given[c] - shift) / scale;
    });
  }
}

/** Float64 tells no smaller probabilities from 0 beside 1. */
const leastTail = 1e-16;

function placeOf({ config }: SavedForecaster, { series: name, scale }: StreamOptions): { index: number; scale: SeriesScale } {
  const { series } = config.normalization;
  if (scale !== undefined && config.architecture.seriesCount === 0) return { index: 0, scale };
  const wanted = name ?? (series.length === 1 ? series[0].name : undefined);
  const index = series.findIndex((known) => known.name === wanted);
  if (index >= 0) return { index, scale: series[index] };
  const names = series.slice(0, 10).map((known) => known.name);
  throw new ConfigError(`series: expected one of ${names.join(', ')}${series.length > 10 ? ', …' : ''}, received ${wanted ?? 'none'}.`);
}
