/** Options of protein structure, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, names, optionsSchema, parseOptions, text, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { reductions } from './alphabet.ts';

export const cells = ['lstm', 'gru'] as const;
export const features = ['embedding', 'one-hot', 'blosum62', 'profile'] as const;
export type Feature = (typeof features)[number];

const defaultEmbeddingSize = 32;

/** For reading tables. */
const dataEntries = () => ({
  sequenceColumn: v.optional(text('column of sequences in a table (default: sequence, seq, input or primary)')),
  structureColumn: v.optional(text('column of secondary structures (default: dssp8, sst8, q8, dssp3, sst3, q3 or structure)')),
  maskColumns: v.optional(names('columns of 0 and 1, which residues count (default: disorder or mask, if there is one)')),
  proteinColumn: v.optional(text('column of names (default: name, id or pdb_id; else the line)')),
  delimiter: v.optional(text('what stands between the columns of a table (default: found out)')),
});

export const trainSchema = optionsSchema(() => ({
  ...dataEntries(),
  states: v.optional(choice('tell 3 states apart, or 8 (default: 8 if the data have them)', ['3', '8'])),
  reduction: v.optional(choice('8 states to 3: dssp HGI-EB, no-pi HG-EB, strict H-E', reductions), 'dssp'),
  validFraction: v.optional(within('share of the proteins that is set aside for validation', 0.0001, 0.9), 0.1),
  maxLength: v.optional(whole('longer proteins are trained on in pieces', 16), 1024),

  features: v.optional(
    v.pipe(v.array(v.picklist(features)), v.minLength(1), v.description(`what the model sees of a residue: ${features.join(', ')}`)),
    ['embedding'],
  ),
  embeddingSize: v.optional(whole('numbers learnt for each amino acid', 1, 4096), defaultEmbeddingSize),
  window: v.optional(whole('residues seen at once around each, an odd number; 1: itself alone', 1, 101), 15),
  projectionSize: v.optional(whole('units that the features are projected to; 0: none', 0, 65_536), 128),
  cell: v.optional(choice('recurrent cell', cells), 'lstm'),
  numLayers: v.optional(whole('bidirectional recurrent layers', 1, 16), 2),
  hiddenSize: v.optional(whole('units in each direction of a layer', 1, 65_536), 128),
  dropout: v.optional(within("share of the layers' outputs dropped while training, in [0, 1)", 0, 1), 0.3),
  inputDropout: v.optional(within('share of the features dropped while training, in [0, 1)', 0, 1), 0),
  residueDropout: v.optional(within('share of the residues made unknown while training, in [0, 1)', 0, 1), 0),

  ...trainingEntries({ batchSize: 16, learningRate: 0.002, epochs: 8 }),
}));

/** As a user writes them. */
export type ProteinStructureOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>>;

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: ProteinStructureOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  if (options.window % 2 === 0) {
    throw new ConfigError(`window: expected an odd number, received ${options.window}. Try ${options.window + 1}.`);
  }
  if (options.embeddingSize !== defaultEmbeddingSize && !options.features.includes('embedding')) {
    throw new ConfigError(
      `embeddingSize: expected embedding among the features, received ${options.features.join(', ')}. Add it, or leave embeddingSize out.`,
    );
  }
  return { ...options, features: [...new Set(options.features)], epochs: epochsOf(options, 8) };
}

export const evaluateSchema = optionsSchema(dataEntries);
/** Where a table's columns are. */
export type DataOptions = v.InferInput<ReturnType<typeof evaluateSchema>>;

export const predictSchema = optionsSchema(() => ({
  ...dataEntries(),
  probabilities: v.optional(flag('print each residue with its probabilities, a tab between columns'), false),
}));
/** Where a table's columns are, and how predictions are shown. */
export type PredictOptions = v.InferInput<ReturnType<typeof predictSchema>>;
