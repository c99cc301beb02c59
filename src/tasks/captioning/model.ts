/** Show, attend and tell (Xu et al. 2015, arXiv:1502.03044): an image becomes a grid of vectors, and each word looks at it anew. */

import { add, mul, sub } from '../../autograd/ops/binary.ts';
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { relu, square, tanh } from '../../autograd/ops/elementwise.ts';
import { linear } from '../../autograd/ops/matmul.ts';
import { mean, sum } from '../../autograd/ops/reduce.ts';
import { slice } from '../../autograd/ops/shape.ts';
import { inScope } from '../../autograd/scope.ts';
import { type Parameter, type Tensor, tensor } from '../../autograd/tensor.ts';
import { padSequences } from '../../data/sequence-batches.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { binaryCrossEntropyWithLogits } from '../../losses/pointwise.ts';
import type { AttentionMemory } from '../../nn/attention.ts';
import { AttentionDecoder } from '../../nn/attention-decoder.ts';
import { Embedding } from '../../nn/embedding.ts';
import { forgetBias } from '../../nn/initializers.ts';
import { Linear } from '../../nn/linear.ts';
import { Module } from '../../nn/module.ts';
import { Random } from '../../tensor/random.ts';
import type { CaptionerArchitecture } from './config.ts';
import { ImageEncoder } from './image-encoder.ts';

/** Tokens of a model beside those of its vocabulary, which follow. */
export const startToken = 0;
export const endToken = 1;
export const firstToken = 2;

/** An architecture, and what training needs. */
export interface CaptioningModelOptions extends CaptionerArchitecture {
  /** For initial values and dropout; default: different each time. */
  readonly rng?: Random;
}

/** Images, or their vectors, side by side. */
export interface CaptionInputs {
  /** [B, 3, size, size], or [B, S, featureSize] of vectors. */
  readonly values: Tensor;
  /** Of vectors: how many each image has, [B]; null: all S. */
  readonly lengths: Int32Array | null;
}

/** What is minimised, beside the words' cross entropy. */
export interface CaptionLossOptions {
  /** λ of doubly stochastic attention. */
  readonly attentionPenalty: number;
  /** Weight of the words' loss: which tokens the caption has, said from the mean of the grid. */
  readonly wordsLoss: number;
  readonly labelSmoothing: number;
}

/** What a decoder knows of its images before the first word. */
export interface Encoded {
  readonly memory: AttentionMemory;
  readonly state: readonly Tensor[];
  /** Of the grid's vectors, [B, M]. */
  readonly mean: Tensor;
}

/**
 * Captions for images.
 *
 *   a = encoder(image), S vectors ;   h₀, c₀ = tanh(W mean(a) + b)
 *   z_t = Σ_s α_ts a_s, α_t by h_{t−1} ;   h_t = LSTM([E y_{t−1}, z_t]) ;   P(y_t) = softmax(E tanh(W_o [h_t, z_t, E y_{t−1}] + b) + b_o)
 *
 * Parameters: `encoder.…` (or `features.…` for vectors that are given), `initial.…`, `embedding.weight`, `decoder.…` as AttentionDecoder's,
 * `readout.…`, `output_bias` and `words.…`; the embedding's table is also the output's.
 */
export class CaptioningModel extends Module {
  readonly architecture: CaptionerArchitecture;
  readonly encoder: ImageEncoder | null;
  readonly features: Linear | null;
  readonly embedding: Embedding;
  readonly initial: Linear;
  readonly decoder: AttentionDecoder;
  readonly readout: Linear;
  readonly outputBias: Parameter; // [V]
  /** Which tokens a caption has, from the mean of the grid: it teaches the encoder, and no caption is made of it. */
  readonly words: Linear;
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  constructor({ rng = Random.fromEntropy(), ...architecture }: CaptioningModelOptions) {
    super();
    const { input, vocabularySize, embeddingSize, hiddenSize, attentionSize } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    const isImages = input.kind === 'images';
    const memorySize = isImages ? input.channels.at(-1)! : input.memorySize;
    this.encoder = isImages ? this.child('encoder', new ImageEncoder({ ...input, dropout: architecture.dropout, rng })) : null;
    this.features = isImages ? null : this.child('features', new Linear({ inputSize: input.featureSize, outputSize: memorySize, rng }));
    this.embedding = this.child('embedding', new Embedding({ vocabularySize, embeddingSize, rng }));
    // Tied with the output: as long as a row of a linear layer.
    this.embedding.weight.assign(this.embedding.weight.dataSync().map((x) => x / Math.sqrt(embeddingSize)));
    this.initial = this.child('initial', new Linear({ inputSize: memorySize, outputSize: 2 * hiddenSize, rng }));
    this.decoder = this.child(
      'decoder',
      new AttentionDecoder({ inputSize: embeddingSize, hiddenSize, memorySize, attentionSize, attendFirst: true, rng }),
    );
    const bias = this.decoder.namedParameters().get('bias_ih')!;
    const values = bias.dataSync() as Float32Array;
    forgetBias(values);
    bias.assign(values);
    this.readout = this.child(
      'readout',
      new Linear({ inputSize: hiddenSize + memorySize + embeddingSize, outputSize: embeddingSize, rng }),
    );
    this.outputBias = this.parameter('output_bias', [vocabularySize], (values) => values.fill(0));
    this.words = this.child('words', new Linear({ inputSize: memorySize, outputSize: vocabularySize, rng }));
    // A caption has few of all tokens.
    this.words.bias!.assign(new Float32Array(vocabularySize).fill(-Math.log(vocabularySize)));
  }

