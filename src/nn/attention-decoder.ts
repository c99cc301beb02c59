/**
 * A recurrent layer that looks at a memory at every step: the decoder of translation, captioning and speech recognition. Forward
 * and backward are one kernel call for a whole sequence (AttentionForward in src/backend/backend.ts has the equations).
 */
import { requireProbability } from '../autograd/ops/dropout.ts';
import { reshape, transpose } from '../autograd/ops/shape.ts';
import { inScope, releaseEarly } from '../autograd/scope.ts';
import { type GradientSink, needsGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Parameter, Tensor, tensor } from '../autograd/tensor.ts';
import type { AttentionForward, Backend, Buffer } from '../backend/backend.ts';
import { ConfigError, ShapeError, unknownName } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, rowMajor, sameShape } from '../tensor/shape.ts';
import { Attention, type AttentionKind, type AttentionMemory, requireMemory } from './attention.ts';
import { gruKind } from './gru.ts';
import { uniform } from './initializers.ts';
import { type LayerInput, project, projectBackward } from './input-projection.ts';
import { requireSizes } from './linear.ts';
import { lstmKind } from './lstm.ts';
import { Module } from './module.ts';
import { currentWatcher } from './recurrence-watch.ts';
import { type CellOptions, createDirection } from './recurrent-direction.ts';
import { addWeightGradient, type Direction } from './recurrent-layer.ts';
import type { SequenceInput } from './recurrent-stack.ts';
import { type Lengths, type Sequence, sequenceOf, timeMajor } from './sequence.ts';

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

/** What a decoder gives for a whole sequence. All have gradients. */
export interface AttentionResult {
  /** States of the cell, [B, T, H]. */
  readonly output: Tensor;
  /** What each step found, [B, T, M]. */
  readonly context: Tensor;
  /** Where each step looked, [B, T, S]: sums to 1 within the memory's length, 0 past it. */
  readonly weights: Tensor;
  /** After each sequence's last step: [h, c, context] of an LSTM, [h, context] of a GRU; [B, ·] each. */
  readonly state: readonly Tensor[];
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
      return this.#run(steps, sequence, memory, state ?? null, null);
    });
  }

  /**
   * One instant, without dropout; `forward` over the same inputs gives the same numbers.
   *
   * @param x       [B, I]
   * @param state   as of `forward`
   * @param options rows: for each of B, which of the memories it looks at: several hypotheses share one. Default: its own of B
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
      const result = this.#run(contiguous(reshape(x, [1, B, inputSize])), { T: 1, B, lengths: null }, memory, state ?? null, which);
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
    memoryRows: Tensor | null,
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
    const p = this.options.recurrentDropout ?? 0;
    const isDropped = this.isTraining && p > 0 && memoryRows === null;
    return new Run(
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
      isDropped ? this.#recurrentMask(sequence.B, p) : null,
    ).forward();
  }

  #recurrentMask(B: number, p: number): Tensor {
    const mask = empty(this.backend, [B, this.options.hiddenSize]);
    this.backend.dropoutMask(bufferOf(mask), p, this.#rng.reserve(Math.ceil(mask.size / 4)));
    return mask;
  }
}

/** The parts of a decoder. */
interface Decoder {
  readonly direction: Direction;
  readonly weightContext: Parameter;
  readonly attention: Attention;
  readonly isFirst: boolean;
}

/** One run over one batch, as one operation on the tape. */
class Run {
  readonly #decoder: Decoder;
  readonly #backend: Backend;
  readonly #input: LayerInput;
  readonly #sequence: Sequence;
  readonly #memory: AttentionMemory;
  readonly #memoryRows: Tensor | null;
  readonly #initial: readonly (Tensor | null)[];
  readonly #mask: Tensor | null;
  readonly #inputs: readonly (Tensor | null)[];
  /** Freed once the backward has run. */
  readonly #saved: Tensor[] = [];
  readonly #gates: Tensor; // [T, B, G·H]
  readonly #hn: Tensor | null; // [T, B, H]
  /** h, (c,) context: [T+1, B, width]. */
  readonly #states: readonly Tensor[];
  readonly #query: Tensor; // [T, B, A]
  readonly #weights: Tensor; // [T, B, S]

