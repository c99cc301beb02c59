/** Stochastic gradient descent. */
import type { Parameter } from '../autograd/tensor.ts';
import type { Module } from '../nn/module.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Optimizer, type OptimizerOptions, requireAtLeastZero, type Update } from './optimizer.ts';
import type { Schedule } from './schedule.ts';

/** As of every optimiser, and SGD's own. */
export interface SGDOptions extends OptimizerOptions {
  readonly learningRate: number | Schedule;
  /** ≥ 0; default 0. */
  readonly momentum?: number;
  /** Of the gradient that enters the velocity; default 0. */
  readonly dampening?: number;
  /** Needs momentum, and no dampening. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent, with momentum if asked for.
 *
 *   g = gradient + weightDecay · p
 *   v = momentum · v + (1 − dampening) · g     (the first step: v = g)
 *   p = p − learningRate · v                   (nesterov: g + momentum · v)
 *
 * @example const optimizer = new SGD(model, { learningRate: 0.1, momentum: 0.9 });
 * @see Numbers as torch.optim.SGD.
 */
export class SGD extends Optimizer {
  override readonly kind = 'sgd';
  readonly #momentum: number;
  readonly #dampening: number;
  readonly #nesterov: boolean;

  constructor(target: Module | readonly Parameter[], options: SGDOptions) {
    const { momentum = 0, dampening = 0, nesterov = false } = options;
    requireAtLeastZero('momentum', momentum);
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new ConfigError(
        `[optimizer] expected momentum > 0 and dampening 0 with nesterov, received momentum ${momentum} and dampening ${dampening}.`,
      );
    }
    super(target, { weightDecay: 0, ...options }, momentum > 0 ? ['velocity'] : []);
    this.#momentum = momentum;
    this.#dampening = dampening;
    this.#nesterov = nesterov;
  }

  protected override update({ state, step, ...rest }: Update): void {
    this.backend.sgd({
      ...rest,
      velocity: state.velocity ?? null,
      isFirst: step === 1,
      momentum: this.#momentum,
      dampening: this.#dampening,
      nesterov: this.#nesterov,
    });
  }
}
