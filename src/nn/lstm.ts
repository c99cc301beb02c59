/** Long short-term memory over a whole sequence, and its recurrence. */
import { bufferOf, type Parameter, type Tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer, LstmForward } from '../backend/backend.ts';
import { ConfigError } from '../tensor/errors.ts';
import { forgetBias as setForgetBias } from './initializers.ts';
import { normEpsilon } from './input-projection.ts';
import { Module } from './module.ts';
import { packed } from './packed-weights.ts';
import type { CellOptions, Kind } from './recurrent-direction.ts';
import { addWeightGradient, type Pass, type PassGradients, type Recurrence } from './recurrent-layer.ts';
import { type ForwardOptions, type RecurrentOptions, RecurrentStack, type SequenceInput } from './recurrent-stack.ts';
import type { RecurrentStream } from './recurrent-stream.ts';

export interface LSTMCellOptions extends CellOptions {
  /** P: width of a projection of the output, W_hr (o ⊙ tanh c), below hiddenSize; 0: none. Default 0. */
  readonly projSize?: number;
  /** The gates see the cell: i and f that of the step before, o the new one. Default false. */
  readonly peepholes?: boolean;
  /** Initial bias of the forget gate, all of it in bias_ih; 1 is common. Default: as the other biases. */
  readonly forgetBias?: number;
}

export interface LSTMOptions extends RecurrentOptions, LSTMCellOptions {}

/** h and c: `[L·D, B, P]` and `[L·D, B, H]`. */
export type LSTMState = readonly [Tensor, Tensor];

/**
 * Long short-term memory over a whole sequence.
 *
 *   i, f, o = σ(W_ih x + b_ih + W_hh h + b_hh),  g = tanh(…)      peepholes: i, f + p ⊙ c,  o + p ⊙ c'
 *   c' = f ⊙ c + i ⊙ g ;  h' = o ⊙ tanh c'                        projSize:  h' = W_hr (o ⊙ tanh c')
 *
 * Parameters of layer k, gates in the order i, f, g, o: `weight_ih_lk` [4H, I] (I = D·P above the first layer),
 * `weight_hh_lk` [4H, P], `bias_ih_lk` and `bias_hh_lk` [4H]; with projSize `weight_hr_lk` [P, H]; with peepholes
 * `weight_ch_lk` [3H] (p_i, p_f, p_o); with layerNorm `weight_ln_ih_lk` and `weight_ln_hh_lk` [4H], and of the cell in
 * h' = o ⊙ tanh(norm c') `weight_ln_ch_lk` and `bias_ln_ch_lk` [H]; `…_reverse` for the reverse direction.
 *
 * @example
 * const lstm = new LSTM({ inputSize: 28, hiddenSize: 128, numLayers: 2 });
 * const { output, state } = lstm.forward(x); // [B, T, 128], [h, c] each [2, B, 128]
 * @see Hochreiter & Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers et al. (2000); peepholes: Gers &
 *      Schmidhuber (2000); projection: Sak et al. (2014), arXiv:1402.1128; layer normalisation: Ba et al. (2016),
 *      arXiv:1607.06450; recurrent dropout: Gal & Ghahramani (2016), arXiv:1512.05287. Numbers as torch.nn.LSTM.
 */
export class LSTM extends Module {
  readonly options: LSTMOptions;
  readonly #stack: RecurrentStack;

  constructor(options: LSTMOptions) {
    super();
    this.options = options;
    this.#stack = new RecurrentStack('LSTM', options, (name, shape, init) => this.parameter(name, shape, init), lstmKind(options));
  }

  /**
   * @param x      [B, T, I], or what `Embedding.deferred` gives
   * @param state  [h, c], [L·D, B, P] and [L·D, B, H]; zeros when absent
   * @returns      output [B, T, D·P] and the state [h, c] after each sequence's last step
   * @throws ShapeError  when x's last axis is not inputSize
   */
  forward(x: SequenceInput, state?: LSTMState | null, options: ForwardOptions = {}): { output: Tensor; state: LSTMState } {
    const { output, state: next } = this.#stack.forward(x, state ?? null, options, this.isTraining);
    return { output, state: [next[0], next[1]] };
  }

  /** One instant: [B, I] in, [B, P] out, and the state to go on with. `forward` over the same inputs gives the same numbers. */
  step(x: Tensor, state?: LSTMState | null): { output: Tensor; state: LSTMState } {
    const { output, state: next } = this.#stack.step(x, state ?? null, this.isTraining);
    return { output, state: [next[0], next[1]] };
  }

  /** For one instant after another, without gradients, as fast as it goes. */
  stream(options?: { readonly batch?: number }): RecurrentStream {
    return this.#stack.stream(options?.batch ?? 1, this.isTraining);
  }
}

