/**
 * What a decoder looks at, and how it finds where: scores of Bahdanau and of Luong. The loop of a decoder that looks at every step
 * is attention-decoder.ts.
 */
import { add, mul } from '../autograd/ops/binary.ts';
import { tanh } from '../autograd/ops/elementwise.ts';
import { linear, matmul } from '../autograd/ops/matmul.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { reshape, transpose, unsqueeze } from '../autograd/ops/shape.ts';
import { softmax } from '../autograd/ops/softmax.ts';
import { maskedFill } from '../autograd/ops/where.ts';
import { inScope } from '../autograd/scope.ts';
import { needsGrad } from '../autograd/tape.ts';
import { contiguous, type Parameter, type Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError, unknownName } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { uniform } from './initializers.ts';
import { requireSizes } from './linear.ts';
import { Module } from './module.ts';

const kinds = ['additive', 'general', 'dot'] as const;

/**
 * How a position of the memory is scored: 'additive' (Bahdanau et al. 2015): v · tanh(W_q h + W_k m + b); 'general' (Luong et al.
 * 2015): (W_q h) · m; 'dot': h · m.
 */
export type AttentionKind = (typeof kinds)[number];

/** Sizes and kind of an attention. */
export interface AttentionOptions {
  /** Width of the state that asks, H. */
  readonly querySize: number;
  /** Width of a position of the memory, M. */
  readonly memorySize: number;
  /** Default 'additive'. */
  readonly kind?: AttentionKind;
  /** A, of 'additive' only. Default: querySize. */
  readonly attentionSize?: number;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/** A batch of memories, their keys made once. From `Attention.memory`. */
export interface AttentionMemory {
  readonly keys: Tensor; // [B, S, A]
  readonly values: Tensor; // [B, S, M]
  /** int32 [B]; null: all S. */
  readonly lengths: Tensor | null;
}

/**
 * Attention of states over a memory of S positions:
 *
 *   e_s = score(h, m_s) ;   α = softmax(e) over the memory's length ;   context = Σ_s α_s m_s
 *
 * Parameters: `weight_query` [A, H] (not of 'dot'), and of 'additive' `weight_key` [A, M], `bias_key` [A], `score` [A]. They begin
 * uniform in ±1/√(their inputs).
 *
 * @example
 * const attention = new Attention({ querySize: 256, memorySize: 512 });
 * const memory = attention.memory(encoded, { lengths });            // encoded [B, S, 512]
 * const { context, weights } = attention.forward(states, memory);   // states [B, T, 256] → [B, T, 512], [B, T, S]
 * @see Bahdanau, Cho & Bengio (2015), arXiv:1409.0473; Luong, Pham & Manning (2015), arXiv:1508.04025.
 */
export class Attention extends Module {
  readonly kind: AttentionKind;
  readonly querySize: number;
  readonly memorySize: number;
  /** A: width of queries and keys. */
  readonly attentionSize: number;
  readonly weightQuery: Parameter | null; // [A, H]
  readonly weightKey: Parameter | null; // [A, M]
  readonly biasKey: Parameter | null; // [A]
  readonly score: Parameter | null; // [A]

  /** @throws ConfigError when a size is not a positive integer, or does not fit the kind */
  constructor({ querySize, memorySize, kind = 'additive', attentionSize, rng = Random.fromEntropy() }: AttentionOptions) {
    super();
    if (!kinds.includes(kind)) throw new ConfigError(`[Attention] ${unknownName('kind', kind, kinds)}`);
    requireSizes('Attention', { querySize, memorySize, ...(attentionSize === undefined ? {} : { attentionSize }) });
    if (kind !== 'additive' && attentionSize !== undefined) {
      throw new ConfigError(
        `[Attention] attentionSize belongs to 'additive'; '${kind}' multiplies states with the memory itself. Leave it out.`,
      );
    }
    if (kind === 'dot' && querySize !== memorySize) {
      throw new ConfigError(
        `[Attention] 'dot' needs states as wide as the memory, received querySize ${querySize} and memorySize ${memorySize}. Use 'general', or sizes that are equal.`,
      );
    }
    this.kind = kind;
    this.querySize = querySize;
    this.memorySize = memorySize;
    this.attentionSize = kind === 'additive' ? (attentionSize ?? querySize) : memorySize;
    const A = this.attentionSize;
    const within = (inputs: number) => (values: Float32Array | Float64Array) => uniform(values, 1 / Math.sqrt(inputs), rng);
    const isAdditive = kind === 'additive';
    this.weightQuery = kind === 'dot' ? null : this.parameter('weight_query', [A, querySize], within(querySize));
    this.weightKey = isAdditive ? this.parameter('weight_key', [A, memorySize], within(memorySize)) : null;
    this.biasKey = isAdditive ? this.parameter('bias_key', [A], within(memorySize)) : null;
    this.score = isAdditive ? this.parameter('score', [A], within(A)) : null;
  }

