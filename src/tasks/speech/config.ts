/** What the file of a speech recogniser says about it. */
import * as v from 'valibot';
import { normalizations } from '../../data/audio/feature-normalization.ts';
import { featureKinds } from '../../data/audio/spectral-features.ts';
import { modelConfigEntries } from '../../training/model-file.ts';
import { cells, criteria, spellings, units } from './options.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const number = v.pipe(v.number(), v.finite());

export const frontEndSchema = v.lazy(() =>
  v.object({
    sampleRateHz: v.pipe(size, v.maxValue(768_000)),
    kind: v.picklist(featureKinds),
    frameLengthMs: v.pipe(number, v.gtValue(0)),
    frameShiftMs: v.pipe(number, v.gtValue(0)),
    numMelBins: v.pipe(size, v.minValue(3), v.maxValue(256)),
    numCeps: v.pipe(size, v.maxValue(256)),
    deltas: v.picklist([0, 1, 2]),
    normalization: v.picklist(normalizations),
    // of the features before normalisation, over the training data; null where they are not needed
    statistics: v.nullable(v.object({ mean: v.array(number), deviation: v.array(v.pipe(number, v.gtValue(0))) })),
  }),
);

/** How sound becomes features. */
export type FrontEndConfig = v.InferOutput<typeof frontEndSchema>;

export const architectureSchema = v.lazy(() =>
  v.object({
    criterion: v.picklist(criteria),
    cell: v.picklist(cells),
    // numbers of a frame
    inputSize: size,
    hiddenSize: size,
    // of frames that become one, below each layer
    factors: v.pipe(v.array(v.pipe(size, v.maxValue(16))), v.minLength(1), v.maxLength(16)),
    bidirectional: v.boolean(),
    dropout: share,
    // of the transducer's prediction network or the decoder with attention; 0 of CTC
    decoderSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000)), 0),
    // V: symbols and the blank
    classes: size,
  }),
);

/** What a speech recogniser is built from. */
export type SpeechArchitecture = v.InferOutput<typeof architectureSchema>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('speech'),
    architecture: architectureSchema,
    frontEnd: frontEndSchema,
    // class k + 1 is symbols[k]; class 0 is the blank
    vocabulary: v.object({
      unit: v.picklist(units),
      symbols: v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1)),
      // how transcripts are written before they are compared
      spelling: v.picklist(spellings),
    }),
  }),
);

/** The configuration in a speech recogniser's file. */
export type SpeechConfig = v.InferOutput<typeof configSchema>;
