/**
 * TensorFlow.js's side of `unrolled bench`: `tfjs.js cpu|wasm [cell]`. Everything goes through tf.layers; with `cell`, single
 * steps go through tf.basicLSTMCell instead, which one has to feed with weights by hand, and which is several times faster.
 */

import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { reorderGates, serve, sum, swapTimeAndBatch, transpose, Unsupported } from './peer.js';

const [backend, way] = process.argv.slice(2);
const require = createRequire(import.meta.url);
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);

await serve(async ({ workload, tensors }) => {
  await tf.setBackend(backend);
  const prepare = { train: prepareTrain, forward: prepareForward, step: way === 'cell' ? prepareCellStep : prepareStep }[workload.kind];
  return { name: `TensorFlow.js (${backend})`, version: tf.version.tfjs, ...(await prepare(workload, tensors)) };
});

/** Keras's kernel [I, G·H], recurrent kernel [H, G·H] and one bias; an LSTM's gates are i, f, c, o: PyTorch's order. */
function recurrentWeights(workload, tensors, layer) {
  const { hiddenSize: H } = workload;
  const I = layer === 0 ? workload.inputSize : H;
  const rows = (workload.cell === 'lstm' ? 4 : 1) * H;
  const values = (name) => tensors[`rnn.${name}_l${layer}`].values;
  return [
    tf.tensor(transpose(values('weight_ih'), rows, I), [I, rows]),
    tf.tensor(transpose(values('weight_hh'), rows, H), [H, rows]),
    tf.tensor(sum(values('bias_ih'), values('bias_hh')), [rows]),
  ];
}

/** Its weights are replaced at once, so they begin as zeros: the orthogonal default takes minutes at these sizes. */
function recurrentLayer({ cell, hiddenSize }, options = {}) {
  const common = { units: hiddenSize, returnSequences: true, recurrentInitializer: 'zeros', ...options };
  return cell === 'rnn' ? tf.layers.simpleRNN(common) : tf.layers.lstm({ ...common, recurrentActivation: 'sigmoid' });
}

/** Without clipping, which tfjs's optimisers do not have. */
async function prepareTrain(workload, tensors) {
  if (workload.cell === 'gru') throw new Unsupported('its GRU has no reset after the product');
  if (backend === 'wasm') throw new Unsupported('the wasm backend has no kernel for the gradient of an embedding');
  const { T, B, vocabulary, inputSize, layers } = workload;
  const model = tf.sequential();
  model.add(tf.layers.embedding({ inputDim: vocabulary, outputDim: inputSize, inputLength: T }));
  for (let l = 0; l < layers; l++) model.add(recurrentLayer(workload));
  model.add(tf.layers.dense({ units: vocabulary }));
  const { shape, values } = tensors['linear.weight'];
  model.setWeights([
    tf.tensor(tensors['embedding.weight'].values, [vocabulary, inputSize]),
    ...Array.from({ length: layers }, (_, l) => recurrentWeights(workload, tensors, l)).flat(),
    tf.tensor(transpose(values, shape[0], shape[1]), [shape[1], shape[0]]),
    tf.tensor(tensors['linear.bias'].values),
  ]);
  const tokens = tf.tensor(swapTimeAndBatch(tensors.tokens.values, T, B, 1), [B, T]);
  const targets = tf.oneHot(tf.tensor(swapTimeAndBatch(tensors.targets.values, T, B, 1), [B * T], 'int32'), vocabulary);
  const optimizer = tf.train.adam(workload.learningRate);
  const lossOf = () => tf.losses.softmaxCrossEntropy(targets, model.apply(tokens, { training: true }).reshape([B * T, vocabulary]));
  const call = async () => {
    const loss = optimizer.minimize(lossOf, true);
    const [value] = await loss.data();
    loss.dispose();
    return value;
  };
  // Keras has one bias where PyTorch has two, so Adam's steps differ: only the first loss can agree.
  return { outputs: [await call()], call, remark: 'no gradient clipping' };
}

async function prepareForward(workload, tensors) {
  const { T, B, inputSize, hiddenSize } = workload;
  const layer = recurrentLayer(workload, { inputShape: [T, inputSize] });
  const model = tf.sequential({ layers: [layer] });
  layer.setWeights(recurrentWeights(workload, tensors, 0));
  const x = tf.tensor(swapTimeAndBatch(tensors.x.values, T, B, inputSize), [B, T, inputSize]);
  const call = async () => {
    const y = model.predict(x, { batchSize: B });
    const values = await y.data();
    y.dispose();
    return values;
  };
  return { outputs: swapTimeAndBatch(await call(), B, T, hiddenSize), call };
}

/** A stateful layer, one instant at a time. */
function prepareStep(workload, tensors) {
  const { T, inputSize: I } = workload;
  const layer = recurrentLayer(workload, { batchInputShape: [1, 1, I], returnSequences: false, stateful: true });
  const model = tf.sequential({ layers: [layer] });
  layer.setWeights(recurrentWeights(workload, tensors, 0));
  const step = (t) => {
    const x = tf.tensor3d(tensors.x.values.subarray(t * I, (t + 1) * I), [1, 1, I]);
    const y = model.predict(x);
    const values = y.dataSync();
    tf.dispose([x, y]);
    return values;
  };
  const outputs = Array.from({ length: T }, (_, t) => [...step(t)]).flat();
  return { outputs, call: () => step(0), remark: 'tf.layers, stateful' };
}

/** Its gate order is i, g, f, o. */
async function prepareCellStep(workload, tensors) {
  const { T, inputSize: I, hiddenSize: H } = workload;
  const gates = (name) => reorderGates(tensors[`rnn.${name}_l0`].values, 4, [0, 2, 1, 3]);
  const kernel = new Float32Array((I + H) * 4 * H);
  kernel.set(transpose(gates('weight_ih'), 4 * H, I));
  kernel.set(transpose(gates('weight_hh'), 4 * H, H), I * 4 * H);
  const weight = tf.tensor2d(kernel, [I + H, 4 * H]);
  const bias = tf.tensor1d(sum(gates('bias_ih'), gates('bias_hh')));
  const forgetBias = tf.scalar(0);
  let state = [tf.zeros([1, H]), tf.zeros([1, H])];
  const step = (t) => {
    const x = tf.tensor2d(tensors.x.values.subarray(t * I, (t + 1) * I), [1, I]);
    const next = tf.tidy(() => tf.basicLSTMCell(forgetBias, weight, bias, x, state[0], state[1]));
    tf.dispose([x, ...state]);
    state = next;
    return next[1].dataSync();
  };
  const outputs = Array.from({ length: T }, (_, t) => [...step(t)]).flat();
  return { outputs, call: () => step(0), remark: 'tf.basicLSTMCell' };
}
