/** A small layer of each kind at work on a text, for tests. */
import { randomUniform } from '../../src/autograd/tensor.ts';
import type { Activations } from '../../src/insight/figure/activations.ts';
import type { CellName } from '../../src/insight/figure/cells.ts';
import { traceLayers } from '../../src/insight/figure/trace.ts';
import { GRU } from '../../src/nn/gru.ts';
import { LSTM } from '../../src/nn/lstm.ts';
import { RNN } from '../../src/nn/rnn.ts';
import { Random } from '../../src/tensor/random.ts';

const text = ['Call', ' me', '\n', 'unmistakably', '.', ' ', '鲸', '<&>', '"', 'x'];

export function exampleOf(cell: CellName): Activations {
  const rng = new Random(7);
  const options = { inputSize: 5, hiddenSize: 12, numLayers: 2, rng };
  const layers = { rnn: () => new RNN(options), gru: () => new GRU(options), lstm: () => new LSTM(options) }[cell]();
  const traces = traceLayers(layers, randomUniform([1, text.length, 5], rng));
  return { trace: traces[1], layer: 2, layers: 2, tokens: text, outputs: [...text].reverse(), isForetold: true };
}
