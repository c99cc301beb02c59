/**
 * Forecasting ETTh1, seven hourly columns of an electricity transformer, by the protocol of the Informer paper: rows 0–8639 to learn
 * from, 8640–11519 to validate on, 11520–14399 to test on; errors of all columns and of all windows of stride 1, in deviations of
 * the training part. Options were chosen on the validation rows, which also choose the best weights. The test rows are looked at
 * once, at the end.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/etth1.ts --data FOLDER [--horizons 24,48,168,336,720] [--folder runs/etth1]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dataFile, keepQuality, type Published, type QualityTarget, trainAndEvaluate } from './run.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    horizons: { type: 'string', default: '24,48,168,336,720' },
    folder: { type: 'string', default: 'runs/etth1' },
  },
});
const folder = values.folder;
mkdirSync(folder, { recursive: true });

const season = 24;
const [trainEnd, validEnd, testEnd] = [8640, 11520, 14400];
const published = readFileSync(dataFile(values.data, 'ETTh1.csv', 'github.com/zhouhaoyi/ETDataset, ETT-small'), 'utf8');
const [head, ...rows] = published.trimEnd().split('\n');

/** Rows begin … end − 1 as a table of their own. */
function table(name: string, begin: number, end: number): string {
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, `${[head, ...rows.slice(begin, end)].join('\n')}\n`);
  return path;
}

/** What a forecast of the value 24 hours before makes, worked out here and without the library. */
function seasonalNaive(horizon: number): Published {
  const columns = rows.map((row) => row.split(',').slice(1).map(Number));
  let [squares, errors, count] = [0, 0, 0];
  for (let c = 0; c < columns[0].length; c++) {
    const series = columns.map((row) => row[c]);
    const train = series.slice(0, trainEnd);
    const mean = train.reduce((sum, y) => sum + y, 0) / train.length;
    const deviation = Math.sqrt(train.reduce((sum, y) => sum + (y - mean) ** 2, 0) / train.length);
    for (let origin = validEnd; origin + horizon <= testEnd; origin++) {
      for (let h = 0; h < horizon; h++) {
        const error = Math.abs(series[origin + h] - series[origin + (h % season) - season]) / deviation;
        squares += error * error;
        errors += error;
        count++;
      }
    }
  }
  return {
    system: `seasonal naive, horizon ${horizon}`,
    metrics: { mse: squares / count, mae: errors / count },
    source: 'measured: the value 24 hours before',
  };
}

const common = {
  calendar: 'none',
  context: 720,
  hiddenSize: 128,
  dropout: 0.5,
  batchSize: 128,
  learningRate: 0.001,
  epochs: 1,
};
/** Horizons of up to two days have segments of a day, longer ones of two, as in the paper of SegRNN. */
const segmentLength = (horizon: number): number => (horizon <= 48 ? 24 : 48);

const [train, valid, test] = [table('train', 0, trainEnd), table('valid', trainEnd, validEnd), table('test', trainEnd, testEnd)];
const firstTested = rows[validEnd].split(',')[0];

function run(name: string, horizon: number, output: string) {
  return trainAndEvaluate({
    name,
    task: 'forecasting',
    train: [train],
    valid: [valid],
    test: [test],
    out: join(folder, name.replaceAll(/\W+/g, '-')),
    config: { ...common, horizon, segmentLength: segmentLength(horizon), output },
    evaluateFlags: ['--from', firstTested],
  });
}

const horizons = values.horizons.split(',').map(Number);
const runs = [
  ...horizons.map((horizon) => run(`horizon ${horizon}`, horizon, 'mean')),
  run('horizon 24, gaussian', 24, 'gaussian'),
  run('horizon 24, quantiles', 24, 'quantiles'),
];

/** Informer's mean squared and absolute errors. */
const informer: Readonly<Record<number, readonly [mse: number, mae: number]>> = {
  24: [0.577, 0.549],
  48: [0.685, 0.625],
  168: [0.931, 0.752],
  336: [1.128, 0.873],
  720: [1.215, 0.896],
};
/** SegRNN's, from memory; those of 96 and 192 steps have no counterpart here. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: an error, and no logarithm.
const segRnn: Readonly<Record<number, number>> = { 336: 0.401, 720: 0.434 };

const targets: QualityTarget[] = [
  ...horizons.map((horizon) => ({ metric: 'mse', run: `horizon ${horizon}`, atMost: Math.round(750 * informer[horizon][0]) / 1000 })),
  { metric: 'mse', run: 'horizon 24', atMost: 0.36 },
  { metric: 'mse', run: 'horizon 720', atMost: 0.5 },
  { metric: 'coverage80', run: 'horizon 24, quantiles', atLeast: 0.75, atMost: 0.85 },
];

keepQuality('etth1', 'UNROLLED_THREADS=1 npx tsx bench/quality/etth1.ts --data FOLDER', {
  data: 'ETTh1 (Zhou et al. 2021): 7 hourly series, 8,640 rows to train on, 2,880 to validate on, 2,880 to test on; one model for each horizon',
  runs,
  hasMean: false,
  targets,
  published: [
    ...horizons.map(seasonalNaive),
    ...horizons.map((horizon) => ({
      system: `Informer, horizon ${horizon}`,
      metrics: { mse: informer[horizon][0], mae: informer[horizon][1] },
      source: 'Zhou et al. (2021), arXiv:2012.07436, table 2',
    })),
    ...horizons
      .filter((horizon) => horizon in segRnn)
      .map((horizon) => ({
        system: `SegRNN, horizon ${horizon}`,
        metrics: { mse: segRnn[horizon] },
        source: 'Lin et al. (2023), arXiv:2308.11200, look-back 720; from memory',
      })),
  ],
});
