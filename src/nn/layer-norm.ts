/** Layer normalisation as a layer. */
import { layerNorm } from '../autograd/ops/layer-norm.ts';
import type { Parameter, Tensor } from '../autograd/tensor.ts';
import { ShapeError } from '../tensor/errors.ts';
import { formatShape } from '../tensor/shape.ts';
import { requireSizes } from './linear.ts';
import { Module } from './module.ts';

/** The axis that is normalised, and what is learnt. */
export interface LayerNormOptions {
  /** Size of the axis to normalise, the last. */
  readonly size: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
  /** Learn a weight, ones at first. Default true. */
  readonly weight?: boolean;
  /** Learn a bias, zeros at first. Default true. */
  readonly bias?: boolean;
}

/**
 * y = (x − mean) / √(variance + ε) ⊙ weight + bias over the last axis. Parameters `weight` and `bias` [C], as torch.nn.LayerNorm's.
 *
 * @see Ba, Kiros & Hinton (2016), arXiv:1607.06450
 */
export class LayerNorm extends Module {
  readonly size: number;
  readonly epsilon: number;
  readonly weight: Parameter | null; // [C]
  readonly bias: Parameter | null; // [C]

  /** @throws ConfigError when size is not a positive integer */
  constructor({ size, epsilon = 1e-5, weight = true, bias = true }: LayerNormOptions) {
    super();
    requireSizes('LayerNorm', { size });
    this.size = size;
    this.epsilon = epsilon;
    this.weight = weight ? this.parameter('weight', [size], (values) => values.fill(1)) : null;
    this.bias = bias ? this.parameter('bias', [size], (values) => values.fill(0)) : null;
  }

  /**
   * @param x [..., size]
   * @throws ShapeError when x's last axis is not size
   */
  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.size) {
      throw new ShapeError(`[LayerNorm] expected x of shape [..., ${this.size}] (size ${this.size}), received ${formatShape(x.shape)}.`);
    }
    return layerNorm(x, this.weight, this.bias, this.epsilon);
  }
}
