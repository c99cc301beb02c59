import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { textOf } from '../../data/text/text-source.ts';
import { Random } from '../../tensor/random.ts';
import { loadModel } from '../../training/model-file.ts';
import { scoreValues } from './anomalies.ts';
import { AutoregressiveForecaster } from './autoregressive-forecaster.ts';
import type { Architecture } from './config.ts';
import { backtest } from './evaluate.ts';
import { createForecaster, forecastWindows } from './forecast.ts';
import { fitNormalization } from './normalization.ts';
import type { ForecastingOptions } from './options.ts';
import { forecast, forecastRows, plotOf } from './predict.ts';
import { Empirical } from './predictive.ts';
import { loadForecaster, readFor, saveForecaster } from './saved.ts';
import { readSeries } from './series.ts';
import { ForecastStream } from './stream.ts';
import { forecasting } from './task.ts';
import { type ForecastingTraining, prepareForecasting, resumeForecasting } from './training.ts';
import { collate, viewSeries, windowsOf } from './windows.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-forecasting-'));
afterAll(() => rmSync(folder, { recursive: true }));

const hour = 3_600_000;
const start = Date.UTC(2024, 0, 1);
const dateAt = (t: number): string => new Date(start + t * hour).toISOString().slice(0, 16);

/** A day's wave with noise of deviation 0.2, in two series of different size; `plan` lifts both and is known beforehand. */
function waves(steps: number, seed = 1): string {
  const rng = new Random(seed);
  const noise = rng.fillNormal(new Float64Array(2 * steps));
  const rows = Array.from({ length: steps }, (_, t) => {
    const plan = Math.floor(t / 36) % 3 === 0 ? 1 : 0;
    const wave = Math.sin((2 * Math.PI * t) / 24) + plan;
    return `${dateAt(t)},${(wave + 0.2 * noise[2 * t]).toFixed(4)},${(100 + 10 * (wave + 0.2 * noise[2 * t + 1])).toFixed(3)},${plan}`;
  });
  return `date,small,large,plan\n${rows.join('\n')}\n`;
}

const text = waves(720);
const small: ForecastingOptions = {
  known: ['plan'],
  horizon: 12,
  context: 48,
  hiddenSize: 24,
  batchSize: 32,
  learningRate: 0.01,
  dropout: 0,
  seed: 4,
};

