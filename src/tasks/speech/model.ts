/** The recogniser: features of sound → recurrent layers with subsampling → symbols, by CTC, a transducer, or a decoder with attention. */
import { add, mul } from '../../autograd/ops/binary.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { inScope } from '../../autograd/scope.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { PaddedFeatures } from '../../data/sequence-batches.ts';
import { ctcLoss } from '../../losses/ctc.ts';
import { transducerLoss } from '../../losses/transducer.ts';
import { blankBias, initialize } from '../../nn/initializers.ts';
import { Linear } from '../../nn/linear.ts';
import { Module } from '../../nn/module.ts';
import { PyramidalEncoder } from '../../nn/pyramidal-encoder.ts';
import { Transducer } from '../../nn/transducer.ts';
import { Random } from '../../tensor/random.ts';
import { AttentionSpeller } from './attention-speller.ts';
import type { SpeechBatch } from './batches.ts';
import type { SpeechArchitecture } from './config.ts';

/** An architecture, and what training needs. */
export interface SpeechModelOptions extends SpeechArchitecture {
  /** For initial values and dropout; default: different each time. */
  readonly rng?: Random;
  /** Share of the frames that are blank, in (0, 1), which the output of CTC begins with. Default 0.9. */
  readonly blankShare?: number;
}

/** What the encoder makes of features. */
export interface Encoded {
  /** [B, T', D·H] */
  readonly output: Tensor;
  /** True lengths in steps of the output, [B]. */
  readonly lengths: Int32Array;
}

/**
 * Symbols of speech. Parameters: `encoder.layers.k.…` as PyTorch's LSTM or GRU; `output.weight` [V, D·H] and `output.bias` [V] of CTC;
 * `transducer.…` or `speller.…` where the criterion is another.
 *
 * @example const { logits, lengths } = model.forward(padFeatures(features, model.architecture.inputSize)); // [B, T', V]
 */
export class SpeechModel extends Module {
  readonly architecture: SpeechArchitecture;
  readonly encoder: PyramidalEncoder;
  /** Of CTC: what the model says, or what its encoder is trained by beside another criterion. */
  readonly output: Linear;
  /** Where the criterion is 'transducer'. */
  readonly transducer: Transducer | null;
  /** Where the criterion is 'attention'. */
  readonly speller: AttentionSpeller | null;
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  constructor({ rng = Random.fromEntropy(), blankShare = 0.9, ...architecture }: SpeechModelOptions) {
    super();
    const { criterion, inputSize, hiddenSize, factors, cell, bidirectional, decoderSize, classes } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    this.encoder = this.child(
      'encoder',
      new PyramidalEncoder({ inputSize, hiddenSize, factors, cell, bidirectional, dropout: architecture.dropout, rng }),
    );
    this.output = this.child('output', new Linear({ inputSize: this.encoder.outputSize, outputSize: classes, rng }));
    initialize(this.output.bias!, (values) => blankBias(values, { probability: blankShare }));
    const encoderSize = this.encoder.outputSize;
    this.transducer =
      criterion === 'transducer'
        ? this.child('transducer', new Transducer({ encoderSize, vocabularySize: classes, hiddenSize: decoderSize, cell, rng }))
        : null;
    this.speller =
      criterion === 'attention'
        ? this.child(
            'speller',
            new AttentionSpeller({ classes, hiddenSize: decoderSize, memorySize: encoderSize, cell, dropout: architecture.dropout, rng }),
          )
        : null;
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

  /**
   * Mean −ln P(transcript | sound) in nats a symbol.
   *
   * @param ctcWeight  what CTC counts beside another criterion, in [0, 1)
   */
  loss(batch: SpeechBatch, ctcWeight = 0): Tensor {
    const { targets } = batch;
    return inScope(() => {
      const { output, lengths } = this.encode(batch);
      const ctc = (): Tensor => ctcLoss(this.output.forward(output), targets, { inputLengths: lengths, zeroInfinity: true });
      const own = this.#ownLoss(output, lengths, targets);
      if (own === null) return ctc();
      return ctcWeight === 0 ? own : add(mul(own, 1 - ctcWeight), mul(ctc(), ctcWeight));
    });
  }

  /** Of the transducer or the speller. */
  #ownLoss(output: Tensor, lengths: Int32Array, targets: readonly Int32Array[]): Tensor | null {
    if (this.transducer !== null) {
      const symbols = targets.reduce((sum, target) => sum + target.length, 0);
      const loss = transducerLoss(this.transducer.forward(output, targets), targets, { inputLengths: lengths, reduction: 'sum' });
      return mul(loss, 1 / Math.max(1, symbols));
    }
    return this.speller?.loss(output, lengths, targets) ?? null;
  }
}
