/** The convolution as a layer. */
import { conv2d } from '../autograd/ops/conv2d.ts';
import { type Pair, type Window, type WindowOptions, windowOf } from '../autograd/ops/window.ts';
import type { Parameter, Tensor } from '../autograd/tensor.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape } from '../tensor/shape.ts';
import { kaimingUniform, uniform } from './initializers.ts';
import { requireSizes } from './linear.ts';
import { Module } from './module.ts';

/** Channels, windows and first values of a convolution. */
export interface Conv2dOptions extends WindowOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** One number, or [height, width]. */
  readonly kernelSize: Pair;
  /** Default true. */
  readonly bias?: boolean;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/**
 * y[b, o] = bias[o] + Σ_c weight[o, c] ⋆ x[b, c]. Parameters `weight` [O, C, kernel height, kernel width] and `bias` [O], both uniform in
 * ±1/√(C · kernel height · kernel width) at first: names, layout and numbers as torch.nn.Conv2d's, with groups 1.
 *
 * @example new Conv2d({ inChannels: 3, outChannels: 32, kernelSize: 3, padding: 1 }).forward(images) // [B, 3, 64, 64] → [B, 32, 64, 64]
 */
export class Conv2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly window: Window;
  readonly weight: Parameter; // [O, C, kernel height, kernel width]
  readonly bias: Parameter | null; // [O]

  /** @throws ConfigError when a number is not whole or too small */
  constructor({ inChannels, outChannels, kernelSize, bias = true, rng = Random.fromEntropy(), ...options }: Conv2dOptions) {
    super();
    requireSizes('Conv2d', { inChannels, outChannels });
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.window = windowOf('Conv2d', kernelSize, options);
    const shape = [outChannels, inChannels, ...this.window.kernelSize];
    this.weight = this.parameter('weight', shape, (values, shape) => kaimingUniform(values, shape, rng));
    const fanIn = inChannels * this.window.kernelSize[0] * this.window.kernelSize[1];
    this.bias = bias ? this.parameter('bias', [outChannels], (values) => uniform(values, 1 / Math.sqrt(fanIn), rng)) : null;
  }

  /**
   * @param x  [B, inChannels, height, width]
   * @returns  [B, outChannels, output height, output width]
   * @throws ShapeError when x has other channels, or the kernel does not fit into the planes
   */
  forward(x: Tensor): Tensor {
    if (x.rank !== 4 || x.shape[1] !== this.inChannels) {
      throw new ShapeError(
        `[Conv2d] expected x of shape [B, ${this.inChannels}, height, width] (inChannels ${this.inChannels}), received ${formatShape(x.shape)}.`,
      );
    }
    return conv2d(x, this.weight, this.bias, this.window);
  }
}
