/** The recogniser: features of ink → recurrent layers, with subsampling if wanted → characters and the blank of CTC. */
import { dropout } from '../../autograd/ops/dropout.ts';
import { inScope } from '../../autograd/scope.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { type PaddedFeatures, padFeatures } from '../../data/sequence-batches.ts';
import { ctcLoss } from '../../losses/ctc.ts';
import { blankBias, initialize } from '../../nn/initializers.ts';
import { Linear } from '../../nn/linear.ts';
import { Module } from '../../nn/module.ts';
import { PyramidalEncoder } from '../../nn/pyramidal-encoder.ts';
import { Random } from '../../tensor/random.ts';
import type { HandwritingArchitecture } from './config.ts';

/** An architecture, and what training needs. */
export interface HandwritingModelOptions extends HandwritingArchitecture {
  /** For initial values and dropout; default: different each time. */
  readonly rng?: Random;
  /** Share of the frames that are blank, in (0, 1), which an untrained model begins with. Default 0.9. */
  readonly blankShare?: number;
}

/** What a forward gives. */
export interface Frames {
  /** [B, T', V] before softmax; class 0 is the blank. */
  readonly logits: Tensor;
  /** True lengths in frames, [B]. */
  readonly lengths: Int32Array;
}

/**
 * Characters of lines of handwriting. Parameters: `encoder.layers.k.…` as PyTorch's LSTM or GRU; `output.weight` [V, D·H] and
 * `output.bias` [V].
 *
 * @example const { logits, lengths } = model.forward(model.collate(features));
 */
export class HandwritingModel extends Module {
  readonly architecture: HandwritingArchitecture;
  readonly encoder: PyramidalEncoder;
  readonly output: Linear;
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  constructor({ rng = Random.fromEntropy(), blankShare = 0.9, ...architecture }: HandwritingModelOptions) {
    super();
    const { inputSize, hiddenSize, factors, cell, bidirectional, classes } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    this.encoder = this.child(
      'encoder',
      new PyramidalEncoder({ inputSize, hiddenSize, factors, cell, bidirectional, dropout: architecture.dropout, rng }),
    );
    this.output = this.child('output', new Linear({ inputSize: this.encoder.outputSize, outputSize: classes, rng }));
    initialize(this.output.bias!, (values) => blankBias(values, { probability: blankShare }));
  }

  /** Lines side by side. @param lines each [T, F] row-major */
  collate(lines: readonly Float32Array[]): PaddedFeatures {
    return padFeatures(lines, this.architecture.inputSize);
  }

  /** Scores of the classes at each frame, unnormalised. */
  forward({ values, lengths, batchSize, length }: PaddedFeatures): Frames {
    const { inputSize, dropout: p } = this.architecture;
    return inScope(() => {
      const x = tensor(values, { shape: [batchSize, length, inputSize], backend: this.output.weight.backend });
      const encoded = this.encoder.forward(x, { lengths });
      const read = this.isTraining && p > 0 ? dropout(encoded.output, p, this.rng) : encoded.output;
      return { logits: this.output.forward(read), lengths: encoded.lengths! };
    });
  }

  /** Mean −ln P(text | line), each by its number of characters. @param targets classes of each line's characters */
  loss(batch: PaddedFeatures, targets: readonly Int32Array[]): Tensor {
    return inScope(() => {
      const { logits, lengths } = this.forward(batch);
      return ctcLoss(logits, targets, { inputLengths: lengths, zeroInfinity: true });
    });
  }
}
