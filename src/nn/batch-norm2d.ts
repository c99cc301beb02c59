/** Batch normalisation as a layer. */
import { batchNorm } from '../autograd/ops/batch-norm.ts';
import type { Parameter, Tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape } from '../tensor/shape.ts';
import { requireSizes } from './linear.ts';
import { Module } from './module.ts';

/** The channels, and how their statistics are kept. */
export interface BatchNorm2dOptions {
  readonly numFeatures: number;
  /** How far the running statistics move towards a batch's, in (0, 1]. Default 0.1. */
  readonly momentum?: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * y = (x − mean) / √(variance + ε) ⊙ weight + bias, each channel by its own. In training mean and variance are the batch's, and the
 * running ones follow; in evaluation they are the running ones, and an image's result does not depend on the others of its batch.
 *
 * Parameters `weight` (ones at first) and `bias` (zeros), buffers `running_mean` (zeros), `running_var` (ones) and `num_batches_tracked`,
 * as torch.nn.BatchNorm2d's.
 *
 * @see Ioffe & Szegedy (2015), arXiv:1502.03167
 */
export class BatchNorm2d extends Module {
  readonly numFeatures: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly weight: Parameter; // [C]
  readonly bias: Parameter; // [C]
  readonly runningMean: Parameter; // [C]
  readonly runningVariance: Parameter; // [C]
  readonly numBatchesTracked: Parameter; // []

  /** @throws ConfigError when numFeatures is not a positive integer, or momentum is not in (0, 1] */
  constructor({ numFeatures, momentum = 0.1, epsilon = 1e-5 }: BatchNorm2dOptions) {
    super();
    requireSizes('BatchNorm2d', { numFeatures });
    if (!(momentum > 0 && momentum <= 1)) throw new ConfigError(`[BatchNorm2d] expected momentum in (0, 1], received ${momentum}.`);
    this.numFeatures = numFeatures;
    this.momentum = momentum;
    this.epsilon = epsilon;
    this.weight = this.parameter('weight', [numFeatures], (values) => values.fill(1));
    this.bias = this.parameter('bias', [numFeatures], (values) => values.fill(0));
    this.runningMean = this.buffer('running_mean', [numFeatures], (values) => values.fill(0));
    this.runningVariance = this.buffer('running_var', [numFeatures], (values) => values.fill(1));
    this.numBatchesTracked = this.buffer('num_batches_tracked', [], (values) => values.fill(0));
  }

  /**
   * @param x [B, numFeatures, height, width]
   * @throws ShapeError when x has other channels, or in training a channel has one element alone
   */
  forward(x: Tensor): Tensor {
    const { numFeatures, isTraining } = this;
    if (x.rank !== 4 || x.shape[1] !== numFeatures) {
      throw new ShapeError(
        `[BatchNorm2d] expected x of shape [B, ${numFeatures}, height, width] (numFeatures ${numFeatures}), received ${formatShape(x.shape)}.`,
      );
    }
    if (isTraining && x.size === numFeatures) {
      throw new ShapeError(
        `[BatchNorm2d] expected more than one element a channel in training, received ${formatShape(x.shape)}: it has no variance. Give larger batches, or call eval().`,
      );
    }
    if (isTraining) this.numBatchesTracked.assign([this.numBatchesTracked.item() + 1]);
    return batchNorm(x, this);
  }
}
