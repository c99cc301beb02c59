/** Sets contenders up with the same numbers, compares what they compute, then lets them take turns. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Contender, type Launch, type Ready, type Setup } from './contender.ts';
import { median } from './statistics.ts';
import { numbersOf, type Workload } from './workloads.ts';

export interface Entrant {
  readonly label: string;
  /** Alternatives of which the fastest takes part: PyTorch's counts of threads. */
  readonly launches: readonly Launch[];
  /** onnxruntime's workers spin for a while after a call and would take a core from whoever is next. */
  readonly pauseMs?: number;
}

export interface Measured {
  readonly label: string;
  readonly ready: Ready;
  /** Milliseconds a call, in the order of rounds. */
  readonly samplesMs: readonly number[];
  /** The largest difference from the first entrant's outputs, relative to them where they are above 1; null when they are not comparable. */
  readonly largestDifference: number | null;
}

export interface Measurement {
  readonly measured: readonly Measured[];
  readonly unsupported: readonly { readonly label: string; readonly reason: string }[];
}

/** float32 sums in other orders, over up to 512 terms and 100 steps: 4e-7 was seen, and a wrong gate order gives 1e-1. */
const tolerance = 1e-4;
/** Someone this slow, in milliseconds a sample, takes part in the first rounds only. */
const slowMs = 3000;
const slowRounds = 2;
/** And this slow, in the first alone. */
const verySlowMs = 30_000;

interface Seat extends Omit<Measured, 'samplesMs'> {
  readonly contender: Contender;
  readonly pauseMs: number;
  readonly rounds: number;
  readonly samplesMs: number[];
}

/**
 * @param entrants  the first is the one that the others' outputs are compared with
 * @throws Error when outputs differ: times of different results mean nothing
 */
export async function measure(workload: Workload, threads: number, entrants: readonly Entrant[], rounds: number): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'unrolled-bench-'));
  const setup: Setup = { workload, threads, ...writeNumbers(workload, folder), outputFile: join(folder, 'outputs') };
  const seats: Seat[] = [];
  const unsupported: { label: string; reason: string }[] = [];
  try {
    let expected: Float32Array | undefined;
    for (const entrant of entrants) {
      const seated = await seat(entrant, setup, rounds);
      if ('unsupported' in seated) {
        unsupported.push({ label: entrant.label, reason: seated.unsupported });
        continue;
      }
      const { outputs, ...rest } = seated;
      expected ??= outputs;
      const largestDifference = differenceOf(outputs, expected);
      seats.push({ ...rest, largestDifference });
      if (largestDifference !== null && !(largestDifference <= tolerance)) {
        throw new Error(
          `[bench] ${workload.id}: ${entrant.label} computes something else than ${seats[0].label}: outputs differ by ${largestDifference}.`,
        );
      }
    }
    for (let round = 0; round < rounds; round++) {
      // Back and forth, so that nobody always follows the same one.
      const order = round % 2 === 0 ? seats : [...seats].reverse();
      for (const { contender, rounds: own, samplesMs, pauseMs } of order) {
        if (round >= own) continue;
        samplesMs.push(await contender.run());
        if (pauseMs > 0) await pause(pauseMs);
      }
    }
    return {
      measured: seats.map(({ label, ready, samplesMs, largestDifference }) => ({ label, ready, samplesMs, largestDifference })),
      unsupported,
    };
  } finally {
    for (const { contender } of seats) contender.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the alternatives of an entrant and keeps the fastest. Each has run twice then, so nothing is cold. */
async function seat(
  { label, launches, pauseMs = 0 }: Entrant,
  setup: Setup,
  rounds: number,
): Promise<{ readonly unsupported: string } | (Omit<Seat, 'largestDifference'> & { readonly outputs: Float32Array })> {
  let best: { contender: Contender; ready: Ready; outputs: Float32Array; ms: number } | undefined;
  for (const launch of launches) {
    const contender = new Contender(label, launch);
    try {
      const answer = await contender.setup(setup);
      if ('unsupported' in answer) {
        contender.stop();
        return answer;
      }
      const first = await contender.run();
      const isSlow = first * setup.workload.calls > slowMs;
      const ms = isSlow ? first : median([await contender.run(), await contender.run(), await contender.run()]);
      if (pauseMs > 0) await pause(pauseMs);
      if (best !== undefined && best.ms <= ms) {
        contender.stop();
        continue;
      }
      best?.contender.stop();
      best = { contender, ms, ...answer };
    } catch (error) {
      contender.stop();
      best?.contender.stop();
      throw error;
    }
  }
  const { contender, ready, outputs, ms } = best!;
  const sampleMs = ms * setup.workload.calls;
  const own = sampleMs > verySlowMs ? 1 : sampleMs > slowMs ? slowRounds : rounds;
  return { label, contender, ready, outputs, pauseMs, rounds: Math.min(own, rounds), samplesMs: [] };
}

function writeNumbers(workload: Workload, folder: string): Pick<Setup, 'tensorFile' | 'tensors'> {
  const numbers = numbersOf(workload);
  const tensors: Record<string, { shape: readonly number[]; offset: number }> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, values }] of numbers) {
    tensors[name] = { shape, offset };
    parts.push(new Uint8Array(values.buffer));
    offset += values.length;
  }
  const tensorFile = join(folder, 'tensors');
  writeFileSync(tensorFile, Buffer.concat(parts));
  return { tensorFile, tensors };
}

/** Over as many outputs as both gave; null when one gave none. */
function differenceOf(outputs: Float32Array, expected: Float32Array): number | null {
  const length = Math.min(outputs.length, expected.length);
  let largest = 0;
  for (let i = 0; i < length; i++) {
    const difference = Math.abs(outputs[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    if (!(difference <= largest)) largest = difference; // NaN counts
  }
  return length === 0 ? null : largest;
}
