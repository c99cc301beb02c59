/** Forecasts of windows by a model, whatever its kind: distributions of each step ahead. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import { Random } from '../../tensor/random.ts';
import type { JudgedSteps } from '../metrics/forecast.ts';
import { AutoregressiveForecaster } from './autoregressive-forecaster.ts';
import { EncoderForecaster } from './encoder-forecaster.ts';
import type { Forecaster } from './model.ts';
import type { Output } from './outputs.ts';
import { Point, type Predictive } from './predictive.ts';
import { SegmentForecaster } from './segment-forecaster.ts';
import { collate, type ModelSeries, type WindowBatch, type Windows } from './windows.ts';

/** How paths are drawn, where a model draws them. */
export interface SamplingOptions {
  /** Paths for each forecast. */
  readonly samples: number;
  readonly seed: number;
}

/** A forecast of one window: of each step ahead, in the units of its series. */
export interface WindowForecast {
  readonly series: ModelSeries;
  /** The first step that is forecast. */
  readonly origin: number;
  readonly steps: readonly Predictive[];
  /** Judges the steps that `into` lists, by what came: fills its arrays. */
  judge(into: JudgedSteps): void;
}

/** Builds the model that an architecture describes. */
export function createForecaster(options: ConstructorParameters<typeof SegmentForecaster>[0]): Forecaster {
  switch (options.model) {
    case 'segment':
      return new SegmentForecaster(options);
    case 'encoder':
      return new EncoderForecaster(options);
    case 'autoregressive':
      return new AutoregressiveForecaster(options);
    default:
      throw new Error(`unreachable: ${options.model satisfies never}`);
  }
}

/** Numbers of one batch: enough for the kernels, little enough for memory. */
const batchElements = 600_000;

/**
 * Forecasts windows, a batch at a time; call `eval()` on the model first. A backtest of millions holds few forecasts.
 *
 * @param isLent   forecasts end with their batch: the next one may lie where they lay
 * @param horizon  steps ahead; of a model that forecasts all at once those it was built for
 */
export function* forecastWindows(
  model: Forecaster,
  series: readonly ModelSeries[],
  windows: Windows,
  {
    samples,
    seed,
    isLent = false,
    horizon = model.architecture.horizon,
  }: SamplingOptions & { readonly isLent?: boolean; readonly horizon?: number },
): Generator<readonly WindowForecast[]> {
  const isDrawn = model instanceof AutoregressiveForecaster;
  const rng = new Random(seed).fork('paths');
  const perWindow = isDrawn ? samples * 60 : model.history + horizon * model.output.size;
  const size = Math.max(1, Math.min(512, Math.floor(batchElements / perWindow)));
  const shape = { context: model.history, horizon, norm: model.architecture.windowNorm };
  let batch: WindowBatch | undefined;
  let raw: Floats | undefined;
  for (let begin = 0; begin < windows.series.length; begin += size) {
    const count = Math.min(size, windows.series.length - begin);
    const which = Array.from({ length: count }, (_, i) => begin + i);
    batch = collate(series, windows, which, shape, batch);
    const place = (b: number) => ({ series: series[windows.series[begin + b]], origin: windows.origins[begin + b] });
    if (isDrawn) {
      yield drawn(model.forecast(batch, { samples, rng }), place);
      continue;
    }
    const given = isLent && raw?.length === count * horizon * model.output.size ? raw : undefined;
    raw = outputsOf(model as SegmentForecaster | EncoderForecaster, batch, given);
    yield atOnce(model.output, raw, batch, place);
  }
}

/** Of window b of a batch: which series, and the first step that is forecast. */
type PlaceOf = (b: number) => Pick<WindowForecast, 'series' | 'origin'>;

function drawn(forecasts: readonly (readonly Predictive[])[], place: PlaceOf): WindowForecast[] {
  return forecasts.map((steps, b) => ({ ...place(b), steps, judge: (into) => judgeEach((h) => steps[h], into) }));
}

function outputsOf(model: SegmentForecaster | EncoderForecaster, batch: WindowBatch, into: Floats | undefined): Floats {
  return scope(() => noGrad(() => model.forward(batch).dataSync(into) as Floats));
}

/** @param raw  [B, H, P] */
function atOnce(output: Output, raw: Floats, { size: B, horizon: H, shift, scale }: WindowBatch, place: PlaceOf): WindowForecast[] {
  return Array.from({ length: B }, (_, b) => new ForecastAtOnce(place(b), output, raw, b * H * output.size, H, shift[b], scale[b]));
}

/** Distributions of H steps by a model's numbers; they are made only for who asks for them. */
class ForecastAtOnce implements WindowForecast {
  readonly series: ModelSeries;
  readonly origin: number;
  readonly #output: Output;
  readonly #raw: Floats;
  readonly #first: number;
  readonly #horizon: number;
  readonly #shift: number;
  readonly #scale: number;

  constructor(
    { series, origin }: Pick<WindowForecast, 'series' | 'origin'>,
    output: Output,
    raw: Floats,
    first: number,
    horizon: number,
    shift: number,
    scale: number,
  ) {
    this.series = series;
    this.origin = origin;
    this.#output = output;
    this.#raw = raw;
    this.#first = first;
    this.#horizon = horizon;
    this.#shift = shift;
    this.#scale = scale;
  }

  get steps(): readonly Predictive[] {
    return Array.from({ length: this.#horizon }, (_, h) => this.#read(h));
  }

  judge(into: JudgedSteps): void {
    const output = this.#output;
    if (output.judge !== undefined) output.judge(this.#raw, this.#first, this.#shift, this.#scale, into);
    else judgeEach((h) => this.#read(h), into);
  }

  #read(h: number): Predictive {
    return this.#output.read(this.#raw, this.#first + h * this.#output.size, this.#shift, this.#scale);
  }
}

function judgeEach(predictiveOf: (h: number) => Predictive, into: JudgedSteps): void {
  const { count, ahead, actual, mean, median, crps, low80, high80 } = into;
  for (let i = 0; i < count; i++) {
    const predictive = predictiveOf(ahead[i]);
    const isPoint = predictive instanceof Point;
    mean[i] = predictive.mean;
    median[i] = predictive.quantile(0.5);
    crps[i] = predictive.crps(actual[i]);
    low80[i] = isPoint ? Number.NaN : predictive.quantile(0.1);
    high80[i] = isPoint ? Number.NaN : predictive.quantile(0.9);
  }
}
