/** Options of handwriting recognition, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { ConfigError } from '../../tensor/errors.ts';
import { above, choice, flag, optionsSchema, parseOptions, text, whole, within } from '../schema.ts';
import { searchEntries } from '../text-search.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { pointFeatures } from './point-tracer.ts';

export const cells = ['lstm', 'gru'] as const;
const defaultEpochs = 40;

/** How files are read; `evaluate` and `predict` take them from the model, unless they are told otherwise. */
const readingEntries = () => ({
  annotation: v.optional(text('InkML: type of the annotation that is the text (default: the first of truth, transcription, text, label)')),
  level: v.optional(text('UNIPEN: level of the segments that are read (default: that of the first one)')),
  imageColumn: v.optional(text('tables of images: column that holds the path of the image (default image)')),
  textColumn: v.optional(text('tables of images: column that holds the text (default text)')),
});

const deviation = (description: string, most: number) =>
  v.pipe(v.number(), v.minValue(0), v.maxValue(most), v.description(`while training: ${description}`));

export const trainSchema = optionsSchema(() => ({
  ...readingEntries(),
  validFraction: v.optional(within('without validation files: share of the lines set aside', 0.0001, 0.9), 0.1),

  representation: v.optional(choice('what ink becomes: resampled points, or Bézier curves', ['points', 'bezier']), 'points'),
  resample: v.optional(
    choice('points: equidistant along the line, equidistant in time, or as they come', ['space', 'time', 'none']),
    'space',
  ),
  spacing: v.optional(above('points: between them, in line heights (space) or seconds (time)', 0, 100)),
  features: v.optional(
    v.pipe(v.array(v.picklist(pointFeatures)), v.minLength(1), v.description(`points: any of ${pointFeatures.join(', ')}`)),
    ['delta', 'pen', 'direction', 'curvature', 'position'],
  ),
  tolerance: v.optional(above('bezier: farthest that ink may lie from its curve, in line heights', 0, 1), 0.02),
  normalize: v.optional(
    choice('size of ink: each by its own height, or all by the usual height of the training (default: ink if bidirectional)', [
      'ink',
      'training',
    ]),
  ),
  slant: v.optional(flag('set ink upright first (default: not; needs normalize ink)'), false),
  restSteps: v.optional(
    whole(
      'steps of a pen at rest after ink has ended, in which the last character may become sure (default 1; not bidirectional: 8)',
      1,
      1000,
    ),
  ),
  imageHeight: v.optional(whole('images: height in pixels that lines are brought to', 4, 512), 32),

  augmentRotation: v.optional(deviation('turn by so many degrees (standard deviation)', 90), 4),
  augmentScale: v.optional(deviation('change sizes by this share (standard deviation)', 1), 0.1),
  augmentShear: v.optional(deviation('lean by this much, x/y (standard deviation)', 2), 0.1),
  augmentJitter: v.optional(deviation('move each point, in line heights; images: noise (standard deviation)', 1), 0.005),
  augmentWarp: v.optional(deviation('bend ink smoothly, in line heights (standard deviation)', 1), 0.02),
  strokeDropout: v.optional(within('while training: leave strokes out with this probability', 0, 1), 0),

  cell: v.optional(choice('recurrent cell', cells), 'lstm'),
  numLayers: v.optional(whole('recurrent layers', 1, 16), 2),
  hiddenSize: v.optional(whole('units in each direction of each layer', 1, 65_536), 96),
  bidirectional: v.optional(flag('read each line from its end too; without it ink can be read while it is written'), true),
  factors: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16))),
      v.minLength(1),
      v.description('steps that become one below each layer, such as 1 2 2 (default: 1 for all layers)'),
    ),
  ),
  dropout: v.optional(within("share of the layers' outputs dropped while training, in [0, 1)", 0, 1), 0.2),

  ...trainingEntries({ batchSize: 32, learningRate: 0.003, epochs: defaultEpochs }),
  batchSize: v.optional(whole('B: lines of one step', 1, 65_536), 32),
}));

/** As a user writes them. */
export type HandwritingOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>> & {
  readonly spacing: number;
  readonly normalize: 'ink' | 'training';
  readonly restSteps: number;
  readonly factors: number[];
};

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: HandwritingOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  const { numLayers, factors: own = new Array<number>(numLayers).fill(1), bidirectional, resample } = options;
  if (own.length !== numLayers) {
    throw new ConfigError(`factors: expected one number for each of the ${numLayers} layers, received ${own.length}: ${own.join(', ')}.`);
  }
  const normalize = options.normalize ?? (bidirectional ? 'ink' : 'training');
  if (options.slant && normalize !== 'ink') {
    throw new ConfigError('slant: expected normalize ink with it, since a slant is known only once all is written. Leave one of them out.');
  }
  return {
    ...options,
    factors: own,
    normalize,
    restSteps: options.restSteps ?? (bidirectional ? 1 : 8),
    spacing: options.spacing ?? (resample === 'time' ? 0.02 : 0.05),
    epochs: epochsOf(options, defaultEpochs),
  };
}

const decodingEntries = () => ({
  lineHeight: v.optional(
    above('of models that read ink by the usual height of the training: the height of a line here, in the units of the ink', 0),
  ),
  ...searchEntries(),
});

export const evaluateSchema = optionsSchema(() => ({
  ...readingEntries(),
  ...decodingEntries(),
  errors: v.optional(whole('show so many of the worst lines', 0, 1000), 10),
}));

export const predictSchema = optionsSchema(() => ({
  ...readingEntries(),
  ...decodingEntries(),
  svg: v.optional(text('draw the first ink into this SVG file, coloured by its characters')),
}));

/** How lines are read, as a user writes it. */
export type RecognitionFlags = v.InferInput<v.StrictObjectSchema<ReturnType<typeof decodingEntries>, undefined>>;

/** How files are read. */
export interface ReadingOptions {
  readonly annotation?: string;
  readonly level?: string;
  readonly imageColumn?: string;
  readonly textColumn?: string;
}

/** What of the options says how files are read. */
export function readingOf({ annotation, level, imageColumn, textColumn }: ReadingOptions): ReadingOptions {
  return { annotation, level, imageColumn, textColumn };
}
