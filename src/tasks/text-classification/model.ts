/** The text classifier: words → recurrent layers → one vector a text → labels. */
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { inScope } from '../../autograd/scope.ts';
import type { Tensor } from '../../autograd/tensor.ts';
import { GRU } from '../../nn/gru.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import { AttentionPooling, lastPooling, maxPooling, meanPooling } from '../../nn/pooling.ts';
import { RNN } from '../../nn/rnn.ts';
import { Random } from '../../tensor/random.ts';
import type { WordBatch } from '../words/word-encoder.ts';
import { WordFeatures } from '../words/word-features.ts';
import type { TextClassifierArchitecture } from './config.ts';

/** An architecture, and what training needs. */
export interface TextClassifierModelOptions extends TextClassifierArchitecture {
  /** [V] how often each word is taken as unknown while training; default: never. */
  readonly unknownRates?: Float32Array | null;
  /** For initial values, dropout and unknown words; default: different each time. */
  readonly rng?: Random;
}

/** What a forward gives. */
export interface Classified {
  /** [B, K] before softmax, or sigmoid where texts have several labels. */
  readonly logits: Tensor;
  /** [B, T] how much each word counts; null without attention pooling. */
  readonly attention: Tensor | null;
}

/**
 * Labels for texts. Parameters: `words.…` as `WordFeatures`'; `rnn.…` as PyTorch's LSTM, GRU or RNN; `attention.…` as
 * `AttentionPooling`'s; `output.weight` [K, D·H] (max-mean: [K, 2·D·H]) and `output.bias` [K].
 *
 * @example const { logits } = model.forward(encoder.collate(texts)); // [B, K]
 */
export class TextClassifierModel extends Module {
  readonly architecture: TextClassifierArchitecture;
  readonly words: WordFeatures;
  readonly rnn: LSTM | GRU | RNN;
  readonly attention: AttentionPooling | null;
  readonly output: Linear;
  /** What dropout and unknown words are drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  constructor({ unknownRates = null, rng = Random.fromEntropy(), ...architecture }: TextClassifierModelOptions) {
    super();
    const { words, cell, hiddenSize, numLayers, bidirectional, pooling, classes } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    this.words = this.child('words', new WordFeatures({ ...words, unknownRates, rng }));
    const layers = { inputSize: this.words.outputSize, hiddenSize, numLayers, bidirectional, dropout: architecture.dropout, rng };
    this.rnn = this.child('rnn', recurrentLayers(cell, layers));
    const width = hiddenSize * (bidirectional ? 2 : 1);
    const pooledSize = pooling === 'max-mean' ? 2 * width : width;
    this.attention = pooling === 'attention' ? this.child('attention', new AttentionPooling({ inputSize: width, rng })) : null;
    this.output = this.child('output', new Linear({ inputSize: pooledSize, outputSize: classes, rng }));
  }

  /** Logits of the labels, and the attention on words. @param batch of B texts of up to T words */
  forward(batch: WordBatch): Classified {
    const { lengths } = batch;
    return inScope(() => {
      const x = this.#drop(this.words.forward(batch));
      return this.classified(this.rnn.forward(x, null, { lengths }).output, lengths);
    });
  }

  /** From the layers' output [B, T, D·H] on. */
  classified(output: Tensor, lengths: WordBatch['lengths']): Classified {
    const { bidirectional, pooling } = this.architecture;
    return inScope(() => {
      const classified = (pooled: Tensor, attention: Tensor | null = null): Classified => ({
        logits: this.output.forward(this.#drop(pooled)),
        attention,
      });
      switch (pooling) {
        case 'last':
          return classified(lastPooling(output, lengths, { bidirectional }));
        case 'mean':
          return classified(meanPooling(output, lengths));
        case 'max':
          return classified(maxPooling(output, lengths));
        case 'max-mean':
          return classified(concat([maxPooling(output, lengths), meanPooling(output, lengths)], 1));
        case 'attention': {
          const { pooled, weights } = this.attention!.forward(output, lengths);
          return classified(pooled, weights);
        }
        default:
          throw new Error(`unreachable: ${pooling satisfies never}`);
      }
    });
  }

  #drop(x: Tensor): Tensor {
    const { dropout: p } = this.architecture;
    return this.isTraining && p > 0 ? dropout(x, p, this.rng) : x;
  }
}

function recurrentLayers(cell: TextClassifierArchitecture['cell'], options: ConstructorParameters<typeof RNN>[0]): LSTM | GRU | RNN {
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
