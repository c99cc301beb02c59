/**
 * How a training is asked for in a configuration: plain JSON with a schema, from which optimiser, schedule, average and
 * trainer options are made. Tasks spread these entries into their own schema, so that every `train` has the same options.
 */
import * as v from 'valibot';
import type { Module } from '../nn/module.ts';
import { Adagrad } from '../optim/adagrad.ts';
import { Adam, AdamW } from '../optim/adam.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { ReduceOnPlateau } from '../optim/reduce-on-plateau.ts';
import { RMSprop } from '../optim/rmsprop.ts';
import { cosine, exponentialDecay, oneCycle, type Schedule, stepDecay, warmup } from '../optim/schedule.ts';
import { SGD } from '../optim/sgd.ts';
import { WeightAverage } from '../optim/weight-average.ts';
import { ConfigError } from '../tensor/errors.ts';
import type { TrainerOptions } from './trainer.ts';

export const optimizerNames = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const;
export const scheduleNames = ['constant', 'cosine', 'one-cycle', 'step', 'exponential', 'plateau'] as const;

const positive = v.pipe(
  v.number(),
  v.gtValue(0, ({ received }) => `expected a number > 0, received ${received}`),
);
const atLeastZero = v.pipe(
  v.number(),
  v.minValue(0, ({ received }) => `expected a number ≥ 0, received ${received}`),
);
const fraction = v.pipe(
  atLeastZero,
  v.ltValue(1, ({ received }) => `expected a number in [0, 1), received ${received}`),
);
const count = v.pipe(
  v.number(),
  v.integer(({ received }) => `expected a whole number, received ${received}`),
  v.minValue(1, ({ received }) => `expected a whole number ≥ 1, received ${received}`),
);

/** Schema entries of a training. */
export const recipeEntries = {
  optimizer: v.optional(v.picklist(optimizerNames), 'adam'),
  learningRate: v.optional(positive, 2e-3),
  momentum: v.optional(fraction),
  beta1: v.optional(fraction),
  beta2: v.optional(fraction),
  weightDecay: v.optional(atLeastZero),
  clipNorm: v.optional(positive),
  clipValue: v.optional(positive),
  schedule: v.optional(v.picklist(scheduleNames), 'constant'),
  /** Where cosine and plateau end, as a part of the learning rate. */
  minimumFactor: v.optional(fraction, 0),
  /** Of step, exponential and plateau. */
  decayFactor: v.optional(
    v.pipe(
      positive,
      v.ltValue(1, ({ received }) => `expected a number in (0, 1), received ${received}`),
    ),
    0.5,
  ),
  /** Steps between two decays of step; of exponential, steps to one decayFactor. */
  decaySteps: v.optional(count),
  /** Validations without improvement before plateau decays. */
  decayPatience: v.optional(count, 2),
  warmupSteps: v.optional(v.union([v.literal(0), count]), 0),
  /** Of the averaged weights (EMA); none without it. */
  averageDecay: v.optional(fraction),
  maxSteps: v.optional(count),
  maxEpochs: v.optional(count),
  maxMinutes: v.optional(positive),
  validateEvery: v.optional(count),
  checkpointEvery: v.optional(count),
  sampleEvery: v.optional(count),
  accumulate: v.optional(count, 1),
  patience: v.optional(count),
};

const recipeSchema = v.object(recipeEntries);

export type Recipe = v.InferOutput<typeof recipeSchema>;

/**
 * The optimiser of a recipe, with its schedule.
 *
 * @param totalSteps  how long the training is meant to be: what cosine and one-cycle stretch over
 */
export function createOptimizer(model: Module, recipe: Recipe, totalSteps: number | null): Optimizer {
  const { momentum, beta1, beta2, weightDecay, clipNorm, clipValue } = recipe;
  const given = defined({ weightDecay, clipNorm, clipValue });
  const options = { ...given, learningRate: createSchedule(recipe, totalSteps) };
  switch (recipe.optimizer) {
    case 'sgd':
      return new SGD(model, { ...options, ...defined({ momentum }) });
    case 'adam':
      return new Adam(model, { ...options, ...defined({ beta1, beta2 }) });
    case 'adamw':
      return new AdamW(model, { ...options, ...defined({ beta1, beta2 }) });
    case 'rmsprop':
      return new RMSprop(model, { ...options, ...defined({ momentum }) });
    case 'adagrad':
      return new Adagrad(model, options);
    default:
      throw new ConfigError(`unreachable: ${recipe.optimizer satisfies never}`);
  }
}

/** Number or schedule; for `plateau` a number, since ReduceOnPlateau moves it. */
export function createSchedule(recipe: Recipe, totalSteps: number | null): number | Schedule {
  const { schedule, learningRate, warmupSteps, minimumFactor, decayFactor, decaySteps } = recipe;
  if (schedule === 'plateau') {
    if (warmupSteps > 0)
      throw new ConfigError('[recipe] warmupSteps do not go with the schedule "plateau"; choose another schedule, or no warm-up.');
    return learningRate;
  }
  const withWarmup = (after: number | Schedule) =>
    warmupSteps > 0 ? warmup(after, { steps: warmupSteps, startFactor: 1 / warmupSteps }) : after;
  const span = () => {
    if (totalSteps === null)
      throw new ConfigError(`[recipe] the schedule "${schedule}" needs to know the end: give maxSteps or maxEpochs.`);
    return Math.max(1, totalSteps - warmupSteps);
  };
  const decay = () => {
    if (decaySteps === undefined) throw new ConfigError(`[recipe] the schedule "${schedule}" needs decaySteps.`);
    return decaySteps;
  };
  switch (schedule) {
    case 'constant':
      return withWarmup(learningRate);
    case 'cosine':
      return withWarmup(cosine({ learningRate, steps: span(), minimum: learningRate * minimumFactor }));
    case 'one-cycle':
      return oneCycle({ maxLearningRate: learningRate, steps: totalSteps ?? span() });
    case 'step':
      return withWarmup(stepDecay({ learningRate, stepSize: decay(), gamma: decayFactor }));
    case 'exponential':
      return withWarmup(exponentialDecay({ learningRate, gamma: decayFactor ** (1 / decay()) }));
    default:
      throw new ConfigError(`unreachable: ${schedule satisfies never}`);
  }
}

/** What else a recipe asks for in a `Training`. */
export function createExtras(model: Module, recipe: Recipe): { average?: WeightAverage; plateau?: ReduceOnPlateau } {
  const { averageDecay, schedule, learningRate, minimumFactor, decayFactor, decayPatience } = recipe;
  return {
    ...(averageDecay === undefined ? {} : { average: new WeightAverage(model, { decay: averageDecay }) }),
    ...(schedule !== 'plateau'
      ? {}
      : { plateau: new ReduceOnPlateau({ factor: decayFactor, patience: decayPatience, minimum: learningRate * minimumFactor }) }),
  };
}

export function trainerOptions(recipe: Recipe): TrainerOptions {
  const { maxSteps, maxEpochs, maxMinutes, validateEvery, checkpointEvery, sampleEvery, accumulate, patience } = recipe;
  return defined({ maxSteps, maxEpochs, maxMinutes, validateEvery, checkpointEvery, sampleEvery, accumulate, patience });
}

/** Without the entries that are undefined, so that defaults hold. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
