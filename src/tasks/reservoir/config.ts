/** What a reservoir's model file says about it. */
import * as v from 'valibot';
import { statePoolings } from '../../reservoir/echo-state-classifier.ts';
import { arrangements } from '../../reservoir/reservoir.ts';
import { modelConfigEntries } from '../../training/model-file.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000_000));
const least0 = v.pipe(v.number(), v.minValue(0));

export const architectureSchema = v.lazy(() =>
  v.object({
    // what is told: numbers at each step, or a class of each sequence
    head: v.picklist(['series', 'classification']),
    inputSize: size,
    outputSize: size,
    hiddenSize: v.pipe(size, v.maxValue(65_536)),
    numLayers: v.pipe(size, v.maxValue(64)),
    arrangement: v.picklist(arrangements),
    spectralRadius: least0,
    leakRate: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
    inputScaling: least0,
    biasScaling: least0,
    feedbackScaling: least0,
    density: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
    noise: least0,
    washout: v.pipe(v.number(), v.integer(), v.minValue(0)),
    ridge: least0,
    readInput: v.boolean(),
    pooling: v.picklist(statePoolings),
  }),
);

/** What a model is built from. */
export type Architecture = v.InferOutput<typeof architectureSchema>;

const scale = v.object({ mean: v.array(v.number()), deviation: v.array(v.pipe(v.number(), v.gtValue(0))) });

/** Of each column: a number less its mean, divided by its deviation, is what the model sees. */
export type Scale = v.InferOutput<typeof scale>;

export const configSchema = v.lazy(() =>
  v.object({
    ...modelConfigEntries,
    task: v.literal('reservoir'),
    architecture: architectureSchema,
    data: v.object({
      columns: v.object({
        inputs: v.array(v.string()),
        targets: v.array(v.string()),
        sequence: v.nullable(v.string()),
        label: v.nullable(v.string()),
      }),
      // steps from a row to the target that is told there
      ahead: v.pipe(v.number(), v.integer(), v.minValue(0)),
      // whether the inputs are the targets, so that a free run can feed itself
      isSelf: v.boolean(),
      labels: v.array(v.string()),
    }),
    normalization: v.object({ inputs: scale, targets: scale }),
  }),
);

/** The configuration in a reservoir's file: architecture, columns of its data, scales. */
export type ReservoirConfig = v.InferOutput<typeof configSchema>;
