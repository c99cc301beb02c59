/** What a recommender's file says about it. */
import * as v from 'valibot';
import { dateOrders, timeUnits } from '../../data/records/times.ts';
import { modelConfigEntries } from '../../training/model-file.ts';
import { interactionFormats } from './interactions.ts';
import type { ItemFeature } from './item-features.ts';
import { cells, losses } from './options.ts';
import { splits } from './split.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

export const architectureSchema = v.lazy(() =>
  v.object({
    cell: v.picklist(cells),
    itemCount: size,
    embeddingSize: size,
    hiddenSize: size,
    numLayers: v.pipe(size, v.maxValue(16)),
    // items are scored by the vectors that they are read with
    tieWeights: v.boolean(),
    // the last item's vector is added to the query
    shortcut: v.boolean(),
    // numbers for the class of a time gap; 0: gaps are not read
    gapSize: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_536)),
    // classes of each feature of an item, the unknown one included
    featureClasses: v.array(size),
    featureSize: size,
    // of the outputs of the recurrent layers, and of what they read
    dropout: share,
    embeddingDropout: share,
  }),
);

/** What a recommender is built from: cell, sizes, what it reads, and how it scores. */
export type Architecture = v.InferOutput<typeof architectureSchema>;

const optionalText = v.optional(v.string());

/** How data is read and cut, for the evaluation to do the same. */
export const dataSchema = v.lazy(() =>
  v.object({
    format: v.picklist(interactionFormats),
    userColumn: optionalText,
    itemColumn: optionalText,
    timeColumn: optionalText,
    dateOrder: v.optional(v.picklist(dateOrders)),
    timeUnit: v.optional(v.picklist(timeUnits)),
    ratingColumn: optionalText,
    minRating: v.optional(v.number()),
    split: v.picklist(splits),
    // users with fewer events were learnt from whole, of the others all but the last ones; absent: no event was left out by user
    minTested: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2))),
    // seconds since 1970; null: not by time
    testFrom: v.nullable(v.number()),
    loss: v.picklist(losses),
  }),
);

/** What integers stand for. */
const vocabularySchema = v.lazy(() =>
  v.object({
    // names and counts of items; checked by the catalogue itself
    items: v.pipe(v.array(v.string()), v.readonly()),
    counts: v.pipe(v.array(v.number()), v.readonly()),
    features: v.pipe(
      v.array(
        v.object({
          name: v.string(),
          classes: v.pipe(v.array(v.string()), v.readonly()),
          ofItem: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.readonly()),
        }),
      ),
      v.readonly(),
    ) satisfies v.GenericSchema<unknown, readonly ItemFeature[]>,
  }),
);

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('recommendation'),
    architecture: architectureSchema,
    data: dataSchema,
    vocabulary: vocabularySchema,
  }),
);

/** The configuration in a recommender's file: its architecture, its items as `vocabulary` and their features. */
export type RecommendationConfig = v.InferOutput<typeof configSchema>;
