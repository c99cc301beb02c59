/**
 * How far back networks learn to remember: adding and copy memory with what matters T = 50…1000 steps back, for an RNN with tanh, one with
 * relu and the identity, an LSTM, a GRU and an echo state network; and, at T = 200, what helps. Beside each result the norm of the
 * gradient through time, before training and after. With three seeds each: three quarters of an hour of one core.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/long-memory.ts            raw results, table and figure of docs/long-memory.md
 *   … --again                                                          measures anew what has been measured
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { scope } from '../../src/autograd/scope.ts';
import { noGrad } from '../../src/autograd/tape.ts';
import { getBackend } from '../../src/backend/select.ts';
import { gradientFlow } from '../../src/insight/gradient-flow.ts';
import { Adam } from '../../src/optim/adam.ts';
import { DivergenceError } from '../../src/tensor/errors.ts';
import { Random } from '../../src/tensor/random.ts';
import { circumstances, keepResult, readResult } from '../circumstances.ts';
import { bestEchoState } from './long-memory/echo-state.ts';
import { cells, hiddenSize, type NetworkKind, Rememberer, remedies } from './long-memory/networks.ts';
import { type Batch, type Problem, problems } from './long-memory/problems.ts';
import { distances, type GradientCurve, type LongMemory, type MemoryRun, remedyDistance, seeds } from './long-memory/results.ts';

/** Of training, at most: 32 new sequences each. */
const maxSteps = 2500;
const batchSize = 32;
const validateEvery = 100;

function main(): void {
  const command = 'UNROLLED_THREADS=1 npx tsx bench/quality/long-memory.ts';
  const before = process.argv.includes('--again') ? null : readResult<LongMemory>('long-memory');
  let runs: readonly MemoryRun[] = before?.runs ?? [];
  const setting = { hiddenSize, batchSize, maxSteps, validateEvery };
  for (const { problem, kind, T, seed } of seeds.flatMap((seed) => planned().map((one) => ({ ...one, seed })))) {
    if (runs.some((run) => run.problem === problem.name && run.network === kind.name && run.T === T && run.seed === seed)) continue;
    const run = kind.name === 'esn' ? echoStateRun(problem, T, seed) : trainedRun(problem, kind as NetworkKind, T, seed);
    runs = [...runs, run];
    console.log(
      `${run.problem} ${run.network} T=${T} seed ${seed}: ${run.isSolved ? 'solved' : 'not solved'}, error ${run.error?.toPrecision(3)} after ${run.steps} steps, ${run.seconds.toFixed(0)} s`,
    );
    keepResult('long-memory', { ...circumstances(command), description: getBackend().description, setting, runs });
  }
}

/** Short ones first. */
function planned(): { problem: Problem; kind: NetworkKind | { name: 'esn' }; T: number }[] {
  const grid = distances.flatMap((T) =>
    problems.flatMap((problem) => [...cells, { name: 'esn' } as const].map((kind) => ({ problem, kind, T }))),
  );
  const helps = problems.flatMap((problem) =>
    remedies
      .filter(({ problems: only }) => only === undefined || only.includes(problem.name))
      .map((kind) => ({ problem, kind, T: remedyDistance })),
  );
  const isShort = ({ T }: { T: number }): boolean => T <= remedyDistance;
  return [...grid.filter(isShort), ...helps, ...grid.filter((one) => !isShort(one))];
}

function trainedRun(problem: Problem, kind: NetworkKind, T: number, seed: number): MemoryRun {
  const rng = new Random(seed);
  const model = new Rememberer(problem, T, kind, rng.fork('weights'));
  const optimizer = new Adam(model, { learningRate: kind.learningRate, ...(kind.clipNorm === null ? {} : { clipNorm: kind.clipNorm }) });
  const data = rng.fork('sequences');
  const [valid, test, probe] = [200, 1000, batchSize].map((size, k) => problem.batch(T, size, new Random(100 + k)));
  const errorOn = (batch: Batch): number =>
    problem.error(
      scope(() => noGrad(() => model.answers(T, batch).dataSync() as Float32Array)),
      batch,
    );
  const curve = (): GradientCurve => {
    const [{ times, gradientNorms, growth }] = gradientFlow(model, () => problem.loss(model.answers(T, probe), probe)).layers.slice(-1);
    const shown = times.filter((_, k) => k % Math.ceil(times.length / 50) === 0 || k === times.length - 1);
    return { times: shown, norms: shown.map((t) => Number(gradientNorms[times.indexOf(t)].toPrecision(4))), growth };
  };
  const begun = process.cpuUsage();
  const first = curve();
  let [steps, divergedAt] = [0, null as number | null];
  let last = first;
  try {
    while (steps < maxSteps) {
      const batch = problem.batch(T, batchSize, data);
      optimizer.step(() => problem.loss(model.answers(T, batch), batch));
      steps++;
      if (steps % validateEvery === 0 && errorOn(valid) <= problem.solved) break;
    }
    last = curve();
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    divergedAt = steps + 1;
  }
  const { user, system } = process.cpuUsage(begun);
  const error = errorOn(test);
  return {
    seed,
    problem: problem.name,
    network: kind.name,
    label: kind.label,
    T,
    isSolved: divergedAt === null && error <= problem.solved,
    error: Number.isFinite(error) ? error : null,
    guessing: problem.guessing,
    steps,
    divergedAt,
    seconds: (user + system) / 1e6,
    options: { learningRate: kind.learningRate, clipNorm: kind.clipNorm, truncate: kind.truncate ?? null },
    gradient: { before: first, after: last },
  };
}

function echoStateRun(problem: Problem, T: number, seed: number): MemoryRun {
  const begun = process.cpuUsage();
  const test = problem.batch(T, 1000, new Random(101));
  const { setting, error } = bestEchoState(problem, T, test, T > remedyDistance, seed);
  const { user, system } = process.cpuUsage(begun);
  return {
    seed,
    problem: problem.name,
    network: 'esn',
    label: 'ESN, 500 units',
    T,
    isSolved: error <= problem.solved,
    error,
    guessing: problem.guessing,
    steps: 0,
    divergedAt: null,
    seconds: (user + system) / 1e6,
    options: setting,
    gradient: null,
  };
}

main();
execFileSync(process.execPath, [...process.execArgv, fileURLToPath(new URL('../tables.ts', import.meta.url))], { stdio: 'inherit' });
