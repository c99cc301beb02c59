/** The recommender: what was taken → recurrent layers → a query that is compared with every item's vector. After GRU4Rec. */

import { add } from '../../autograd/ops/binary.ts';
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { gather } from '../../autograd/ops/gather.ts';
import { linear } from '../../autograd/ops/matmul.ts';
import { reshape, transpose } from '../../autograd/ops/shape.ts';
import { inScope } from '../../autograd/scope.ts';
import type { Parameter } from '../../autograd/tensor.ts';
import { Tensor, tensor } from '../../autograd/tensor.ts';
import { Embedding } from '../../nn/embedding.ts';
import { GRU } from '../../nn/gru.ts';
import { initialize, uniform } from '../../nn/initializers.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { Architecture } from './config.ts';
import { gapClasses } from './time-gaps.ts';

/** The recurrent layers' state: [h], or [h, c], each [L, B, H]. */
export type RecommenderState = readonly Tensor[];

/** An architecture, what each item's features are, and where chance comes from. */
export interface RecommenderOptions extends Architecture {
  /** Of each feature the class of every item, [V]. */
  readonly itemFeatures?: readonly ArrayLike<number>[];
  /** For initial values and dropout. */
  readonly rng?: Random;
}

/** Histories side by side. */
export interface HistoryBatch {
  /** Items, [B, T] row-major; any item after a history's end. */
  readonly items: Int32Array;
  /** Classes of the gaps before them (time-gaps.ts), [B, T]; null where the model does not read gaps. */
  readonly gaps: Int32Array | null;
  /** Steps of each, [B]. */
  readonly lengths: Int32Array;
  readonly batchSize: number;
  /** T */
  readonly length: number;
}

/**
 * Scores every item as the next of a history.
 *
 *   x_t = [item vector, gap vector, feature vectors …],   h_t = GRU(x_t, h_{t−1}),   q_t = W_q h_t (+ item vector)
 *   score of item j = v_j · q_t + b_j
 *
 * Parameters: `items.weight` [V, E]; `gaps.weight` [33, G]; `features.k.weight` [classes, F]; `rnn.…` as PyTorch's GRU or LSTM;
 * `query.weight` [E, H] and `query.bias` [E], where H ≠ E or there is a shortcut; `output.weight` [V, E] unless tied, `output.bias` [V].
 *
 * @see Hidasi et al. (2016), arXiv:1511.06939; Hidasi & Karatzoglou (2018), arXiv:1706.03847, for the constrained embedding
 */
export class Recommender extends Module {
  readonly architecture: Architecture;
  readonly items: Embedding;
  readonly gaps: Embedding | null;
  readonly features: readonly { readonly embedding: Embedding; readonly ofItem: ArrayLike<number> }[];
  readonly rnn: GRU | LSTM;
  readonly query: Linear | null;
  readonly output: { readonly weight: Parameter; readonly bias: Parameter };
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  /** @throws ConfigError when features are not one class for each item */
  constructor({ rng = Random.fromEntropy(), itemFeatures = [], ...architecture }: RecommenderOptions) {
    super();
    const { cell, itemCount, embeddingSize, hiddenSize, numLayers, tieWeights, shortcut, gapSize, featureClasses, featureSize } =
      architecture;
    this.architecture = architecture;
    this.rng = rng;
    if (itemFeatures.length !== featureClasses.length || itemFeatures.some(({ length }) => length !== itemCount)) {
      throw new ConfigError(
        `[Recommender] expected ${featureClasses.length} features of ${itemCount} items, received ${itemFeatures.length} of ${itemFeatures.map(({ length }) => length).join(', ') || 0}.`,
      );
    }
    const table = (vocabularySize: number, size: number): Embedding => new Embedding({ vocabularySize, embeddingSize: size, rng });
    this.items = this.child('items', table(itemCount, embeddingSize));
    // What is the output layer too starts small, or the first scores would be far apart.
    initialize(this.items.weight, (values) => uniform(values, 0.1, rng));
    this.gaps = gapSize === 0 ? null : this.child('gaps', table(gapClasses, gapSize));
    this.features = itemFeatures.map((ofItem, k) => ({
      embedding: this.child(`features.${k}`, table(featureClasses[k], featureSize)),
      ofItem,
    }));
    const options = {
      inputSize: embeddingSize + gapSize + featureClasses.length * featureSize,
      hiddenSize,
      numLayers,
      dropout: numLayers > 1 ? architecture.dropout : 0,
      rng,
    };
    this.rnn = this.child('rnn', cell === 'gru' ? new GRU(options) : new LSTM({ ...options, forgetBias: 1 }));
    const isProjected = hiddenSize !== embeddingSize || shortcut;
    this.query = isProjected ? this.child('query', new Linear({ inputSize: hiddenSize, outputSize: embeddingSize, rng })) : null;
    const weight = tieWeights ? { weight: this.items.weight } : {};
    const output = this.child('output', new Linear({ inputSize: embeddingSize, outputSize: itemCount, rng, ...weight }));
    if (!tieWeights) initialize(output.weight, (values) => uniform(values, 0.1, rng));
    initialize(output.bias!, (values) => values.fill(0));
    this.output = { weight: output.weight, bias: output.bias! };
  }

