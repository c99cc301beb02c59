/** The learning rate that falls when a metric stops improving: the one schedule that has a memory. */
import { ConfigError } from '../tensor/errors.ts';

/** When the rate falls, and how far. */
export interface ReduceOnPlateauOptions {
  /** Whether a smaller or a larger metric is better. Default 'min'. */
  readonly mode?: 'min' | 'max';
  /** What the rate is multiplied by, in (0, 1); default 0.1. */
  readonly factor?: number;
  /** Updates without improvement that are let pass; default 10. */
  readonly patience?: number;
  /** What counts as improvement, relative to the best; default 1e-4. */
  readonly threshold?: number;
  /** Whether `threshold` is relative to the best or absolute. Default 'relative'. */
  readonly thresholdMode?: 'relative' | 'absolute';
  /** Updates after a reduction in which none is counted; default 0. */
  readonly cooldown?: number;
  /** Default 0. */
  readonly minimum?: number;
}

/** The memory of a ReduceOnPlateau. */
export interface ReduceOnPlateauState {
  /** null: no metric yet. */
  readonly best: number | null;
  readonly badUpdates: number;
  readonly cooldownLeft: number;
}

/**
 * Multiplies the learning rate by `factor` once the metric has not improved for more than `patience` updates.
 *
 * @example
 * const plateau = new ReduceOnPlateau({ factor: 0.5, patience: 2 });
 * optimizer.learningRate = plateau.update(validationLoss, optimizer.learningRate); // after each validation
 * @see Numbers as torch.optim.lr_scheduler.ReduceLROnPlateau.
 */
export class ReduceOnPlateau {
  readonly #options: Required<ReduceOnPlateauOptions>;
  #best: number | null = null;
  #badUpdates = 0;
  #cooldownLeft = 0;

  constructor(options: ReduceOnPlateauOptions = {}) {
    const defaults = {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'relative',
      cooldown: 0,
      minimum: 0,
    } as const;
    this.#options = { ...defaults, ...options };
    const { factor } = this.#options;
    if (!(factor > 0 && factor < 1)) throw new ConfigError(`[ReduceOnPlateau] expected factor in (0, 1), received ${factor}.`);
  }

  /** Takes in a metric; returns the learning rate from now on. */
  update(metric: number, learningRate: number): number {
    const { patience, cooldown, factor, minimum } = this.#options;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badUpdates = 0;
    } else this.#badUpdates++;
    if (this.#cooldownLeft > 0) {
      this.#cooldownLeft--;
      this.#badUpdates = 0;
    }
    if (this.#badUpdates <= patience) return learningRate;
    this.#cooldownLeft = cooldown;
    this.#badUpdates = 0;
    const reduced = Math.max(learningRate * factor, minimum);
    // torch's eps: a change smaller than this is none.
    return learningRate - reduced > 1e-8 ? reduced : learningRate;
  }

  /** What a checkpoint keeps; plain JSON. */
  state(): ReduceOnPlateauState {
    return { best: this.#best, badUpdates: this.#badUpdates, cooldownLeft: this.#cooldownLeft };
  }

  /** Goes on from a state that `state` gave. */
  loadState(state: ReduceOnPlateauState): void {
    this.#best = state.best;
    this.#badUpdates = state.badUpdates;
    this.#cooldownLeft = state.cooldownLeft;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const best = this.#best;
    if (best === null) return !Number.isNaN(metric);
    const sign = mode === 'min' ? -1 : 1;
    const bar = thresholdMode === 'relative' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? metric < bar : metric > bar;
  }
}
