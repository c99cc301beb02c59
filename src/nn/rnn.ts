/** The Elman network over a whole sequence, and its recurrence. */
import type { Tensor } from '../autograd/tensor.ts';
import type { Activation, Backend, RnnForward } from '../backend/backend.ts';
import { ConfigError, unknownName } from '../tensor/errors.ts';
import { Module } from './module.ts';
import type { CellOptions, Kind } from './recurrent-direction.ts';
import { addWeightGradient, type Pass, type PassGradients, type Recurrence } from './recurrent-layer.ts';
import { type ForwardOptions, type RecurrentOptions, RecurrentStack, type SequenceInput } from './recurrent-stack.ts';
import type { RecurrentStream } from './recurrent-stream.ts';

const activations = ['tanh', 'relu', 'sigmoid'] as const satisfies readonly Activation[];

export interface RNNCellOptions extends CellOptions {
  /** σ. Default 'tanh'. */
  readonly activation?: Activation;
}

export interface RNNOptions extends RecurrentOptions, RNNCellOptions {}

/**
 * Elman network over a whole sequence.
 *
 *   h_t = σ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)
 *
 * Parameters of layer k: `weight_ih_lk` [H, I] (I = D·H above the first layer), `weight_hh_lk` [H, H], `bias_ih_lk` and
 * `bias_hh_lk` [H]; with layerNorm `weight_ln_ih_lk` and `weight_ln_hh_lk` [H]; `…_reverse` for the reverse direction.
 *
 * @example
 * const rnn = new RNN({ inputSize: 8, hiddenSize: 32, activation: 'relu', recurrentInit: 'identity' });
 * const { output, state } = rnn.forward(x); // [B, T, 32], [1, B, 32]
 * @see Elman (1990), doi:10.1207/s15516709cog1402_1; identity for relu: Le, Jaitly & Hinton (2015), arXiv:1504.00941.
 *      Numbers as torch.nn.RNN.
 */
export class RNN extends Module {
  readonly options: RNNOptions;
  readonly #stack: RecurrentStack;

  constructor(options: RNNOptions) {
    super();
    this.options = options;
    this.#stack = new RecurrentStack('RNN', options, (name, shape, init) => this.parameter(name, shape, init), rnnKind(options));
  }

  /**
   * @param x      [B, T, I], or what `Embedding.deferred` gives
   * @param state  [L·D, B, H]; zeros when absent
   * @returns      output [B, T, D·H] and the state after each sequence's last step
   * @throws ShapeError  when x's last axis is not inputSize
   */
  forward(x: SequenceInput, state?: Tensor | null, options: ForwardOptions = {}): { output: Tensor; state: Tensor } {
    const result = this.#stack.forward(x, state ? [state] : null, options, this.isTraining);
    return { output: result.output, state: result.state[0] };
  }

  /** One instant: [B, I] in, [B, H] out, and the state to go on with. `forward` over the same inputs gives the same numbers. */
  step(x: Tensor, state?: Tensor | null): { output: Tensor; state: Tensor } {
    const result = this.#stack.step(x, state ? [state] : null, this.isTraining);
    return { output: result.output, state: result.state[0] };
  }

  /** For one instant after another, without gradients, as fast as it goes. */
  stream(options?: { readonly batch?: number }): RecurrentStream {
    return this.#stack.stream(options?.batch ?? 1, this.isTraining);
  }
}

export function rnnKind({ hiddenSize, activation = 'tanh' }: RNNCellOptions): Kind {
  if (!activations.includes(activation)) throw new ConfigError(`[RNN] ${unknownName('activation', activation, activations)}`);
  return { gates: 1, outputSize: hiddenSize, recurrence: () => new RnnRecurrence(hiddenSize, activation) };
}

/** h_t = σ(gates_t + W_hh h_{t−1}) */
class RnnRecurrence implements Recurrence<RnnForward> {
  readonly gates = 1;
  readonly stateSizes: readonly number[];
  readonly sharedBias: number;
  readonly parameters = [];
  readonly otherProducts = [];
  readonly #H: number;
  readonly #activation: Activation;

  constructor(hiddenSize: number, activation: Activation) {
    this.#H = hiddenSize;
    this.#activation = activation;
    this.stateSizes = [hiddenSize];
    this.sharedBias = hiddenSize;
  }

  savedSizes(): Record<string, number> {
    return {};
  }

  describe({ states: [h], ...pass }: Pass): RnnForward {
    return { ...pass, h, activation: this.#activation };
  }

  forward(backend: Backend, layer: RnnForward): void {
    backend.rnnForward(layer);
  }

  backward(backend: Backend, layer: RnnForward, { shared, previous, dWeightHh }: PassGradients): void {
    backend.rnnBackward({ ...layer, ...shared });
    if (dWeightHh === null) return;
    const { T, B } = layer;
    const H = this.#H;
    addWeightGradient(backend, T * B, { buffer: shared.dQ ?? layer.gates, columns: H }, { buffer: previous(), columns: H }, dWeightHh);
  }
}
