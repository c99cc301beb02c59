/**
 * Layers and directions put together: what RNN, LSTM and GRU have in common above the recurrence itself. Inside,
 * everything is time-major, [T, B, ·]; outputs are turned as views, so nothing is copied for it.
 */
import { copyInto } from '../autograd/layout.ts';
import { concat, stack } from '../autograd/ops/concat.ts';
import { dropout } from '../autograd/ops/dropout.ts';
import { reshape, select, transpose } from '../autograd/ops/shape.ts';
import { inScope } from '../autograd/scope.ts';
import { record } from '../autograd/tape.ts';
import { backendOf, bufferOf, empty, Tensor, tensor } from '../autograd/tensor.ts';
import type { Backend } from '../backend/backend.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import type { EmbeddedSequence } from './embedding.ts';
import type { GradientNorms } from './gradient-norms.ts';
import type { LayerInput } from './input-projection.ts';
import { type CellKind, createDirection, type RecurrentInit, type Register } from './recurrent-direction.ts';
import { type Direction, type Lengths, runDirection, type Sequence } from './recurrent-layer.ts';
import { RecurrentStream } from './recurrent-stream.ts';

/** What RNN, LSTM and GRU all take. */
export interface RecurrentOptions {
  /** I: features of an input step. */
  readonly inputSize: number;
  /** H: units. */
  readonly hiddenSize: number;
  /** L: layers, each reading the one below. Default 1. */
  readonly numLayers?: number;
  /** Whether there are bias_ih and bias_hh. Default true. */
  readonly bias?: boolean;
  /** Whether x and output are [B, T, ·] (true) or [T, B, ·]. Default true, other than PyTorch's. */
  readonly batchFirst?: boolean;
  /** In [0, 1): each output of a layer below another is dropped with this probability while training. Default 0. */
  readonly dropout?: number;
  /** Adds layers that read from each sequence's end; outputs stand side by side. Default false. */
  readonly bidirectional?: boolean;
  /** In [0, 1): drops units of h in the recurrent product while training, the same ones at every step of a sequence. Default 0. */
  readonly recurrentDropout?: number;
  /** Normalises W_ih x and W_hh h before they meet (and an LSTM's cell before the output). Default false. */
  readonly layerNorm?: boolean;
  /** Initial values of weight_hh. Default 'uniform', PyTorch's. */
  readonly recurrentInit?: RecurrentInit;
  /**
   * Whether an embedding that comes as `Embedding.deferred(ids)` is projected as a table, V rows, instead of as a sequence,
   * T·B rows: the same numbers up to rounding. 'auto' (default): when V is at most a quarter of T·B.
   */
  readonly fold?: 'auto' | boolean;
  /** For initial values and dropout. Default: from the machine's entropy. */
  readonly rng?: Random;
}

export interface ForwardOptions {
  /** True lengths in steps, [B]; T when absent. Past its length a sequence's output is 0 and its state stays; padding changes nothing. */
  readonly lengths?: ArrayLike<number> | null;
  /** Filled by the backward. */
  readonly gradientNorms?: GradientNorms;
}

/** A sequence [B, T, I], or tokens that an embedding has yet to look up. */
export type SequenceInput = Tensor | EmbeddedSequence;

/** What a kind adds to the common options. */
export type KindOptions = Pick<CellKind, 'gates' | 'outputSize' | 'cell' | 'initializeBias'>;

export class RecurrentStack {
  readonly #name: string;
  readonly #options: Required<Omit<RecurrentOptions, 'recurrentInit'>>;
  /** [layer][direction] */
  readonly #layers: readonly (readonly Direction[])[];
  readonly #outputSize: number;

