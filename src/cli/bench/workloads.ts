/** What `unrolled bench` measures: the shapes, what they cost, and the numbers they start from. */
import { Random } from '../../tensor/random.ts';
import { sizeOf } from '../../tensor/shape.ts';

/** One measurement. Plain data: it is sent to every contender as JSON. */
export interface Workload {
  readonly id: string;
  /** `train`: one update of embedding, layers, linear, cross entropy, clipping, Adam. `forward`: one layer over a sequence, without gradients. `step`: one instant after another. */
  readonly kind: 'train' | 'forward' | 'step';
  readonly cell: 'rnn' | 'lstm' | 'gru';
  readonly layers: number;
  /** I; when training, the width of the embedding. */
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** V; 0 when there is no embedding. */
  readonly vocabulary: number;
  /** Steps of a sequence; for `step`, how many are compared with the peers. */
  readonly T: number;
  readonly B: number;
  /** Calls that one sample is the mean of. */
  readonly calls: number;
  /** Training steps whose losses are compared with the peers'. */
  readonly checkedSteps: number;
  readonly learningRate: number;
  readonly clipNorm: number;
}

const common = { cell: 'lstm', layers: 1, calls: 1, checkedSteps: 3, learningRate: 1e-3, clipNorm: 1 } as const;
const train512 = { ...common, kind: 'train', inputSize: 512, hiddenSize: 512, vocabulary: 65, T: 64, B: 64, checkedSteps: 2 } as const;
const inference = { ...common, vocabulary: 0, T: 100 } as const;

export const workloads: readonly Workload[] = [
  { ...common, id: 'train-lstm-128x2', kind: 'train', layers: 2, inputSize: 128, hiddenSize: 128, vocabulary: 65, T: 50, B: 50 },
  { ...train512, id: 'train-lstm-512' },
  { ...train512, id: 'train-gru-512', cell: 'gru' },
  { ...train512, id: 'train-rnn-512', cell: 'rnn' },
  { ...inference, id: 'forward-lstm-256', kind: 'forward', inputSize: 128, hiddenSize: 256, B: 32 },
  { ...inference, id: 'forward-lstm-512', kind: 'forward', inputSize: 512, hiddenSize: 512, B: 64 },
  { ...inference, id: 'sequence-lstm-128', kind: 'forward', inputSize: 128, hiddenSize: 128, B: 1, calls: 10 },
  { ...inference, id: 'sequence-lstm-512', kind: 'forward', inputSize: 512, hiddenSize: 512, B: 1, calls: 2 },
  { ...inference, id: 'step-lstm-128', kind: 'step', inputSize: 128, hiddenSize: 128, T: 20, B: 1, calls: 500 },
  { ...inference, id: 'step-lstm-512', kind: 'step', inputSize: 512, hiddenSize: 512, T: 20, B: 1, calls: 100 },
];

const gatesOf = { rnn: 1, gru: 3, lstm: 4 } as const;

/**
 * Floating-point operations of one call: two a multiplication with its addition, in the matrix products alone.
 *
 * @param isFolded  the first layer projects the embedding's V rows, not its T·B steps
 */
export function flopsOf(workload: Workload, isFolded = false): number {
  const { kind, cell, layers, inputSize: I, hiddenSize: H, vocabulary: V, B } = workload;
  const T = kind === 'step' ? 1 : workload.T;
  const gates = gatesOf[cell] * H;
  const layer = (rows: number, size: number): number => 2 * gates * (rows * size + T * B * H);
  let forward = layer(isFolded ? V : T * B, I);
  for (let l = 1; l < layers; l++) forward += layer(T * B, H);
  if (kind !== 'train') return forward;
  return 3 * (forward + 2 * T * B * H * V);
}

/** Weights under PyTorch's names, and the inputs: `tokens` and `targets` [T, B], or `x` [T, B, I]. Integers as floats, so that one file holds all. */
export type NamedArrays = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;

/** The same numbers for every contender, from one seed. */
export function numbersOf(workload: Workload): NamedArrays {
  const { kind, cell, layers, inputSize: I, hiddenSize: H, vocabulary: V, T, B } = workload;
  const random = new Random(7);
  const numbers = new Map<string, { shape: number[]; values: Float32Array }>();
  const limit = 1 / Math.sqrt(H);
  const uniform = (name: string, ...shape: number[]): void => {
    numbers.set(name, { shape, values: random.fillUniform(new Float32Array(sizeOf(shape)), -limit, limit) });
  };
  const integers = (name: string, ...shape: number[]): void => {
    numbers.set(name, { shape, values: Float32Array.from({ length: sizeOf(shape) }, () => random.integer(V)) });
  };
  const rows = gatesOf[cell] * H;
  for (let l = 0; l < layers; l++) {
    uniform(`rnn.weight_ih_l${l}`, rows, l === 0 ? I : H);
    uniform(`rnn.weight_hh_l${l}`, rows, H);
    uniform(`rnn.bias_ih_l${l}`, rows);
    uniform(`rnn.bias_hh_l${l}`, rows);
  }
  if (kind === 'train') {
    uniform('embedding.weight', V, I);
    uniform('linear.weight', V, H);
    uniform('linear.bias', V);
    integers('tokens', T, B);
    integers('targets', T, B);
  } else {
    uniform('x', T, B, I);
  }
  return numbers;
}
