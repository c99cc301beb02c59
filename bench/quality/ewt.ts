/**
 * Parts of speech on UD English-EWT, from the train file alone, on gold tokens: UPOS; XPOS from the words; XPOS with gold UPOS and
 * lemma as linguistic features. The dev file chooses the best weights; the options are usual ones, confirmed on the dev file. The test
 * file is looked at at the end.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/ewt.ts --data FOLDER [--runs UPOS,…] [--folder runs/ewt]
 *
 * With --runs the others stay as they were measured before.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readResult } from '../circumstances.ts';
import { dataFile, keepQuality, type QualityResult, trainAndEvaluate } from './run.ts';

const { values } = parseArgs({
  options: { data: { type: 'string' }, runs: { type: 'string' }, folder: { type: 'string', default: 'runs/ewt' } },
});
const [train, valid, test] = ['train', 'dev', 'test'].map((part) =>
  dataFile(values.data, `en_ewt-ud-${part}.conllu`, 'github.com/UniversalDependencies/UD_English-EWT'),
);

const features = ['prefix2', 'suffix2', 'suffix3', 'shape'];
const config = { hiddenSize: 128, epochs: 10, learningRate: 0.003, dropout: 0.4, averageDecay: 0.995, evaluateEvery: 784 };
const configs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  UPOS: { ...config, target: 'upos', features },
  XPOS: { ...config, target: 'xpos', features },
  'XPOS with UPOS and lemma': { ...config, target: 'xpos', features: [...features, 'upos', 'lemma'] },
};

const before = readResult<QualityResult>('quality-ewt')?.runs ?? [];
const wanted = values.runs?.split(',') ?? Object.keys(configs);
const runs = Object.keys(configs).flatMap((name) => {
  if (!wanted.includes(name)) return before.filter((run) => run.name === name);
  const out = join(values.folder, name.toLowerCase().replaceAll(' ', '-'));
  return [trainAndEvaluate({ name, task: 'tagging', train: [train], valid: [valid], test: [test], out, config: configs[name] })];
});

keepQuality('ewt', 'UNROLLED_THREADS=1 npx tsx bench/quality/ewt.ts --data FOLDER', {
  data: 'UD English-EWT: 12,544 sentences to train on, 2,001 to choose the best weights by, 2,077 (25,094 words) to test on; gold tokens',
  runs,
  hasMean: false,
  targets: [{ metric: 'accuracy', run: 'UPOS', atLeast: 0.948 }],
  published: [
    {
      system: 'Stanza 1.5.1, UPOS',
      metrics: { accuracy: 0.962 },
      source: 'its performance page, UD 2.12; from raw text, pretrained vectors',
    },
    {
      system: 'Stanza 1.5.1, XPOS',
      metrics: { accuracy: 0.9575 },
      source: 'its performance page, UD 2.12; from raw text, pretrained vectors',
    },
  ],
});
