/** What layers are seen to read leads to what the forecaster says. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mean } from '../../autograd/ops/reduce.ts';
import { slice } from '../../autograd/ops/shape.ts';
import { setBackend } from '../../backend/select.ts';
import { textOf } from '../../data/text/text-source.ts';
import { AutoregressiveForecaster } from './autoregressive-forecaster.ts';
import { EncoderForecaster } from './encoder-forecaster.ts';
import { observe } from './observe.ts';
import type { ForecastingOptions } from './options.ts';
import { forecast } from './predict.ts';
import { readFor } from './saved.ts';
import { SegmentForecaster } from './segment-forecaster.ts';
import { prepareForecasting } from './training.ts';
import { collate } from './windows.ts';

beforeEach(() => {
  setBackend('reference');
});
afterEach(() => setBackend('native'));

const values = Array.from({ length: 90 }, (_, t) => Number((50 + 20 * Math.sin(t / 4) + 3 * Math.cos(1.7 * t)).toFixed(2)));
const dates = values.map((_, t) => new Date(Date.UTC(2024, 0, 1) + t * 3_600_000).toISOString().slice(0, 16).replace('T', ' '));
const csv = (missing = -1): string => `date,y\n${values.map((value, t) => `${dates[t]},${t === missing ? '' : value}\n`).join('')}`;

async function saved(options: ForecastingOptions, text = csv()) {
  const { model, config } = await prepareForecasting(
    { train: [textOf(text, 'a.csv')] },
    { hiddenSize: 6, horizon: 5, context: 14, seed: 3, ...options },
  );
  return { model: model.eval(), config };
}
const inWords = (value: number): string => String(Number(value.toPrecision(4)));

it('a model of single steps reads value after value, and says the next one at the end', async () => {
  const forecaster = await saved({ model: 'encoder', numLayers: 2 });
  const tables = [textOf(csv(), 'a.csv')];
  const { layers, x, tokens, times, outputs } = await observe(forecaster, tables);
  const [{ steps, instants }] = await forecast(forecaster, tables);
  expect(tokens).toEqual(values.slice(-14).map(inWords));
  expect(times).toEqual(dates.slice(-14));
  expect(instants[0]).toBe(Date.parse(`${times!.at(-1)}Z`) + 3_600_000);
  expect(outputs).toEqual([...new Array(13).fill(''), inWords(steps[0].quantile(0.5))]);
  const { model } = forecaster;
  expect(layers).toBe((model as EncoderForecaster).rnn);
  // What a window of the same values would have it read.
  const { data } = await readFor(forecaster, tables, 5).then(({ series }) => ({ data: series }));
  const batch = collate(data, { series: Int32Array.of(0), origins: Int32Array.of(90) }, [0], { context: 14, horizon: 5, norm: 'last' });
  expect(model).toBeInstanceOf(EncoderForecaster);
  for (let t = 0; t < 14; t++) expect(x.dataSync()[t * x.shape[2]]).toBeCloseTo(batch.values[t], 6);
});

it('a model of segments reads them, and asks for the first to come', async () => {
  const forecaster = await saved({ model: 'segment', segmentLength: 4 });
  const tables = [textOf(csv(85), 'a.csv')];
  const { layers, x, tokens, times, outputs } = await observe(forecaster, tables);
  const model = forecaster.model as SegmentForecaster;
  expect(model).toBeInstanceOf(SegmentForecaster);
  // 14 steps are three segments of four; the first two are not read. The 86th value is missing: its segment's mean is of three.
  const means = [78, 82, 86].map((begin) => {
    const known = values.slice(begin, begin + 4).filter((_, i) => begin + i !== 85);
    return inWords(known.reduce((sum, value) => sum + value, 0) / known.length);
  });
  expect(tokens).toEqual([...means, '?']);
  expect(times!.slice(0, 3)).toEqual([78, 82, 86].map((begin) => dates[begin]));
  expect(times![3]).toBe('2024-01-04 18:00');
  const [{ steps }] = await forecast(forecaster, tables);
  const medians = steps.slice(0, 4).map((step) => step.quantile(0.5));
  expect(outputs).toEqual(['', '', '', inWords(medians.reduce((sum, value) => sum + value, 0) / 4)]);
  // The state of the last step is the one that the forecast is made of.
  const { series } = await readFor(forecaster, tables, 5);
  const batch = collate(series, { series: Int32Array.of(0), origins: Int32Array.of(90) }, [0], { context: 14, horizon: 5, norm: 'last' });
  const made = model.head.forward(slice((layers as SegmentForecaster['rnn']).forward(x).output, 1, 3, 4)).dataSync();
  const expected = model.forward(batch).dataSync();
  for (let i = 0; i < 4 * model.output.size; i++) expect(made[i]).toBeCloseTo(expected[i], 6);
});

it('an autoregressive model reads each value, and says the next; its losses are those of what came', async () => {
  const forecaster = await saved({ model: 'autoregressive', output: 'gaussian', lags: [3] });
  const tables = [textOf(csv(), 'a.csv')];
  const { layers, x, tokens, times, outputs, losses } = await observe(forecaster, tables);
  const model = forecaster.model as AutoregressiveForecaster;
  expect(model).toBeInstanceOf(AutoregressiveForecaster);
  const T = 15; // the context, and the step whose value nobody knows
  expect(x.shape.slice(0, 2)).toEqual([1, T]);
  expect(tokens).toEqual(values.slice(-T).map(inWords));
  expect(times).toEqual(dates.slice(-T));
  expect(outputs).toHaveLength(T);
  const { series } = await readFor(forecaster, tables, 1);
  const shape = { context: model.history, horizon: 1, norm: 'none' } as const;
  const batch = collate(series, { series: Int32Array.of(0), origins: Int32Array.of(90) }, [0], shape);
  const { output } = (layers as AutoregressiveForecaster['rnn']).forward(x);
  expect(losses!(output, 0).shape).toEqual([T - 1]);
  expect(mean(losses!(output, 0)).item()).toBeCloseTo(model.loss(batch).item(), 5);
  // The mean of a Gaussian, told by the head's first number.
  const raw = model.head.forward(output).dataSync();
  expect(Number(outputs![4])).toBeCloseTo(batch.shift[0] + batch.scale[0] * raw[4 * 2], 1);
  expect(losses!(slice(output, 1, 5), 5).dataSync()[0]).toBeCloseTo(losses!(output, 0).dataSync()[5], 9);
});

it('a series that is younger than the window has no value before its beginning', async () => {
  const forecaster = await saved({ model: 'encoder' });
  const young = csv().split('\n').slice(0, 11).join('\n');
  const { tokens, times } = await observe(forecaster, [textOf(young, 'young.csv')]);
  expect(tokens.slice(0, 5)).toEqual(['–', '–', '–', '–', inWords(values[0])]);
  expect(times![4]).toBe('2024-01-01 00:00');
});