  /**
   * Makes the keys of a memory.
   *
   * @param values  [B, S, M]
   * @param lengths true lengths of the memories, [B], each in 0…S; all S when absent. An empty memory's context is 0.
   * @throws ShapeError when the last axis is not memorySize, or lengths are not in 0…S
   */
  memory(values: Tensor, { lengths }: { readonly lengths?: ArrayLike<number> | null } = {}): AttentionMemory {
    const { memorySize: M } = this;
    if (values.rank !== 3 || values.shape[2] !== M) {
      throw new ShapeError(`[Attention] expected a memory of shape [B, S, ${M}] (memorySize ${M}), received ${formatShape(values.shape)}.`);
    }
    const [B, S] = values.shape;
    if (B === 0 || S === 0) {
      throw new ShapeError(`[Attention] expected at least one memory of one position, received ${formatShape(values.shape)}.`);
    }
    const known = lengths === null || lengths === undefined ? null : Int32Array.from(lengths);
    if (known !== null && (known.length !== B || known.some((n, b) => n < 0 || n > S || n !== lengths![b]))) {
      throw new ShapeError(`[Attention] expected ${B} lengths in 0…${S} (S), received [${[...known].join(', ')}].`);
    }
    return inScope(() => {
      const keys = this.weightKey === null ? values : linear(values, this.weightKey, this.biasKey);
      // Step after step reads them row by row; with a history they stay as they are, and an operation copies them for itself.
      const settled = needsGrad([keys, values]) ? { keys, values } : { keys: contiguous(keys), values: contiguous(values) };
      return { ...settled, lengths: known === null ? null : tensor(known, { dtype: 'int32', backend: this.backend }) };
    });
  }

  /**
   * Attention of all states at once: for a decoder whose steps do not depend on what they saw, and for attention over itself.
   *
   * @param states [B, T, H]
   * @returns      context [B, T, M] and weights [B, T, S], 0 past a memory's length
   * @throws ShapeError when states do not fit the memory
   */
  forward(states: Tensor, memory: AttentionMemory): { context: Tensor; weights: Tensor } {
    const { querySize: H, attentionSize: A } = this;
    const [B, S] = memory.keys.shape;
    if (states.rank !== 3 || states.shape[0] !== B || states.shape[2] !== H) {
      throw new ShapeError(`[Attention] expected states of shape [${B}, T, ${H}], received ${formatShape(states.shape)}.`);
    }
    return inScope(() => {
      const q = this.weightQuery === null ? states : linear(states, this.weightQuery);
      const scores =
        this.score === null
          ? matmul(q, transpose(memory.keys, 1, 2))
          : // tanh(q + k) of every pair, [B, T, S, A]
            sum(mul(tanh(add(unsqueeze(q, 2), unsqueeze(memory.keys, 1))), reshape(this.score, [1, 1, 1, A])), -1);
      if (memory.lengths === null) {
        const weights = softmax(scores);
        return { context: matmul(weights, memory.values), weights };
      }
      const known = memory.lengths.dataSync();
      const isPast = Float32Array.from({ length: B * S }, (_, bs) => (bs % S < known[Math.floor(bs / S)] ? 0 : 1));
      const past = tensor(isPast, { shape: [B, 1, S], backend: this.backend });
      // −1e9 and not −∞: of an empty memory all scores are equal, and its weights become 0 below.
      const weights = maskedFill(softmax(maskedFill(scores, past, -1e9)), past, 0);
      return { context: matmul(weights, memory.values), weights };
    });
  }
}

/** @throws ShapeError when keys and values are not those of a layer with such sizes */
export function requireMemory(layer: string, { keys, values }: AttentionMemory, A: number, M: number): void {
  const [B, S] = keys.shape;
  if (!sameShape(keys.shape, [B, S, A]) || !sameShape(values.shape, [B, S, M])) {
    throw new ShapeError(
      `[${layer}] expected keys [B, S, ${A}] and values [B, S, ${M}] of this layer's memory(), received ${formatShape(keys.shape)} and ${formatShape(values.shape)}.`,
    );
  }
}
