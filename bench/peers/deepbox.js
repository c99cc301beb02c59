/** deepbox's side of `unrolled bench`. It asks for Node 24; the harness runs it on whatever runs the bench. */
import { noGrad, parameter, tensor } from 'deepbox/ndarray';
import { clipGradNorm, crossEntropyLoss, GRU, Linear, LSTM, RNN } from 'deepbox/nn';
import { Adam } from 'deepbox/optim';
import { serve, swapTimeAndBatch, transpose, versionOf } from './peer.js';

const cells = { rnn: RNN, lstm: LSTM, gru: GRU };

await serve(async ({ workload, tensors }) => {
  const rnn = new cells[workload.cell](workload.inputSize, workload.hiddenSize, { numLayers: workload.layers });
  take(rnn, tensors, 'rnn.');
  const prepare = { train: prepareTrain, forward: prepareForward, step: prepareStep }[workload.kind];
  return { name: 'deepbox', version: versionOf('deepbox'), ...prepare(workload, rnn, tensors) };
});

function take(module, tensors, prefix) {
  const named = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  const parameters = named.map(([name, { shape, values }]) => [name.slice(prefix.length), { data: values, shape, dtype: 'float32' }]);
  module.loadStateDict({ parameters: Object.fromEntries(parameters), buffers: {} });
}

/** The embedding is a product with one-hot rows: Adam refuses the float64 gradient that deepbox 1.0.0's own Embedding gives a float32 table. */
function prepareTrain(workload, rnn, tensors) {
  const { T, B, inputSize, hiddenSize, vocabulary } = workload;
  const { values: table } = tensors['embedding.weight'];
  const embedding = new Linear(vocabulary, inputSize, { bias: false });
  take(embedding, { weight: { shape: [inputSize, vocabulary], values: transpose(table, vocabulary, inputSize) } }, '');
  const linear = new Linear(hiddenSize, vocabulary);
  take(linear, tensors, 'linear.');
  const oneHot = new Float32Array(B * T * vocabulary);
  swapTimeAndBatch(tensors.tokens.values, T, B, 1).forEach((token, i) => {
    oneHot[i * vocabulary + token] = 1;
  });
  const x = parameter(tensor(oneHot, { dtype: 'float32' }).reshape([B, T, vocabulary]), { requiresGrad: false });
  const targets = tensor(Int32Array.from(swapTimeAndBatch(tensors.targets.values, T, B, 1)), { dtype: 'int32' });
  const parameters = [...embedding.parameters(), ...rnn.parameters(), ...linear.parameters()];
  const optimizer = new Adam(parameters, { lr: workload.learningRate });
  const call = () => {
    optimizer.zeroGrad();
    const output = rnn.forward(embedding.forward(x));
    const loss = crossEntropyLoss(linear.forward(output).reshape([B * T, vocabulary]), targets);
    loss.backward();
    clipGradNorm(parameters, workload.clipNorm);
    optimizer.step();
    return loss.tensor.data[0];
  };
  return { outputs: Array.from({ length: workload.checkedSteps }, call), call, remark: 'embedding as a product with one-hot rows' };
}

function prepareForward(workload, rnn, tensors) {
  const { T, B, inputSize } = workload;
  const x = tensor(swapTimeAndBatch(tensors.x.values, T, B, inputSize), { dtype: 'float32' }).reshape([B, T, inputSize]);
  const call = () => noGrad(() => rnn.forward(x).tensor.data);
  return { outputs: call(), call }; // its output is a view of [T, B, H]
}

function prepareStep(workload, rnn, tensors) {
  const { T, inputSize: I, hiddenSize: H } = workload;
  const zeros = () => parameter(tensor(new Float32Array(H), { dtype: 'float32' }).reshape([1, 1, H]));
  let state = [zeros(), zeros()];
  const step = (t) =>
    noGrad(() => {
      const x = tensor(tensors.x.values.slice(t * I, (t + 1) * I), { dtype: 'float32' }).reshape([1, 1, I]);
      const [output, next] = rnn.forwardWithState(x, ...state);
      state = next;
      return output.tensor.data;
    });
  const outputs = Array.from({ length: T }, (_, t) => [...step(t)]).flat();
  return { outputs, call: () => step(0) };
}
