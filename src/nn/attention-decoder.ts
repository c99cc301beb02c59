/**
 * A recurrent layer that looks at a memory at every step: the decoder of translation, captioning and speech recognition. Forward
 * and backward are one kernel call for a whole sequence (AttentionForward in src/backend/backend.ts has the equations).
 */
import { requireProbability } from '../autograd/ops/dropout.ts';
import { reshape, transpose } from '../autograd/ops/shape.ts';
import { inScope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { backendOf, bufferOf, empty, type Parameter, Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError, unknownName } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { Attention, type AttentionKind, type AttentionMemory, requireMemory } from './attention.ts';
import { type AttentionResult, runAttention } from './attention-run.ts';
import { gruKind } from './gru.ts';
import { uniform } from './initializers.ts';
import { requireSizes } from './linear.ts';
import { lstmKind } from './lstm.ts';
import { Module } from './module.ts';
import { type CellOptions, createDirection } from './recurrent-direction.ts';
import type { Direction } from './recurrent-layer.ts';
import type { SequenceInput } from './recurrent-stack.ts';
import { type Sequence, sequenceOf, timeMajor } from './sequence.ts';

const cells = ['lstm', 'gru'] as const;

/** Sizes and kind of a decoder with attention. */
export interface AttentionDecoderOptions extends Omit<CellOptions, 'layerNorm'> {
  /** M: numbers of a position of the memory. */
  readonly memorySize: number;
  /** Default 'lstm'. */
  readonly cell?: (typeof cells)[number];
  /** Default 'additive'. */
  readonly attention?: AttentionKind;
  /** A, of 'additive' only. Default: hiddenSize. */
  readonly attentionSize?: number;
  /**
   * Whether a step looks first, asking with the state before it, and its cell sees what was found (Bahdanau et al. 2015); false
   * (default): the cell goes first, seeing what the step before found, and its new state asks (Luong et al. 2015).
   */
  readonly attendFirst?: boolean;
  /** In [0, 1): drops units of h in the recurrent product while training, the same ones at every step of a sequence. Default 0. */
  readonly recurrentDropout?: number;
}

/** What a forward may be told. */
export interface AttentionForwardOptions {
  /** True lengths in steps, [B]; T when absent. Past its length a sequence's outputs are 0 and its state stays. */
  readonly lengths?: ArrayLike<number> | null;
}

/**
 * Decoder with attention over a whole sequence.
 *
 *   attend(h): e_s = v · tanh(W_q h + W_k m_s + b), or (W_q h) · m_s, or h · m_s ;  α = softmax(e) ;  context = Σ_s α_s m_s
 *
 *   attendFirst: false   h_t = cell([x_t, context_{t−1}], h_{t−1}) ;  context_t = attend(h_t)
 *   attendFirst: true    context_t = attend(h_{t−1}) ;  h_t = cell([x_t, context_t], h_{t−1})
 *
 * A model's output usually reads [h_t, context_t]. Parameters: the cell's as LSTMCell's or GRUCell's, `weight_context` [G·H, M]
 * (with `weight_ih` [G·H, I] the two halves of a cell whose input is [x, context]), and under `attention.` those of Attention.
 *
 * @example
 * const decoder = new AttentionDecoder({ inputSize: 128, hiddenSize: 256, memorySize: 512, cell: 'gru' });
 * const memory = decoder.attention.memory(encoded, { lengths: sourceLengths });        // encoded [B, S, 512]
 * const { output, context, weights } = decoder.forward(embedded, memory, null, { lengths }); // teacher forcing: embedded [B, T, 128]
 * const once = decoder.step(x, memory, state);                                         // decoding: x [B, 128]
 * // A penalty on weights, as of Xu et al. (2015), is a loss of weights like any other:
 * const doublyStochastic = sum(square(sub(1, sum(weights, 1))));
 * @see Bahdanau, Cho & Bengio (2015), arXiv:1409.0473; Luong, Pham & Manning (2015), arXiv:1508.04025.
 */
export class AttentionDecoder extends Module {
  readonly options: AttentionDecoderOptions;
  readonly attention: Attention;
  readonly #direction: Direction;
  readonly #weightContext: Parameter; // [G·H, M]
  readonly #rng: Random;

  /** @throws ConfigError when a size is not a positive integer, a name is unknown, or sizes do not fit the kind of attention */
  constructor(options: AttentionDecoderOptions) {
    super();
    const { cell = 'lstm', inputSize, hiddenSize, memorySize, attention: kind, attentionSize, rng = Random.fromEntropy() } = options;
    if (!cells.includes(cell)) throw new ConfigError(`[AttentionDecoder] ${unknownName('cell', cell, cells)}`);
    requireSizes('AttentionDecoder', { inputSize, hiddenSize, memorySize });
    requireProbability('AttentionDecoder: recurrentDropout', options.recurrentDropout ?? 0);
    this.options = options;
    this.#rng = rng;
    const plain = { ...options, layerNorm: false, rng };
    const place = { inputSize, suffix: '', reverse: false };
    const register = this.parameter.bind(this);
    this.#direction = createDirection('AttentionDecoder', plain, cell === 'lstm' ? lstmKind(plain) : gruKind(plain), place, register);
    const G = this.#direction.recurrence.gates;
    this.#weightContext = this.parameter('weight_context', [G * hiddenSize, memorySize], (values) =>
      uniform(values, 1 / Math.sqrt(hiddenSize), rng),
    );
    this.attention = this.child('attention', new Attention({ querySize: hiddenSize, memorySize, kind, attentionSize, rng }));
  }

  /** Widths of the state's tensors: [H, H, M] of an LSTM, [H, M] of a GRU. */
  get stateSizes(): readonly number[] {
    return [...this.#direction.recurrence.stateSizes, this.options.memorySize];
  }

  /**
   * @param x       [B, T, I], or what `Embedding.deferred` gives
   * @param memory  from `attention.memory`: B memories
   * @param state   [h, c, context] or [h, context]; each may be null: zeros. All zeros when absent
   * @throws ShapeError when x, memory or state do not fit one another
   */
  forward(
    x: SequenceInput,
    memory: AttentionMemory,
    state?: readonly (Tensor | null)[] | null,
    { lengths }: AttentionForwardOptions = {},
  ): AttentionResult {
    const rows = x instanceof Tensor ? x : x.materialize();
    const sequence = sequenceOf('AttentionDecoder', this.backend, rows.shape, this.options.inputSize, lengths, true);
    if (memory.keys.shape[0] !== sequence.B) {
      throw new ShapeError(`[AttentionDecoder] expected one memory for each of ${sequence.B} sequences, received ${memory.keys.shape[0]}.`);
    }
    return inScope(() => {
      const steps = timeMajor(transpose(rows, 0, 1), sequence.lengths);
      return this.#run(steps, sequence, memory, state ?? null, { rows: null, dropout: this.options.recurrentDropout ?? 0 });
    });
  }

  /**
   * One instant, without dropout; `forward` over the same inputs gives the same numbers.
   *
   * @param x       [B, I]
   * @param state   as of `forward`
   * @param options rows: for each of B, which of the memories it looks at: several hypotheses share one, and nothing has
   *                gradients then. Default: its own of B
   * @returns       output [B, H], context [B, M], weights [B, S], and the state to go on with
   * @throws ShapeError when x, memory, state or rows do not fit one another
   */
  step(
    x: Tensor,
    memory: AttentionMemory,
    state?: readonly (Tensor | null)[] | null,
    { rows }: { readonly rows?: ArrayLike<number> | null } = {},
  ): AttentionResult {
    const { inputSize, hiddenSize, memorySize } = this.options;
    if (x.rank !== 2 || x.shape[1] !== inputSize) {
      throw new ShapeError(
        `[AttentionDecoder.step] expected x of shape [B, ${inputSize}] (one instant), received ${formatShape(x.shape)}.`,
      );
    }
    const [B] = x.shape;
    const [memories, S] = memory.keys.shape;
    const known = rows === null || rows === undefined ? null : Int32Array.from(rows);
    if (known === null ? memories !== B : known.length !== B || known.some((row) => row < 0 || row >= memories)) {
      throw new ShapeError(
        known === null
          ? `[AttentionDecoder.step] expected one memory for each of ${B} rows, received ${memories}. Say with rows which each looks at.`
          : `[AttentionDecoder.step] expected ${B} rows in 0…${memories - 1}, received [${[...known].join(', ')}].`,
      );
    }
    return inScope(() => {
      const which = known === null ? null : tensor(known, { dtype: 'int32', backend: this.backend });
      const instant = timeMajor(reshape(x, [1, B, inputSize]), null);
      const run = () => this.#run(instant, { T: 1, B, lengths: null }, memory, state ?? null, { rows: which, dropout: 0 });
      const result = which === null ? run() : noGrad(run);
      return {
        output: reshape(result.output, [B, hiddenSize]),
        context: reshape(result.context, [B, memorySize]),
        weights: reshape(result.weights, [B, S]),
        state: result.state,
      };
    });
  }

  #run(
    rows: Tensor,
    sequence: Sequence,
    memory: AttentionMemory,
    state: readonly (Tensor | null)[] | null,
    { rows: memoryRows, dropout: p }: { readonly rows: Tensor | null; readonly dropout: number },
  ): AttentionResult {
    const { memorySize } = this.options;
    requireMemory('AttentionDecoder', memory, this.attention.attentionSize, memorySize);
    backendOf('AttentionDecoder', [rows, memory.keys, this.#weightContext]);
    const { stateSizes } = this;
    if (state !== null && state.length !== stateSizes.length) {
      throw new ShapeError(`[AttentionDecoder] expected a state of ${stateSizes.length} tensors, received ${state.length}.`);
    }
    stateSizes.forEach((width, i) => {
      const given = state?.[i] ?? null;
      if (given === null || sameShape(given.shape, [sequence.B, width])) return;
      throw new ShapeError(
        `[AttentionDecoder] expected tensor ${i} of the state of shape [${sequence.B}, ${width}], received ${formatShape(given.shape)}.`,
      );
    });
    return runAttention(
      {
        direction: this.#direction,
        weightContext: this.#weightContext,
        attention: this.attention,
        isFirst: this.options.attendFirst ?? false,
      },
      { rows, ids: null, paddingIndex: -1 },
      sequence,
      memory,
      memoryRows,
      stateSizes.map((_, i) => state?.[i] ?? null),
      this.isTraining && p > 0 ? this.#recurrentMask(sequence.B, p) : null,
    );
  }

  #recurrentMask(B: number, p: number): Tensor {
    const mask = empty(this.backend, [B, this.options.hiddenSize]);
    this.backend.dropoutMask(bufferOf(mask), p, this.#rng.reserve(Math.ceil(mask.size / 4)));
    return mask;
  }
}
