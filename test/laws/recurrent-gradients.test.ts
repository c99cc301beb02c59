/**
 * Gradients of recurrent layers against central differences, in float64 on `reference`, for every legal combination of
 * options. Over ±1e-6 rounding leaves 1e-16/1e-6 of a difference, some 1e-9 here; wider ones are off where layer
 * normalisation bends most, which over three features it does (4e-6 at ±1e-5). checkGradients allows 1e-6.
 */
import { beforeAll, describe, test } from 'vitest';
import { checkGradients } from '../../src/autograd/check-gradients.ts';
import { tensor } from '../../src/autograd/tensor.ts';
import { setBackend } from '../../src/backend/select.ts';
import { Embedding } from '../../src/nn/embedding.ts';
import { Random } from '../../src/tensor/random.ts';
import { inputOf, type LayerOptions, makeLayer, stateOf } from './layers.ts';

const common = { inputSize: 2, hiddenSize: 3, numLayers: 2 } as const;
const sizes = { B: 2, T: 3, seed: 5 } as const;
const lengths = [1, 3];
const accuracy = { epsilon: 1e-6, maxElements: 2 } as const;

/** Every choice of each option. */
function combinations(choices: Readonly<Record<string, readonly unknown[]>>): Record<string, unknown>[] {
  return Object.entries(choices).reduce<Record<string, unknown>[]>(
    (all, [name, values]) => all.flatMap((rest) => values.map((value) => ({ ...rest, [name]: value }))),
    [{}],
  );
}

const either = [false, true];
const shared = { bias: either, layerNorm: either, bidirectional: either, recurrentDropout: [0, 0.3], hasLengths: either };
const kinds = {
  RNN: combinations({ ...shared, activation: ['tanh', 'sigmoid', 'relu'] }),
  LSTM: combinations({ ...shared, peepholes: either, projSize: [0, 2] }),
  GRU: combinations({ ...shared, resetAfter: either }).filter(({ resetAfter, layerNorm }) => resetAfter || !layerNorm),
} as const;

describe('gradients equal differences', () => {
  beforeAll(() => {
    setBackend('reference');
  });

  for (const kind of ['RNN', 'LSTM', 'GRU'] as const) {
    test.each(kinds[kind].map((options) => [JSON.stringify(options), options] as const))(`${kind} %s`, (_, { hasLengths, ...chosen }) => {
      // Dropout between layers wherever there is recurrent dropout: the masks are the same at each evaluation.
      const rng = new Random(7);
      const options = { kind, ...common, ...chosen, dropout: chosen.recurrentDropout, rng } as LayerOptions;
      const layer = makeLayer(options);
      // Larger than the usual initial values, so that no gate is near its linear middle, and norm weights are not all ones.
      for (const p of layer.module.parameters()) p.assign(rng.fillNormal(new Float64Array(p.size), 0, 0.6));
      const record = { options, ...sizes };
      const leaves = [inputOf(record), ...stateOf(record, layer), ...layer.module.parameters()];
      checkGradients(
        () => {
          rng.state = new Random(8).state;
          const { output, state } = layer.forward(leaves[0], leaves.slice(1, 1 + layer.widths.length), {
            lengths: hasLengths ? lengths : null,
          });
          return [output, ...state];
        },
        leaves,
        accuracy,
      );
    });

    test.each(combinations({ layerNorm: either, paddingIndex: [undefined, 1] }))(
      `${kind} over a folded embedding %j`,
      ({ layerNorm, paddingIndex }) => {
        const rng = new Random(9);
        const layer = makeLayer({ kind, ...common, layerNorm: layerNorm as boolean, fold: true, rng });
        const table = new Embedding({
          vocabularySize: 4,
          embeddingSize: common.inputSize,
          paddingIndex: paddingIndex as number | undefined,
          rng,
        });
        // Symbol 1, which may be padding and then has no gradient, is left out.
        const ids = tensor(
          [
            [0, 3, 3, 2],
            [2, 0, 3, 0],
          ],
          { dtype: 'int32' },
        );
        checkGradients(() => layer.forward(table.deferred(ids), null, { lengths }).output, [table.weight, ...layer.module.parameters()], {
          maxElements: 4,
        });
      },
    );
  }
});
