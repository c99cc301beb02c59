/** What the file of a model of protein structure says about it. */
import * as v from 'valibot';
import { modelConfigEntries } from '../../training/model-file.ts';
import { reductions } from './alphabet.ts';
import { cells, features } from './options.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

export const architectureSchema = v.lazy(() =>
  v.object({
    states: v.picklist([3, 8]),
    // from eight states to three
    reduction: v.picklist(reductions),
    features: v.array(v.picklist(features)),
    embeddingSize: size,
    // numbers of each residue in the profile, 0 without one
    profileSize: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000)),
    window: v.pipe(size, v.maxValue(101)),
    projectionSize: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000)),
    cell: v.picklist(cells),
    numLayers: v.pipe(size, v.maxValue(16)),
    hiddenSize: size,
    dropout: share,
    inputDropout: share,
    residueDropout: share,
  }),
);

/** What a model of protein structure is built from. */
export type Architecture = v.InferOutput<typeof architectureSchema>;

export const configSchema = v.object({ ...modelConfigEntries, task: v.literal('protein-structure'), architecture: architectureSchema });

/** The configuration in the model's file. */
export type ProteinStructureConfig = v.InferOutput<typeof configSchema>;