async function trained(options: ForecastingOptions, table = text): Promise<ForecastingTraining> {
  const training = await prepareForecasting({ train: [textOf(table, 'waves.csv')] }, { ...small, ...options });
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

describe('training', () => {
  // Noise alone makes an mse of 0.04 / (variance of the wave: 0.5 + 0.22 + 0.04) = 0.053 and an mae of 0.18; seasonal naive twice the mse.
  it('forecasts a wave from segments, as a mean', async () => {
    const { evaluate } = await trained({ output: 'mean', segmentLength: 6, maxSteps: 150 });
    const { metrics, seasonalNaive } = await evaluate();
    expect(metrics.mse).toBeLessThan(0.09);
    expect(metrics.mae).toBeLessThan(0.6 * seasonalNaive.mae);
    expect(metrics).not.toHaveProperty('coverage80');
  });

  it('forecasts quantiles by an encoder and a head', async () => {
    const { evaluate } = await trained({ model: 'encoder', output: 'quantiles', windowNorm: 'none', maxSteps: 150 });
    const { metrics } = await evaluate();
    expect(metrics.mae).toBeLessThan(0.26);
    expect(metrics.crps).toBeLessThan(0.8 * metrics.mae);
    expect(Math.abs(metrics.coverage80 - 0.8)).toBeLessThan(0.12);
  });

  it('draws paths by an autoregressive model', async () => {
    const { evaluate } = await trained({ model: 'autoregressive', output: 'gaussian', hiddenSize: 24, maxSteps: 100 });
    const { metrics } = await evaluate();
    expect(metrics.mae).toBeLessThan(0.28);
    expect(Math.abs(metrics.coverage80 - 0.8)).toBeLessThan(0.12);
  });

  it('counts by a negative binomial', async () => {
    const rng = new Random(2);
    const rows = Array.from({ length: 400 }, (_, t) => {
      const rate = t % 24 < 12 ? 1 : 12;
      return `${dateAt(t)},${Array.from({ length: rate }, () => (rng.uniform() < 0.5 ? 1 : 0)).reduce((a: number, b) => a + b, 0)}`;
    });
    const counts = `date,sold\n${rows.join('\n')}\n`;
    const { evaluate } = await trained({ known: [], output: 'negative-binomial', segmentLength: 4, maxSteps: 120 }, counts);
    const { metrics, naive } = await evaluate();
    expect(metrics.mae).toBeLessThan(0.6 * naive.mae);
    await expect(prepareForecasting({ train: [textOf(text)] }, { ...small, output: 'negative-binomial' })).rejects.toThrow(
      'negative-binomial is for counts',
    );
  });

  it.each([
    ['segments', { segmentLength: 6, dropout: 0.3 }],
    ['an autoregressive model', { model: 'autoregressive', dropout: 0.3, numLayers: 2 }],
  ] as const)('of %s that is stopped and resumed ends in the same file, to the byte', async (name, given) => {
    const [whole, parts] = [join(folder, `${name}-whole`), join(folder, `${name}-parts`)];
    const path = join(folder, 'waves.csv');
    writeFileSync(path, text);
    const options: ForecastingOptions = { ...small, hiddenSize: 12, averageDecay: 0.9, maxSteps: 20, evaluateEvery: 8, ...given };
    const first = await prepareForecasting({ train: [path] }, options, whole);
    for await (const _ of first.run()) {
      // to the end
    }
    const interrupted = await prepareForecasting({ train: [path] }, options, parts);
    const controller = new AbortController();
    for await (const event of interrupted.run({ signal: controller.signal })) {
      if (event.type === 'step' && event.step === 11) controller.abort();
    }
    const resumed = await resumeForecasting(parts);
    for await (const _ of resumed.run()) {
      // to the end
    }
    expect(readFileSync(join(parts, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);
    writeFileSync(path, waves(720, 9));
    await expect(resumeForecasting(parts)).rejects.toThrow('have changed since it began');
  });

  it("validates on rows that go on where the training's end", async () => {
    const lines = text.trimEnd().split('\n');
    const [train, valid] = [lines.slice(0, 601), [lines[0], ...lines.slice(601)]].map((part) => textOf(`${part.join('\n')}\n`));
    const { windows } = await prepareForecasting({ train: [train], valid: [valid] }, { ...small, maxSteps: 1 });
    // Two series of 120 steps, each with the training's end as its history; 600 rows to learn from.
    expect(windows).toEqual({ train: 2 * (600 - 48 - 12 + 1), valid: 2 * (120 - 12 + 1) });
  });

  it('says what does not go together', async () => {
    const prepare = (options: ForecastingOptions) => prepareForecasting({ train: [textOf(text)] }, options);
    await expect(prepare({ model: 'autoregressive', output: 'quantiles' })).rejects.toThrow(
      'expected gaussian, student-t or negative-binomial',
    );
    await expect(prepare({ model: 'autoregressive', windowNorm: 'last' })).rejects.toThrow('expected none with an autoregressive model');
    await expect(prepare({ model: 'autoregressive', past: ['plan'] })).rejects.toThrow('past covariates are not known');
    await expect(prepare({ model: 'segment', lags: [24] })).rejects.toThrow(
      'lags: expected model autoregressive, received segment, which has no use for it. Leave it out.',
    );
    await expect(prepare({ model: 'encoder', segmentLength: 6 })).rejects.toThrow(
      'segmentLength: expected model segment, received encoder',
    );
    await expect(prepare({ model: 'autoregressive', levels: [0.1, 0.5] })).rejects.toThrow(
      'levels: expected output quantiles, received student-t, which has no use for it. Leave it out.',
    );
    await expect(prepare({ levels: [0.5, 0.1] })).rejects.toThrow('expected rising probabilities');
    await expect(prepare({ horizon: 700 })).rejects.toThrow('expected at least one whole horizon of 700 steps to validate on');
    await expect(prepare({ horizn: 3 } as never)).rejects.toThrow('did you mean "horizon"?');
    await expect(prepare({ calendar: ['moon'] })).rejects.toThrow('unknown calendar feature "moon"');
  });
});

describe('windows', () => {
  const table =
    'date,id,y,p,k\n0,0,0,0,0\n'.slice(0, 0) +
    [
      'date,id,y,p,k',
      ...[10, 20, null, 40, 50, 60].map((y, t) => `2024-01-0${t + 1},A,${y ?? ''},${t},${10 * t}`),
      ...[1, 2, 3].map((y, t) => `2024-01-0${t + 1},B,${y},${t},${10 * t}`),
    ].join('\n');

  it('hold history, targets and covariates, and what is missing', async () => {
    const data = await readSeries([textOf(`${table}\n`)], { series: 'id', past: ['p'], known: ['k'] });
    const normalization = fitNormalization(data, 'none', 1);
    expect(normalization.series.map(({ name, deviation }) => [name, deviation])).toEqual([
      ['A', expect.closeTo(Math.sqrt(344), 9)],
      ['B', expect.closeTo(Math.sqrt(2 / 3), 9)],
    ]);
    const plain = { ...normalization, past: [{ shift: 0, scale: 1 }], known: [{ shift: 0, scale: 10 }] };
    const place = ({ name }: { name: string }) => ({ index: name === 'A' ? 0 : 1, scale: normalization.series[name === 'A' ? 0 : 1] });
    const series = viewSeries(data, { normalization: plain, calendar: [], horizon: 2, place });
    const windows = windowsOf(series, { context: 3, horizon: 2 });
    // A: origins 3 and 4; B is shorter than history and horizon: it begins within its window.
    expect([...windows.series]).toEqual([0, 0, 1]);
    expect([...windows.origins]).toEqual([3, 4, 1]);
    const batch = collate(series, windows, [0, 2], { context: 3, horizon: 2, norm: 'last' });
    expect([...batch.values]).toEqual([-10, 0, 0, 0, 0, 0].map((x, i) => (i < 3 ? x : expect.closeTo(0, 9))));
    expect([...batch.observed]).toEqual([1, 1, 0, 0, 0, 1]);
    expect([...batch.targets]).toEqual([20, 30, 1, 2]);
    expect([...batch.shift]).toEqual([20, 1]);
    expect([...batch.past]).toEqual([0, 1, 2, 0, 0, 0]);
    expect([...batch.known]).toEqual([0, 1, 2, 3, 4, 0, 0, 0, 1, 2]);
    // Laid out where another batch was, whose windows were whole: the same, also where nothing is known of the steps ahead.
    const last = { series: Int32Array.of(1, 0), origins: Int32Array.of(1, 5) };
    for (const norm of ['none', 'standard'] as const) {
      const shape = { context: 3, horizon: 2, norm };
      const used = collate(series, windows, [1, 0], shape);
      expect(collate(series, last, [0, 1], shape, used)).toEqual(collate(series, last, [0, 1], shape));
    }
  });

  it('of reversible normalisation are turned back', async () => {
    const data = await readSeries([textOf(text)], { targets: ['small', 'large'] });
    const normalization = fitNormalization(data, 'standard', 24);
    const place = ({ name }: { name: string }) => ({ index: 0, scale: normalization.series.find((one) => one.name === name)! });
    const series = viewSeries(data, { normalization, calendar: [], horizon: 5, place });
    const windows = windowsOf(series, { context: 30, horizon: 5, stride: 100 });
    const batch = collate(series, windows, [0, 9], { context: 30, horizon: 5, norm: 'standard' });
    [0, 9].forEach((which, b) => {
      const { original } = series[windows.series[which]];
      for (let h = 0; h < 5; h++) {
        expect(batch.shift[b] + batch.scale[b] * batch.targets[b * 5 + h]).toBeCloseTo(original[windows.origins[which] + h], 3);
      }
      const window = batch.values.subarray(b * 30, (b + 1) * 30);
      expect(window.reduce((sum, x) => sum + x, 0)).toBeCloseTo(0, 3);
      expect(window.reduce((sum, x) => sum + x * x, 0) / 30).toBeCloseTo(1, 3);
    });
  });
});

const architecture: Architecture = {
  model: 'segment',
  output: 'gaussian',
  levels: [],
  cell: 'lstm',
  numLayers: 2,
  hiddenSize: 7,
  dropout: 0,
  context: 20,
  horizon: 10,
  segmentLength: 4,
  lags: [],
  windowNorm: 'none',
  hasMask: true,
  seriesCount: 2,
  knownSize: 5,
  pastSize: 0,
  staticSize: 0,
};

async function viewOf(calendar: readonly ('hour' | 'weekday')[], horizon: number) {
  const data = await readSeries([textOf(text)], { targets: ['small', 'large'], known: ['plan'] });
  const normalization = fitNormalization(data, 'standard', 24);
  const place = ({ name }: { name: string }) => {
    const index = name === 'small' ? 0 : 1;
    return { index, scale: normalization.series[index] };
  };
  return { series: viewSeries(data, { normalization, calendar, horizon, place }), normalization };
}

describe('models', () => {
  it.each(['segment', 'encoder'] as const)('%s: a batch is its members alone', async (model) => {
    const { series } = await viewOf(['hour', 'weekday'], 10);
    const forecaster = createForecaster({ ...architecture, model, rng: new Random(1) }).eval() as never as {
      forward: (batch: ReturnType<typeof collate>) => { dataSync(): Float32Array };
    };
    const shape = { context: 20, horizon: 10, norm: 'none' as const };
    const windows = windowsOf(series, { context: 20, horizon: 10, stride: 331 });
    const run = (which: number[]) => scope(() => noGrad(() => forecaster.forward(collate(series, windows, which, shape)).dataSync()));
    const all = run([0, 1, 2]);
    expect(all).toHaveLength(3 * 10 * 2);
    [0, 1, 2].forEach((which) => {
      run([which]).forEach((value, i) => {
        expect(value).toBeCloseTo(all[which * 20 + i], 5);
      });
    });
  });

  it('a batch of forecasts stays as it is when the next one is made', async () => {
    const { series } = await viewOf(['hour', 'weekday'], 10);
    const model = createForecaster({ ...architecture, rng: new Random(1) }).eval();
    const every = windowsOf(series, { context: 20, horizon: 10, stride: 7 });
    // More than one batch.
    const repeat = (of: Int32Array) => Int32Array.from({ length: 600 }, (_, i) => of[i % of.length]);
    const windows = { series: repeat(every.series), origins: repeat(every.origins) };
    const batches = [...forecastWindows(model, series, windows, { samples: 0, seed: 0 })];
    expect(batches.length).toBeGreaterThan(1);
    const forecasts = batches.flat();
    const means = forecasts.map(({ steps }) => steps.map(({ mean }) => mean));
    // One that is lent has to be read before the next: the numbers are the same.
    const lent: number[][] = [];
    for (const batch of forecastWindows(model, series, windows, { samples: 0, seed: 0, isLent: true })) {
      lent.push(...batch.map(({ steps }) => steps.map(({ mean }) => mean)));
    }
    expect(lent).toEqual(means);
    for (const i of [0, 511, 599]) {
      const alone = { series: windows.series.slice(i, i + 1), origins: windows.origins.slice(i, i + 1) };
      const [[one]] = [...forecastWindows(model, series, alone, { samples: 0, seed: 0 })];
      expect([one.series.name, one.origin]).toEqual([forecasts[i].series.name, forecasts[i].origin]);
      one.steps.forEach(({ mean }, h) => {
        expect(forecasts[i].steps[h].mean).toBeCloseTo(mean, 3);
      });
    }
  });

  it('an autoregressive model step by step is the model over the sequence', async () => {
    const { series, normalization } = await viewOf(['hour', 'weekday'], 10);
    const model = new AutoregressiveForecaster({
      ...architecture,
      model: 'autoregressive',
      lags: [3, 7],
      hasMask: false,
      rng: new Random(2),
    });
    model.eval();
    const windows = { series: Int32Array.of(1), origins: Int32Array.of(40) };
    const batch = collate(series, windows, [0], { context: 40, horizon: 10, norm: 'none' });
    const raw = scope(() => noGrad(() => model.forward(batch).dataSync()));
    const columns = { date: 'date', series: null, targets: ['small', 'large'], known: ['plan'], past: [], statics: [] };
    const data = {
      columns,
      frequency: { unit: 'millisecond' as const, count: hour },
      calendar: ['hour' as const, 'weekday' as const],
      season: 24,
      scaling: 'standard' as const,
    };
    const config = { task: 'forecasting' as const, architecture: model.architecture, data, normalization };
    const stream = new ForecastStream({ model, config }, { series: 'large', start });
    const plans = text
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(',')[3]));
    // Both know nothing before the first value; the sequence begins once the lags are there, so the stream's state is set back then.
    const { network } = stream.state;
    for (let t = 0; t < 7; t++) stream.push(series[1].original[t], [plans[t]]);
    stream.state = { ...stream.state, network };
    for (let t = 7; t < 50; t++) {
      const { expected, isWarm } = stream.push(series[1].original[t], [plans[t]]);
      const { shift, scale } = normalization.series[1];
      expect(isWarm).toBe(true);
      const other = model.output.read(raw as Float32Array, (t - 7) * 2, shift, scale);
      expect(expected.mean).toBeCloseTo(other.mean, 3);
      expect(expected.quantile(0.9)).toBeCloseTo(other.quantile(0.9), 3);
    }
    const before = stream.state;
    expect(() => stream.push(Number.NEGATIVE_INFINITY, [0])).toThrow('expected a number, or NaN where it is missing, received -Infinity');
    expect(stream.state).toEqual(before);
  });

  it('forecasts that are drawn are the distribution one step ahead', async () => {
    const { series } = await viewOf(['hour', 'weekday'], 1);
    const model = new AutoregressiveForecaster({ ...architecture, model: 'autoregressive', lags: [5], horizon: 1, rng: new Random(3) });
    model.eval();
    const windows = { series: Int32Array.of(0, 1), origins: Int32Array.of(60, 90) };
    const shape = { context: model.history, horizon: 1, norm: 'none' as const };
    const batch = collate(series, windows, [0, 1], shape);
    const raw = scope(() => noGrad(() => model.forward(batch).dataSync())) as Float32Array;
    const last = raw.length / 2 - 2;
    const forecasts = [...forecastWindows(model, series, windows, { samples: 2000, seed: 1 })].flatMap((batch) => [...batch]);
    forecasts.forEach(({ steps: [drawn] }, b) => {
      const exact = model.output.read(raw, (b * raw.length) / 2 + last, batch.shift[b], batch.scale[b]);
      expect(drawn).toBeInstanceOf(Empirical);
      const width = exact.quantile(0.9) - exact.quantile(0.1);
      for (const p of [0.1, 0.5, 0.9]) expect(Math.abs(drawn.quantile(p) - exact.quantile(p))).toBeLessThan(0.08 * width);
    });
  });
});

describe('a backtest', () => {
  it('judges naive forecasts as they are by hand', async () => {
    const { series } = await viewOf([], 10);
    const model = createForecaster({ ...architecture, knownSize: 1, hasMask: false, rng: new Random(1) });
    const windows = windowsOf(series, { context: 24, horizon: 10, stride: 97 });
    const { naive, seasonalNaive, windows: count } = await backtest(model, series, windows, { season: 24, samples: 10, seed: 0 });
    let [last, season, n] = [0, 0, 0];
    windows.series.forEach((which, i) => {
      const { original, scale } = series[which];
      const origin = windows.origins[i];
      for (let h = 0; h < 10; h++) {
        last += Math.abs(original[origin + h] - original[origin - 1]) / scale.deviation;
        season += Math.abs(original[origin + h] - original[origin + h - 24]) / scale.deviation;
        n++;
      }
    });
    expect(count).toBe(windows.series.length);
    expect(naive.mae).toBeCloseTo(last / n, 9);
    expect(seasonalNaive.mae).toBeCloseTo(season / n, 9);
  });
});

describe('a model file', () => {
  it('gives the model back, which forecasts, draws and refuses', async () => {
    const { model, config } = await trained({ maxSteps: 10 });
    const path = join(folder, 'saved.safetensors');
    await saveForecaster(path, { model, config });
    const saved = await loadForecaster(path);
    const future = Array.from({ length: 12 }, (_, h) => `${dateAt(720 + h)},,,1`).join('\n');
    const table = textOf(`${text}${future}\n`);
    const forecasts = await forecast(saved, [table]);
    expect(forecasts.map(({ name, steps }) => [name, steps.length])).toEqual([
      ['small', 12],
      ['large', 12],
    ]);
    expect(forecasts[0].instants[0]).toBe(start + 720 * hour);
    const rows = [...forecastRows(forecasts)];
    expect(rows[0].date).toBe('2024-01-31 00:00:00');
    for (const { low80, low50, forecast: middle, high50, high80 } of rows) {
      expect([low80!, low50!, middle, high50!, high80!]).toEqual([low80!, low50!, middle, high50!, high80!].toSorted((a, b) => a - b));
    }
    // The same as from the model that was never saved.
    const [again] = await forecast({ model: model.eval(), config }, [table]);
    expect(again.steps[5].quantile(0.5)).toBeCloseTo(forecasts[0].steps[5].quantile(0.5), 6);
    expect(await plotOf(forecasts)).toMatch(/^<svg [^>]*viewBox="0 0 920 /);

    await expect(forecast(saved, [textOf(text)])).rejects.toThrow(
      'the forecast needs "plan" for 12 steps after the last value of series "small", received 0.',
    );
    await expect(forecast(saved, [table], { horizon: 13 })).rejects.toThrow('the model forecasts 12 steps at once, received 13');
    await expect(readFor(saved, [textOf('date,small,other,plan\n2024-01-01,1,2,3\n')], 12)).rejects.toThrow('unknown column "large"');
    // Of a series without any value nothing can be said.
    const empty = textOf(`${text}${future}\n`.replaceAll(/,[\d.-]+(,\d)$/gm, ',$1'));
    expect((await forecast(saved, [empty])).map(({ name }) => name)).toEqual(['small']);
    // Three hours apart: all but a third of the hours would be missing.
    const [head, ...rows3] = `${text}${future}\n`.trimEnd().split('\n');
    await expect(forecast(saved, [textOf([head, ...rows3.filter((_, t) => t % 3 === 0)].join('\n'))])).rejects.toThrow(
      'expected rows 1 hour apart, as in the training, received none that are; the first step without a row is 2024-01-01 01:00:00.',
    );
    expect(() => new ForecastStream(saved, { start })).toThrow('expected an autoregressive model');
  });
});

describe('anomalies', () => {
  it('stand out, and nothing else does', async () => {
    const training = await trained({ model: 'autoregressive', output: 'gaussian', maxSteps: 120 });
    const lines = waves(300, 5).trimEnd().split('\n');
    // A spike of ten deviations of the noise, in the smaller series.
    const spiked = lines[201].split(',');
    spiked[1] = String(Number(spiked[1]) + 2);
    lines[201] = spiked.join(',');
    const scores = [];
    for await (const scored of scoreValues(training, [textOf(`${lines.join('\n')}\n`)])) scores.push(scored);
    const worst = scores.toSorted((a, b) => b.score - a.score)[0];
    expect(worst.series).toBe('small');
    expect(worst.instant).toBe(start + 200 * hour);
    expect(worst.score).toBeGreaterThan(4);
    // Tails of what the model expected are nearly uniform.
    const rare = scores.filter(({ tail }) => tail < 0.1).length / scores.length;
    expect(rare).toBeGreaterThan(0.03);
    expect(rare).toBeLessThan(0.25);
  });
});

describe('the task', () => {
  it('predicts from a file into files, and from a pipe onto the screen', async () => {
    const table = text.replaceAll(/,\d$/gm, '').replace(',plan', '');
    const training = await prepareForecasting(
      { train: [textOf(table)] },
      { ...small, known: [], hiddenSize: 8, maxSteps: 5 },
      join(folder, 'task'),
    );
    for await (const _ of training.run()) {
      // to the end
    }
    const file = await loadModel(join(folder, 'task', 'model.safetensors'));
    const said = async (path: string | null, options: Record<string, unknown>): Promise<string> => {
      let all = '';
      for await (const part of forecasting.predict(file, { ...textOf(table), path }, options)) all += part.text;
      return all;
    };
    const [out, plot] = [join(folder, 'forecast.csv'), join(folder, 'forecast.svg')];
    const summary = await said('waves.csv', { out, plot });
    expect(summary).toBe(`12 steps of 2 series, 2024-01-31 00:00:00 to 2024-01-31 11:00:00.\nDrawn into ${plot}.\nWritten to ${out}.\n`);
    const csv = readFileSync(out, 'utf8');
    expect(csv.split('\n')[0]).toBe('date,series,forecast,low50,high50,low80,high80');
    expect(csv.trimEnd().split('\n')).toHaveLength(25);
    expect(await said(null, {})).toBe(csv);
    expect(readFileSync(plot, 'utf8')).toContain('prefers-color-scheme: dark');
    await expect(said(null, { samples: 50 })).rejects.toThrow('samples: expected model autoregressive, received segment');
    expect(await said(null, { samples: 200, seed: 3 })).toBe(csv);
    await expect(said(null, { anomalies: true, plot })).rejects.toThrow('plot: expected a forecast, received --anomalies as well');
    await expect(said(null, { anomalies: true, horizon: 6 })).rejects.toThrow('horizon: expected a forecast, received --anomalies');

    const history = join(folder, 'history.csv');
    writeFileSync(history, table);
    const { metrics, samples, report } = await forecasting.evaluate(file, [history], {
      stride: 24,
      from: '2024-01-29',
    });
    expect(samples).toBe(2 * 2);
    await expect(forecasting.evaluate(file, [history], { samples: 50 })).rejects.toThrow('samples: expected model autoregressive');
    expect(Object.keys(metrics)).toEqual(['mse', 'mae', 'mase', 'smape', 'crps', 'coverage80']);
    expect(report).toContain('seasonal naive: 24 steps ago');
    expect(report!.split('\n').every((line) => line.length <= 100)).toBe(true);
    expect(forecasting.describe(file)).toContainEqual(['Steps', '1 hour, seasons of 24']);
  });
});