  constructor(
    decoder: Decoder,
    input: LayerInput,
    sequence: Sequence,
    memory: AttentionMemory,
    memoryRows: Tensor | null,
    initial: readonly (Tensor | null)[],
    mask: Tensor | null,
  ) {
    const { direction, weightContext, attention } = decoder;
    const { weights, weightHh, recurrence } = direction;
    const { T, B } = sequence;
    this.#decoder = decoder;
    this.#backend = weightContext.backend;
    this.#input = input;
    this.#sequence = sequence;
    this.#memory = memory;
    this.#memoryRows = memoryRows;
    this.#initial = initial;
    this.#mask = mask;
    this.#inputs = [
      input.rows,
      memory.keys,
      memory.values,
      weights.weightIh,
      weights.biasIh,
      weights.biasHh,
      weightHh,
      weightContext,
      attention.weightQuery,
      attention.score,
      ...initial,
    ];
    const make = (...shape: number[]) => empty(this.#backend, shape);
    this.#gates = make(T, B, recurrence.gates * direction.hiddenSize);
    this.#hn = recurrence.gates === 3 ? make(T, B, direction.hiddenSize) : null;
    this.#states = [...recurrence.stateSizes, attention.memorySize].map((width) => make(T + 1, B, width));
    this.#query = make(T, B, attention.attentionSize);
    this.#weights = make(T, B, memory.keys.shape[1]);
    this.#saved.push(this.#gates, this.#query, ...[this.#hn, mask].filter((x) => x !== null));
  }

