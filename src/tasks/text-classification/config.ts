/** What a text classifier's file says about it. */
import * as v from 'valibot';
import { modelConfigEntries } from '../../training/model-file.ts';
import type { WordEncoderJson } from '../words/word-encoder.ts';
import { wordFeaturesSchema } from '../words/word-features.ts';
import { cells, poolings } from './options.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));

export const architectureSchema = v.lazy(() =>
  v.object({
    words: wordFeaturesSchema,
    cell: v.picklist(cells),
    hiddenSize: size,
    numLayers: v.pipe(size, v.maxValue(16)),
    bidirectional: v.boolean(),
    pooling: v.picklist(poolings),
    // K: labels
    classes: size,
    // each text has any number of labels
    isMultiLabel: v.boolean(),
    // of the words' vectors, between the layers, and of what they make of a text
    dropout: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
  }),
);

/** What a text classifier is built from: words, cell, sizes, pooling, and how many labels. */
export type TextClassifierArchitecture = v.InferOutput<typeof architectureSchema>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('text-classification'),
    architecture: architectureSchema,
    vocabulary: v.object({
      // checked by the encoder itself
      words: v.custom<WordEncoderJson>((json) => typeof json === 'object' && json !== null, 'expected a word encoder'),
      labels: v.array(v.string()),
      // of words, beside their letters
      features: v.array(v.string()),
      // words of a text that are read
      maxLength: size,
    }),
    // how the training's files were written
    format: v.object({
      textColumn: v.optional(v.string()),
      labelColumn: v.optional(v.string()),
      columns: v.optional(v.array(v.string())),
      delimiter: v.optional(v.string()),
      labelSeparator: v.optional(v.string()),
    }),
  }),
);

/** The configuration in a text classifier's file. */
export type TextClassifierConfig = v.InferOutput<typeof configSchema>;
