/** The linear layer. */
import { linear } from '../autograd/ops/matmul.ts';
import type { Parameter, Tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape } from '../tensor/shape.ts';
import { kaimingUniform, uniform } from './initializers.ts';
import { Module } from './module.ts';

/** Sizes and first values of a linear layer. */
export interface LinearOptions {
  readonly inputSize: number;
  readonly outputSize: number;
  /** Default true. */
  readonly bias?: boolean;
  /** A parameter [outputSize, inputSize] to share instead of an own weight: an embedding's, for tied weights. */
  readonly weight?: Parameter;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/**
 * y = x Wᵀ + b. Parameters `weight` [O, I] and `bias` [O], both uniform in ±1/√I at first, as torch.nn.Linear's.
 *
 * @example const readout = new Linear({ inputSize: 128, outputSize: 65, rng: new Random(1) });
 */
export class Linear extends Module {
  readonly inputSize: number;
  readonly outputSize: number;
  readonly weight: Parameter; // [O, I]
  readonly bias: Parameter | null; // [O]

  /** @throws ConfigError when a size is not a positive integer */
  constructor(options: LinearOptions) {
    super();
    const { inputSize, outputSize, bias = true, weight, rng = Random.fromEntropy() } = options;
    requireSizes('Linear', { inputSize, outputSize });
    this.inputSize = inputSize;
    this.outputSize = outputSize;
    this.weight = this.parameter('weight', [outputSize, inputSize], weight ?? ((values, shape) => kaimingUniform(values, shape, rng)));
    this.bias = bias ? this.parameter('bias', [outputSize], (values) => uniform(values, 1 / Math.sqrt(inputSize), rng)) : null;
  }

  /**
   * @param x [..., inputSize]
   * @returns [..., outputSize]
   * @throws ShapeError when x's last axis is not inputSize
   */
  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.inputSize) {
      throw new ShapeError(
        `[Linear] expected x of shape [..., ${this.inputSize}] (inputSize ${this.inputSize}), received ${formatShape(x.shape)}. Check the feature axis of the input, or build the layer with inputSize: ${x.shape.at(-1)}.`,
      );
    }
    return linear(x, this.weight, this.bias);
  }
}

/** @throws ConfigError when a size is not a positive integer */
export function requireSizes(layer: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1)
      throw new ConfigError(`[${layer}] expected ${name} to be an integer of at least 1, received ${size}.`);
  }
}
