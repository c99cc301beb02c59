/**
 * Digits as pen strokes (pendigits), writers of the test unseen: single digits, and lines of five digits drawn at random from one
 * writer. One bidirectional model reads both; a unidirectional one reads them while they are written.
 *
 * Options were chosen with --held-out 6: trained on 24 of the 30 training writers, judged by the other 6. Without it all 30 are
 * learnt from, and the last weights are judged by the 14 test writers.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/pendigits.ts --data FOLDER [--held-out 6] [--models bidirectional,streaming]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Ink } from '../../src/tasks/handwriting/ink.ts';
import { readHandwriting } from '../../src/tasks/handwriting/read.ts';
import { Random } from '../../src/tensor/random.ts';
import { readResult } from '../circumstances.ts';
import { dataFile, keepQuality, type QualityResult, type QualityRun, trainAndEvaluate, unrolled } from './run.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    folder: { type: 'string', default: 'runs/pendigits' },
    'held-out': { type: 'string', default: '0' },
    models: { type: 'string', default: 'bidirectional,streaming' },
    config: { type: 'string', default: '{}' },
    lines: { type: 'string', default: '8' },
  },
});
const heldOut = Number(values['held-out']);
const folder = values.folder;
mkdirSync(folder, { recursive: true });
const origin = 'github.com/choucavalier/pendigits-hmm, data';

interface Digit extends Pick<Ink, 'strokes'> {
  readonly text: string;
  readonly writer: string;
}

/** The digits of a file; `.COMMENT digit writer serial` stands below each segment. */
async function digitsIn(path: string): Promise<Digit[]> {
  const writers = [...readFileSync(path, 'utf8').matchAll(/^\.COMMENT +\d+ +(\d+) +\d+/gm)].map(([, writer]) => writer);
  const digits: Digit[] = [];
  for await (const ink of readHandwriting(path)) {
    digits.push({ text: ink.text!, strokes: (ink as Ink).strokes, writer: writers[digits.length] });
  }
  if (digits.length !== writers.length) throw new Error(`${path}: ${digits.length} digits, ${writers.length} writers`);
  return digits;
}

type Drawn = readonly (readonly (readonly [x: number, y: number])[])[];

/** Digits beside one another, 20 to 80 tablet units apart (a digit is about 170 high); heights stay as they were written. */
function lineOf(digits: readonly Digit[], rng: Random): { text: string; strokes: Drawn } {
  let cursor = 0;
  const strokes = digits.flatMap((digit) => {
    const xs = digit.strokes.flatMap(({ x }) => [...x]);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const shift = Math.round(cursor - left);
    cursor += right - left + 20 + 60 * rng.uniform();
    return digit.strokes.map(({ x, y }) => Array.from(x, (value, i) => [value + shift, y[i]] as const));
  });
  return { text: digits.map(({ text }) => text).join(''), strokes };
}

/**
 * Lines of so many digits of one writer: shuffled, since all writers wrote the same digits in the same order, and cut; `times`
 * over, each digit standing once in each round.
 */
function linesOf(digits: readonly Digit[], length: number, times: number, seed: number): string[] {
  const rng = new Random(seed);
  const writers = [...new Set(digits.map(({ writer }) => writer))];
  return Array.from({ length: times }, () =>
    writers.flatMap((writer) => {
      const own = digits.filter((digit) => digit.writer === writer);
      const order = [...rng.permutation(own.length)].map((i) => own[i]);
      return Array.from({ length: Math.floor(own.length / length) }, (_, i) =>
        JSON.stringify(lineOf(order.slice(i * length, (i + 1) * length), rng)),
      );
    }),
  ).flat();
}

function written(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const all = await digitsIn(dataFile(values.data, 'pendigits-orig.tra', origin));
const writers = [...new Set(all.map(({ writer }) => writer))];
const aside = new Set([...new Random(1).permutation(writers.length).subarray(0, heldOut)].map((i) => writers[i]));
const trainDigits = all.filter(({ writer }) => !aside.has(writer));
const testDigits =
  heldOut > 0 ? all.filter(({ writer }) => aside.has(writer)) : await digitsIn(dataFile(values.data, 'pendigits-orig.tes', origin));
const lengths = [1, 2, 3, 5];
const train = lengths.map((length) =>
  written(
    `train-lines-${length}.jsonl`,
    linesOf(trainDigits, length, length === 5 ? Number(values.lines) - 2 : 1, length === 1 ? 2 : 10 + length),
  ),
);
const single = written('test-single.jsonl', linesOf(testDigits, 1, 1, 3));
const lines = written('test-lines.jsonl', linesOf(testDigits, 5, 1, 4));

const config = {
  spacing: 0.06,
  cell: 'lstm',
  numLayers: 2,
  factors: [2, 1],
  hiddenSize: 96,
  dropout: 0.3,
  augmentRotation: 8,
  augmentScale: 0.15,
  augmentShear: 0.2,
  augmentWarp: 0.05,
  batchSize: 32,
  learningRate: 0.003,
  averageDecay: 0.998,
  epochs: 4,
  seed: 1,
  validFraction: 0.02,
  // One validation, at the end: no weights are chosen by it.
  evaluateEvery: 1_000_000,
};
/** What is particular to each model. */
const models: Readonly<Record<string, object>> = {
  bidirectional: {},
  streaming: { bidirectional: false, hiddenSize: 128, restSteps: 1 },
};

const runs = values.models.split(',').flatMap((name): QualityRun[] => {
  const out = join(folder, name);
  const complete = { ...config, ...models[name], ...JSON.parse(values.config) };
  const onLines = trainAndEvaluate({
    name: `${name}, lines of 5`,
    task: 'handwriting',
    train,
    test: [lines],
    out,
    config: complete,
  });
  const report = JSON.parse(unrolled(['evaluate', join(out, 'model.safetensors'), single, '--json']));
  console.log(`${name}, single digits: ${JSON.stringify(report.metrics)}`);
  return [onLines, { ...onLines, name: `${name}, single digits`, metrics: report.metrics, samples: report.samples }];
});
if (heldOut === 0) {
  // Models may be trained one at a time.
  const others = (readResult<QualityResult>('quality-pendigits')?.runs ?? []).filter(({ name }) => runs.every((run) => run.name !== name));
  keepQuality('pendigits', 'UNROLLED_THREADS=1 npx tsx bench/quality/pendigits.ts --data FOLDER', {
    data: `pendigits (Alpaydin & Alimoglu 1998), pen trajectories: ${trainDigits.length} digits of ${writers.length} writers to learn from, alone and in lines of 2, 3 and 5; ${testDigits.length} digits of 14 other writers to test on, alone (exact: share that is read right), and in ${readFileSync(lines, 'utf8').trim().split('\n').length} lines of 5, each digit at most once, drawn at random from one writer.`,
    runs: [...others, ...runs].sort((a, b) => a.name.localeCompare(b.name)),
    hasMean: false,
    targets: [
      { metric: 'exact', run: 'bidirectional, single digits', atLeast: 0.985 },
      { metric: 'cer', run: 'bidirectional, lines of 5', atMost: 0.025 },
    ],
    published: [
      {
        system: 'k-NN, k = 3, 8 resampled points, single digits',
        metrics: { exact: 0.978 },
        source: 'documentation of the data set (UCI, Alpaydin & Alimoglu 1998)',
      },
    ],
  });
}
