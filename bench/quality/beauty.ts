/**
 * The next item of users of Amazon's Beauty reviews (5-core): of each user the last item is the test, the one before it chose the
 * weights, and the ranking is among all items. Trained once; measured with the items of the user's history ranked like all others,
 * and with them left out, as the programs behind the published numbers do.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/beauty.ts --data FOLDER [--out runs/beauty] [--epochs 12]
 *
 * FOLDER holds Beauty.txt: a line a user, `user item item …` in the order of time.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dataFile, keepQuality, type Metrics, trainAndEvaluate, unrolled } from './run.ts';

const { values } = parseArgs({
  options: { data: { type: 'string' }, out: { type: 'string', default: 'runs/beauty' }, epochs: { type: 'string', default: '12' } },
});
const file = dataFile(values.data, 'Beauty.txt', 'ICLRec and S3-Rec have it');

/** Chosen on each user's last item but one. */
const config = {
  format: 'lines',
  embeddingSize: 64,
  hiddenSize: 64,
  dropout: 0.5,
  embeddingDropout: 0.5,
  batchSize: 128,
  learningRate: 0.003,
  epochs: Number(values.epochs),
};

const all = trainAndEvaluate({
  name: 'all items ranked',
  task: 'recommendation',
  train: [file],
  test: [file],
  out: values.out,
  config,
});
const { metrics, samples } = JSON.parse(
  unrolled(['evaluate', join(values.out, 'model.safetensors'), file, '--exclude-seen', '--json']),
) as { metrics: Metrics; samples: number };
const unseen = { ...all, name: 'history left out', metrics, samples };
console.log(unseen.name, metrics);

const table = 'full ranking, in the repository of S3-Rec (Zhou et al. 2020)';
keepQuality('beauty', `UNROLLED_THREADS=1 npx tsx bench/quality/beauty.ts --data FOLDER --epochs ${values.epochs}`, {
  data: '22,363 users, 12,101 items, 198,502 interactions; each user’s last item is foretold.',
  runs: [all, unseen],
  hasMean: false,
  targets: [all, unseen].flatMap(({ name }) => [
    { metric: 'hr@10', run: name, atLeast: 0.045 },
    { metric: 'ndcg@10', run: name, atLeast: 0.022 },
  ]),
  published: [
    {
      system: 'GRU4Rec',
      metrics: { 'hr@5': 0.0164, 'ndcg@5': 0.0099, 'hr@10': 0.0283, 'ndcg@10': 0.0137, 'hr@20': 0.0479, 'ndcg@20': 0.0187 },
      source: table,
    },
    { system: 'SASRec', metrics: { 'hr@10': 0.0605 }, source: table },
    { system: 'popularity', metrics: { 'hr@10': 0.0152 }, source: table },
  ],
});