  /** Looks at images once, for all that is said of them. */
  encode({ values, lengths }: CaptionInputs): Encoded {
    return inScope(() => {
      const grid = this.encoder === null ? this.#drop(relu(this.features!.forward(values))) : this.encoder.forward(values);
      const { hiddenSize } = this.architecture;
      const whole = meanOf(grid, lengths);
      const first = tanh(this.initial.forward(whole));
      const part = (begin: number) => slice(first, 1, begin, begin + hiddenSize);
      return { memory: this.decoder.attention.memory(grid, { lengths }), state: [part(0), part(hiddenSize)], mean: whole };
    });
  }

  /**
   * Mean cross entropy of the captions' tokens, their ends included; λ · mean over images of Σ_s (1 − Σ_t α_ts)²; and, by its weight, the
   * mean over images of the binary cross entropies of which tokens their captions have.
   *
   * @param captions  tokens of each caption, without start and end; caption b is of image b
   */
  loss(
    inputs: CaptionInputs,
    captions: readonly ArrayLike<number>[],
    { attentionPenalty, wordsLoss, labelSmoothing }: CaptionLossOptions,
  ): Tensor {
    return inScope(() => {
      const { ids, lengths, batchSize: B, length: T } = padSequences(captions.map((tokens) => [startToken, ...Array.from(tokens)]));
      const targets = padSequences(
        captions.map((tokens) => [...Array.from(tokens), endToken]),
        -100,
      ).ids;
      const { memory, state, mean: whole } = this.encode(inputs);
      const integers = (values: Int32Array) => tensor(values, { shape: [B, T], dtype: 'int32', backend: this.backend });
      const words = this.#drop(this.embedding.forward(integers(ids)));
      const { output, context, weights } = this.decoder.forward(words, memory, [...state, null], { lengths });
      const logits = this.logits(output, context, words);
      let loss = crossEntropy(logits, integers(targets), { labelSmoothing });
      if (wordsLoss > 0) {
        const V = this.architecture.vocabularySize;
        const has = new Float32Array(B * V);
        captions.forEach((tokens, b) => {
          for (let t = 0; t < tokens.length; t++) has[b * V + tokens[t]] = 1;
        });
        const said = binaryCrossEntropyWithLogits(this.words.forward(whole), tensor(has, { shape: [B, V] }), { reduction: 'sum' });
        loss = add(loss, mul(said, wordsLoss / B));
      }
      if (attentionPenalty === 0) return loss;
      // Steps past a caption's end look nowhere.
      const isStep = tensor(
        Float32Array.from({ length: B * T }, (_, i) => (i % T < lengths[Math.floor(i / T)] ? 1 : 0)),
        { shape: [B, T, 1] },
      );
      const penalty = mul(sum(square(sub(1, sum(mul(weights, isStep), 1)))), attentionPenalty / B);
      return add(loss, penalty);
    });
  }

  /** Before softmax. @param words the vectors of the tokens before */
  logits(output: Tensor, context: Tensor, words: Tensor): Tensor {
    const read = tanh(this.readout.forward(this.#drop(concat([output, context, words], -1))));
    return linear(this.#drop(read), this.embedding.weight, this.outputBias);
  }

  #drop(x: Tensor): Tensor {
    const { dropout: p } = this.architecture;
    return this.isTraining && p > 0 ? dropout(x, p, this.rng) : x;
  }
}

/** Mean of the first lengths[b] of S vectors. */
function meanOf(grid: Tensor, lengths: Int32Array | null): Tensor {
  if (lengths === null) return mean(grid, 1);
  const [B, S] = grid.shape;
  const shares = Float32Array.from({ length: B * S }, (_, i) => (i % S < lengths[Math.floor(i / S)] ? 1 / lengths[Math.floor(i / S)] : 0));
  return sum(mul(grid, tensor(shares, { shape: [B, S, 1], backend: grid.backend })), 1);
}
