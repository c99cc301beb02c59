/**
 * Whether a task's readers, batches and losses hold its training back: the time of a training step as users get it, and how
 * much of it the bare engine takes: the recurrent kernels, the matrix products and the optimizer's, for the same batches. The
 * same for an evaluation, which decodes. On made-up data with the sizes of the quality runs.
 *
 *   npx tsx bench/throughput.ts [task…]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '../src/backend/backend.ts';
import { getBackend } from '../src/backend/select.ts';
import { taskNamed } from '../src/tasks/registry.ts';
import { parseOptions } from '../src/tasks/schema.ts';
import { circumstances, keepResult, readResult } from './circumstances.ts';
import { type Subject, subjects } from './throughput/subjects.ts';

export interface ThroughputRecord {
  readonly task: string;
  readonly what: 'training' | 'evaluation';
  readonly backend: string;
  readonly threads: number;
  /** Of a training step, or of the whole evaluation. */
  readonly ms: number;
  readonly engineMs: number;
  /** Throughput against the bare engine's. */
  readonly share: number;
  readonly itemsPerSecond: number;
  readonly items: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Throughput {
  readonly records: readonly ThroughputRecord[];
}

const engine = [
  ...['packWeights', 'gemm', 'rnnForward', 'rnnBackward', 'lstmForward', 'lstmBackward', 'gruForward', 'gruBackward'],
  ...['clipNorm', 'sgd', 'adam', 'rmsprop', 'adagrad'],
] as const;

/** Counts the time inside the bare engine's kernels from now on. */
function watchEngine(backend: Backend): { milliseconds: number } {
  const watch = { milliseconds: 0 };
  for (const name of engine) {
    const kernels = backend as unknown as Record<string, (...given: unknown[]) => unknown>;
    const kernel = kernels[name].bind(backend);
    kernels[name] = (...given) => {
      const since = performance.now();
      const result = kernel(...given);
      watch.milliseconds += performance.now() - since;
      return result;
    };
  }
  return watch;
}

/** Steps, and milliseconds, before JavaScript runs as fast as it does in a training of minutes. */
const warmUp = 20;
const warmUpMs = 2000;
const measured = 60;
/** More than are made. */
const mostSteps = 10_000;

async function measure({ task: name, write, options }: Subject, watch: { milliseconds: number }): Promise<ThroughputRecord[]> {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-throughput-'));
  try {
    const task = taskNamed(name);
    const { train, valid } = await write(folder);
    const given = { ...options, maxSteps: mostSteps, evaluateEvery: 1_000_000, checkpointEvery: 1_000_000 };
    const training = await task.prepare({
      train,
      valid,
      out: join(folder, 'run'),
      options: parseOptions(task.trainOptions, given) as Readonly<Record<string, unknown>>,
    });
    const steps: { readonly ms: number; readonly engineMs: number; readonly items: number }[] = [];
    const start = performance.now();
    let since = start;
    let warmedUp: number | null = null;
    watch.milliseconds = 0;
    for await (const event of training.run({})) {
      if (event.type !== 'step') continue;
      const now = performance.now();
      steps.push({ ms: now - since, engineMs: watch.milliseconds, items: event.itemsPerSecond });
      if (warmedUp === null && steps.length >= warmUp && now - start >= warmUpMs) warmedUp = steps.length;
      if (warmedUp !== null && steps.length === warmedUp + measured) break;
      watch.milliseconds = 0;
      since = performance.now();
    }
    const counted = steps.slice(-measured);
    const sum = (of: (step: (typeof steps)[number]) => number): number => counted.reduce((total, step) => total + of(step), 0);
    const ms = sum((step) => step.ms) / counted.length;
    const engineMs = sum((step) => step.engineMs) / counted.length;
    const facts = { task: name, backend: getBackend().name, threads: getBackend().threads, items: training.items, options };
    const step = { ...facts, what: 'training', ms, engineMs, share: engineMs / ms, itemsPerSecond: counted.at(-1)!.items } as const;

    await training.evaluate();
    watch.milliseconds = 0;
    const begun = performance.now();
    await training.evaluate();
    const whole = performance.now() - begun;
    const { milliseconds } = watch;
    const evaluation = {
      ...facts,
      what: 'evaluation',
      ms: whole,
      engineMs: milliseconds,
      share: milliseconds / whole,
      itemsPerSecond: 0,
    } as const;
    return [step, evaluation];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const watch = watchEngine(getBackend());
const before = readResult<Throughput>('throughput')?.records ?? [];
const records: ThroughputRecord[] = [];
for (const subject of subjects.filter(({ task }) => wanted.length === 0 || wanted.includes(task))) {
  for (const record of await measure(subject, watch)) {
    const { task, what, ms, engineMs, share } = record;
    console.log(`${task}, ${what}: ${ms.toFixed(2)} ms, the bare engine ${engineMs.toFixed(2)} ms: ${(share * 100).toFixed(0)} %`);
    records.push(record);
  }
}
const done = new Set(records.map(({ task }) => task));
keepResult('throughput', {
  ...circumstances('npx tsx bench/throughput.ts'),
  records: [...before.filter(({ task }) => !done.has(task)), ...records],
});
