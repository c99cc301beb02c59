/** Networks that are asked to remember: 64 units each, and what is done so that a gradient reaches far. */
import type { Tensor } from '../../../src/autograd/tensor.ts';
import { GRU } from '../../../src/nn/gru.ts';
import { identity, initialize } from '../../../src/nn/initializers.ts';
import { Linear } from '../../../src/nn/linear.ts';
import { LSTM } from '../../../src/nn/lstm.ts';
import { Module } from '../../../src/nn/module.ts';
import { RNN } from '../../../src/nn/rnn.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { type Batch, inputOf, judged, type Problem } from './problems.ts';

export const hiddenSize = Number(process.env.HID ?? 64);

export interface NetworkKind {
  readonly name: string;
  /** In words, for tables. */
  readonly label: string;
  make(options: { readonly inputSize: number; readonly hiddenSize: number; readonly rng: Random }, T: number): RNN | GRU | LSTM;
  /** Scales the whole gradient down to this norm; null: not at all. */
  readonly clipNorm: number | null;
  /** Steps that the gradient goes back; null: all. */
  readonly truncate?: number;
}

const clip = 1;

/** The cells that are compared at every T. */
export const cells: readonly NetworkKind[] = [
  { name: 'rnn', label: 'RNN, tanh', clipNorm: clip, make: (options) => new RNN(options) },
  { name: 'irnn', label: 'RNN, relu, identity', clipNorm: clip, make: (options) => irnn(options) },
  { name: 'lstm', label: 'LSTM', clipNorm: clip, make: (options) => new LSTM({ ...options, forgetBias: 1 }) },
  { name: 'gru', label: 'GRU', clipNorm: clip, make: (options) => new GRU(options) },
];

/** What helps a network of its kind, or what it lacks when that is taken away. */
export const remedies: readonly NetworkKind[] = [
  {
    name: 'rnn-orthogonal',
    label: 'RNN, tanh, orthogonal',
    clipNorm: clip,
    make: (options) => new RNN({ ...options, recurrentInit: 'orthogonal' }),
  },
  { name: 'lstm-chrono', label: 'LSTM, chrono initialisation', clipNorm: clip, make: (options, T) => chronoLstm(options, T) },
  { name: 'gru-chrono', label: 'GRU, chrono initialisation', clipNorm: clip, make: (options, T) => chronoGru(options, T) },
  { name: 'lstm-no-bias', label: 'LSTM, forget bias 0', clipNorm: clip, make: (options) => new LSTM({ ...options, forgetBias: 0 }) },
  { name: 'irnn-unclipped', label: 'RNN, relu, identity, not clipped', clipNorm: null, make: (options) => irnn(options) },
];

/** Forget gates that begin with memories of 1…T steps: b_f = log u, b_i = −b_f. @see Tallec & Ollivier (2018), arXiv:1804.11188 */
function chronoLstm(options: { inputSize: number; hiddenSize: number; rng: Random }, T: number): LSTM {
  const lstm = new LSTM(options);
  const H = options.hiddenSize;
  const biases = memories(H, T, options.rng);
  const named = lstm.namedParameters();
  initialize(named.get('bias_hh_l0')!, (values) => values.fill(0));
  initialize(named.get('bias_ih_l0')!, (values) => {
    values.fill(0);
    biases.forEach((bias, k) => {
      values[k] = -bias;
      values[H + k] = bias;
    });
  });
  return lstm;
}

/** The same for the update gate, which keeps what it is near 1 for. */
function chronoGru(options: { inputSize: number; hiddenSize: number; rng: Random }, T: number): GRU {
  const gru = new GRU(options);
  const H = options.hiddenSize;
  const biases = memories(H, T, options.rng);
  const named = gru.namedParameters();
  initialize(named.get('bias_hh_l0')!, (values) => values.fill(0));
  initialize(named.get('bias_ih_l0')!, (values) => {
    values.fill(0);
    values.set(biases, H);
  });
  return gru;
}

const memories = (H: number, T: number, rng: Random): number[] => Array.from({ length: H }, () => Math.log(1 + rng.uniform() * (T - 2)));

/** Biases at 0, W_hh the identity, W_xh small. @see Le, Jaitly & Hinton (2015), arXiv:1504.00941 */
function irnn(options: { inputSize: number; hiddenSize: number; rng: Random }): RNN {
  const rnn = new RNN({ ...options, activation: 'relu', recurrentInit: (values, shape) => identity(values, shape) });
  for (const [name, parameter] of rnn.namedParameters()) {
    if (name.startsWith('bias')) initialize(parameter, (values) => values.fill(0));
    if (name.startsWith('weight_ih'))
      initialize(parameter, (values) => options.rng.fillNormal(values, 0, Number(process.env.STD ?? 0.001)));
  }
  return rnn;
}

/** The network and its output layer. */
export class Rememberer extends Module {
  readonly rnn: RNN | GRU | LSTM;
  readonly head: Linear;
  readonly #problem: Problem;
  readonly #truncate: number | null;

  constructor(problem: Problem, T: number, kind: NetworkKind, rng: Random) {
    super();
    this.#problem = problem;
    this.#truncate = kind.truncate ?? null;
    this.rnn = this.child('rnn', kind.make({ inputSize: problem.inputSize, hiddenSize, rng }, T));
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: problem.outputSize, rng }));
  }

  /** What it answers where it is asked, [B, outputSteps, O]. */
  answers(T: number, batch: Batch): Tensor {
    const x = inputOf(this.#problem, T, batch);
    const { output } = this.rnn instanceof LSTM ? this.rnn.forward(x) : this.rnn.forward(x);
    return this.head.forward(judged(this.#problem, output));
  }
}