  forward(): AttentionResult {
    const backend = this.#backend;
    const { T, lengths } = this.#sequence;
    project(backend, this.#input, this.#decoder.direction.weights, bufferOf(this.#gates));
    for (const [i, slots] of this.#states.entries()) {
      const slot = bufferOf(slotOf(slots, 0));
      const initial = this.#initial[i];
      if (initial === null) backend.fill(slot, 0);
      else if (initial.isContiguous) backend.copy(bufferOf(initial), slot);
      else backend.copy(bufferOf(contiguous(initial)), slot);
    }
    this.#withMemory((layer) => backend.attentionForward(layer));

    const [h, context] = [this.#states[0], this.#states.at(-1)!];
    this.#tellWatcher(h);
    const output = this.#outputOf(h, lengths);
    const found = this.#outputOf(context, lengths);
    const last = this.#states.map((slots) => {
      const copy = empty(backend, slots.shape.slice(1));
      backend.copy(bufferOf(slotOf(slots, T)), bufferOf(copy));
      return copy;
    });
    this.#saved.push(...this.#states.filter((slots) => lengths !== null || (slots !== h && slots !== context)));
    if (needsGrad(this.#inputs)) {
      const outputs = [output, found, this.#weights, ...last];
      record('AttentionDecoder', this.#inputs, outputs, (gradients, sink) => this.#backward(gradients, sink), this.#saved);
    } else for (const x of this.#saved) releaseEarly(x.storage);
    const batchFirst = (x: Tensor) => transpose(x, 0, 1);
    return { output: batchFirst(output), context: batchFirst(found), weights: batchFirst(this.#weights), state: last };
  }

  #backward([dOutput, dContext, dWeights, ...dLast]: readonly (Tensor | null)[], sink: GradientSink): (Tensor | null)[] {
    const backend = this.#backend;
    const { direction, weightContext, attention, isFirst } = this.#decoder;
    const { weights, weightHh, hiddenSize: H } = direction;
    const { T, B } = this.#sequence;
    const R = T * B;
    const M = attention.memorySize;
    const temporaries: Tensor[] = [];
    const temporary = (shape: readonly number[]): Tensor => {
      const x = empty(backend, shape);
      temporaries.push(x);
      return x;
    };
    const arranged = (d: Tensor | null): Buffer | null => {
      if (d === null) return null;
      const rows = contiguous(d);
      if (rows !== d) temporaries.push(rows);
      return bufferOf(rows);
    };
    const into = (parameter: Parameter | null): Buffer | null => {
      const i = parameter === null ? -1 : this.#inputs.indexOf(parameter);
      return i >= 0 && sink.wants(i) ? bufferOf(sink.accumulator(i)) : null;
    };
    const dStates = this.#states.map((slots, i) => {
      const d = empty(backend, slots.shape.slice(1));
      const given = arranged(dLast[i]);
      if (given === null) backend.fill(bufferOf(d), 0);
      else backend.copy(given, bufferOf(d));
      return d;
    });
    const dKeys = empty(backend, this.#memory.keys.shape);
    const dMemory = empty(backend, this.#memory.values.shape);
    const scoreGradient = attention.score === null ? null : (into(attention.score) ?? bufferOf(temporary(attention.score.shape)));
    this.#withMemory((layer) =>
      backend.attentionBackward({
        ...layer,
        dY: arranged(dOutput),
        dContext: arranged(dContext),
        dWeights: arranged(dWeights),
        dH: bufferOf(dStates[0]),
        dC: layer.cell.kind === 'lstm' ? bufferOf(dStates[1]) : null,
        dContextState: bufferOf(dStates.at(-1)!),
        dKeys: bufferOf(dKeys),
        dMemory: bufferOf(dMemory),
        dScoreVector: scoreGradient,
      }),
    );

    const gates = { buffer: bufferOf(this.#gates), columns: direction.recurrence.gates * H };
    const [h, context] = [this.#states[0], this.#states.at(-1)!];
    const dWeightContext = into(weightContext);
    if (dWeightContext !== null) {
      addWeightGradient(backend, R, gates, { buffer: bufferOf(stepsOf(context, isFirst)), columns: M }, dWeightContext);
    }
    const dWeightQuery = into(attention.weightQuery);
    if (dWeightQuery !== null) {
      const query = { buffer: bufferOf(this.#query), columns: attention.attentionSize };
      addWeightGradient(backend, R, query, { buffer: bufferOf(stepsOf(h, !isFirst)), columns: H }, dWeightQuery);
    }
    const dWeightHh = into(weightHh);
    const dBiasHh = into(weights.biasHh);
    if (dWeightHh !== null) {
      const before = { buffer: this.#previous(temporary), columns: H };
      if (this.#hn === null) addWeightGradient(backend, R, gates, before, dWeightHh);
      else {
        const [resetUpdate, candidate] = [2 * H * H, H * H];
        const hn = { buffer: bufferOf(this.#hn), columns: H };
        addWeightGradient(backend, R, { ...gates, columns: 2 * H, lda: 3 * H }, before, backend.slice(dWeightHh, 0, resetUpdate));
        addWeightGradient(backend, R, hn, before, backend.slice(dWeightHh, resetUpdate, candidate));
      }
    }
    if (this.#hn !== null && dBiasHh !== null) {
      backend.sumAxis(bufferOf(this.#hn), backend.slice(dBiasHh, 2 * H, H), { outer: 1, n: R, inner: H }, true);
    }
    for (const x of temporaries) releaseEarly(x.storage);
    const dRows = sink.wants(0) ? empty(backend, this.#input.rows.shape) : null;
    projectBackward(backend, this.#input, weights, null, gates.buffer, {
      dWeightIh: into(weights.weightIh),
      dBiasIh: into(weights.biasIh),
      dBiasHh,
      dNormIh: null,
      dRows: dRows === null ? null : bufferOf(dRows),
    });
    const parameters = this.#inputs.slice(3, this.#inputs.length - dStates.length).map(() => null);
    return [dRows, dKeys, dMemory, ...parameters, ...dStates];
  }

  /** Gates and states; the kernel has no norms of gradients. */
  #tellWatcher(h: Tensor): void {
    const { hiddenSize, weightHh, recurrence } = this.#decoder.direction;
    const { T, B, lengths } = this.#sequence;
    currentWatcher()?.ran({
      cell: recurrence.gates === 3 ? 'GRUCell' : 'LSTMCell',
      hiddenSize,
      reverse: false,
      parameter: weightHh,
      T,
      B,
      lengths: lengths?.values ?? null,
      gates: this.#gates,
      input: null,
      states: stepsOf(h, true),
    });
  }

  /** The kernel's arguments, for the length of `call`. */
  #withMemory(call: (layer: AttentionForward) => void): void {
    const { direction, weightContext, attention, isFirst } = this.#decoder;
    const { weightHh, weights } = direction;
    const { T, B, lengths } = this.#sequence;
    const H = direction.hiddenSize;
    const [keys, values] = [contiguous(this.#memory.keys), contiguous(this.#memory.values)];
    const biasHh = weights.biasHh;
    call({
      T,
      B,
      H,
      S: keys.shape[1],
      A: keys.shape[2],
      M: values.shape[2],
      attendFirst: isFirst,
      lengths: lengths === null ? null : bufferOf(lengths.tensor),
      weightHh: bufferOf(weightHh),
      mask: this.#mask === null ? null : bufferOf(this.#mask),
      weightContext: bufferOf(weightContext),
      weightQuery: attention.weightQuery === null ? null : bufferOf(attention.weightQuery),
      scoreVector: attention.score === null ? null : bufferOf(attention.score),
      scale: 1,
      keys: bufferOf(keys),
      memory: bufferOf(values),
      memoryLengths: this.#memory.lengths === null ? null : bufferOf(this.#memory.lengths),
      memoryRows: this.#memoryRows === null ? null : bufferOf(this.#memoryRows),
      cell:
        this.#hn === null
          ? { kind: 'lstm', c: bufferOf(this.#states[1]) }
          : { kind: 'gru', hn: bufferOf(this.#hn), biasHn: biasHh === null ? null : this.#backend.slice(bufferOf(biasHh), 2 * H, H) },
      gates: bufferOf(this.#gates),
      h: bufferOf(this.#states[0]),
      context: bufferOf(this.#states.at(-1)!),
      query: bufferOf(this.#query),
      weights: bufferOf(this.#weights),
    });
    for (const [copy, given] of [
      [keys, this.#memory.keys],
      [values, this.#memory.values],
    ]) {
      if (copy !== given && copy.storage !== this.#memory.keys.storage && copy.storage !== this.#memory.values.storage) {
        releaseEarly(copy.storage);
      }
    }
  }

  /** The states after each step, zero past a sequence's length. */
  #outputOf(slots: Tensor, lengths: Lengths | null): Tensor {
    const steps = stepsOf(slots, true);
    if (lengths === null) return steps;
    const { T, B } = this.#sequence;
    const y = empty(this.#backend, steps.shape);
    this.#backend.scaleRows(bufferOf(steps), bufferOf(lengths.rowMask), bufferOf(y), T * B, steps.shape[2], false);
    return y;
  }

  /** h_{t−1} ⊙ mask as the recurrent product saw it. */
  #previous(temporary: (shape: readonly number[]) => Tensor): Buffer {
    const h = stepsOf(this.#states[0], false);
    if (this.#mask === null) return bufferOf(h);
    const product = bufferOf(temporary(h.shape));
    this.#backend.binary('mul', bufferOf(h), bufferOf(this.#mask), product);
    return product;
  }
}

/** The state before or after each step: [T, B, width], a view of the slots [T+1, B, width]. */
function stepsOf(slots: Tensor, isAfter: boolean): Tensor {
  const [T1, B, width] = slots.shape;
  const shape = [T1 - 1, B, width];
  return new Tensor(slots.storage, shape, rowMajor(shape), isAfter ? B * width : 0);
}

function slotOf(slots: Tensor, index: number): Tensor {
  const [, B, width] = slots.shape;
  return new Tensor(slots.storage, [B, width], [width, 1], index * B * width);
}
