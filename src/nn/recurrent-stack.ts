/**
 * Layers and directions put together: what RNN, LSTM and GRU have in common above the recurrence itself. Inside,
 * everything is time-major, [T, B, ·]; outputs are turned as views, so nothing is copied for it.
 */
import { concat, stack } from '../autograd/ops/concat.ts';
import { dropout, requireProbability } from '../autograd/ops/dropout.ts';
import { reshape, select, transpose } from '../autograd/ops/shape.ts';
import { inScope, releaseEarly } from '../autograd/scope.ts';
import { backendOf, bufferOf, empty, Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import type { EmbeddedSequence } from './embedding.ts';
import type { GradientNorms } from './gradient-norms.ts';
import type { LayerInput } from './input-projection.ts';
import { requireSizes } from './linear.ts';
import { type CellOptions, createDirection, type Kind, type Register } from './recurrent-direction.ts';
import { type Direction, runDirection } from './recurrent-layer.ts';
import { RecurrentStream } from './recurrent-stream.ts';
import { type Sequence, sequenceOf, timeMajor } from './sequence.ts';

/** What RNN, LSTM and GRU all take. */
export interface RecurrentOptions extends CellOptions {
  /** L: layers, each reading the one below. Default 1. */
  readonly numLayers?: number;
  /** Whether x and output are [B, T, ·] (true) or [T, B, ·]. Default true, other than PyTorch's. */
  readonly batchFirst?: boolean;
  /** In [0, 1): each output of a layer below another is dropped with this probability while training. Default 0. */
  readonly dropout?: number;
  /** Adds layers that read from each sequence's end; outputs stand side by side. Default false. */
  readonly bidirectional?: boolean;
  /** In [0, 1): drops units of h in the recurrent product while training, the same ones at every step of a sequence. Default 0. */
  readonly recurrentDropout?: number;
  /**
   * Whether an embedding that comes as `Embedding.deferred(ids)` is projected as a table, V rows, instead of as a sequence,
   * T·B rows: the same numbers up to rounding. 'auto' (default): when V is at most a quarter of T·B.
   */
  readonly fold?: 'auto' | boolean;
}

/** What a forward over a batch of sequences may be told. */
export interface ForwardOptions {
  /** True lengths in steps, [B]; T when absent. Past its length a sequence's output is 0 and its state stays; padding changes nothing. */
  readonly lengths?: ArrayLike<number> | null;
  /** Filled by the backward. */
  readonly gradientNorms?: GradientNorms;
}

/** A sequence [B, T, I], or tokens that an embedding has yet to look up. */
export type SequenceInput = Tensor | EmbeddedSequence;

export class RecurrentStack {
  readonly #name: string;
  readonly #options: StackOptions;
  /** [layer][direction] */
  readonly #layers: readonly (readonly Direction[])[];
  readonly #outputSize: number;

  constructor(name: string, given: RecurrentOptions, register: Register, kind: Kind) {
    const options = complete(name, given);
    const { inputSize, numLayers, bidirectional } = options;
    this.#name = name;
    this.#options = options;
    this.#outputSize = kind.outputSize;
    const suffixes = bidirectional ? ['', '_reverse'] : [''];
    this.#layers = Array.from({ length: numLayers }, (_, l) =>
      suffixes.map((suffix, d) => {
        const width = l === 0 ? inputSize : suffixes.length * kind.outputSize;
        return createDirection(name, options, kind, { inputSize: width, suffix: `_l${l}${suffix}`, reverse: d === 1 }, register);
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
      const { sequence, input } = this.#read(x, lengths);
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
        if (layer > 0 && !layerInput.rows.requiresGrad) releaseEarly(layerInput.rows.storage);
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
    const { inputSize, batchFirst, recurrentDropout } = this.#options;
    if (isTraining && recurrentDropout > 0) {
      throw new ConfigError(
        `[${this.#name}.step] recurrentDropout drops the same units through a whole sequence. Use forward, or call eval() first.`,
      );
    }
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
  #read(x: SequenceInput, lengths: ForwardOptions['lengths']): { sequence: Sequence; input: LayerInput } {
    const { inputSize, batchFirst, fold } = this.#options;
    const { weightHh } = this.#layers[0][0];
    const sequence = sequenceOf(this.#name, weightHh.backend, x.shape, inputSize, lengths, batchFirst);
    const byTime = (y: Tensor): Tensor => (batchFirst ? transpose(y, 0, 1) : y);
    if (x instanceof Tensor) {
      backendOf(this.#name, [x, weightHh]);
      return { sequence, input: stepsOf(timeMajor(byTime(x), sequence.lengths)) };
    }
    const isWorthIt = x.table.shape[0] * 4 <= sequence.T * sequence.B;
    const isFolded = x.table.isContiguous && (fold === 'auto' ? isWorthIt : fold);
    if (!isFolded) return { sequence, input: stepsOf(timeMajor(byTime(x.materialize()), null)) };
    return { sequence, input: { rows: x.table, ids: onHost(byTime(x.ids)), paddingIndex: x.paddingIndex ?? -1 } };
  }

  /** The initial states of each layer and direction: [L·D, B, width] taken apart. */
  #initialStates(initial: readonly Tensor[] | null, B: number): (readonly (Tensor | null)[])[] {
    const directions = this.#layers.flat();
    const { stateSizes } = directions[0].recurrence;
    if (initial === null) return directions.map(() => stateSizes.map(() => null));
    if (initial.length !== stateSizes.length) {
      throw new ShapeError(`[${this.#name}] expected a state of ${stateSizes.length} tensors, received ${initial.length}.`);
    }
    backendOf(this.#name, [directions[0].weightHh, ...initial]);
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

  #recurrentMask({ recurrence, weightHh }: Direction, B: number, isTraining: boolean): Tensor | null {
    const { recurrentDropout: p, rng } = this.#options;
    if (!isTraining || p === 0) return null;
    const mask = empty(weightHh.backend, [B, recurrence.stateSizes[0]]);
    weightHh.backend.dropoutMask(bufferOf(mask), p, rng.reserve(Math.ceil(mask.size / 4)));
    return mask;
  }
}

type StackOptions = RecurrentOptions & Required<Omit<RecurrentOptions, 'bias' | 'layerNorm' | 'recurrentInit'>>;

function complete(name: string, given: RecurrentOptions): StackOptions {
  const options: StackOptions = {
    ...given,
    numLayers: given.numLayers ?? 1,
    batchFirst: given.batchFirst ?? true,
    dropout: given.dropout ?? 0,
    bidirectional: given.bidirectional ?? false,
    recurrentDropout: given.recurrentDropout ?? 0,
    fold: given.fold ?? 'auto',
    rng: given.rng ?? Random.fromEntropy(),
  };
  requireSizes(name, { numLayers: options.numLayers });
  requireProbability(`${name}: dropout`, options.dropout);
  requireProbability(`${name}: recurrentDropout`, options.recurrentDropout);
  return options;
}

function stepsOf(rows: Tensor): LayerInput {
  return { rows, ids: null, paddingIndex: -1 };
}

/** Row-major, on the host: it outlives every scope. */
function onHost(ids: Tensor): Tensor {
  return tensor(ids.dataSync(), { shape: ids.shape, dtype: 'int32', backend: ids.backend });
}
