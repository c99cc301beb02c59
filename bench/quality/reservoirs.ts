/**
 * Echo state networks on the series that the field measures itself by: NARMA-10, Mackey-Glass (τ = 17), Lorenz, the Santa Fe laser, and
 * memory capacity. Ten networks each, seeds 1 … 10; the table gives the median. Options were chosen on other series (seed 1000; the
 * laser's: the first 2,000 values, which are what is learnt from) by a search as `unrolled train reservoir --search` makes it; what is
 * tested on was looked at once they were fixed.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/reservoirs.ts --data FOLDER [--reservoirpy] [--runs 'NARMA-10;Lorenz']
 *
 * With --reservoirpy the same series are given to ReservoirPy (reservoirs.py beside this file; PYTHON names the program, default
 * python3), with the same options and as many seeds. With --runs the others stay as they were measured before.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  concat,
  EchoStateNetwork,
  type EchoStateNetworkOptions,
  lorenz,
  lorenzExponent,
  mackeyGlass,
  memoryCapacity,
  narma,
  nrmse,
  Random,
  Reservoir,
  scope,
  slice,
  type Tensor,
  tensor,
  validSteps,
} from '../../src/index.ts';
import { circumstances, keepResult, readResult } from '../circumstances.ts';
import type { ReservoirBenchmark, ReservoirsResult } from '../reservoirs-table.ts';
import { dataFile, unrolled } from './run.ts';

const { values } = parseArgs({
  options: { data: { type: 'string' }, runs: { type: 'string' }, reservoirpy: { type: 'boolean', default: false } },
});
const seeds = Array.from({ length: 10 }, (_, i) => i + 1);

/** A benchmark: how a network of a seed does, and what ReservoirPy is asked to do. */
interface Benchmark {
  readonly name: string;
  readonly protocol: string;
  /** Of the numbers. */
  readonly measure: string;
  readonly isHigherBetter: boolean;
  readonly options: Readonly<Record<string, number | boolean>>;
  readonly run: (seed: number) => number;
  /** Series and cuts, for reservoirs.py. */
  readonly peer: (seed: number) => Readonly<Record<string, unknown>>;
  readonly published: ReservoirBenchmark['published'];
}

const column = (series: ArrayLike<number>, width = 1): Tensor =>
  tensor(Float32Array.from(series), { shape: [1, series.length / width, width] });
const steps = (x: Tensor, begin: number, end: number): Tensor => slice(x, 1, begin, end);

/** Networks as they were drawn: benchmarks of the same options and seed share one, whose readout is solved for anew. */
const networks = new Map<string, EchoStateNetwork>();
function network(options: object, seed: number): EchoStateNetwork {
  const key = JSON.stringify([options, seed]);
  const known = networks.get(key) ?? new EchoStateNetwork({ ...(options as EchoStateNetworkOptions), rng: new Random(seed) });
  networks.set(key, known);
  return known;
}

/** Fits on the first steps, goes on over the rest: its error there. */
function nextStep(options: object, x: Tensor, y: Tensor, cut: number, seed: number): number {
  return scope(() => {
    const esn = network(options, seed);
    const { state } = esn.fit(steps(x, 0, cut), steps(y, 0, cut));
    const { output } = esn.forward(steps(x, cut, x.shape[1]), state);
    return nrmse(output.dataSync(), steps(y, cut, x.shape[1]).dataSync(), y.shape[2]);
  });
}

/** Starts of free runs, each after a warm-up of its own by the truth. Returns what is told and the truth: [runs, steps, O]. */
function freeRuns(options: object, series: Tensor, plan: FreeRunPlan, seed: number): { told: Float64Array; truth: Float64Array } {
  const { cut, warmUp, every, runs, length } = plan;
  return scope(() => {
    const esn = network(options, seed);
    esn.fit(steps(series, 0, cut - 1), steps(series, 1, cut));
    const starts = Array.from({ length: runs }, (_, i) => cut + warmUp + i * every);
    const batch = (from: number, to: number) =>
      concat(
        starts.map((start) => steps(series, start + from, start + to)),
        0,
      );
    const warm = esn.forward(batch(-warmUp, -1), null, { teacher: batch(1 - warmUp, 0) });
    const { output } = esn.generate(length, warm.state);
    return { told: Float64Array.from(output.dataSync()), truth: Float64Array.from(batch(0, length).dataSync()) };
  });
}

