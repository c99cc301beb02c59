/** The language model: embedding → recurrent layers → output layer, over a sequence or one token at a time. */
import { dropout } from '../../autograd/ops/dropout.ts';
import { neg } from '../../autograd/ops/elementwise.ts';
import { reshape } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { Tensor, tensor } from '../../autograd/tensor.ts';
import { AdaptiveSoftmax } from '../../losses/adaptive-softmax.ts';
import { type CandidateSampler, logUniformSampler } from '../../losses/candidate-sampler.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { linearCrossEntropy } from '../../losses/linear-cross-entropy.ts';
import { sampledSoftmax } from '../../losses/sampled-softmax.ts';
import { Embedding } from '../../nn/embedding.ts';
import { GRU } from '../../nn/gru.ts';
import { initialize, uniform } from '../../nn/initializers.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import type { Floats, RecurrentStream, StreamState } from '../../nn/recurrent-stream.ts';
import { RNN } from '../../nn/rnn.ts';
import { Random } from '../../tensor/random.ts';
import type { Architecture } from './config.ts';

/** The recurrent layers' state: [h], or [h, c], each [L, B, H]. */
export type LanguageState = readonly Tensor[];

/** An architecture, and where chance comes from. */
export interface LanguageModelOptions extends Architecture {
  /** For initial values, dropout and negative samples. */
  readonly rng?: Random;
}

/**
 * Predicts the next token of a text. Parameters: `embedding.weight` [V, E]; `rnn.…` as PyTorch's LSTM, GRU or RNN; `decoder.weight`
 * [V, H] and `decoder.bias` [V], or those of the adaptive softmax under `decoder`.
 *
 * @example
 * const model = new LanguageModel({ vocabularySize: 65, embeddingSize: 32, hiddenSize: 128, cell: 'lstm', numLayers: 1, … });
 * const { loss, state } = model.loss(inputs, targets); // inputs, targets: int32 [B, T]
 */
export class LanguageModel extends Module {
  readonly architecture: Architecture;
  readonly embedding: Embedding;
  readonly rnn: LSTM | GRU | RNN;
  readonly decoder: Linear | AdaptiveSoftmax;
  /** What dropout and negative samples are drawn from; a checkpoint keeps its state. */
  readonly rng: Random;
  readonly #sampler: CandidateSampler | null;

  constructor({ rng = Random.fromEntropy(), ...architecture }: LanguageModelOptions) {
    super();
    const { vocabularySize, embeddingSize, hiddenSize, numLayers, tieWeights } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    this.#sampler = architecture.softmax === 'sampled' ? logUniformSampler(vocabularySize) : null;
    this.embedding = this.child('embedding', new Embedding({ vocabularySize, embeddingSize, rng }));
    // An embedding that is the output layer too starts small, or the first logits would be far apart.
    if (tieWeights) initialize(this.embedding.weight, (values) => uniform(values, 0.1, rng));
    const options = { inputSize: embeddingSize, hiddenSize, numLayers, dropout: architecture.dropout, rng };
    this.rnn = this.child('rnn', recurrentLayers(architecture.cell, options));
    this.decoder = this.child(
      'decoder',
      architecture.softmax === 'adaptive'
        ? new AdaptiveSoftmax({ inputSize: hiddenSize, vocabularySize, cutoffs: architecture.cutoffs, rng })
        : new Linear({ inputSize: hiddenSize, outputSize: vocabularySize, rng, ...(tieWeights ? { weight: this.embedding.weight } : {}) }),
    );
  }

