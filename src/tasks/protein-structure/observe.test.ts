/** What layers are seen to read leads to what the model answers. */
import { beforeEach, expect, it } from 'vitest';
import { sum } from '../../autograd/ops/reduce.ts';
import { tensor } from '../../autograd/tensor.ts';
import { setBackend } from '../../backend/select.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { Random } from '../../tensor/random.ts';
import { statesOf, targetTable } from './alphabet.ts';
import { collate, samplesOf } from './batches.ts';
import { ProteinStructureModel } from './model.ts';
import { observe } from './observe.ts';
import { predictStructure, proteinOf } from './predict.ts';

beforeEach(() => {
  setBackend('reference');
});

it.each([
  ['through a window and a projection', { projectionSize: 5, window: 3, features: ['embedding', 'blosum62'] }],
  ['that the layers look up themselves', { projectionSize: 0, window: 1, features: ['embedding'] }],
] as const)('a protein, read %s', async (_, options) => {
  const model = new ProteinStructureModel({
    states: 8,
    reduction: 'dssp',
    embeddingSize: 3,
    profileSize: 0,
    cell: 'gru',
    numLayers: 2,
    hiddenSize: 4,
    dropout: 0.5,
    inputDropout: 0,
    residueDropout: 0,
    ...options,
    features: [...options.features],
    rng: new Random(3),
  });
  // Long enough for the table of 22 symbols to be looked up.
  const protein = proteinOf('MKTAYIAKQRQISFVKSHFSRQ'.repeat(5), 'sequence');
  const { layers, x, tokens, outputs, losses } = observe(model, protein);
  const { structure } = await predictStructure(model, protein.sequence);
  expect(tokens.join('')).toBe(protein.sequence);
  expect(outputs!.join('')).toBe(structure);
  const batch = collate(samplesOf([protein], targetTable(8, 'dssp')), model.architecture.window, 0);
  const ids = tensor(
    Array.from(structure, (state) => statesOf(8).indexOf(state)),
    { shape: [1, structure.length], dtype: 'int32' },
  );
  const expected = crossEntropy(model.forward(batch), ids, { reduction: 'sum' }).item();
  expect(sum(losses!(layers.forward(x).output, 0)).item()).toBeCloseTo(expected, 9);
  expect(losses!(layers.forward(x).output, 0).shape).toEqual([structure.length]);
});
