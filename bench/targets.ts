/** What Unrolled means to reach: the numbers that docs/performance.md is held against. */

/** A bound on one field of the speed records that match. */
export interface SpeedTarget {
  readonly id: string;
  readonly variant: 'plain' | 'folded';
  readonly backend: 'native' | 'wasm' | 'wasm-relaxed';
  readonly threads: number;
  /** The record's peer; 'any' for a bound that does not depend on it. */
  readonly peer: string;
  readonly field: 'ratio' | 'gflops' | 'medianMs';
  readonly atLeast?: number;
  readonly atMost?: number;
}

const native = { variant: 'plain', backend: 'native', threads: 1, field: 'ratio' } as const;
const torch = { ...native, peer: 'torch' } as const;
const ort = { ...native, peer: 'ort' } as const;
const wasm = { ...native, backend: 'wasm' } as const;
/** As it runs by itself, on both processors of the machine; TensorFlow.js has one thread. */
const tfjs = { ...wasm, threads: 2 } as const;
const training = ['train-lstm-128x2', 'train-lstm-512', 'train-gru-512', 'train-rnn-512'];

export const speedTargets: readonly SpeedTarget[] = [
  { ...torch, id: 'train-lstm-128x2', atLeast: 2.7 },
  { ...torch, id: 'train-lstm-128x2', threads: 2, atLeast: 3.5 },
  { ...torch, id: 'train-lstm-512', atLeast: 1.9 },
  { ...torch, id: 'train-lstm-512', threads: 2, atLeast: 2.5 },
  { ...torch, id: 'train-gru-512', atLeast: 1.8 },
  { ...torch, id: 'train-gru-512', threads: 2, atLeast: 2.4 },
  ...['train-lstm-512', 'train-gru-512'].flatMap((id) =>
    [1, 2].map((threads) => ({ ...torch, id, threads, variant: 'folded', atLeast: 3 }) as const),
  ),
  { ...torch, id: 'train-rnn-512', atLeast: 1.5 },
  { ...ort, id: 'forward-lstm-256', atLeast: 1.25 },
  { ...ort, id: 'forward-lstm-256', threads: 2, atLeast: 1 },
  { ...ort, id: 'forward-lstm-512', atLeast: 1.15 },
  { ...ort, id: 'forward-lstm-512', threads: 2, atLeast: 1 },
  { ...ort, id: 'step-lstm-128', atLeast: 8 },
  { ...native, id: 'step-lstm-128', peer: 'any', field: 'medianMs', atMost: 0.01 },
  { ...ort, id: 'step-lstm-512', atLeast: 1.3 },
  ...training.map((id) => ({ ...wasm, id, peer: 'any', field: 'gflops', atLeast: 12 }) as const),
  // Not train-gru-512: the GRU of TensorFlow.js has no reset after the product.
  ...['train-lstm-128x2', 'train-lstm-512', 'train-rnn-512'].map((id) => ({ ...tfjs, id, peer: 'tfjs-cpu', atLeast: 200 })),
  ...training.map((id) => ({ ...native, backend: 'wasm-relaxed', id, peer: 'unrolled-wasm', atLeast: 1.15 }) as const),
  { ...tfjs, id: 'forward-lstm-256', peer: 'tfjs-wasm', atLeast: 4 },
  { ...tfjs, id: 'forward-lstm-512', peer: 'tfjs-wasm', atLeast: 4 },
  { ...tfjs, id: 'sequence-lstm-128', peer: 'tfjs-wasm', atLeast: 10 },
  { ...tfjs, id: 'step-lstm-128', peer: 'tfjs-wasm', atLeast: 20 },
];

export const limits = {
  /** Of the public face over the bare kernels, as a share. */
  overhead: 0.1,
  /** Peak memory of a training step over what it has to keep. */
  memory: 1.3,
  bundleGzippedBytes: 300_000,
  importMs: 80,
  /** Of resident memory over a long run, as a share. */
  soakGrowth: 0.01,
  /** PyTorch's time for the CTC loss and its gradient, over Unrolled's. */
  ctcRatio: 3,
  /** Of a CTC beam search of width 10 through speech. */
  searchTimesRealTime: 20,
  /** Of a task's training and decoding against the bare engine's, as a share. */
  taskThroughput: 0.6,
  /** Of a training's time, for looking inside, as a share. */
  watchShare: 0.05,
  /** A sparse reservoir of 1,000 units driven for 10,000 steps and its readout solved, on 2 cores. */
  reservoirMs: 1000,
  tinyShakespeareNats: 1.48,
  tinyShakespeareMinutes: 30,
  /** Of the test perplexity from PyTorch's, as a share. */
  sotuPerplexity: 0.01,
} as const;
