/** Networks that are asked to remember: 32 units each, and what is done so that a gradient reaches far. */

import { slice } from '../../../src/autograd/ops/shape.ts';
import { noGrad } from '../../../src/autograd/tape.ts';
import type { Tensor } from '../../../src/autograd/tensor.ts';
import { GRU } from '../../../src/nn/gru.ts';
import { identity, initialize } from '../../../src/nn/initializers.ts';
import { Linear } from '../../../src/nn/linear.ts';
import { LSTM, type LSTMState } from '../../../src/nn/lstm.ts';
import { Module } from '../../../src/nn/module.ts';
import { RNN } from '../../../src/nn/rnn.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { type Batch, inputOf, judged, type Problem } from './problems.ts';

export const hiddenSize = 32;

interface Sizes {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly rng: Random;
}

/** A network and how it is trained. */
export interface NetworkKind {
  readonly name: string;
  /** For tables. */
  readonly label: string;
  /** Of Adam. */
  readonly learningRate: number;
  /** Scales the whole gradient down to this norm; null: not at all. */
  readonly clipNorm: number | null;
  /** Where it is asked, as a remedy; absent: both. */
  readonly problems?: readonly Problem['name'][];
  /** Steps that the gradient goes back; absent: all. */
  readonly truncate?: number;
  make(sizes: Sizes, T: number): RNN | GRU | LSTM;
}

/**
 * Of 0.01, 0.005, 0.001, 0.0005 and 0.0003, tried with T up to 200: the gated cells learn fastest with the first; the others, whose
 * gradients are steep, with the third.
 */
const [gated, simple] = [0.01, 0.001];
const clipNorm = 1;

const irnn = { name: 'irnn', label: 'RNN, relu, identity', learningRate: simple, make: (sizes: Sizes) => identityRnn(sizes) };
const lstm = { name: 'lstm', label: 'LSTM', learningRate: gated, clipNorm, make: (sizes: Sizes) => new LSTM({ ...sizes, forgetBias: 1 }) };

const gru = { name: 'gru', label: 'GRU', learningRate: gated, clipNorm, make: (sizes: Sizes) => new GRU(sizes) };

/** The cells that are compared at every T. */
export const cells: readonly NetworkKind[] = [
  { name: 'rnn', label: 'RNN, tanh', learningRate: simple, clipNorm, make: (sizes) => new RNN(sizes) },
  { ...irnn, clipNorm },
  lstm,
  gru,
];

/** What helps a cell of its kind, or is missed when it is taken away. */
export const remedies: readonly NetworkKind[] = [
  {
    name: 'rnn-orthogonal',
    label: 'RNN, tanh, orthogonal',
    learningRate: simple,
    clipNorm,
    make: (sizes) => new RNN({ ...sizes, recurrentInit: 'orthogonal' }),
  },
  { ...irnn, name: 'irnn-unclipped', label: 'RNN, relu, identity, not clipped', clipNorm: null, problems: ['adding'] },
  {
    ...lstm,
    name: 'lstm-bias-0',
    label: 'LSTM, forget bias 0',
    problems: ['adding'],
    make: (sizes) => new LSTM({ ...sizes, forgetBias: 0 }),
  },
  { ...lstm, name: 'lstm-chrono', label: 'LSTM, chrono', make: (sizes, T) => chrono(new LSTM(sizes), [-1, 1, 0, 0], sizes, T) },
  { ...gru, name: 'gru-truncated', label: 'GRU, gradient cut after 50 steps', truncate: 50, problems: ['adding'] },
  {
    name: 'gru-chrono',
    label: 'GRU, chrono',
    learningRate: gated,
    clipNorm,
    make: (sizes, T) => chrono(new GRU(sizes), [0, 1, 0], sizes, T),
  },
];

/**
 * W_hh the identity, biases 0: the state stays as it is, and so does its gradient. W_xh is normal with deviation 0.1; with the paper's
 * 0.001 nothing is learnt within these steps.
 *
 * @see Le, Jaitly & Hinton (2015), arXiv:1504.00941
 */
function identityRnn(sizes: Sizes): RNN {
  const rnn = new RNN({ ...sizes, activation: 'relu', recurrentInit: (values, shape) => identity(values, shape) });
  for (const [name, parameter] of rnn.namedParameters()) {
    if (name.startsWith('bias')) initialize(parameter, (values) => values.fill(0));
    if (name.startsWith('weight_ih')) initialize(parameter, (values) => sizes.rng.fillNormal(values, 0, 0.1));
  }
  return rnn;
}

/**
 * Units that begin with memories of 1…T steps, each with its own: the bias of the gate that keeps is log u, u uniform in 1…T − 1, that of
 * the gate that writes −log u.
 *
 * @param signs  of the biases, gate by gate
 * @see Tallec & Ollivier (2018), arXiv:1804.11188
 */
function chrono<M extends LSTM | GRU>(network: M, signs: readonly number[], { hiddenSize: H, rng }: Sizes, T: number): M {
  const keeps = Array.from({ length: H }, () => Math.log(1 + rng.uniform() * (T - 2)));
  const named = network.namedParameters();
  initialize(named.get('bias_hh_l0')!, (values) => values.fill(0));
  initialize(named.get('bias_ih_l0')!, (values) => values.set(signs.flatMap((sign) => keeps.map((bias) => sign * bias))));
  return network;
}

/** A network and its output layer. */
export class Rememberer extends Module {
  readonly rnn: RNN | GRU | LSTM;
  readonly head: Linear;
  readonly #problem: Problem;
  readonly #truncate: number;

  constructor(problem: Problem, T: number, kind: NetworkKind, rng: Random) {
    super();
    this.#problem = problem;
    this.#truncate = kind.truncate ?? Infinity;
    this.rnn = this.child('rnn', kind.make({ inputSize: problem.inputSize, hiddenSize, rng }, T));
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: problem.outputSize, rng }));
  }

  /** What it answers where it is asked, [B, outputSteps, O]. */
  answers(T: number, batch: Batch): Tensor {
    const x = inputOf(this.#problem, T, batch);
    const cut = Math.max(0, x.shape[1] - this.#truncate);
    const state = cut === 0 ? null : noGrad(() => this.#run(slice(x, 1, 0, cut), null).state);
    return this.head.forward(judged(this.#problem, this.#run(slice(x, 1, cut), state).output));
  }

  #run(x: Tensor, state: Tensor | LSTMState | null): { output: Tensor; state: Tensor | LSTMState } {
    return this.rnn instanceof LSTM ? this.rnn.forward(x, state as LSTMState | null) : this.rnn.forward(x, state as Tensor | null);
  }
}