export function lstmKind({ hiddenSize: H, projSize = 0, peepholes = false, layerNorm = false, forgetBias }: LSTMCellOptions): Kind {
  if (projSize !== 0 && !(Number.isInteger(projSize) && projSize > 0 && projSize < H)) {
    throw new ConfigError(`[LSTM] expected projSize in 1…${H - 1} (below hiddenSize ${H}), or 0 for none, received ${projSize}.`);
  }
  const P = projSize === 0 ? H : projSize;
  return {
    gates: 4,
    outputSize: P,
    recurrence: (parameter) =>
      new LstmRecurrence(H, P, {
        weightHr: projSize === 0 ? null : parameter('weight_hr', [P, H], 'uniform'),
        peephole: peepholes ? parameter('weight_ch', [3 * H], 'uniform') : null,
        cellNorm: layerNorm ? { weight: parameter('weight_ln_ch', [H], 1), bias: parameter('bias_ln_ch', [H], 0) } : null,
      }),
    initializeBias: forgetBias === undefined ? undefined : (bias, which) => setForgetBias(bias, which === 'ih' ? forgetBias : 0),
  };
}

interface LstmExtras {
  readonly weightHr: Parameter | null; // [P, H]
  readonly peephole: Parameter | null; // [3H]
  readonly cellNorm: { readonly weight: Parameter; readonly bias: Parameter } | null; // [H] each
}

/** i, f, g, o from gates_t + W_hh h_{t−1}; c_t = f ⊙ c_{t−1} + i ⊙ g; h_t = o ⊙ tanh c_t. */
class LstmRecurrence implements Recurrence<LstmForward> {
  readonly gates = 4;
  readonly stateSizes: readonly number[];
  readonly sharedBias: number;
  readonly parameters: readonly Parameter[];
  readonly otherProducts: readonly Parameter[];
  readonly #H: number;
  readonly #P: number;
  readonly #extras: LstmExtras;

  constructor(hiddenSize: number, outputSize: number, extras: LstmExtras) {
    const { weightHr, peephole, cellNorm } = extras;
    this.#H = hiddenSize;
    this.#P = outputSize;
    this.#extras = extras;
    this.stateSizes = [outputSize, hiddenSize];
    this.sharedBias = 4 * hiddenSize;
    this.parameters = [weightHr, peephole, cellNorm?.weight, cellNorm?.bias].filter((p) => p !== null && p !== undefined);
    this.otherProducts = weightHr === null ? [] : [weightHr];
  }

  savedSizes(T: number, B: number): Record<string, number> {
    const { weightHr, cellNorm } = this.#extras;
    return {
      ...(weightHr === null ? {} : { m: T * B * this.#H }),
      ...(cellNorm === null ? {} : { normalized: T * B * this.#H, rstd: T * B }),
    };
  }

  describe({ states: [h, c], ...pass }: Pass, saved: Readonly<Record<string, Buffer>>): LstmForward {
    const { weightHr, peephole, cellNorm } = this.#extras;
    return {
      ...pass,
      P: this.#P,
      h,
      c,
      peephole: peephole && bufferOf(peephole),
      weightHr: weightHr && (pass.isPacked ? packed(weightHr, 1) : bufferOf(weightHr)),
      m: weightHr && saved.m,
      cellNorm: cellNorm && {
        weight: bufferOf(cellNorm.weight),
        bias: bufferOf(cellNorm.bias),
        epsilon: normEpsilon,
        normalized: saved.normalized,
        rstd: saved.rstd,
      },
    };
  }

  forward(backend: Backend, layer: LstmForward): void {
    backend.lstmForward(layer);
  }

  backward(backend: Backend, layer: LstmForward, { shared, dStates, into, previous, temporary, dWeightHh }: PassGradients): void {
    const { T, B } = layer;
    const { weightHr, peephole, cellNorm } = this.#extras;
    const P = this.#P;
    const dProjection = weightHr && temporary(T * B * P);
    backend.lstmBackward({
      ...layer,
      ...shared,
      dC: dStates[1],
      dPeephole: peephole && into(peephole),
      dProjection,
      dCellNormWeight: cellNorm && into(cellNorm.weight),
      dCellNormBias: cellNorm && into(cellNorm.bias),
    });
    const h = { buffer: previous(), columns: P };
    if (dWeightHh !== null) addWeightGradient(backend, T * B, { buffer: shared.dQ ?? layer.gates, columns: 4 * this.#H }, h, dWeightHh);
    // h = W_hr m
    if (weightHr !== null) {
      addWeightGradient(backend, T * B, { buffer: dProjection!, columns: P }, { buffer: layer.m!, columns: this.#H }, into(weightHr));
    }
  }
}
