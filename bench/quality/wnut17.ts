/**
 * Emerging entities of WNUT17, from the train file alone: a word and character BiLSTM-CRF, and the same with the states of two
 * character language models, forward and backward, that this script trains on the training texts without their labels. The dev
 * file chooses the best weights, and chose the options; the test file is looked at at the end.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/wnut17.ts --data FOLDER [--runs BiLSTM-CRF,…] [--folder runs/wnut17]
 *
 * With --runs the others stay as they were measured before.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readResult } from '../circumstances.ts';
import { dataFile, keepQuality, type QualityResult, trainAndEvaluate, unrolled } from './run.ts';

const { values } = parseArgs({
  options: { data: { type: 'string' }, runs: { type: 'string' }, folder: { type: 'string', default: 'runs/wnut17' } },
});
const folder = values.folder;
mkdirSync(folder, { recursive: true });
const origin = 'github.com/leondz/emerging_entities_17';
const [train, valid, test] = ['wnut17train.conll', 'emerging.dev.conll', 'emerging.test.annotated'].map((name) =>
  dataFile(values.data, name, origin),
);

const config = {
  hiddenSize: 128,
  numLayers: 1,
  epochs: 12,
  learningRate: 0.003,
  dropout: 0.5,
  wordDropout: 1,
  averageDecay: 0.99,
  evaluateEvery: 212,
  features: ['prefix3', 'suffix3', 'shape', 'capitals'],
  entityBias: 1,
};
const seeds = [0, 1, 2];

/** A character language model of the training texts, a sentence a line; reversed: each character before the one it followed. */
function languageModel(isReversed: boolean): string {
  const sentences = readFileSync(train, 'utf8')
    .split(/\n\s*\n/)
    .map((sentence) =>
      sentence
        .split('\n')
        .map((line) => line.split('\t')[0])
        .join(' ')
        .trim(),
    );
  const text = `${sentences.filter((sentence) => sentence !== '').join('\n')}\n`;
  const name = isReversed ? 'backward' : 'forward';
  const path = join(folder, `${name}.txt`);
  writeFileSync(path, isReversed ? Array.from(text).reverse().join('') : text);
  const out = join(folder, name);
  rmSync(out, { recursive: true, force: true });
  unrolled([
    ...['train', 'language-model', path, '--out', out, '--hidden-size', '192', '--dropout', '0.2'],
    ...['--epochs', '6', '--sample-length', '0'],
  ]);
  return join(out, 'model.safetensors');
}

const names = ['BiLSTM-CRF', 'BiLSTM-CRF with language models'] as const;
const before = readResult<QualityResult>('quality-wnut17')?.runs ?? [];
const wanted = values.runs?.split(',') ?? names;
const runs = names.flatMap((name) => {
  if (!wanted.includes(name)) return before.filter((run) => run.name.startsWith(`${name}, seed`));
  const models = name === 'BiLSTM-CRF' ? {} : { languageModels: [languageModel(false)], reverseLanguageModels: [languageModel(true)] };
  return seeds.map((seed) =>
    trainAndEvaluate({
      name: `${name}, seed ${seed}`,
      task: 'tagging',
      train: [train],
      valid: [valid],
      test: [test],
      out: join(folder, `${name.toLowerCase().replaceAll(' ', '-')}-${seed}`),
      config: { ...config, ...models, seed },
    }),
  );
});

keepQuality('wnut17', 'UNROLLED_THREADS=1 npx tsx bench/quality/wnut17.ts --data FOLDER', {
  data: 'WNUT17: 3,394 sentences to train on, 1,009 to choose the best weights by, 1,287 to test on (1,079 entities of 6 types)',
  runs,
  hasMean: false,
  targets: seeds.map((seed) => ({ metric: 'entityF1', run: `BiLSTM-CRF, seed ${seed}`, atLeast: 0.3 })),
  published: [
    { system: 'UH-RiTUAL', metrics: { entityF1: 0.4186 }, source: 'submission, recomputed; pretrained vectors' },
    { system: 'SpinningBytes', metrics: { entityF1: 0.4078 }, source: 'submission, recomputed; pretrained vectors' },
    { system: 'MIC-CIS', metrics: { entityF1: 0.3706 }, source: 'submission, recomputed' },
    { system: 'Drexel-CCI', metrics: { entityF1: 0.263 }, source: 'submission, recomputed' },
  ],
});