  /**
   * Mean cross entropy of the next tokens, in nats. While training with softmax 'sampled' it is the sampled one.
   *
   * @param inputs   int32 [B, T]
   * @param targets  int32 [B, T]: the token after each input
   * @param state    of the text before; zeros when absent
   */
  loss(inputs: Tensor, targets: Tensor, state?: LanguageState | null): { loss: Tensor; state: LanguageState } {
    const { output, state: next } = this.#hidden(inputs, state ?? null);
    return { loss: this.#decoderLoss(output, targets), state: next };
  }

  /**
   * Cross entropy of each next token by itself, in nats, [T].
   *
   * @param output   of the recurrent layers, [1, T, H]
   * @param targets  int32 [1, T]
   */
  tokenLosses(output: Tensor, targets: Tensor): Tensor {
    const rows = reshape(output, [targets.size, this.architecture.hiddenSize]);
    const ids = reshape(targets, [targets.size]);
    const { decoder } = this;
    if (decoder instanceof AdaptiveSoftmax) return neg(decoder.forward(rows, ids).output);
    return crossEntropy(decoder.forward(rows), ids, { reduction: 'none' });
  }

  /** One token after another, without gradients. Call `eval()` first. */
  stream(): LanguageStream {
    return new LanguageStream(this);
  }

  #hidden(inputs: Tensor, state: LanguageState | null): { output: Tensor; state: LanguageState } {
    const { embeddingDropout } = this.architecture;
    const drop = (x: Tensor, p: number): Tensor => (this.isTraining ? dropout(x, p, this.rng) : x);
    const x = embeddingDropout > 0 ? drop(this.embedding.forward(inputs), embeddingDropout) : this.embedding.deferred(inputs);
    const { output, state: next } =
      this.rnn instanceof LSTM
        ? this.rnn.forward(x, state === null ? null : [state[0], state[1]])
        : this.rnn.forward(x, state === null ? null : state[0]);
    return { output: drop(output, this.architecture.dropout), state: next instanceof Tensor ? [next] : next };
  }

  #decoderLoss(output: Tensor, targets: Tensor): Tensor {
    const { decoder } = this;
    if (decoder instanceof AdaptiveSoftmax) return decoder.forward(output, targets).loss;
    if (this.#sampler !== null && this.isTraining) {
      const options = { sampler: this.#sampler, sampleCount: this.architecture.samples, rng: this.rng };
      return sampledSoftmax(output, decoder.weight, decoder.bias, targets, options);
    }
    return linearCrossEntropy(output, decoder.weight, decoder.bias, targets);
  }
}

function recurrentLayers(cell: Architecture['cell'], options: ConstructorParameters<typeof RNN>[0]): LSTM | GRU | RNN {
  switch (cell) {
    case 'lstm':
      return new LSTM({ ...options, forgetBias: 1 });
    case 'gru':
      return new GRU(options);
    case 'rnn':
      return new RNN({ ...options, recurrentInit: 'orthogonal' });
    default:
      throw new Error(`unreachable: ${cell satisfies never}`);
  }
}

/**
 * A language model that reads one token at a time and always knows what comes next. Its state is a value: it can be kept,
 * copied, and set again.
 *
 * @example
 * const stream = model.eval().stream();
 * const logProbabilities = stream.step(token); // [V], of the token after it
 */
export class LanguageStream {
  readonly #decoder: Linear | AdaptiveSoftmax;
  readonly #rnn: RecurrentStream;
  readonly #table: Floats;
  readonly #embeddingSize: number;
  readonly #hiddenSize: number;

  constructor(model: LanguageModel) {
    this.#decoder = model.decoder;
    this.#rnn = model.rnn.stream();
    this.#table = model.embedding.weight.dataSync() as Floats;
    this.#embeddingSize = model.embedding.embeddingSize;
    this.#hiddenSize = model.architecture.hiddenSize;
  }

  /** @returns unnormalised logarithms of the probabilities of the next token, [V] */
  step(token: number): Floats {
    const E = this.#embeddingSize;
    const hidden = this.#rnn.step(this.#table.subarray(token * E, (token + 1) * E));
    return scope(() =>
      noGrad(() => {
        const h = tensor(hidden, { shape: [1, this.#hiddenSize], backend: this.#decoder.backend });
        const logits = this.#decoder instanceof AdaptiveSoftmax ? this.#decoder.logProbabilities(h) : this.#decoder.forward(h);
        return logits.dataSync() as Floats;
      }),
    );
  }

  get state(): StreamState {
    return this.#rnn.state;
  }

  set state(state: StreamState) {
    this.#rnn.state = state;
  }
}
