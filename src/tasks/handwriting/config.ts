/** What a handwriting recogniser's file says about it. */
import * as v from 'valibot';
import { modelConfigEntries } from '../../training/model-file.ts';
import { cells } from './options.ts';
import { pointFeatures } from './point-tracer.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const positive = v.pipe(v.number(), v.gtValue(0), v.finite());

export const inputSchema = v.lazy(() =>
  v.variant('kind', [
    v.object({
      kind: v.literal('points'),
      resample: v.picklist(['space', 'time', 'none']),
      // in line heights, or seconds
      spacing: positive,
      features: v.pipe(v.array(v.picklist(pointFeatures)), v.minLength(1)),
    }),
    // in line heights
    v.object({ kind: v.literal('bezier'), tolerance: positive }),
    // of images, in pixels
    v.object({ kind: v.literal('columns'), height: v.pipe(size, v.maxValue(512)) }),
  ]),
);

/** What a line of handwriting becomes: points, curves, or columns of pixels. */
export type InputKind = v.InferOutput<typeof inputSchema>;

export const architectureSchema = v.lazy(() =>
  v.object({
    input: inputSchema,
    // by its own height, or by the usual height of the training
    normalize: v.picklist(['ink', 'training']),
    slant: v.boolean(),
    // of a pen at rest, after ink has ended
    restSteps: v.pipe(size, v.maxValue(1000)),
    inputSize: size,
    cell: v.picklist(cells),
    hiddenSize: size,
    // of steps that become one, below each layer
    factors: v.pipe(v.array(v.pipe(size, v.maxValue(16))), v.minLength(1), v.maxLength(16)),
    bidirectional: v.boolean(),
    dropout: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
    // V: characters and the blank
    classes: size,
  }),
);

/** What a recogniser is built from. */
export type HandwritingArchitecture = v.InferOutput<typeof architectureSchema>;

export const normalizationSchema = v.lazy(() =>
  v.object({
    // of each feature, over the training's rows
    mean: v.array(v.pipe(v.number(), v.finite())),
    deviation: v.array(positive),
    // the usual height of a line of ink, in the units of the training's files; null: images
    lineHeight: v.nullable(positive),
  }),
);

/** How features are scaled, and what a line's usual height is. */
export type HandwritingNormalization = v.InferOutput<typeof normalizationSchema>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('handwriting'),
    architecture: architectureSchema,
    // class k + 1 is characters[k]; class 0 is the blank
    vocabulary: v.object({ characters: v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1)) }),
    normalization: normalizationSchema,
    // how the training's files were read
    reading: v.object({
      annotation: v.optional(v.string()),
      level: v.optional(v.string()),
      imageColumn: v.optional(v.string()),
      textColumn: v.optional(v.string()),
    }),
  }),
);

/** The configuration in a recogniser's file. */
export type HandwritingConfig = v.InferOutput<typeof configSchema>;
