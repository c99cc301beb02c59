import { expect, it } from 'vitest';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { collate, ignored } from './batches.ts';
import type { Architecture } from './config.ts';
import { ProteinStructureModel } from './model.ts';
import { encodeSequence } from './protein.ts';

// float64, for differences
setBackend('reference');

const architecture: Architecture = {
  states: 3,
  reduction: 'dssp',
  features: ['embedding', 'one-hot', 'blosum62', 'profile'],
  embeddingSize: 3,
  profileSize: 2,
  window: 3,
  projectionSize: 5,
  cell: 'lstm',
  numLayers: 2,
  hiddenSize: 2,
  dropout: 0,
  inputDropout: 0,
  residueDropout: 0,
};

it.each([
  ['all features, through a projection', {}],
  ['a window as it is', { projectionSize: 0, features: ['embedding', 'profile'] }],
  ['the embedding alone, which the layers look up', { projectionSize: 0, window: 1, features: ['embedding'], profileSize: 0 }],
] as const)('gradients agree with differences: %s', (_, options) => {
  const features: Architecture['features'] = [...('features' in options ? options.features : architecture.features)];
  const model = new ProteinStructureModel({ ...architecture, ...options, features, rng: new Random(3) });
  const rng = new Random(4);
  const samples = ['MKTAY', 'GW', 'ACDE'].map((sequence) => ({
    residues: encodeSequence(sequence),
    targets: Int32Array.from(sequence, (__, t) => (t === 1 ? ignored : rng.integer(3))),
    profile: rng.fillUniform(new Float32Array(2 * sequence.length), -1, 1),
  }));
  const batch = collate(samples, model.architecture.window, model.architecture.profileSize);
  expect(checkGradients(() => model.loss(batch), model.parameters(), { maxElements: 12 })).toBeLessThan(1e-6);
});
