/** What a captioner's file says about it. */
import * as v from 'valibot';
import type { TokenizerJson } from '../../data/text/tokenizer.ts';
import { modelConfigEntries } from '../../training/model-file.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

export const architectureSchema = v.lazy(() =>
  v.object({
    // what it reads: images, by an encoder of its own, or vectors that are given
    input: v.variant('kind', [
      v.object({
        kind: v.literal('images'),
        // height and width in pixels
        size: v.pipe(size, v.maxValue(4096)),
        channels: v.pipe(v.array(v.pipe(size, v.maxValue(65_536))), v.minLength(1), v.maxLength(16)),
        halvings: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(12)),
        depth: v.pipe(size, v.maxValue(8)),
      }),
      v.object({ kind: v.literal('features'), featureSize: size, memorySize: size }),
    ]),
    vocabularySize: size,
    embeddingSize: size,
    hiddenSize: size,
    attentionSize: size,
    dropout: share,
  }),
);

/** What a captioner is built from. */
export type CaptionerArchitecture = v.InferOutput<typeof architectureSchema>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('captioning'),
    architecture: architectureSchema,
    // checked by the tokenizer itself
    vocabulary: v.custom<TokenizerJson>((json) => typeof json === 'object' && json !== null, 'expected a tokenizer'),
    // of images: mean and deviation of red, green and blue, 0…255
    normalization: v.nullable(v.object({ mean: v.array(v.number()), deviation: v.array(v.number()) })),
    // how the training's files were written, and how long its captions are, the end included
    format: v.object({
      imageColumn: v.optional(v.string()),
      captionColumn: v.optional(v.string()),
      splitColumn: v.optional(v.string()),
      mostTokens: size,
    }),
  }),
);

/** The configuration in a captioner's file. */
export type CaptionerConfig = v.InferOutput<typeof configSchema>;
