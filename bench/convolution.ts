/**
 * The blocks of an image encoder against PyTorch on one thread: convolution 3 x 3, batch normalisation, relu and pooling, forward and
 * backward, on batches of 16. `npx tsx bench/convolution.ts [--python /usr/bin/python3]`; results in bench/results/convolution.json.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import {
  BatchNorm2d,
  backward,
  Conv2d,
  getBackend,
  maxPool2d,
  noGrad,
  Random,
  randomNormal,
  relu,
  scope,
  setThreads,
  sum,
} from '../src/index.ts';
import { type Circumstances, circumstances, keepResult } from './circumstances.ts';

/** Least milliseconds of a processor. */
export interface BlockTimes {
  /** The convolution alone, forward. */
  readonly convolution: number;
  /** With normalisation, relu and pooling. */
  readonly forward: number;
  /** Forward and backward. */
  readonly training: number;
}

/** bench/results/convolution.json */
export interface Convolutions extends Circumstances {
  readonly backend: string;
  readonly batch: number;
  readonly unrolled: readonly (BlockTimes & { readonly block: string })[];
  readonly theirs: readonly BlockTimes[];
}

const { python } = parseArgs({ options: { python: { type: 'string', default: 'python3' } } }).values;
/** Channels in and out, and height and width. */
const blocks = [
  [3, 32, 64],
  [3, 128, 64],
  [32, 64, 32],
  [64, 128, 16],
  [128, 128, 8],
] as const;
const B = 16;
const repeats = 15;

setThreads(1);
const results = blocks.map(([inChannels, outChannels, size]) => {
  const rng = new Random(1);
  const conv = new Conv2d({ inChannels, outChannels, kernelSize: 3, padding: 1, rng });
  const norm = new BatchNorm2d({ numFeatures: outChannels });
  const x = randomNormal([B, inChannels, size, size], rng);
  const block = () => sum(maxPool2d(relu(norm.forward(conv.forward(x))), 2));
  return {
    block: `${inChannels} → ${outChannels} channels, ${size} x ${size}`,
    convolution: cpuMilliseconds(() => scope(() => noGrad(() => void conv.forward(x)))),
    forward: cpuMilliseconds(() => scope(() => noGrad(() => void block()))),
    training: cpuMilliseconds(() => scope(() => backward(block()))),
  };
});

const peer = spawnSync(python, [new URL('./peers/convolution.py', import.meta.url).pathname, JSON.stringify({ blocks, B, repeats })], {
  encoding: 'utf8',
});
if (peer.status !== 0) throw new Error(peer.stderr);
const { version, results: theirs } = JSON.parse(peer.stdout) as { version: string; results: BlockTimes[] };

const record: Convolutions = {
  ...circumstances('npx tsx bench/convolution.ts', { PyTorch: version }),
  backend: getBackend().description,
  batch: B,
  unrolled: results,
  theirs,
};
keepResult('convolution', record);
console.log(`milliseconds of a processor, batches of ${B}: unrolled / PyTorch ${version}`);
results.forEach(({ block, ...ours }, i) => {
  const pairs = Object.entries(ours).map(([what, ms]) => `${what} ${ms.toFixed(1)} / ${theirs[i][what as 'forward'].toFixed(1)}`);
  console.log(`${block}: ${pairs.join(', ')}`);
});

/** The least of several runs, in time of the processor: other programs do not count. */
function cpuMilliseconds(run: () => void): number {
  const times = Array.from({ length: repeats }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
