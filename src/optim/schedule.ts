/**
 * Learning rates as pure functions of the step (or epoch, or whatever is counted): nothing to save, nothing to restore.
 * Steps count from 0. Numbers as torch.optim.lr_scheduler. The one that needs a memory is in reduce-on-plateau.ts.
 */
import { ConfigError } from '../tensor/errors.ts';

/** The learning rate of step `step`, which counts from 0. */
export type Schedule = (step: number) => number;

/** learningRate · gamma^⌊step / stepSize⌋ (StepLR). `gamma` default 0.1. */
export function stepDecay(options: { learningRate: number; stepSize: number; gamma?: number }): Schedule {
  const { learningRate, stepSize, gamma = 0.1 } = options;
  requireSteps('stepDecay', 'stepSize', stepSize);
  return (step) => learningRate * gamma ** Math.floor(step / stepSize);
}

/** learningRate · gamma^(number of milestones reached) (MultiStepLR). `gamma` default 0.1. */
export function multiStepDecay(options: { learningRate: number; milestones: readonly number[]; gamma?: number }): Schedule {
  const { learningRate, milestones, gamma = 0.1 } = options;
  return (step) => learningRate * gamma ** milestones.filter((milestone) => milestone <= step).length;
}

/** learningRate · gamma^step (ExponentialLR). */
export function exponentialDecay(options: { learningRate: number; gamma: number }): Schedule {
  const { learningRate, gamma } = options;
  return (step) => learningRate * gamma ** step;
}

/**
 * Half a cosine from `learningRate` to `minimum` over `steps` (CosineAnnealingLR); `minimum` from then on. Default minimum 0.
 *
 * @see Loshchilov & Hutter (2017), arXiv:1608.03983
 */
export function cosine(options: { learningRate: number; steps: number; minimum?: number }): Schedule {
  const { learningRate, steps, minimum = 0 } = options;
  requireSteps('cosine', 'steps', steps);
  return (step) => anneal.cosine(learningRate, minimum, Math.min(step / steps, 1));
}

/** `cosine` that begins anew after `steps`, then after `steps · factor`, … (CosineAnnealingWarmRestarts). `factor` a whole number ≥ 1; default 1. */
export function cosineRestarts(options: { learningRate: number; steps: number; factor?: number; minimum?: number }): Schedule {
  const { learningRate, steps, factor = 1, minimum = 0 } = options;
  requireSteps('cosineRestarts', 'steps', steps);
  requireSteps('cosineRestarts', 'factor', factor);
  return (step) => {
    let period = steps;
    let since = factor === 1 ? step % steps : step;
    while (since >= period) {
      since -= period;
      period *= factor;
    }
    return anneal.cosine(learningRate, minimum, since / period);
  };
}

/**
 * Rises in a straight line from `startFactor` of `schedule`'s first rate to all of it over `steps`; then `schedule` begins
 * (SequentialLR of LinearLR and another). `startFactor` in [0, 1]; default 1/3, as LinearLR.
 *
 * @example warmup(cosine({ learningRate: 2e-3, steps: 900 }), { steps: 100 })
 */
export function warmup(schedule: Schedule | number, options: { steps: number; startFactor?: number }): Schedule {
  const { steps, startFactor = 1 / 3 } = options;
  requireSteps('warmup', 'steps', steps, 0);
  const after = typeof schedule === 'number' ? () => schedule : schedule;
  return (step) => (step < steps ? after(0) * (startFactor + ((1 - startFactor) * step) / steps) : after(step - steps));
}

/** Height, length and shape of the cycle. */
export interface OneCycleOptions {
  readonly maxLearningRate: number;
  /** Of the whole cycle. */
  readonly steps: number;
  /** Of the cycle, spent rising; default 0.3. */
  readonly riseFraction?: number;
  /** Begins at maxLearningRate / startDivisor; default 25. */
  readonly startDivisor?: number;
  /** Ends at the first rate / endDivisor; default 1e4. */
  readonly endDivisor?: number;
  /** Default 'cosine'. */
  readonly shape?: 'cosine' | 'linear';
}

/**
 * Up to `maxLearningRate`, then down to nearly nothing (OneCycleLR, two phases).
 *
 * @see Smith & Topin (2018), arXiv:1708.07120
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const { maxLearningRate, steps, riseFraction = 0.3, startDivisor = 25, endDivisor = 1e4, shape = 'cosine' } = options;
  requireSteps('oneCycle', 'steps', steps);
  const first = maxLearningRate / startDivisor;
  const peak = riseFraction * steps - 1;
  const last = steps - 1;
  return (step) => {
    // A rise, or a fall, of no length is over at once.
    if (step <= peak) return anneal[shape](first, maxLearningRate, peak > 0 ? step / peak : 1);
    return anneal[shape](maxLearningRate, first / endDivisor, last > peak ? Math.min((step - peak) / (last - peak), 1) : 1);
  };
}

/** From `start` to `end` as `part` goes from 0 to 1. */
const anneal = {
  linear: (start: number, end: number, part: number): number => start + (end - start) * part,
  cosine: (start: number, end: number, part: number): number => end + ((start - end) / 2) * (1 + Math.cos(Math.PI * part)),
};

function requireSteps(schedule: string, name: string, value: number, least = 1): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ConfigError(`[${schedule}] expected ${name} to be a whole number ≥ ${least}, received ${value}.`);
  }
}
