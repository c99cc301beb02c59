/** What a translator's file says about it. */
import * as v from 'valibot';
import { modelConfigEntries } from '../../training/model-file.ts';
import { attentions, bleuTokenizers, cells, tyings } from './options.ts';
import type { SentenceVocabularyJson } from './vocabulary.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

export const architectureSchema = v.lazy(() =>
  v.object({
    sourceVocabularySize: size,
    targetVocabularySize: size,
    embeddingSize: v.pipe(size, v.maxValue(65_536)),
    // which embeddings and output share one table
    tied: v.picklist(tyings),
    cell: v.picklist(cells),
    // in each direction
    encoderSize: v.pipe(size, v.maxValue(65_536)),
    encoderLayers: v.pipe(size, v.maxValue(16)),
    decoderSize: v.pipe(size, v.maxValue(65_536)),
    decoderLayers: v.pipe(size, v.maxValue(16)),
    attention: v.picklist(attentions),
    // of additive attention
    attentionSize: v.pipe(size, v.maxValue(65_536)),
    attendFirst: v.boolean(),
    embeddingDropout: share,
    dropout: share,
    recurrentDropout: share,
    wordDropout: share,
  }),
);

/** What a translator is built from: vocabularies, sizes, attention, dropout. */
export type TranslatorArchitecture = v.InferOutput<typeof architectureSchema>;

const vocabulary = v.custom<SentenceVocabularyJson>((json) => typeof json === 'object' && json !== null, 'expected a vocabulary');

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('translation'),
    architecture: architectureSchema,
    // checked by the vocabularies themselves; target null: the source's
    vocabulary: v.object({ source: vocabulary, target: v.nullable(vocabulary), lowercase: v.boolean(), maxLength: size }),
    // how the training's files were written, and how translations are judged
    format: v.object({
      sourceColumn: v.optional(v.string()),
      targetColumn: v.optional(v.string()),
      columns: v.optional(v.array(v.string())),
      delimiter: v.optional(v.string()),
      bleuTokenizer: v.picklist(bleuTokenizers),
    }),
  }),
);

/** The configuration in a translator's file. */
export type TranslationConfig = v.InferOutput<typeof configSchema>;
