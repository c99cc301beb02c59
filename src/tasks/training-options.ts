/** Options that every task's training takes, and what follows from them: the optimizer, its schedule. */
import * as v from 'valibot';
import type { Module } from '../nn/module.ts';
import { AdamW } from '../optim/adam.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { cosine, type Schedule, warmup } from '../optim/schedule.ts';
import { SGD } from '../optim/sgd.ts';
import { above, choice, whole, within } from './schema.ts';

export const optimizers = ['adam', 'sgd'] as const;
export const schedules = ['constant', 'cosine'] as const;

/**
 * Entries for a task's `trainSchema`. A task with other defaults writes the entry again after spreading these.
 *
 * @example v.strictObject({ hiddenSize: v.optional(whole('units', 1), 128), ...trainingEntries({ batchSize: 32, learningRate: 0.002, epochs: 20 }) })
 */
export function trainingEntries(defaults: { readonly batchSize: number; readonly learningRate: number; readonly epochs: number }) {
  return {
    batchSize: v.optional(whole('B: sequences of one step', 1, 65_536), defaults.batchSize),
    optimizer: v.optional(choice('how weights are updated', optimizers), 'adam'),
    learningRate: v.optional(above('highest learning rate', 0), defaults.learningRate),
    schedule: v.optional(choice('learning rate over the training; cosine falls to a hundredth', schedules), 'cosine'),
    warmupSteps: v.optional(whole('steps in which the learning rate rises (default: cosine a twentieth of all, constant 0)', 0)),
    beta2: v.optional(within('how long Adam remembers squared gradients', 0, 1), 0.999),
    weightDecay: v.optional(
      v.pipe(v.number(), v.minValue(0), v.description('weight decay, decoupled from the gradient (adam), biases left out')),
      0,
    ),
    clipNorm: v.optional(above('largest norm of the gradient', 0), 1),
    averageDecay: v.optional(within('keep an exponential average of the weights with this decay, and use it; 0: off', 0, 1), 0),

    epochs: v.optional(above(`passes over the training data (default ${defaults.epochs}, unless steps or minutes are given)`, 0)),
    maxSteps: v.optional(whole('training steps', 1)),
    maxMinutes: v.optional(above('minutes of training; the number of steps is fixed once the speed is known', 0)),
    evaluateEvery: v.optional(whole('steps between validations (default a tenth of the training)', 1)),
    patience: v.optional(whole('stop after so many validations without a better one; 0: never', 0), 0),
    checkpointEvery: v.optional(whole('steps between checkpoints (default: with each validation)', 1)),
    watchEvery: v.optional(whole('steps between looks at gradients, gates and updates, with warnings; 0: never', 0), defaultWatchEvery),
    seed: v.optional(whole('of all randomness', 0), 0),
  };
}

/** A look costs a third of a millisecond and up, as much as half a step of a tiny model (docs/performance.md). */
export const defaultWatchEvery = 25;

/** Complete, as a training needs them. */
export type TrainingOptions = v.InferOutput<v.ObjectSchema<ReturnType<typeof trainingEntries>, undefined>>;

/** How many epochs where nothing else ends the training. */
export function epochsOf({ epochs, maxSteps, maxMinutes }: Partial<TrainingOptions>, fallback: number): number | undefined {
  return epochs ?? (maxSteps === undefined && maxMinutes === undefined ? fallback : undefined);
}

/** @param steps of the whole training */
export function optimizerOf(model: Module, options: TrainingOptions, steps: number): Optimizer {
  const { weightDecay, clipNorm, optimizer } = options;
  const groups = [{ match: (name: string) => name.includes('bias'), weightDecay: 0 }];
  const common = { learningRate: scheduleOf(options, steps), weightDecay, clipNorm, ...(weightDecay > 0 ? { groups } : {}) };
  return optimizer === 'sgd' ? new SGD(model, common) : new AdamW(model, { ...common, beta2: options.beta2 });
}

function scheduleOf({ schedule, learningRate, warmupSteps }: TrainingOptions, steps: number): Schedule {
  const rise = Math.min(steps - 1, warmupSteps ?? (schedule === 'cosine' ? Math.round(steps / 20) : 0));
  const after = schedule === 'cosine' ? cosine({ learningRate, steps: steps - rise, minimum: learningRate / 100 }) : () => learningRate;
  return rise === 0 ? after : warmup(after, { steps: rise, startFactor: 1 / rise });
}