interface FreeRunPlan {
  /** Steps to learn from. */
  readonly cut: number;
  readonly warmUp: number;
  /** Steps from one start to the next. */
  readonly every: number;
  readonly runs: number;
  readonly length: number;
}

/** √(mean over runs of the squared error at the last step / variance of the series), as Jaeger & Haas have it. */
function errorAtEnd(options: object, series: Float64Array, plan: FreeRunPlan, seed: number): number {
  const { told, truth } = freeRuns(options, column(series), plan, seed);
  const mean = series.reduce((sum, value) => sum + value, 0) / series.length;
  const variance = series.reduce((sum, value) => sum + (value - mean) ** 2, 0) / series.length;
  let squares = 0;
  for (let i = plan.length - 1; i < told.length; i += plan.length) squares += (told[i] - truth[i]) ** 2;
  return Math.sqrt(squares / plan.runs / variance);
}

const narmaOptions = {
  inputSize: 1,
  outputSize: 1,
  hiddenSize: 200,
  spectralRadius: 1.1,
  leakRate: 0.93,
  inputScaling: 0.27,
  biasScaling: 0.75,
  ridge: 1e-10,
  washout: 200,
};
const mackeyOptions = {
  inputSize: 1,
  outputSize: 1,
  hiddenSize: 1000,
  spectralRadius: 0.9,
  leakRate: 0.48,
  inputScaling: 1.8,
  biasScaling: 0.29,
  ridge: 1e-10,
  washout: 1000,
};
const lorenzOptions = {
  inputSize: 3,
  outputSize: 3,
  hiddenSize: 500,
  spectralRadius: 0.31,
  leakRate: 0.39,
  inputScaling: 1.28,
  biasScaling: 0.89,
  ridge: 1e-10,
  washout: 200,
};
const laserOptions = {
  inputSize: 1,
  outputSize: 1,
  hiddenSize: 200,
  spectralRadius: 0.33,
  leakRate: 0.97,
  inputScaling: 3.57,
  biasScaling: 1.13,
  ridge: 1e-4,
  washout: 200,
};
const memoryOptions = { inputSize: 1, hiddenSize: 100, spectralRadius: 0.95, inputScaling: 0.01, biasScaling: 0 };

