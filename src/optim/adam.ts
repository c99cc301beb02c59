/** Adam, and AdamW, which differs in where the weight decay goes. */
import type { Parameter } from '../autograd/tensor.ts';
import type { Module } from '../nn/module.ts';
import { Optimizer, type OptimizerOptions, requireAtLeastZero, requireFraction, type Update } from './optimizer.ts';

/** As of every optimiser, and Adam's own. */
export interface AdamOptions extends OptimizerOptions {
  /** Of the mean of gradients, [0, 1); default 0.9. */
  readonly beta1?: number;
  /** Of the mean of their squares, [0, 1); default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Divides by the largest second moment so far. Default false. */
  readonly amsgrad?: boolean;
}

type AdamRates = Required<Pick<AdamOptions, 'beta1' | 'beta2' | 'epsilon'>>;

/**
 * Adam. Default learning rate 1e-3.
 *
 *   g = gradient + weightDecay · p
 *   m = β₁ m + (1 − β₁) g ;  v = β₂ v + (1 − β₂) g²
 *   p = p − learningRate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
 *
 * @example const optimizer = new Adam(model, { learningRate: 1e-3, clipNorm: 1 });
 * @see Kingma & Ba (2015), arXiv:1412.6980. Numbers as torch.optim.Adam.
 */
export class Adam extends Optimizer {
  override readonly kind = 'adam';
  readonly #rates: AdamRates;

  constructor(target: Module | readonly Parameter[], options: AdamOptions = {}) {
    super(target, { learningRate: 1e-3, weightDecay: 0, ...options }, buffersOf(options));
    this.#rates = ratesOf(options);
  }

  protected override update({ state: { m, v, vMax }, ...rest }: Update): void {
    this.backend.adam({ ...rest, ...this.#rates, m, v, vMax: vMax ?? null, decoupled: false });
  }
}

/**
 * Adam with decoupled weight decay: p = p − learningRate · weightDecay · p before Adam's step, whose g is the gradient
 * alone. Default learning rate 1e-3, weight decay 0.01.
 *
 * @example const optimizer = new AdamW(model, { groups: [{ match: (name) => name.includes('bias'), weightDecay: 0 }] });
 * @see Loshchilov & Hutter (2019), arXiv:1711.05101. Numbers as torch.optim.AdamW.
 */
export class AdamW extends Optimizer {
  override readonly kind = 'adamw';
  readonly #rates: AdamRates;

  constructor(target: Module | readonly Parameter[], options: AdamOptions = {}) {
    super(target, { learningRate: 1e-3, weightDecay: 0.01, ...options }, buffersOf(options));
    this.#rates = ratesOf(options);
  }

  protected override update({ state: { m, v, vMax }, ...rest }: Update): void {
    this.backend.adam({ ...rest, ...this.#rates, m, v, vMax: vMax ?? null, decoupled: true });
  }
}

function buffersOf({ amsgrad = false }: AdamOptions): string[] {
  return amsgrad ? ['m', 'v', 'vMax'] : ['m', 'v'];
}

function ratesOf({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions): AdamRates {
  requireFraction('beta1', beta1);
  requireFraction('beta2', beta2);
  requireAtLeastZero('epsilon', epsilon);
  return { beta1, beta2, epsilon };
}
