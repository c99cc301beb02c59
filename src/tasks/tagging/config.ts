/** What a tagging model's file says about it. */
import * as v from 'valibot';
import type { TokenizerJson } from '../../data/text/tokenizer.ts';
import { modelConfigEntries } from '../../training/model-file.ts';
import { architectureSchema as languageArchitectureSchema } from '../language-model/config.ts';
import type { WordEncoderJson } from '../words/word-encoder.ts';
import { wordFeaturesSchema } from '../words/word-features.ts';
import { columnFormats } from './column-file.ts';
import { entitySchemes } from './entity-schemes.ts';
import { outputs } from './options.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

export const architectureSchema = v.lazy(() =>
  v.object({
    words: wordFeaturesSchema,
    // frozen language models whose states are features
    contexts: v.array(v.object({ architecture: languageArchitectureSchema, isReversed: v.boolean() })),
    numLayers: v.pipe(size, v.maxValue(16)),
    // units in each direction
    hiddenSize: size,
    // networks whose scores are averaged
    members: v.pipe(size, v.maxValue(64)),
    // of the inputs and outputs of the recurrent layers
    dropout: share,
    output: v.picklist(outputs),
    numTags: size,
    // numbers of the tags that begin an entity; none: the tags are not entities, or begin as they go on
    beginnings: v.array(v.pipe(v.number(), v.integer(), v.minValue(0))),
    // added to the score of each entity while tagging
    entityBias: v.number(),
  }),
);

/** What a tagger is built from. */
export type Architecture = v.InferOutput<typeof architectureSchema>;

const scheme = v.nullable(v.picklist(entitySchemes));

export const vocabularySchema = v.lazy(() =>
  v.object({
    // checked by the encoder itself
    words: v.custom<WordEncoderJson>((json) => typeof json === 'object' && json !== null, 'expected words'),
    // in the order of their numbers
    tags: v.pipe(v.array(v.string()), v.minLength(1)),
    // of the data: what predictions are written as
    scheme,
    // of `tags`
    learntScheme: scheme,
    format: v.picklist(columnFormats),
    columns: v.pipe(v.array(v.string()), v.minLength(1)),
    target: v.string(),
    features: v.array(v.string()),
    gazetteers: v.array(v.object({ name: v.string(), entries: v.array(v.string()) })),
    // of the language models, in their order
    tokenizers: v.array(
      v.custom<TokenizerJson>((json) => typeof json === 'object' && json !== null && 'level' in json, 'expected a tokenizer'),
    ),
  }),
);

/** What a tagger's numbers stand for, and what its files look like. */
export type TaggingVocabulary = v.InferOutput<typeof vocabularySchema>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('tagging'),
    architecture: architectureSchema,
    vocabulary: vocabularySchema,
  }),
);

/** The configuration in a tagging model's file. */
export type TaggingConfig = v.InferOutput<typeof configSchema>;
