/** Options of the task, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { statePoolings } from '../../reservoir/echo-state-classifier.ts';
import { arrangements } from '../../reservoir/reservoir.ts';
import { searchMethods } from '../../reservoir/search.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, names, optionsSchema, parseOptions, path, text, whole, within } from '../schema.ts';

const least0 = (description: string) => v.pipe(v.number(), v.minValue(0), v.description(description));
const share = (description: string) => v.pipe(v.number(), v.gtValue(0), v.maxValue(1), v.description(description));

/** How columns are brought to one scale: to mean 0 and deviation 1 of the training part, or not at all. */
export const scalings = ['standard', 'none'] as const;

/** What a user may give. */
export const trainSchema = optionsSchema(() => ({
  inputs: v.optional(names('columns that drive the reservoir; default: the targets, which then foretell themselves')),
  targets: v.optional(names('columns to tell; default: every column of numbers that is nothing else')),
  ahead: v.optional(
    whole('steps from a row to the target that is told there (default 1 where targets foretell themselves, else 0)', 0, 100_000),
  ),
  sequence: v.optional(text('column that names the sequence of each row; default: each file is one')),
  label: v.optional(text('column with the class of each sequence: classification')),

  hiddenSize: v.optional(whole('units of each layer', 1, 65_536), 300),
  numLayers: v.optional(whole('layers', 1, 64), 1),
  arrangement: v.optional(choice('of several layers: each reads the one below, or all of them the input', arrangements), 'deep'),
  spectralRadius: v.optional(least0('largest |eigenvalue| of W'), 0.9),
  leakRate: v.optional(share('what a step takes on of the new, in (0, 1]'), 0.5),
  inputScaling: v.optional(least0('W_in is uniform in ± this'), 0.5),
  biasScaling: v.optional(least0('b is uniform in ± this'), 0.2),
  feedbackScaling: v.optional(least0('W_fb is uniform in ± this; 0: nothing is fed back'), 0),
  density: v.optional(share("share of W's entries that are not 0, in (0, 1]"), 0.1),
  noise: v.optional(least0('deviation of noise inside the tanh while the readout learns'), 0),
  washout: v.optional(whole('steps at the beginning of each sequence that are not learnt from', 0), 100),
  ridge: v.optional(least0('penalty of the readout; a search chooses its own (default 1e-6; classification 0.01)')),
  readInput: v.optional(flag('the readout reads the input beside the states'), true),
  pooling: v.optional(choice('of a sequence that is classified: what is read of its states', statePoolings), 'mean'),
  scaling: v.optional(choice('of each column, by its training part', scalings), 'standard'),

  search: v.optional(whole('points of the options to try before (radius, leak, scalings, penalty); 0: none', 0, 100_000), 0),
  searchMethod: v.optional(choice('each point on all data, or most of them on little', searchMethods), 'halving'),
  searchFreeRun: v.optional(whole('judge a search by free runs of so many steps, not by the next step', 1, 100_000)),
  folds: v.optional(whole('of the cross-validation in the order of time that judges a point', 1, 50), 3),
  map: v.optional(path('draw what the search found into this SVG file')),

  validFraction: v.optional(within('share that is set aside for validation: the end of each sequence, or of each class', 0.0001, 0.9), 0.1),
  seed: v.optional(whole('of all randomness', 0), 0),
}));

/** As a user writes them. */
export type ReservoirTaskOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>> & { readonly ridge: number };

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: ReservoirTaskOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  const { label, search, searchFreeRun, inputs, ahead, feedbackScaling, map } = options;
  const refuse = (message: string): never => {
    throw new ConfigError(message);
  };
  if (label !== undefined && (options.targets !== undefined || ahead !== undefined || feedbackScaling > 0 || searchFreeRun !== undefined)) {
    refuse('label: a classification tells one class a sequence: expected no targets, ahead, feedbackScaling or searchFreeRun beside it.');
  }
  if (searchFreeRun !== undefined && search === 0)
    refuse('searchFreeRun: expected a search beside it, received search 0. Give search: 50.');
  if (searchFreeRun !== undefined && inputs !== undefined && feedbackScaling === 0)
    refuse('searchFreeRun: expected targets that foretell themselves, or feedbackScaling above 0, as a free run needs.');
  if (searchFreeRun !== undefined && inputs === undefined && (ahead ?? 1) !== 1)
    refuse(`searchFreeRun: a free run goes one step at a time: expected ahead 1, received ${ahead}.`);
  if (map !== undefined && search === 0) refuse('map: expected a search to draw, received search 0. Give search: 50.');
  return { ...options, ridge: options.ridge ?? (label === undefined ? 1e-6 : 1e-2) };
}

/** What `evaluate` takes. */
export const evaluateSchema = optionsSchema(() => ({
  freeRun: v.optional(whole('judge a free run over the last so many rows of each sequence, after a warm-up by those before', 1)),
}));
/** What `evaluate` takes. */
export type EvaluateOptions = v.InferInput<ReturnType<typeof evaluateSchema>>;

/** What `predict` takes. */
export const predictSchema = optionsSchema(() => ({
  steps: v.optional(whole('steps of a free run, after the rows of the input or of the training', 1, 10_000_000)),
  out: v.optional(path('write the prediction to this CSV file instead of the screen')),
  plot: v.optional(path('draw a free run into this SVG file, after the rows of the input')),
}));
/** What `predict` takes. */
export type PredictOptions = v.InferInput<ReturnType<typeof predictSchema>>;
