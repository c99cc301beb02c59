/** Forecasts of windows by a model, whatever its kind: distributions of each step ahead. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import { Random } from '../../tensor/random.ts';
import { AutoregressiveForecaster } from './autoregressive-forecaster.ts';
import { EncoderForecaster } from './encoder-forecaster.ts';
import type { Forecaster } from './model.ts';
import type { Predictive } from './predictive.ts';
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
const batchElements = 200_000;

/**
 * Forecasts windows, a batch at a time; call `eval()` on the model first. The forecasts of a batch are made one by one as they are
 * asked for: a backtest of millions holds few of them.
 *
 * @param horizon  steps ahead; of a model that forecasts all at once those it was built for
 */
export function* forecastWindows(
  model: Forecaster,
  series: readonly ModelSeries[],
  windows: Windows,
  { samples, seed, horizon = model.architecture.horizon }: SamplingOptions & { readonly horizon?: number },
): Generator<Iterable<WindowForecast>> {
  const isDrawn = model instanceof AutoregressiveForecaster;
  const rng = new Random(seed).fork('paths');
  const perWindow = isDrawn ? samples * 20 : model.history + horizon * model.output.size;
  const size = Math.max(1, Math.min(512, Math.floor(batchElements / perWindow)));
  const shape = { context: model.history, horizon, norm: model.architecture.windowNorm };
  for (let begin = 0; begin < windows.series.length; begin += size) {
    const count = Math.min(size, windows.series.length - begin);
    const which = Array.from({ length: count }, (_, i) => begin + i);
    const batch = collate(series, windows, which, shape);
    const stepsOf = isDrawn
      ? drawn(model.forecast(batch, { samples, rng }))
      : atOnce(model as SegmentForecaster | EncoderForecaster, batch);
    yield placed(which, stepsOf, series, windows);
  }
}

function* placed(
  which: readonly number[],
  stepsOf: (b: number) => readonly Predictive[],
  series: readonly ModelSeries[],
  windows: Windows,
): Generator<WindowForecast> {
  for (const [b, i] of which.entries()) yield { series: series[windows.series[i]], origin: windows.origins[i], steps: stepsOf(b) };
}

function drawn(steps: readonly (readonly Predictive[])[]): (b: number) => readonly Predictive[] {
  return (b) => steps[b];
}

function atOnce(model: SegmentForecaster | EncoderForecaster, batch: WindowBatch): (b: number) => readonly Predictive[] {
  const { horizon: H, shift, scale } = batch;
  const { output } = model;
  const raw = scope(() => noGrad(() => model.forward(batch).dataSync() as Floats));
  return (b) => {
    const steps = new Array<Predictive>(H);
    for (let h = 0; h < H; h++) steps[h] = output.read(raw, (b * H + h) * output.size, shift[b], scale[b]);
    return steps;
  };
}
