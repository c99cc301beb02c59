/** Vectors for symbols. */
import { embedding, requireIds, requirePaddingIndex } from '../autograd/ops/gather.ts';
import type { Parameter, Tensor } from '../autograd/tensor.ts';
import { Random } from '../tensor/random.ts';
import type { Shape } from '../tensor/shape.ts';
import { normal } from './initializers.ts';
import { requireSizes } from './linear.ts';
import { Module } from './module.ts';

/** Sizes and first values of an embedding. */
export interface EmbeddingOptions {
  /** Number of symbols, V. */
  readonly vocabularySize: number;
  /** Numbers per symbol, E. */
  readonly embeddingSize: number;
  /** Symbol whose vector starts as zeros and is not learnt. */
  readonly paddingIndex?: number;
  /** A parameter [V, E] to share instead of an own table, for tied weights. */
  readonly weight?: Parameter;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/**
 * One learnt vector per symbol. Parameter `weight` [V, E], standard normal at first, as torch.nn.Embedding's.
 *
 * @example const table = new Embedding({ vocabularySize: 65, embeddingSize: 64, rng: new Random(1) });
 */
export class Embedding extends Module {
  readonly vocabularySize: number;
  readonly embeddingSize: number;
  readonly paddingIndex: number | undefined;
  readonly weight: Parameter; // [V, E]

  /** @throws ConfigError when a size is not a positive integer, or paddingIndex is no symbol */
  constructor(options: EmbeddingOptions) {
    super();
    const { vocabularySize, embeddingSize, paddingIndex, weight, rng = Random.fromEntropy() } = options;
    requireSizes('Embedding', { vocabularySize, embeddingSize });
    requirePaddingIndex('Embedding', paddingIndex, vocabularySize);
    this.vocabularySize = vocabularySize;
    this.embeddingSize = embeddingSize;
    this.paddingIndex = paddingIndex;
    this.weight = this.parameter(
      'weight',
      [vocabularySize, embeddingSize],
      weight ??
        ((values) => {
          normal(values, 1, rng);
          if (paddingIndex !== undefined) values.fill(0, paddingIndex * embeddingSize, (paddingIndex + 1) * embeddingSize);
        }),
    );
  }

  /**
   * @param ids  int32 [...], each in 0…V−1
   * @returns    [..., E]
   * @throws ShapeError when ids are not int32 or out of range
   */
  forward(ids: Tensor): Tensor {
    return embedding(ids, this.weight, { paddingIndex: this.paddingIndex });
  }

  /**
   * As `forward`, but not yet looked up. A recurrent layer takes it in place of x, and where that is less work it projects
   * the table once instead of each step's vector.
   *
   * @param ids int32 [B, T]
   */
  deferred(ids: Tensor): EmbeddedSequence {
    return new EmbeddedSequence(ids, this.weight, this.paddingIndex);
  }
}

/** A sequence of symbols and the table of their vectors: [..., E] without its numbers. */
export class EmbeddedSequence {
  readonly ids: Tensor; // int32 [...]
  readonly table: Tensor; // [V, E]
  /** Row of the table that gets no gradient. */
  readonly paddingIndex: number | undefined;

  /** @throws ShapeError when ids are not int32 or out of range */
  constructor(ids: Tensor, table: Tensor, paddingIndex?: number) {
    requireIds('Embedding', ids, table.shape[0]);
    this.ids = ids;
    this.table = table;
    this.paddingIndex = paddingIndex;
  }

  /** What the shape would be: [..., E]. */
  get shape(): Shape {
    return [...this.ids.shape, this.table.shape[1]];
  }

  /** The vectors themselves. */
  materialize(): Tensor {
    return embedding(this.ids, this.table, { paddingIndex: this.paddingIndex });
  }
}
