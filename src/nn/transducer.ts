/** A transducer's parts above an encoder: a prediction network over the symbols written, and a joint network. */
import { add } from '../autograd/ops/binary.ts';
import { tanh } from '../autograd/ops/elementwise.ts';
import { unsqueeze } from '../autograd/ops/shape.ts';
import { inScope, scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { type Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape } from '../tensor/shape.ts';
import { Embedding } from './embedding.ts';
import { GRU } from './gru.ts';
import { Linear, requireSizes } from './linear.ts';
import { LSTM } from './lstm.ts';
import { Module } from './module.ts';
import type { Floats, StreamState } from './recurrent-stream.ts';
import { floatsLike, SideBySide } from './side-by-side.ts';

/** Sizes and first values of a joint network. */
export interface JointOptions {
  /** Numbers in a frame of the encoder, E. */
  readonly encoderSize: number;
  /** Numbers that the prediction network gives, P. */
  readonly predictionSize: number;
  /** Hidden units, J. */
  readonly jointSize: number;
  /** Classes, the blank among them, V. */
  readonly vocabularySize: number;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/**
 * logits[b, t, u] = W_out tanh(W_enc encoded[b, t] + b_enc + W_pred predicted[b, u]) + b_out. Parameters `encoder.weight` [J, E],
 * `encoder.bias`, `prediction.weight` [J, P], `output.weight` [V, J], `output.bias`.
 *
 * @see Graves, Mohamed & Hinton (2013), arXiv:1303.5778
 */
export class Joint extends Module {
  readonly encoder: Linear;
  readonly prediction: Linear;
  readonly output: Linear;

  /** @throws ConfigError when a size is not a positive integer */
  constructor({ encoderSize, predictionSize, jointSize, vocabularySize, rng = Random.fromEntropy() }: JointOptions) {
    super();
    requireSizes('Joint', { encoderSize, predictionSize, jointSize, vocabularySize });
    this.encoder = this.child('encoder', new Linear({ inputSize: encoderSize, outputSize: jointSize, rng }));
    this.prediction = this.child('prediction', new Linear({ inputSize: predictionSize, outputSize: jointSize, bias: false, rng }));
    this.output = this.child('output', new Linear({ inputSize: jointSize, outputSize: vocabularySize, rng }));
  }

  /**
   * @param encoded    [B, T, E]
   * @param predicted  [B, U + 1, P]
   * @returns          [B, T, U + 1, V], as `transducerLoss` takes them
   */
  forward(encoded: Tensor, predicted: Tensor): Tensor {
    return inScope(() =>
      this.output.forward(tanh(add(unsqueeze(this.encoder.forward(encoded), 2), unsqueeze(this.prediction.forward(predicted), 1)))),
    );
  }
}

/** Sizes and first values of a transducer. */
export interface TransducerOptions {
  /** Numbers in a frame of the encoder, E. */
  readonly encoderSize: number;
  /** Classes, the blank among them, V. */
  readonly vocabularySize: number;
  /** Numbers of a symbol's vector. Default: hiddenSize. */
  readonly embeddingSize?: number;
  /** Units of the prediction network, P. */
  readonly hiddenSize: number;
  /** Hidden units of the joint network, J. Default: hiddenSize. */
  readonly jointSize?: number;
  /** Of the prediction network. Default 'lstm'. */
  readonly cell?: 'lstm' | 'gru';
  /** Of the prediction network. Default 1. */
  readonly numLayers?: number;
  /** Between the prediction network's layers, in [0, 1). Default 0. */
  readonly dropout?: number;
  /** The class that goes on to the next frame; the prediction network begins with it. Default 0. */
  readonly blank?: number;
  /** For the first values and dropout; default: different each time. */
  readonly rng?: Random;
}

/** What the prediction network knows after some symbols. */
export interface PredictionState {
  readonly memory: StreamState;
  /** What it gives, through the joint network's first layer, [J]. */
  readonly projected: Floats;
}

/** What `TransducerBeamSearch` and `TransducerGreedyDecoder` ask (`TransducerModel` in decode). */
export interface TransducerSteps {
  readonly vocabularySize: number;
  readonly blank: number;
  readonly frameSize: number;
  /** Nothing written. */
  start(): PredictionState;
  /** The states after one more symbol each, in one step of the prediction network. */
  advance(states: readonly PredictionState[], symbols: readonly number[]): PredictionState[];
  /** Logits [n, V] of what to write in this frame [E] after each of n states. */
  joint(frame: ArrayLike<number>, states: readonly PredictionState[]): Floats;
}

/**
 * The recurrent neural network transducer above an encoder of one's own. Parameters: `embedding.weight` [V, embeddingSize],
 * `prediction.…` as PyTorch's LSTM or GRU, and `joint.…`.
 *
 * @example
 * const transducer = new Transducer({ encoderSize: 128, vocabularySize: 30, hiddenSize: 64 });
 * const loss = transducerLoss(transducer.forward(encoded, targets), targets, { inputLengths });
 * const decoder = new TransducerGreedyDecoder(transducer.eval().decoder());
 * @see Graves (2012), arXiv:1211.3711
 */
export class Transducer extends Module {
  readonly options: TransducerOptions;
  readonly blank: number;
  readonly embedding: Embedding;
  readonly prediction: LSTM | GRU;
  readonly joint: Joint;

  /** @throws ConfigError when a size is not a positive integer, or blank is no class */
  constructor(options: TransducerOptions) {
    super();
    const { encoderSize, vocabularySize, hiddenSize, cell = 'lstm', numLayers = 1, dropout = 0, blank = 0 } = options;
    const { embeddingSize = hiddenSize, jointSize = hiddenSize, rng = Random.fromEntropy() } = options;
    requireSizes('Transducer', { encoderSize, vocabularySize, embeddingSize, hiddenSize, jointSize });
    if (!Number.isInteger(blank) || blank < 0 || blank >= vocabularySize) {
      throw new ConfigError(`[Transducer] expected blank in 0…${vocabularySize - 1}, received ${blank}.`);
    }
    this.options = options;
    this.blank = blank;
    this.embedding = this.child('embedding', new Embedding({ vocabularySize, embeddingSize, rng }));
    const layers = { inputSize: embeddingSize, hiddenSize, numLayers, dropout, rng };
    this.prediction = this.child('prediction', cell === 'lstm' ? new LSTM(layers) : new GRU(layers));
    this.joint = this.child('joint', new Joint({ encoderSize, predictionSize: hiddenSize, jointSize, vocabularySize, rng }));
  }

  /**
   * Logits of what to write at each frame after each number of symbols.
   *
   * @param encoded  [B, T, E]
   * @param targets  one list of symbols a sequence; or int32 [B, U], each in 0…V−1, also past a target's end
   * @returns        [B, T, U + 1, V]
   * @throws ShapeError when there is not one target a sequence, or a symbol is out of range
   */
  forward(encoded: Tensor, targets: Tensor | readonly ArrayLike<number>[]): Tensor {
    const { encoderSize } = this.options;
    if (encoded.rank !== 3 || encoded.shape[2] !== encoderSize) {
      throw new ShapeError(
        `[Transducer] expected encoded of shape [B, T, ${encoderSize}] (encoderSize ${encoderSize}), received ${formatShape(encoded.shape)}.`,
      );
    }
    const symbols = this.#begun(targets, encoded.shape[0], encoded);
    return inScope(() => this.joint.forward(encoded, this.prediction.forward(this.embedding.forward(symbols)).output));
  }

  /** For decoding, symbol after symbol, without gradients. Call `eval()` first. Copies the embedding: make it anew after training. */
  decoder(): TransducerSteps {
    const { encoderSize, vocabularySize } = this.options;
    const { blank, joint } = this;
    const steps = new SideBySide(this.prediction);
    const table = this.embedding.weight.dataSync() as Floats;
    const E = this.embedding.embeddingSize;
    const { backend } = this.embedding.weight;
    const advance = (states: readonly PredictionState[], symbols: readonly number[]): PredictionState[] => {
      const n = states.length;
      if (n === 0) return [];
      const x = floatsLike(table, n * E);
      symbols.forEach((symbol, i) => {
        x.set(table.subarray(symbol * E, (symbol + 1) * E), i * E);
      });
      const { output, states: memories } = steps.step(
        states.map(({ memory }) => memory),
        x,
      );
      const projected = scope(() =>
        noGrad(() => joint.prediction.forward(tensor(output, { shape: [n, output.length / n], backend })).dataSync() as Floats),
      );
      const J = projected.length / n;
      return memories.map((memory, i) => ({ memory, projected: projected.slice(i * J, (i + 1) * J) }));
    };
    const [start] = advance([{ memory: steps.zeros, projected: table }], [blank]);
    return {
      vocabularySize,
      blank,
      frameSize: encoderSize,
      start: () => start,
      advance,
      joint: (frame, states) =>
        scope(() =>
          noGrad(() => {
            const J = start.projected.length;
            const predicted = floatsLike(table, states.length * J);
            states.forEach(({ projected }, i) => {
              predicted.set(projected, i * J);
            });
            const encoded = joint.encoder.forward(tensor(Float64Array.from(frame), { shape: [1, encoderSize], backend }));
            const hidden = tanh(add(encoded, tensor(predicted, { shape: [states.length, J], backend })));
            return joint.output.forward(hidden).dataSync() as Floats;
          }),
        ),
    };
  }

  /** The blank, then the symbols: what the prediction network reads, int32 [B, U + 1]. */
  #begun(targets: Tensor | readonly ArrayLike<number>[], B: number, { backend }: Tensor): Tensor {
    const isTensor = 'shape' in targets;
    if (isTensor && (targets.dtype !== 'int32' || targets.rank !== 2 || targets.shape[0] !== B)) {
      throw new ShapeError(
        `[Transducer] expected int32 targets of shape [${B}, U], received ${targets.dtype} of shape ${formatShape(targets.shape)}.`,
      );
    }
    if (!isTensor && targets.length !== B) {
      throw new ShapeError(`[Transducer] expected ${B} targets, one a sequence, received ${targets.length}.`);
    }
    const U = isTensor ? targets.shape[1] : Math.max(0, ...targets.map(({ length }) => length));
    const values = isTensor ? targets.dataSync() : null;
    const symbols = new Int32Array(B * (U + 1)).fill(this.blank);
    for (let b = 0; b < B; b++) {
      const row = values === null ? (targets as readonly ArrayLike<number>[])[b] : values.subarray(b * U, (b + 1) * U);
      symbols.set(Int32Array.from(row), b * (U + 1) + 1);
    }
    return tensor(symbols, { shape: [B, U + 1], dtype: 'int32', backend });
  }
}
