/** What forecasters have in common: an architecture, a loss of a batch of windows, and vectors of series. */
import { add } from '../../autograd/ops/binary.ts';
import { type Tensor, tensor, tensorOver } from '../../autograd/tensor.ts';
import { Embedding } from '../../nn/embedding.ts';
import { GRU } from '../../nn/gru.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import { RNN, type RNNOptions } from '../../nn/rnn.ts';
import { Random } from '../../tensor/random.ts';
import type { Architecture } from './config.ts';
import { type Output, outputOf, type Targets } from './outputs.ts';
import type { WindowBatch } from './windows.ts';

/** An architecture, and where chance comes from. */
export interface ForecasterOptions extends Architecture {
  /** For initial values and dropout. */
  readonly rng?: Random;
}

/** Learns from windows what comes after them. */
export abstract class Forecaster extends Module {
  readonly architecture: Architecture;
  readonly output: Output;
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  constructor({ rng = Random.fromEntropy(), ...architecture }: ForecasterOptions) {
    super();
    this.architecture = architecture;
    this.output = outputOf(architecture.output, architecture.levels);
    this.rng = rng;
  }

  /** Steps of history that a window has to have. */
  abstract readonly history: number;

  /** The mean loss of what is known of a batch's targets. */
  abstract loss(batch: WindowBatch): Tensor;
}

/** A batch's targets as an output's loss takes them. */
export function targetsOf({ size, horizon, targets, targetsObserved, shift, scale, windowScale }: WindowBatch): Targets {
  return { batchSize: size, length: horizon, values: targets, weights: targetsObserved, shift, scale, windowScale };
}

export function recurrentLayers(cell: Architecture['cell'], options: RNNOptions): LSTM | GRU | RNN {
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

/** Steps [B, N, size] as a tensor, over the batch's own array. */
export function stepsOf(values: Float32Array, like: Module, shape: readonly number[]): Tensor {
  return tensorOver(values, shape, like.backend);
}

/**
 * What tells series apart: a learnt vector for each, and what its static features make. Parameters `table.weight` [N, E] and
 * `statics.weight` [E, S], `statics.bias` [E].
 */
export class SeriesVectors extends Module {
  readonly #table: Embedding | null;
  readonly #statics: Linear | null;

  constructor({ seriesCount, staticSize, size, rng }: { seriesCount: number; staticSize: number; size: number; rng: Random }) {
    super();
    this.#table = seriesCount > 0 ? this.child('table', new Embedding({ vocabularySize: seriesCount, embeddingSize: size, rng })) : null;
    this.#statics = staticSize > 0 ? this.child('statics', new Linear({ inputSize: staticSize, outputSize: size, rng })) : null;
  }

  /** [B, E]; null: nothing is known of series. */
  forward({ series, statics, size: B }: Pick<WindowBatch, 'series' | 'statics' | 'size'>): Tensor | null {
    const own = this.#table === null ? null : this.#table.forward(tensor(series, { backend: this.backend }));
    if (this.#statics === null) return own;
    const features = this.#statics.forward(stepsOf(statics, this, [B, statics.length / B]));
    return own === null ? features : add(own, features);
  }
}
