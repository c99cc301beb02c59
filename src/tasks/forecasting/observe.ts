/** A forecaster at work on a series, for pictures of its states and for gradients through them. */
import { concat } from '../../autograd/ops/concat.ts';
import { reshape, slice } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import type { Tensor } from '../../autograd/tensor.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { inputRead, inputsRead } from '../../insight/observed-input.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import { AutoregressiveForecaster } from './autoregressive-forecaster.ts';
import type { EncoderForecaster } from './encoder-forecaster.ts';
import { readFor, type SavedForecaster } from './saved.ts';
import { SegmentForecaster } from './segment-forecaster.ts';
import { addSteps, type Frequency, formatDate } from './steps.ts';
import type { Tables } from './training.ts';
import { collate, type ModelSeries, requireKnown, type WindowBatch } from './windows.ts';

/** The end of a series as a model reads it, and words for it. */
interface Window {
  readonly batch: WindowBatch;
  /** Of step t of the window, before scaling; NaN where it is missing. */
  readonly valueAt: (t: number) => number;
  /** From 0, the window's first step; the series may begin later, and the forecast is later still. */
  readonly dateAt: (t: number) => string;
}

/**
 * The recurrent layers on the end of the first series of tables, where its forecast begins. An autoregressive model reads value after
 * value and says the median of the next; the losses are those of the values that came. A model of single steps says the next value at the
 * last one. One of segments reads several values at a step, and has one step more, the first segment to come; shown are their means.
 *
 * @throws ConfigError, FormatError as `forecast` does
 */
export async function observe(saved: SavedForecaster, tables: Tables): Promise<Observation> {
  const { model, config } = saved;
  model.eval();
  const isAutoregressive = model instanceof AutoregressiveForecaster;
  const horizon = isAutoregressive ? 1 : model.architecture.horizon;
  const {
    series: [one],
  } = await readFor(saved, tables, horizon);
  requireKnown(one, one.length, horizon, config.data.columns.known);
  const { windowNorm: norm } = model.architecture;
  const windows = { series: Int32Array.of(0), origins: Int32Array.of(one.length) };
  const batch = collate([one], windows, [0], { context: model.history, horizon, norm });
  const window = { batch, ...wordsFor(one, model.history, config.data.frequency) };
  if (isAutoregressive) return stepByStep(model, window);
  return model instanceof SegmentForecaster ? bySegments(model, window) : atTheEnd(model as EncoderForecaster, window);
}

function wordsFor({ start, length, original }: ModelSeries, history: number, frequency: Frequency): Pick<Window, 'valueAt' | 'dateAt'> {
  const first = length - history;
  return {
    valueAt: (t) => original[first + t] ?? Number.NaN,
    dateAt: (t) => formatDate(addSteps(frequency, start, first + t), frequency).replace(/^(.*:\d\d):00$/, '$1'),
  };
}

/** Each step reads a value, and says what the next one will be. */
function stepByStep(model: AutoregressiveForecaster, { batch, valueAt, dateAt }: Window): Observation {
  const { reach } = model;
  const { output } = model;
  const x = inputRead(model.rnn, () => model.forward(batch));
  const raw = scope(() => noGrad(() => model.forward(batch).dataSync())) as Floats;
  const T = x.shape[1];
  const steps = Array.from({ length: T }, (_, i) => reach - 1 + i); // of the window, that are read
  const losses = (states: Tensor, first: number): Tensor => {
    const outputs = model.head.forward(states);
    // Of all steps but the last, whose next value nobody knows.
    const each = steps.slice(first, -1).map((t, i) => {
      const targets = {
        ...{ batchSize: 1, length: 1, shift: batch.shift, scale: batch.scale, windowScale: batch.windowScale },
        values: batch.values.slice(t + 1, t + 2),
        weights: batch.observed.slice(t + 1, t + 2),
      };
      return reshape(output.loss(slice(outputs, 1, i, i + 1), targets), [1]);
    });
    return concat(each, 0);
  };
  return {
    layers: model.rnn,
    x,
    tokens: steps.map((t) => inWords(valueAt(t))),
    times: steps.map(dateAt),
    outputs: steps.map((_, i) => inWords(output.read(raw, i * output.size, batch.shift[0], batch.scale[0]).quantile(0.5))),
    isForecast: true,
    ...(T > 1 ? { losses } : {}),
  };
}

/** Each step reads a value; the last one says all that is to come. */
function atTheEnd(model: EncoderForecaster, { batch, valueAt, dateAt }: Window): Observation {
  const steps = Array.from({ length: batch.context }, (_, t) => t);
  const forecast = mediansOf(model, batch);
  return {
    layers: model.rnn,
    x: inputRead(model.rnn, () => model.forward(batch)),
    tokens: steps.map((t) => inWords(valueAt(t))),
    times: steps.map(dateAt),
    outputs: steps.map((t) => (t === batch.context - 1 ? inWords(forecast[0]) : '')),
    isForecast: true,
  };
}

/** Each step reads a segment; one more is the first of those to come. */
function bySegments(model: SegmentForecaster, { batch, valueAt, dateAt }: Window): Observation {
  const { segmentLength: w } = model.architecture;
  const [read, asked] = inputsRead(model.rnn, () => model.forward(batch));
  const n = read.shape[1];
  // What is left over at the window's beginning is not read.
  const starts = Array.from({ length: n + 1 }, (_, i) => batch.context + (i - n) * w);
  const means = starts.slice(0, n).map((begin) => inWords(meanOf(Array.from({ length: w }, (_, i) => valueAt(begin + i)))));
  const forecast = mediansOf(model, batch).slice(0, w);
  return {
    layers: model.rnn,
    x: scope(() => concat([read, slice(asked, 1, 0, 1)], 1)),
    tokens: [...means, '?'],
    times: starts.map(dateAt),
    outputs: starts.map((_, i) => (i === n ? inWords(meanOf(forecast)) : '')),
    isForecast: true,
  };
}

function mediansOf(model: SegmentForecaster | EncoderForecaster, batch: WindowBatch): number[] {
  const { output } = model;
  const raw = scope(() => noGrad(() => model.forward(batch).dataSync())) as Floats;
  return Array.from({ length: batch.horizon }, (_, h) => output.read(raw, h * output.size, batch.shift[0], batch.scale[0]).quantile(0.5));
}

/** Of those that are known. */
function meanOf(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** With four digits; a large number with all of those before the point. */
function inWords(value: number): string {
  if (Number.isNaN(value)) return '–';
  return String(Math.abs(value) >= 1e4 ? Math.round(value) : Number(value.toPrecision(4))).replace('-', '−');
}
