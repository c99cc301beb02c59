/**
 * brain.js's side of `unrolled bench`. It has no batches: a training step is its B sequences, one after another, each
 * with an update of its own (its optimiser, which clips, is RMSProp-like), and its initialisation is its own. So the
 * sizes agree and the arithmetic per sequence is the same kind, but the numbers are not: nothing is compared.
 */
import brain from 'brain.js';
import { serve, Unsupported, versionOf } from './peer.js';

const networks = { rnn: brain.recurrent.RNN, lstm: brain.recurrent.LSTM, gru: brain.recurrent.GRU };

await serve(async ({ workload, tensors }) => {
  if (workload.kind !== 'train') throw new Unsupported('its networks take tokens, not vectors, and keep no state between calls');
  const { cell, layers, inputSize, hiddenSize, vocabulary, T, B } = workload;
  const network = new networks[cell]({
    inputSize,
    inputRange: vocabulary,
    outputSize: vocabulary,
    hiddenLayers: Array.from({ length: layers }, () => hiddenSize),
    learningRate: workload.learningRate,
    clipval: workload.clipNorm,
  });
  network.initialize();
  const sequence = (b) => Array.from({ length: T }, (_, t) => tensors.tokens.values[t * B + b]);
  const sequences = Array.from({ length: B }, (_, b) => sequence(b));
  const call = () => {
    for (const tokens of sequences) network.trainPattern(tokens);
  };
  return {
    name: 'brain.js',
    version: versionOf('brain.js'),
    outputs: [],
    call,
    remark: 'no batches: one update a sequence; own initialisation and optimiser',
  };
});