  /**
   * Queries at chosen steps of a batch.
   *
   * @param at     steps, each as t · B + b
   * @param state  that the histories go on from; zeros when absent
   * @returns      queries [R, E] in the order of `at`, and the state after each history's last step
   */
  forward(batch: HistoryBatch, at: Int32Array, state?: RecommenderState | null): { queries: Tensor; state: RecommenderState } {
    return inScope(() => {
      const { dropout: p, embeddingDropout, hiddenSize } = this.architecture;
      const vectors = this.items.forward(this.#ids(batch.items, batch));
      const parts = [vectors, ...this.#besides(batch)];
      const x = this.#dropped(parts.length === 1 ? vectors : concat(parts, 2), embeddingDropout);
      const { output, state: next } = this.#recur(x, batch.lengths, state ?? null);
      const places = tensor(at, { dtype: 'int32', backend: this.backend });
      const hidden = gather(byStep(output, hiddenSize), places);
      const queries = this.queriesFrom(this.#dropped(hidden, p), () => gather(byStep(vectors, this.architecture.embeddingSize), places));
      return { queries, state: next };
    });
  }

  /**
   * What the items' vectors are multiplied with to score them, [R, E].
   *
   * @param hidden   [R, H]
   * @param vectors  of the items last taken, [R, E], for a shortcut
   */
  queriesFrom(hidden: Tensor, vectors: () => Tensor): Tensor {
    const query = this.query === null ? hidden : this.query.forward(hidden);
    return this.architecture.shortcut ? add(query, vectors()) : query;
  }

  /** Scores of all items, [R, V]. @param queries [R, E] */
  scores(queries: Tensor): Tensor {
    return linear(queries, this.output.weight, this.output.bias);
  }

  /** What is read beside the items: gaps and features, each [B, T, ·]. */
  #besides(batch: HistoryBatch): Tensor[] {
    const besides: Tensor[] = [];
    if (this.gaps !== null) besides.push(this.gaps.forward(this.#ids(this.#gapsOf(batch), batch)));
    for (const { embedding, ofItem } of this.features) {
      besides.push(
        embedding.forward(
          this.#ids(
            batch.items.map((item) => ofItem[item]),
            batch,
          ),
        ),
      );
    }
    return besides;
  }

  /** While training one history in ten comes without its gaps, so that the model knows what to make of one that has none. */
  #gapsOf({ gaps, items, batchSize, length }: HistoryBatch): Int32Array {
    if (gaps === null) return new Int32Array(items.length);
    if (!this.isTraining) return gaps;
    const known = gaps.slice();
    for (let b = 0; b < batchSize; b++) if (this.rng.uniform() < 0.1) known.fill(0, b * length, (b + 1) * length);
    return known;
  }

  #ids(values: Int32Array, { batchSize, length }: HistoryBatch): Tensor {
    return tensor(values, { shape: [batchSize, length], dtype: 'int32', backend: this.backend });
  }

  #dropped(x: Tensor, p: number): Tensor {
    return this.isTraining && p > 0 ? dropout(x, p, this.rng) : x;
  }

  #recur(x: Tensor, lengths: Int32Array, state: RecommenderState | null): { output: Tensor; state: RecommenderState } {
    const { rnn } = this;
    const { output, state: next } =
      rnn instanceof LSTM
        ? rnn.forward(x, state === null ? null : [state[0], state[1]], { lengths })
        : rnn.forward(x, state === null ? null : state[0], { lengths });
    return { output, state: next instanceof Tensor ? [next] : next };
  }
}

/** [B, T, C] as rows t · B + b, as they lie in memory. */
function byStep(x: Tensor, C: number): Tensor {
  return reshape(transpose(x, 0, 1), [-1, C]);
}
