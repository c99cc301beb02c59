/** RMSprop. */
import type { Parameter } from '../autograd/tensor.ts';
import type { Module } from '../nn/module.ts';
import { Optimizer, type OptimizerOptions, requireAtLeastZero, requireFraction, type Update } from './optimizer.ts';

/** As of every optimiser, and RMSprop's own. */
export interface RMSpropOptions extends OptimizerOptions {
  /** Smoothing of the mean of squares, [0, 1); default 0.99. */
  readonly alpha?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** ≥ 0; default 0. */
  readonly momentum?: number;
  /** Divides by the variance of the gradient instead of its mean square. Default false. */
  readonly centered?: boolean;
}

/**
 * RMSprop. Default learning rate 0.01.
 *
 *   g = gradient + weightDecay · p
 *   s = α s + (1 − α) g²                       (centered: a = α a + (1 − α) g ;  s − a² below)
 *   d = g / (√s + ε)                           (with momentum: b = momentum · b + d, and b steps)
 *   p = p − learningRate · d
 *
 * @see Tieleman & Hinton (2012), lecture 6e; centred form Graves (2013), arXiv:1308.0850. Numbers as torch.optim.RMSprop.
 */
export class RMSprop extends Optimizer {
  override readonly kind = 'rmsprop';
  readonly #alpha: number;
  readonly #epsilon: number;
  readonly #momentum: number;

  constructor(target: Module | readonly Parameter[], options: RMSpropOptions = {}) {
    const { alpha = 0.99, epsilon = 1e-8, momentum = 0, centered = false } = options;
    requireFraction('alpha', alpha);
    requireAtLeastZero('epsilon', epsilon);
    requireAtLeastZero('momentum', momentum);
    const buffers = ['squareAverage', ...(centered ? ['gradientAverage'] : []), ...(momentum > 0 ? ['momentumBuffer'] : [])];
    super(target, { learningRate: 0.01, weightDecay: 0, ...options }, buffers);
    this.#alpha = alpha;
    this.#epsilon = epsilon;
    this.#momentum = momentum;
  }

  protected override update({ state, step: _, ...rest }: Update): void {
    this.backend.rmsprop({
      ...rest,
      squareAverage: state.squareAverage,
      gradientAverage: state.gradientAverage ?? null,
      momentumBuffer: state.momentumBuffer ?? null,
      alpha: this.#alpha,
      epsilon: this.#epsilon,
      momentum: this.#momentum,
    });
  }
}