  constructor(name: string, given: RecurrentOptions, register: Register, kind: KindOptions) {
    const options = complete(name, given);
    const { inputSize, hiddenSize, numLayers, bidirectional, bias, layerNorm, rng } = options;
    const recurrentInit = given.recurrentInit ?? 'uniform';
    this.#name = name;
    this.#options = options;
    this.#outputSize = kind.outputSize;
    const suffixes = bidirectional ? ['', '_reverse'] : [''];
    this.#layers = Array.from({ length: numLayers }, (_, l) =>
      suffixes.map((suffix, d) => {
        const width = l === 0 ? inputSize : suffixes.length * kind.outputSize;
        return createDirection(
          { ...kind, name, hiddenSize, hasBias: bias, layerNorm, recurrentInit, rng },
          width,
          `_l${l}${suffix}`,
          d === 1,
          register,
        );
      }),
    );
  }

  forward(
    x: SequenceInput,
    initial: readonly Tensor[] | null,
    { lengths, gradientNorms }: ForwardOptions,
    isTraining: boolean,
  ): { output: Tensor; state: Tensor[] } {
    return inScope(() => {
      const { sequence, input } = this.#read(x, lengths ?? null);
      const { batchFirst, bidirectional } = this.#options;
      const states = this.#initialStates(initial, sequence.B);
      const lasts: (readonly Tensor[])[] = [];
      let layerInput = input;
      let output: Tensor | null = null;
      this.#layers.forEach((directions, layer) => {
        if (output !== null) layerInput = stepsOf(this.#dropped(output, isTraining));
        const results = directions.map((direction, d) =>
          runDirection(direction, layerInput, sequence, {
            initial: states[layer * directions.length + d],
            mask: this.#recurrentMask(direction, sequence.B, isTraining),
            gradientNorms: gradientNorms === undefined ? null : { into: gradientNorms, layer, direction: d },
          }),
        );
        lasts.push(...results.map(({ last }) => last));
        output = bidirectional
          ? concat(
              results.map((result) => result.output),
              2,
            )
          : results[0].output;
      });
      const state = states[0].map((_, i) =>
        stack(
          lasts.map((last) => last[i]),
          0,
        ),
      );
      return { output: batchFirst ? transpose(output!, 0, 1) : output!, state };
    });
  }

  /** One instant. */
  step(x: Tensor, initial: readonly Tensor[] | null, isTraining: boolean): { output: Tensor; state: Tensor[] } {
    this.#requireCausal('step');
    const { inputSize, batchFirst } = this.#options;
    if (x.rank !== 2 || x.shape[1] !== inputSize) {
      throw new ShapeError(`[${this.#name}.step] expected x of shape [B, ${inputSize}] (one instant), received ${formatShape(x.shape)}.`);
    }
    return inScope(() => {
      const [B] = x.shape;
      const instant = reshape(x, batchFirst ? [B, 1, inputSize] : [1, B, inputSize]);
      const { output, state } = this.forward(instant, initial, {}, isTraining);
      return { output: reshape(output, [B, this.#outputSize]), state };
    });
  }

  stream(batch: number, isTraining: boolean): RecurrentStream {
    this.#requireCausal('stream');
    const { dropout: p, recurrentDropout } = this.#options;
    if (isTraining && (p > 0 || recurrentDropout > 0)) {
      throw new ConfigError(`[${this.#name}.stream] a stream has no dropout; call eval() first.`);
    }
    return new RecurrentStream(
      this.#name,
      this.#layers.map(([direction]) => direction),
      batch,
    );
  }

  #requireCausal(method: string): void {
    if (this.#options.bidirectional) {
      throw new ConfigError(
        `[${this.#name}.${method}] a bidirectional layer needs the whole sequence: its reverse direction begins at the end. Use forward, or build it with bidirectional: false.`,
      );
    }
  }

  /** Checks what was given, and lays it out time-major. */
  #read(x: SequenceInput, lengths: ArrayLike<number> | null): { sequence: Sequence; input: LayerInput } {
    const { inputSize: I, batchFirst, fold } = this.#options;
    const backend = this.#layers[0][0].weightHh.backend;
    const { shape } = x;
    if (shape.length !== 3 || shape[2] !== I) {
      const axes = batchFirst ? 'B, T' : 'T, B';
      throw new ShapeError(
        `[${this.#name}] expected x of shape [${axes}, ${I}] (inputSize ${I}), received ${formatShape(shape)}.${shape.length === 3 ? `\nCheck the feature axis of the input, or build the layer with inputSize: ${shape[2]}.` : ''}`,
      );
    }
    const [B, T] = batchFirst ? shape : [shape[1], shape[0]];
    if (T === 0 || B === 0)
      throw new ShapeError(
        `[${this.#name}] expected at least one sequence of at least one step, received x of shape ${formatShape(shape)}.`,
      );
    const sequence: Sequence = { T, B, lengths: lengths === null ? null : this.#checkLengths(backend, lengths, B, T) };

    if (x instanceof Tensor) {
      backendOf(this.#name, [x, this.#layers[0][0].weightHh]);
      return { sequence, input: stepsOf(timeMajor(batchFirst ? transpose(x, 0, 1) : x, sequence)) };
    }
    const isFolded = fold === 'auto' ? x.table.shape[0] * 4 <= T * B : fold;
    if (!isFolded) {
      const vectors = x.materialize();
      return { sequence, input: stepsOf(timeMajor(batchFirst ? transpose(vectors, 0, 1) : vectors, { ...sequence, lengths: null })) };
    }
    const ids = batchFirst ? transpose(x.ids, 0, 1) : x.ids;
    return { sequence, input: { rows: x.table, ids: onHost(ids), paddingIndex: x.paddingIndex ?? -1 } };
  }

  #checkLengths(backend: Backend, lengths: ArrayLike<number>, B: number, T: number): Lengths | null {
    if (lengths.length !== B) throw new ShapeError(`[${this.#name}] expected ${B} lengths, one a sequence, received ${lengths.length}.`);
    const values = Int32Array.from(lengths);
    for (let b = 0; b < B; b++) {
      if (lengths[b] !== values[b] || values[b] < 0 || values[b] > T) {
        throw new ShapeError(`[${this.#name}] expected lengths in 0…${T} (T), received ${lengths[b]} for sequence ${b}.`);
      }
    }
    if (values.every((length) => length === T)) return null;
    const rowMask = Float32Array.from({ length: T * B }, (_, tb) => (Math.floor(tb / B) < values[tb % B] ? 1 : 0));
    return { values, tensor: tensor(values, { dtype: 'int32', backend }), rowMask: tensor(rowMask, { shape: [T, B], backend }) };
  }

  /** The initial states of each layer and direction: [L·D, B, width] taken apart. */
  #initialStates(initial: readonly Tensor[] | null, B: number): (readonly (Tensor | null)[])[] {
    const directions = this.#layers.flat();
    const { stateSizes } = directions[0].cell;
    if (initial === null) return directions.map(() => stateSizes.map(() => null));
    if (initial.length !== stateSizes.length) {
      throw new ShapeError(`[${this.#name}] expected a state of ${stateSizes.length} tensors, received ${initial.length}.`);
    }
    initial.forEach((state, i) => {
      const expected = [directions.length, B, stateSizes[i]];
      if (!sameShape(state.shape, expected)) {
        throw new ShapeError(
          `[${this.#name}] expected ${'hc'[i]} of shape ${formatShape(expected)} (layers · directions, B, width), received ${formatShape(state.shape)}.`,
        );
      }
    });
    return directions.map((_, k) => initial.map((state) => select(state, 0, k)));
  }

  #dropped(x: Tensor, isTraining: boolean): Tensor {
    const { dropout: p, rng } = this.#options;
    return isTraining && p > 0 ? dropout(x, p, rng) : x;
  }

  #recurrentMask({ cell, weightHh }: Direction, B: number, isTraining: boolean): Tensor | null {
    const { recurrentDropout: p, rng } = this.#options;
    if (!isTraining || p === 0) return null;
    const mask = empty(weightHh.backend, [B, cell.stateSizes[0]]);
    weightHh.backend.dropoutMask(bufferOf(mask), p, rng.reserve(Math.ceil(mask.size / 4)));
    return mask;
  }
}

