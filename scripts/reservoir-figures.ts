/**
 * Draws the pictures of docs/reservoirs.md: `npx tsx scripts/reservoir-figures.ts`. Each is drawn from numbers that lie beside it
 * as JSON; the command computes those anew first (some minutes). test/house/reservoir-figures.test.ts holds the pictures to the numbers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  bestTrial,
  crossValidate,
  defaultSearchSpace,
  drawRun,
  drawSearchMap,
  EchoStateNetwork,
  lorenz,
  mackeyGlass,
  Random,
  type SearchTrial,
  searchReservoir,
  tensor,
} from '../src/index.ts';

const images = resolve(import.meta.dirname, '../docs/images');

interface Run {
  readonly columns: readonly { readonly name: string; readonly before: number[]; readonly told: number[]; readonly truth: number[] }[];
}

/** File, what its numbers are computed by, and how it is drawn. */
export const pictures: readonly {
  readonly file: string;
  readonly compute: () => Promise<unknown>;
  readonly draw: (numbers: never) => string;
}[] = [
  {
    file: 'reservoir-search',
    compute: search,
    draw: (trials: readonly SearchTrial[]) =>
      drawSearchMap(
        trials.map((trial) => ({ ...trial, score: trial.score ?? Number.POSITIVE_INFINITY })),
        { space: defaultSearchSpace, title: 'Mackey-Glass: 84 steps free, 100 units', scoreLabel: 'nrmse' },
      ),
  },
  {
    file: 'reservoir-run',
    compute: async () => run(),
    draw: ({ columns }: Run) => drawRun(columns, { title: 'The Lorenz system goes on by itself: 500 units' }),
  },
];

/** The picture of numbers as they were kept. */
export function drawn({ file, draw }: (typeof pictures)[number]): { readonly kept: string; readonly now: string } {
  const numbers = JSON.parse(readFileSync(join(images, `${file}.json`), 'utf8')) as never;
  return { kept: readFileSync(join(images, `${file}.svg`), 'utf8'), now: draw(numbers) };
}

async function search(): Promise<SearchTrial[]> {
  const series = mackeyGlass(3000, { rng: new Random(7) }).map((value) => Math.tanh(value - 1));
  const trials: SearchTrial[] = [];
  const evaluate = (point: object, share: number) => {
    const length = Math.round(share * 2999);
    const column = (from: number) => tensor(Float32Array.from(series.subarray(from, from + length)), { shape: [1, length, 1] });
    const given = { inputSize: 1, outputSize: 1, hiddenSize: 100, washout: Math.min(100, Math.floor(length / 8)), ...point };
    return crossValidate({ ...given, rng: new Random(1) }, column(0), column(1), { folds: 3, freeRun: 84 });
  };
  for await (const trial of searchReservoir(evaluate, { trials: 60, rng: new Random(3) })) trials.push(trial);
  console.log(`best: ${JSON.stringify(bestTrial(trials)?.point)}`);
  return trials.map((trial) => ({ ...trial, result: null }));
}

function run(): Run {
  const series = lorenz(7000, { rng: new Random(11) }).map((value) => value / 20);
  const part = (from: number, to: number) => tensor(Float32Array.from(series.subarray(3 * from, 3 * to)), { shape: [1, to - from, 3] });
  const esn = new EchoStateNetwork({
    ...{ inputSize: 3, outputSize: 3, hiddenSize: 500, spectralRadius: 0.31, leakRate: 0.39, inputScaling: 1.28, biasScaling: 0.89 },
    ...{ ridge: 1e-10, rng: new Random(2) },
  });
  const { state } = esn.fit(part(0, 5999), part(1, 6000));
  const told = esn.generate(1000, state).output.dataSync();
  const column = (values: ArrayLike<number>, c: number) =>
    Array.from({ length: values.length / 3 }, (_, t) => Math.round(values[3 * t + c] * 20 * 1e4) / 1e4);
  return {
    columns: ['x', 'y', 'z'].map((name, c) => ({
      name,
      before: column(series.subarray(3 * 5700, 3 * 6000), c),
      told: column(told, c),
      truth: column(series.subarray(3 * 6000), c),
    })),
  };
}

if (process.argv[1] === import.meta.filename) {
  for (const { file, compute, draw } of pictures) {
    const numbers = await compute();
    writeFileSync(join(images, `${file}.json`), `${JSON.stringify(numbers)}\n`);
    writeFileSync(join(images, `${file}.svg`), draw(JSON.parse(JSON.stringify(numbers)) as never));
  }
}
