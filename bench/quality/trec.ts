/**
 * TREC question classification, 6 classes, without pretrained vectors, three seeds. Options, the number of epochs among them,
 * were chosen with a tenth of the training questions held out, `consistency` by folds of them; here all but a fiftieth are learnt
 * from, and the last weights are taken.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/trec.ts --data FOLDER [--seeds 0,1,2] [--folder runs/trec]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dataFile, keepQuality, trainAndEvaluate } from './run.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    seeds: { type: 'string', default: '0,1,2' },
    folder: { type: 'string', default: 'runs/trec' },
  },
});
const folder = values.folder;
mkdirSync(folder, { recursive: true });

/** `COARSE:fine question` in ISO-8859-1 becomes a table of label and text in UTF-8. */
function table(name: 'train' | 'test'): string {
  const published = readFileSync(dataFile(values.data, `TREC.${name}`, 'github.com/harvardnlp/sent-conv-torch, data/raw'), 'latin1');
  const rows = published
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.replace(/^([A-Z]+):\S+ /, '$1\t'));
  const path = join(folder, `${name}.tsv`);
  writeFileSync(path, `label\ttext\n${rows.join('\n')}\n`);
  return path;
}

const config = {
  cell: 'lstm',
  hiddenSize: 128,
  pooling: 'max',
  embeddingSize: 300,
  features: ['suffix2', 'suffix3', 'shape'],
  characterHiddenSize: 0,
  dropout: 0.5,
  wordDropout: 0.5,
  labelSmoothing: 0.1,
  consistency: 1,
  learningRate: 0.0015,
  schedule: 'constant',
  averageDecay: 0.998,
  batchSize: 32,
  epochs: 10,
  validFraction: 0.02,
  // One validation, at the end: no weights are chosen by it.
  evaluateEvery: 1_000_000,
};

const [train, test] = [table('train'), table('test')];
const runs = values.seeds.split(',').map((seed) =>
  trainAndEvaluate({
    name: `seed ${seed}`,
    task: 'text-classification',
    train: [train],
    test: [test],
    out: join(folder, `seed-${seed}`),
    config: { ...config, seed: Number(seed) },
  }),
);
keepQuality('trec', 'UNROLLED_THREADS=1 npx tsx bench/quality/trec.ts --data FOLDER', {
  data: 'TREC questions (Li & Roth 2002), 6 classes: 5,452 to train on, a fiftieth of them held out to watch the training by; 500 to test on',
  runs,
  hasMean: true,
  targets: [{ metric: 'accuracy', atLeast: 0.9 }],
  published: [
    { system: 'CNN, random vectors', metrics: { accuracy: 0.882 }, source: 'README of harvardnlp/sent-conv-torch' },
    { system: 'CNN, random vectors', metrics: { accuracy: 0.912 }, source: 'Kim (2014), arXiv:1408.5882' },
    { system: 'LSTM, word2vec', metrics: { accuracy: 0.932 }, source: 'Zhou et al. (2015), arXiv:1511.08630' },
    { system: 'BiLSTM, word2vec', metrics: { accuracy: 0.93 }, source: 'Zhou et al. (2015), arXiv:1511.08630' },
    { system: 'C-LSTM, word2vec', metrics: { accuracy: 0.946 }, source: 'Zhou et al. (2015), arXiv:1511.08630' },
  ],
});
