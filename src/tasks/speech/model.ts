/** The recogniser: features of sound → recurrent layers with subsampling → symbols, by CTC. */
import { dropout } from '../../autograd/ops/dropout.ts';
import { inScope } from '../../autograd/scope.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { PaddedFeatures } from '../../data/sequence-batches.ts';
import { ctcLoss } from '../../losses/ctc.ts';
import { Linear } from '../../nn/linear.ts';
import { Module } from '../../nn/module.ts';
import { PyramidalEncoder } from '../../nn/pyramidal-encoder.ts';
import { Random } from '../../tensor/random.ts';
import type { SpeechBatch } from './batches.ts';
import type { SpeechArchitecture } from './config.ts';

/** An architecture, and what training needs. */
export interface SpeechModelOptions extends SpeechArchitecture {
  /** For initial values and dropout; default: different each time. */
  readonly rng?: Random;
}

/** What the encoder makes of features. */
export interface Encoded {
  /** [B, T', D·H] */
  readonly output: Tensor;
  /** True lengths in steps of the output, [B]. */
  readonly lengths: Int32Array;
}

/**
 * Symbols of speech. Parameters: `encoder.layers.k.…` as PyTorch's LSTM or GRU; `output.weight` [V, D·H] and `output.bias` [V].
 *
 * @example const { logits, lengths } = model.forward(padFeatures(features, model.architecture.inputSize)); // [B, T', V]
 */
export class SpeechModel extends Module {
  readonly architecture: SpeechArchitecture;
  readonly encoder: PyramidalEncoder;
  readonly output: Linear;
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  constructor({ rng = Random.fromEntropy(), ...architecture }: SpeechModelOptions) {
    super();
    const { inputSize, hiddenSize, factors, cell, bidirectional, classes } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    this.encoder = this.child(
      'encoder',
      new PyramidalEncoder({ inputSize, hiddenSize, factors, cell, bidirectional, dropout: architecture.dropout, rng }),
    );
    this.output = this.child('output', new Linear({ inputSize: this.encoder.outputSize, outputSize: classes, rng }));
  }

  /** Features [B, T, F] to what the output layer reads. */
  encode({ values, lengths, batchSize, length }: PaddedFeatures): Encoded {
    const { inputSize, dropout: p } = this.architecture;
    return inScope(() => {
      const x = tensor(values, { shape: [batchSize, length, inputSize], backend: this.backend });
      const encoded = this.encoder.forward(x, { lengths });
      const output = this.isTraining && p > 0 ? dropout(encoded.output, p, this.rng) : encoded.output;
      return { output, lengths: encoded.lengths! };
    });
  }

  /** @returns logits [B, T', V], class 0 the blank; what is past a length means nothing */
  forward(features: PaddedFeatures): { readonly logits: Tensor; readonly lengths: Int32Array } {
    return inScope(() => {
      const { output, lengths } = this.encode(features);
      return { logits: this.output.forward(output), lengths };
    });
  }

  /** Mean −ln P(transcript | sound) in nats a symbol. */
  loss(batch: SpeechBatch): Tensor {
    return inScope(() => {
      const { logits, lengths } = this.forward(batch);
      return ctcLoss(logits, batch.targets, { inputLengths: lengths, zeroInfinity: true });
    });
  }
}
