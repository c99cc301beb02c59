/**
 * Memory over a long run: 10,000 training steps, then 1,000,000 streaming steps, on each backend in a process of its own.
 * Resident memory is read after a garbage collection, so that what grows is what leaks.
 *
 *   npx tsx bench/soak.ts [share of the steps, for a trial]
 */
import { spawnSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BackendName } from '../src/backend/backend.ts';
import { setBackend } from '../src/backend/select.ts';
import { batchOf, LanguageModel } from '../src/cli/bench/language-model.ts';
import { median } from '../src/cli/bench/statistics.ts';
import { numbersOf, type Workload, workloads } from '../src/cli/bench/workloads.ts';
import { crossEntropy } from '../src/losses/cross-entropy.ts';
import { LSTM } from '../src/nn/lstm.ts';
import { Adam } from '../src/optim/adam.ts';
import { circumstances, keepResult } from './circumstances.ts';

interface SoakRecord {
  readonly backend: BackendName;
  readonly what: 'training' | 'streaming';
  readonly steps: number;
  readonly seconds: number;
  /** After each tenth of the steps. The first tenth is the warm-up. */
  readonly residentBytes: readonly number[];
  /** Of the median of the last three tenths over that of the three after the warm-up: V8's own heap comes and goes by 2 %. */
  readonly growth: number;
}

const tenths = 10;

async function soak(backend: BackendName, what: SoakRecord['what'], steps: number, step: () => unknown): Promise<SoakRecord> {
  const residentBytes: number[] = [];
  const start = performance.now();
  for (let tenth = 0; tenth < tenths; tenth++) {
    for (let i = 0; i < steps / tenths; i++) {
      step();
      // A host's event loop turns now and then, and what was collected is given back there.
      if (i % 100 === 0) await turn();
    }
    residentBytes.push(await settledBytes());
  }
  return {
    backend,
    what,
    steps,
    seconds: (performance.now() - start) / 1000,
    residentBytes,
    growth: median(residentBytes.slice(-3)) / median(residentBytes.slice(1, 4)) - 1,
  };
}

/** Resident memory once everything that can be collected has been, and what only it kept as well. */
async function settledBytes(): Promise<number> {
  const collect = (globalThis as { gc?: () => void }).gc!;
  for (let i = 0; i < 3; i++) {
    collect();
    await turn();
  }
  return process.memoryUsage.rss();
}

function soakTraining(backend: BackendName, steps: number): Promise<SoakRecord> {
  const workload: Workload = { ...workloads[0], inputSize: 32, hiddenSize: 32, T: 20, B: 8 };
  const numbers = numbersOf(workload);
  const model = new LanguageModel(workload, false);
  const optimizer = new Adam(model, { clipNorm: 1 });
  // Made anew in every step, as a data loader does.
  return soak(backend, 'training', steps, () =>
    optimizer.step(() => crossEntropy(model.forward(batchOf(numbers, 'tokens')), batchOf(numbers, 'targets'))).item(),
  );
}

function soakStreaming(backend: BackendName, steps: number): Promise<SoakRecord> {
  const stream = new LSTM({ inputSize: 32, hiddenSize: 64 }).eval().stream();
  const x = new Float32Array(32).fill(0.1);
  return soak(backend, 'streaming', steps, () => stream.step(x));
}

/** This file as a process on one backend; its result is its last line. */
function child(backend: BackendName, share: string): SoakRecord[] {
  // Room for new objects that does not come and go either.
  const args = [
    ...process.execArgv,
    '--expose-gc',
    '--min-semi-space-size=1',
    '--max-semi-space-size=1',
    fileURLToPath(import.meta.url),
    share,
    backend,
  ];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`the soak on ${backend} ended with ${status}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as SoakRecord[];
}

const [share = '1', only] = process.argv.slice(2);
if (only === undefined) {
  const records = (['native', 'wasm'] as const).flatMap((backend) => child(backend, share));
  for (const { backend, what, steps, seconds, residentBytes, growth } of records) {
    const [first, last] = [residentBytes[1], residentBytes.at(-1)!].map((bytes) => (bytes / 1e6).toFixed(1));
    console.log(`${backend}, ${steps} ${what} steps in ${seconds.toFixed(0)} s: ${first} → ${last} MB, ${(growth * 100).toFixed(2)} %`);
  }
  keepResult('soak', { ...circumstances(`npx tsx bench/soak.ts${share === '1' ? '' : ` ${share}`}`), records });
} else {
  const backend = only as BackendName;
  setBackend(backend);
  console.log(
    JSON.stringify([await soakTraining(backend, 10_000 * Number(share)), await soakStreaming(backend, 1_000_000 * Number(share))]),
  );
}
