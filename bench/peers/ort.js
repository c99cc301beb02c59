/** onnxruntime-node's side of `unrolled bench`: inference only. */
import * as ort from 'onnxruntime-node';
import { lstmModel } from './onnx.js';
import { reorderGates, serve, Unsupported, versionOf } from './peer.js';

const toOnnx = [0, 3, 1, 2]; // i, f, g, o to i, o, f, c

await serve(async ({ workload, threads, tensors }) => {
  if (workload.kind === 'train' || workload.cell !== 'lstm') throw new Unsupported('onnxruntime-node does not train');
  const { B, inputSize, hiddenSize, kind } = workload;
  const x = tensors.x.values;
  const T = kind === 'step' ? 1 : workload.T;
  const gates = (name) => reorderGates(tensors[`rnn.${name}_l0`].values, 4, toOnnx);
  const bias = Float32Array.from([...gates('bias_ih'), ...gates('bias_hh')]);
  const model = lstmModel({ T, B, inputSize, hiddenSize, weightIh: gates('weight_ih'), weightHh: gates('weight_hh'), bias });
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const zeros = () => new ort.Tensor('float32', new Float32Array(B * hiddenSize), [1, B, hiddenSize]);
  const about = { name: 'onnxruntime-node', version: versionOf('onnxruntime-node') };

  if (kind === 'forward') {
    const feeds = { X: new ort.Tensor('float32', x, [T, B, inputSize]), h0: zeros(), c0: zeros() };
    const call = () => session.run(feeds, ['Y']);
    return { ...about, outputs: (await call()).Y.data, call };
  }

  const inputs = Array.from(
    { length: workload.T },
    (_, t) => new ort.Tensor('float32', x.slice(t * inputSize, (t + 1) * inputSize), [1, 1, inputSize]),
  );
  let state = { h0: zeros(), c0: zeros() };
  const step = async (X) => {
    const { hn, cn } = await session.run({ X, ...state }, ['hn', 'cn']);
    state = { h0: hn, c0: cn };
    return hn.data;
  };
  const outputs = [];
  for (const X of inputs) outputs.push(...(await step(X)));
  return { ...about, outputs, call: () => step(inputs[0]) };
});
