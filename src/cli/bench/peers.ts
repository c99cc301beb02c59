/** The libraries that Unrolled can be measured against, and how each is started. They are installed in bench/, never with Unrolled. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Launch } from './contender.ts';
import type { Entrant } from './measure.ts';
import type { Workload } from './workloads.ts';

export const peerNames = ['torch', 'ort', 'tfjs', 'brain', 'deepbox'] as const;
export type PeerName = (typeof peerNames)[number];

/** The repository's bench/ folder: from src/cli/bench and from dist/cli/bench alike. */
const benchFolder = resolve(dirname(fileURLToPath(import.meta.url)), '../../../bench');

/** npm packages that a peer is. */
const packages: Record<Exclude<PeerName, 'torch'>, readonly string[]> = {
  ort: ['onnxruntime-node'],
  tfjs: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'],
  brain: ['brain.js'],
  deepbox: ['deepbox'],
};

/** Why a peer cannot be had here and what to do about it; null when it can. */
export function whyMissing(peer: PeerName): string | null {
  if (!existsSync(join(benchFolder, 'peers'))) return 'peers need a checkout of the repository: they are started from its bench/ folder';
  if (peer === 'torch') {
    if (findPython() !== null) return null;
    return 'no Python with torch and numpy was found; name one with UNROLLED_BENCH_PYTHON (Debian: apt install python3-torch)';
  }
  const missing = packages[peer].find((name) => !existsSync(join(benchFolder, 'node_modules', name)));
  return missing === undefined ? null : `${missing} is not installed; run: npm ci --prefix bench`;
}

/**
 * The contenders that a peer stands for with so many threads; none where it has one thread only and is asked for more, but for
 * TensorFlow.js: it has one thread in Node, and takes part with that. After a call its engine collects garbage on others, which the
 * pause waits for.
 */
export function entrantsOf(peer: PeerName, threads: number, { kind }: Workload): readonly Entrant[] {
  if (peer === 'torch') return [{ label: 'torch', launches: torchLaunches(threads) }];
  if (peer === 'ort') return [{ label: 'ort', launches: [script('ort.js')], pauseMs: 25 }];
  if (peer === 'tfjs') {
    const ways = [['cpu'], ['wasm'], ...(kind === 'step' ? [['wasm', 'cell']] : [])];
    return ways.map((way) => ({ label: `tfjs-${way.join('-')}`, launches: [script('tfjs.js', ...way)], pauseMs: 25 }));
  }
  if (threads > 1) return [];
  return [{ label: peer, launches: [script(`${peer}.js`)] }];
}

/**
 * With more than one thread, OpenMP's and OpenBLAS's counts are independent, and which mixture is the fastest depends on
 * the shapes: all are tried.
 */
function torchLaunches(threads: number): Launch[] {
  const mixtures = threads === 1 ? [[1, 1]] : [threads, 1].flatMap((omp) => [threads, 1].map((blas) => [omp, blas])).slice(0, 3);
  return mixtures.map(([omp, blas]) => ({
    command: findPython() ?? 'python3',
    args: [join(benchFolder, 'peers', 'pytorch.py')],
    environment: { OMP_NUM_THREADS: String(omp), OPENBLAS_NUM_THREADS: String(blas) },
  }));
}

function script(file: string, ...args: string[]): Launch {
  return { command: process.execPath, args: [join(benchFolder, 'peers', file), ...args] };
}

let python: string | null | undefined;

/** The first Python here that has torch. */
export function findPython(): string | null {
  if (python !== undefined) return python;
  const candidates = [process.env.UNROLLED_BENCH_PYTHON, 'python3', '/usr/bin/python3'].filter((path): path is string => Boolean(path));
  python = candidates.find((path) => spawnSync(path, ['-c', 'import torch, numpy'], { stdio: 'ignore' }).status === 0) ?? null;
  return python;
}
