/** A small layer of each kind at work on a text, for tests. */
import { randomUniform } from '../../autograd/tensor.ts';
import { GRU } from '../../nn/gru.ts';
import { LSTM } from '../../nn/lstm.ts';
import { RNN } from '../../nn/rnn.ts';
import { Random } from '../../tensor/random.ts';
import type { Activations } from './activations.ts';
import type { CellName } from './cells.ts';
import { traceLayers } from './trace.ts';

const text = ['Call', ' me', '\n', 'unmistakably', '.', ' ', '鲸', '<&>', '"', 'x'];

export function exampleOf(cell: CellName): Activations {
  const rng = new Random(7);
  const options = { inputSize: 5, hiddenSize: 12, numLayers: 2, rng };
  const layers = { rnn: () => new RNN(options), gru: () => new GRU(options), lstm: () => new LSTM(options) }[cell]();
  const traces = traceLayers(layers, randomUniform([1, text.length, 5], rng));
  return { trace: traces[1], layer: 2, layers: 2, tokens: text, outputs: [...text].reverse() };
}
