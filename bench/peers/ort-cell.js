/**
 * onnxruntime-node's time for one step of one LSTM layer: `node bench/peers/ort-cell.js B I H rounds threads`. Prints JSON: version,
 * the milliseconds of a processor that each call
 * takes, and the outputs for the numbers that bench/translation.ts makes too.
 */
import * as ort from 'onnxruntime-node';
import { lstmModel } from './onnx.js';
import { reorderGates, versionOf } from './peer.js';

const [B, I, H, rounds, threads] = process.argv.slice(2).map(Number);
/** Numbers in ±1/10 that both sides can make. */
const made = (length, phase) => Float32Array.from({ length }, (_, i) => Math.sin(i * 0.7 + phase) / 10);
const toOnnx = [0, 3, 1, 2]; // i, f, g, o to i, o, f, c
const model = lstmModel({
  T: 1,
  B,
  inputSize: I,
  hiddenSize: H,
  weightIh: reorderGates(made(4 * H * I, 1), 4, toOnnx),
  weightHh: reorderGates(made(4 * H * H, 2), 4, toOnnx),
  bias: new Float32Array(8 * H),
});
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
});
const tensor = (phase, shape) =>
  new ort.Tensor(
    'float32',
    made(
      shape.reduce((a, b) => a * b),
      phase,
    ),
    shape,
  );
const feeds = { X: tensor(3, [1, B, I]), h0: tensor(4, [1, B, H]), c0: tensor(5, [1, B, H]) };
const { hn } = await session.run(feeds);
const samples = [];
for (let round = -5; round < rounds; round++) {
  const start = process.cpuUsage();
  await session.run(feeds);
  const { user, system } = process.cpuUsage(start);
  if (round >= 0) samples.push((user + system) / 1000);
}
console.log(JSON.stringify({ version: versionOf('onnxruntime-node'), samples, outputs: [...hn.data.slice(0, 64)] }));
