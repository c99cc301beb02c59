/** The model that the training benchmarks train: embedding, recurrent layers, linear; and its batch. */
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { Embedding } from '../../nn/embedding.ts';
import { GRU } from '../../nn/gru.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import { RNN } from '../../nn/rnn.ts';
import type { NamedArrays, Workload } from './workloads.ts';

export const cells = { rnn: RNN, lstm: LSTM, gru: GRU };

export class LanguageModel extends Module {
  readonly embedding: Embedding;
  readonly rnn: RNN | LSTM | GRU;
  readonly linear: Linear;

  constructor({ cell, layers, inputSize, hiddenSize, vocabulary }: Workload, fold: boolean) {
    super();
    this.embedding = this.child('embedding', new Embedding({ vocabularySize: vocabulary, embeddingSize: inputSize }));
    this.rnn = this.child('rnn', new cells[cell]({ inputSize, hiddenSize, numLayers: layers, fold }));
    this.linear = this.child('linear', new Linear({ inputSize: hiddenSize, outputSize: vocabulary }));
  }

  /** tokens [B, T] → logits [B, T, V] */
  forward(tokens: Tensor): Tensor {
    return this.linear.forward(this.rnn.forward(this.embedding.deferred(tokens)).output);
  }
}

/** `tokens` or `targets`, as a user has them: [B, T]. */
export function batchOf(numbers: NamedArrays, name: 'tokens' | 'targets'): Tensor {
  const { shape, values } = numbers.get(name)!;
  const [T, B] = shape;
  return tensor(
    Int32Array.from(values, (_, i) => values[(i % T) * B + Math.floor(i / T)]),
    { shape: [B, T], dtype: 'int32' },
  );
}