function complete(name: string, options: RecurrentOptions): Required<Omit<RecurrentOptions, 'recurrentInit'>> {
  const complete = {
    inputSize: options.inputSize,
    hiddenSize: options.hiddenSize,
    numLayers: options.numLayers ?? 1,
    bias: options.bias ?? true,
    batchFirst: options.batchFirst ?? true,
    dropout: options.dropout ?? 0,
    bidirectional: options.bidirectional ?? false,
    recurrentDropout: options.recurrentDropout ?? 0,
    layerNorm: options.layerNorm ?? false,
    fold: options.fold ?? 'auto',
    rng: options.rng ?? Random.fromEntropy(),
  } as const;
  for (const key of ['inputSize', 'hiddenSize', 'numLayers'] as const) {
    const value = complete[key];
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`[${name}] expected ${key} to be an integer of at least 1, received ${value}.`);
  }
  for (const key of ['dropout', 'recurrentDropout'] as const) {
    const value = complete[key];
    if (!(value >= 0 && value < 1)) throw new ConfigError(`[${name}] expected ${key} in [0, 1), received ${value}.`);
  }
  return complete;
}

/** A row-major copy where x is not so already; what stands past a sequence's length is left out, even NaN. */
function timeMajor(x: Tensor, { T, lengths }: Sequence): Tensor {
  if (x.isContiguous && lengths === null) return x;
  return inScope(() => {
    const y = empty(x.backend, x.shape);
    if (lengths === null) copyInto(x, y);
    else {
      x.backend.fill(bufferOf(y), 0);
      lengths.values.forEach((length, b) => {
        copyInto(steps(x, b, length), steps(y, b, length));
      });
    }
    // Past a length the gradient is 0: the recurrence gives none there.
    record('timeMajor', [x], [y], ([dY]) => [dY]);
    return y;

    function steps(of: Tensor, b: number, length: number): Tensor {
      return new Tensor(of.storage, [Math.min(length, T), of.shape[2]], [of.strides[0], of.strides[2]], of.offset + b * of.strides[1]);
    }
  });
}

function stepsOf(rows: Tensor): LayerInput {
  return { rows, ids: null, paddingIndex: -1 };
}

/** Row-major, on the host: it outlives every scope. */
function onHost(ids: Tensor): Tensor {
  return tensor(ids.dataSync(), { shape: ids.shape, dtype: 'int32', backend: ids.backend });
}
