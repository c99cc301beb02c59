/** What a language model's file says about it. */
import * as v from 'valibot';
import type { TokenizerJson } from '../../data/text/tokenizer.ts';
import { modelConfigEntries } from '../../training/model-file.ts';
import { cells, softmaxes } from './options.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

export const architectureSchema = v.lazy(() =>
  v.object({
    cell: v.picklist(cells),
    vocabularySize: v.pipe(size, v.minValue(2)),
    embeddingSize: size,
    hiddenSize: size,
    numLayers: v.pipe(size, v.maxValue(16)),
    // of the outputs of the recurrent layers
    dropout: share,
    embeddingDropout: share,
    tieWeights: v.boolean(),
    softmax: v.picklist(softmaxes),
    // negative samples, for softmax 'sampled'
    samples: v.optional(size, 1024),
    // ends of the classes of frequent tokens, for softmax 'adaptive'
    cutoffs: v.optional(v.array(size), []),
  }),
);

/** What a language model is built from: cell, sizes, dropout in [0, 1), tied weights, and the kind of softmax over V tokens. */
export type Architecture = v.InferOutput<typeof architectureSchema>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('language-model'),
    architecture: architectureSchema,
    // checked by the tokenizer itself
    vocabulary: v.custom<TokenizerJson>((json) => typeof json === 'object' && json !== null && 'level' in json, 'expected a tokenizer'),
  }),
);

/** The configuration in a language model's file: its architecture, and its tokenizer as `vocabulary`. */
export type LanguageModelConfig = v.InferOutput<typeof configSchema>;