const mackey = (seed: number) => mackeyGlass(8000, { rng: new Random(seed) }).map((value) => Math.tanh(value - 1));
const mackeyPlan: FreeRunPlan = { cut: 4000, warmUp: 1000, every: 50, runs: 50, length: 84 };
const lorenzSeries = (seed: number) => lorenz(11_000, { rng: new Random(seed) }).map((value) => value / 20);
const lorenzPlan: FreeRunPlan = { cut: 5000, warmUp: 500, every: 350, runs: 13, length: 1000 };
const numbersIn = (name: string, origin: string) =>
  readFileSync(dataFile(values.data, name, origin), 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
const laser = numbersIn('santafe_laser.txt', 'github.com/reservoirpy/reservoirpy').map((value) => value / 128 - 1);
const mackeyFile = Float64Array.from(numbersIn('MackeyGlass_t17.txt', 'github.com/pkino/time-delayed-reservoir-computing'));

const benchmarks: readonly Benchmark[] = [
  {
    name: 'NARMA-10',
    protocol: '2,000 steps to learn from (200 washed out), the next 2,000 to test on; 200 units',
    measure: 'nrmse',
    isHigherBetter: false,
    options: narmaOptions,
    run(seed) {
      const { u, y } = narma(4000, new Random(seed).fork('narma'));
      return nextStep(narmaOptions, column(u), column(y), 2000, seed);
    },
    peer(seed) {
      const { u, y } = narma(4000, new Random(seed).fork('narma'));
      return { kind: 'next', x: [...u], y: [...y], cut: 2000 };
    },
    published: [
      { system: 'ESN of 200 units', value: 0.206, source: 'Rodan & Tiňo 2011, NMSE 0.0425', isFromMemory: true },
      { system: 'simple cycle reservoir of 200 units', value: 0.179, source: 'Rodan & Tiňo 2011, NMSE 0.032', isFromMemory: true },
    ],
  },
  {
    name: 'Mackey-Glass, next step',
    protocol: 'τ = 17, Runge-Kutta, tanh(x − 1); 4,000 steps to learn from (1,000 washed out), the next 4,000 to test on; 1,000 units',
    measure: 'nrmse',
    isHigherBetter: false,
    options: mackeyOptions,
    run(seed) {
      const series = mackey(seed);
      return nextStep(mackeyOptions, column(series.slice(0, -1)), column(series.slice(1)), 4000, seed);
    },
    peer(seed) {
      const series = [...mackey(seed)];
      return { kind: 'next', x: series.slice(0, -1), y: series.slice(1), cut: 4000 };
    },
    published: [],
  },
  {
    name: 'Mackey-Glass, 84 steps free',
    protocol: 'the same; error at step 84 of 50 free runs, each after 1,000 steps of truth',
    measure: 'nrmse at step 84',
    isHigherBetter: false,
    options: mackeyOptions,
    run: (seed) => errorAtEnd(mackeyOptions, mackey(seed), mackeyPlan, seed),
    peer: (seed) => ({ kind: 'free', series: [...mackey(seed)], width: 1, plan: mackeyPlan }),
    published: [
      { system: 'ESN of 1,000 units', value: 10 ** -4.2, source: 'Jaeger & Haas 2004, 10^−4.2, a series of their own', isFromMemory: true },
    ],
  },
  {
    name: 'Mackey-Glass, given file, 84 steps free',
    protocol: 'MackeyGlass_t17.txt: 2,000 values to learn from, 50 free runs in the next 4,500; 1,000 units',
    measure: 'nrmse at step 84',
    isHigherBetter: false,
    options: mackeyOptions,
    run: (seed) => errorAtEnd(mackeyOptions, mackeyFile, { ...mackeyPlan, cut: 2000 }, seed),
    peer: () => ({ kind: 'free', series: [...mackeyFile], width: 1, plan: { ...mackeyPlan, cut: 2000 } }),
    published: [
      {
        system: 'best and median of 100 seeds, whole free run',
        value: 0.103,
        source: 'README of github.com/aloksGithub/ESN_hyperparams: nrmse 0.0126 best, 0.103 median, scaling and length of its own',
        isFromMemory: false,
      },
    ],
  },
  {
    name: 'Lorenz',
    protocol:
      'steps of 0.02, 5,000 to learn from; 13 free runs after 500 steps of truth, until the error is above 0.4 of the deviation; median of the runs, in Lyapunov times (1/0.9056); 500 units',
    measure: 'valid prediction time',
    isHigherBetter: true,
    options: lorenzOptions,
    run(seed) {
      const { told, truth } = freeRuns(lorenzOptions, column(lorenzSeries(seed), 3), lorenzPlan, seed);
      const size = lorenzPlan.length * 3;
      const times = Array.from({ length: lorenzPlan.runs }, (_, i) => {
        const part = (all: Float64Array) => all.subarray(i * size, (i + 1) * size);
        return validSteps(part(told), part(truth), 3) * 0.02 * lorenzExponent;
      });
      return median(times);
    },
    peer: (seed) => ({ kind: 'lorenz', series: [...lorenzSeries(seed)], width: 3, plan: lorenzPlan, step: 0.02 * lorenzExponent }),
    published: [
      {
        system: 'reservoir computer, options chosen for this, far more data and units',
        value: 30,
        source: 'Hurley & Shaheen 2025, arXiv:2508.06730 (abstract: more than 30)',
        isFromMemory: false,
      },
    ],
  },
  {
    name: 'Santa Fe laser',
    protocol: 'next value: 2,000 to learn from (200 washed out), the next 3,000 to test on; 200 units',
    measure: 'nrmse',
    isHigherBetter: false,
    options: laserOptions,
    run: (seed) => nextStep(laserOptions, column(laser.slice(0, 4999)), column(laser.slice(1, 5000)), 2000, seed),
    peer: () => ({ kind: 'next', x: laser.slice(0, 4999), y: laser.slice(1, 5000), cut: 2000 }),
    published: [{ system: 'ESN of 200 units', value: 0.0905, source: 'Rodan & Tiňo 2011, NMSE 0.00819', isFromMemory: true }],
  },
  {
    name: 'Memory capacity',
    protocol: 'Σ r² over delays 1 … 200 of an input uniform in ±0.8, readouts from 2,000 steps tested on 2,000 others; 100 units',
    measure: 'capacity, at most 100',
    isHigherBetter: true,
    options: memoryOptions,
    run: (seed) =>
      memoryCapacity(new Reservoir({ ...memoryOptions, rng: new Random(seed) }), { rng: new Random(seed).fork('memory') }).capacity,
    peer(seed) {
      const u = new Random(seed).fork('memory').fillUniform(new Float64Array(200 + 4000), -0.8, 0.8);
      return { kind: 'memory', x: [...u], delays: 200, steps: 2000 };
    },
    published: [],
  },
];

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** What ReservoirPy reaches on the same series with the same options: a number for each seed. */
function askPeer({ name, options, peer }: Benchmark): { version: string; values: number[] } {
  const request = JSON.stringify({ options, runs: seeds.map((seed) => ({ seed, ...peer(seed) })) });
  const script = new URL('reservoirs.py', import.meta.url).pathname;
  const { stdout, status } = spawnSync(process.env.PYTHON ?? 'python3', [script], {
    input: request,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`reservoirs.py ended with ${status} on ${name}`);
  return JSON.parse(stdout) as { version: string; values: number[] };
}

const before = readResult<ReservoirsResult>('quality-reservoirs')?.benchmarks ?? [];
const wanted = values.runs?.split(';');
const measured = benchmarks.flatMap((benchmark): ReservoirBenchmark[] => {
  const { name, protocol, measure, isHigherBetter, options, published, run } = benchmark;
  const known = before.find((one) => one.name === name);
  const facts = { name, protocol, measure, isHigherBetter, options, published };
  if (wanted !== undefined && !wanted.includes(name)) return known === undefined ? [] : [{ ...known, published, protocol }];
  const begun = performance.now();
  const results = seeds.map(run);
  const seconds = (performance.now() - begun) / 1000 / seeds.length;
  console.log(
    `${name}: median ${median(results).toPrecision(4)} (${Math.min(...results).toPrecision(3)} … ${Math.max(...results).toPrecision(3)}), ${seconds.toFixed(2)} s each`,
  );
  let reservoirpy = known?.reservoirpy ?? null;
  if (values.reservoirpy) {
    const { version, values: theirs } = askPeer(benchmark);
    reservoirpy = { version, values: theirs };
    console.log(
      `  ReservoirPy ${version}: median ${median(theirs).toPrecision(4)} (${Math.min(...theirs).toPrecision(3)} … ${Math.max(...theirs).toPrecision(3)})`,
    );
  }
  return [{ ...facts, values: results, secondsPerSeed: seconds, reservoirpy }];
});

const { backends } = JSON.parse(unrolled(['doctor', '--json'])) as { backends: { isChosen: boolean; description: string }[] };
keepResult('quality-reservoirs', {
  ...circumstances('UNROLLED_THREADS=1 npx tsx bench/quality/reservoirs.ts --data FOLDER --reservoirpy'),
  description: backends.find(({ isChosen }) => isChosen)!.description,
  benchmarks: measured,
});
