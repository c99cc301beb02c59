/** The gated recurrent unit over a whole sequence, and its recurrence. */
import { bufferOf, type Parameter, type Tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer, GruForward } from '../backend/backend.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Module } from './module.ts';
import type { CellOptions, Kind } from './recurrent-direction.ts';
import { addWeightGradient, type Pass, type PassGradients, type Recurrence } from './recurrent-layer.ts';
import { type ForwardOptions, type RecurrentOptions, RecurrentStack, type SequenceInput } from './recurrent-stack.ts';
import type { RecurrentStream } from './recurrent-stream.ts';

export interface GRUCellOptions extends CellOptions {
  /** Where the reset gate acts: on the recurrent product (true: PyTorch, cuDNN, Keras's default) or on the state before it (false: the paper, ONNX's default). */
  readonly resetAfter?: boolean;
}

export interface GRUOptions extends RecurrentOptions, GRUCellOptions {}

/**
 * Gated recurrent unit over a whole sequence.
 *
 *   r, z = σ(W_ih x + b_ih + W_hh h + b_hh)
 *   n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))        resetAfter: false   n = tanh(W_in x + b_in + W_hn (r ⊙ h) + b_hn)
 *   h' = (1 − z) ⊙ n + z ⊙ h
 *
 * Parameters of layer k, gates in the order r, z, n: `weight_ih_lk` [3H, I] (I = D·H above the first layer),
 * `weight_hh_lk` [3H, H], `bias_ih_lk` and `bias_hh_lk` [3H]; with layerNorm `weight_ln_ih_lk` and `weight_ln_hh_lk` [3H];
 * `…_reverse` for the reverse direction.
 *
 * @example
 * const gru = new GRU({ inputSize: 28, hiddenSize: 128, bidirectional: true });
 * const { output, state } = gru.forward(x, null, { lengths: [7, 4, 9] }); // [3, T, 256], [2, 3, 128]
 * @see Cho et al. (2014), arXiv:1406.1078. Numbers as torch.nn.GRU.
 */
export class GRU extends Module {
  readonly options: GRUOptions;
  readonly #stack: RecurrentStack;

  constructor(options: GRUOptions) {
    super();
    this.options = options;
    this.#stack = new RecurrentStack('GRU', options, (name, shape, init) => this.parameter(name, shape, init), gruKind(options));
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

export function gruKind({ hiddenSize, resetAfter = true, layerNorm = false }: GRUCellOptions): Kind {
  if (!resetAfter && layerNorm) {
    throw new ConfigError(
      '[GRU] layerNorm normalises the recurrent product, which resetAfter: false splits in two. Leave one of them out.',
    );
  }
  return { gates: 3, outputSize: hiddenSize, recurrence: (_, biasHh) => new GruRecurrence(hiddenSize, resetAfter, biasHh) };
}

/** r, z, n from gates_t and W_hh h_{t−1}; h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}. */
class GruRecurrence implements Recurrence<GruForward> {
  readonly gates = 3;
  readonly stateSizes: readonly number[];
  readonly sharedBias: number;
  readonly parameters: readonly Parameter[] = [];
  readonly otherProducts: readonly Parameter[] = [];
  readonly #H: number;
  readonly #resetAfter: boolean;
  readonly #biasHh: Parameter | null;

  constructor(hiddenSize: number, resetAfter: boolean, biasHh: Parameter | null) {
    this.#H = hiddenSize;
    this.#resetAfter = resetAfter;
    this.#biasHh = biasHh;
    this.stateSizes = [hiddenSize];
    // With the reset before the product b_hn adds to W_in x like any other bias; after it, r multiplies it.
    this.sharedBias = (resetAfter ? 2 : 3) * hiddenSize;
  }

  savedSizes(T: number, B: number): Record<string, number> {
    return { hn: T * B * this.#H };
  }

  describe({ states: [h], ...pass }: Pass, { hn }: Readonly<Record<string, Buffer>>): GruForward {
    const bias = this.#resetAfter ? this.#biasHh : null;
    const biasHn = bias === null ? null : bias.backend.slice(bufferOf(bias), 2 * this.#H, this.#H);
    return { ...pass, h, hn, biasHn, resetAfter: this.#resetAfter };
  }

  forward(backend: Backend, layer: GruForward): void {
    backend.gruForward(layer);
  }

  backward(backend: Backend, layer: GruForward, { shared, wants, into, previous, dWeightHh }: PassGradients): void {
    const H = this.#H;
    const steps = layer.T * layer.B;
    backend.gruBackward({ ...layer, ...shared });
    const { gates, hn } = layer;
    if (this.#resetAfter && this.#biasHh !== null && wants(this.#biasHh)) {
      const dBiasHn = backend.slice(into(this.#biasHh), 2 * H, H);
      backend.sumAxis(hn, dBiasHn, { outer: 1, n: steps, inner: H }, true);
    }
    if (dWeightHh === null) return;
    const h = { buffer: previous(), columns: H };
    if (shared.dQ !== null) {
      addWeightGradient(backend, steps, { buffer: shared.dQ, columns: 3 * H }, h, dWeightHh);
      return;
    }
    addWeightGradient(backend, steps, { buffer: gates, columns: 2 * H, lda: 3 * H }, h, backend.slice(dWeightHh, 0, 2 * H * H));
    const dWeightHn = backend.slice(dWeightHh, 2 * H * H, H * H);
    // n = tanh(… + r ⊙ (W_hn h + b_hn)): hn now holds dn ⊙ r; or n = tanh(… + W_hn hn): hn still holds r ⊙ h
    if (this.#resetAfter) addWeightGradient(backend, steps, { buffer: hn, columns: H }, h, dWeightHn);
    else {
      const dN = { buffer: backend.slice(gates, 2 * H, gates.length - 2 * H), columns: H, lda: 3 * H };
      addWeightGradient(backend, steps, dN, { buffer: hn, columns: H }, dWeightHn);
    }
  }
}
