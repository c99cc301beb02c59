/** Adagrad. */
import type { Parameter } from '../autograd/tensor.ts';
import type { Module } from '../nn/module.ts';
import { Optimizer, type OptimizerOptions, requireAtLeastZero, type Update } from './optimizer.ts';

/** As of every optimiser, and Adagrad's own. */
export interface AdagradOptions extends OptimizerOptions {
  /** The rate of step t (from 0) is divided by 1 + t · learningRateDecay. Default 0. */
  readonly learningRateDecay?: number;
  /** Where the sums of squares begin, ≥ 0; default 0. */
  readonly initialAccumulator?: number;
  /** Default 1e-10. */
  readonly epsilon?: number;
}

/**
 * Adagrad. Default learning rate 0.01.
 *
 *   g = gradient + weightDecay · p
 *   s = s + g² ;  p = p − learningRate · g / (√s + ε)
 *
 * @see Duchi, Hazan & Singer (2011), JMLR 12. Numbers as torch.optim.Adagrad.
 */
export class Adagrad extends Optimizer {
  override readonly kind = 'adagrad';
  readonly #epsilon: number;
  readonly #decay: number;

  constructor(target: Module | readonly Parameter[], options: AdagradOptions = {}) {
    const { learningRateDecay = 0, initialAccumulator = 0, epsilon = 1e-10 } = options;
    requireAtLeastZero('learningRateDecay', learningRateDecay);
    requireAtLeastZero('initialAccumulator', initialAccumulator);
    requireAtLeastZero('epsilon', epsilon);
    super(target, { learningRate: 0.01, weightDecay: 0, ...options }, ['sum']);
    this.#epsilon = epsilon;
    this.#decay = learningRateDecay;
    this.fillBuffer('sum', initialAccumulator);
  }

  protected override update({ parameters, gradient, state, weightDecay, learningRate, step }: Update): void {
    this.backend.adagrad({
      parameters,
      gradient,
      sum: state.sum,
      learningRate: learningRate / (1 + (step - 1) * this.#decay),
      epsilon: this.#epsilon,
      weightDecay,
    });
  }
}
