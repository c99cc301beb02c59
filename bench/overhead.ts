/**
 * What the public face costs over the bare kernels: one training step of 2 x LSTM 128 through modules, autograd, loss and
 * optimiser, and the same step as kernel calls on buffers made beforehand. Both must give the same losses.
 *
 *   npx tsx bench/overhead.ts [rounds]
 */
import type { Backend, Buffer } from '../src/backend/backend.ts';
import { getBackend, setThreads } from '../src/backend/select.ts';
import { batchOf, LanguageModel } from '../src/cli/bench/language-model.ts';
import { median, quantile } from '../src/cli/bench/statistics.ts';
import { type NamedArrays, numbersOf, type Workload, workloads } from '../src/cli/bench/workloads.ts';
import { crossEntropy } from '../src/losses/cross-entropy.ts';
import { Adam } from '../src/optim/adam.ts';
import { circumstances, keepResult } from './circumstances.ts';

const rounds = Number(process.argv[2] ?? 40);
const workload = workloads.find(({ id }) => id === 'train-lstm-128x2')!;
const numbers = numbersOf(workload);
setThreads(1);
const backend = getBackend();

/** The step as a user writes it. */
function publicStep(): () => number {
  const model = new LanguageModel(workload, false);
  model.loadStateDict(new Map([...numbers].filter(([name]) => name.includes('.'))));
  const tokens = batchOf(numbers, 'tokens');
  const targets = batchOf(numbers, 'targets');
  const optimizer = new Adam(model, { learningRate: workload.learningRate, clipNorm: workload.clipNorm });
  return () => optimizer.step(() => crossEntropy(model.forward(tokens), targets)).item();
}

/** The step as kernels and nothing else. */
function bareStep(
  { T, B, layers, inputSize, hiddenSize: H, vocabulary: V, learningRate, clipNorm }: Workload,
  numbers: NamedArrays,
): () => number {
  const R = T * B;
  const floats = (length: number): Buffer => {
    const buffer = backend.allocate(backend.float, length);
    backend.fill(buffer, 0);
    return buffer;
  };
  const integers = (name: string): Buffer => {
    const buffer = backend.allocate('int32', R);
    backend.write(buffer, numbers.get(name)!.values);
    return buffer;
  };
  const names = [...numbers.keys()].filter((name) => name.includes('.'));
  const total = names.reduce((sum, name) => sum + Math.ceil(numbers.get(name)!.values.length / 16) * 16, 0);
  const [values, gradients, m, v] = [floats(total), floats(total), floats(total), floats(total)];
  const parameters = new Map<string, { value: Buffer; gradient: Buffer }>();
  let offset = 0;
  for (const name of names) {
    const { length } = numbers.get(name)!.values;
    const part = { value: backend.slice(values, offset, length), gradient: backend.slice(gradients, offset, length) };
    backend.write(part.value, numbers.get(name)!.values);
    parameters.set(name, part);
    offset += Math.ceil(length / 16) * 16;
  }
  const of = (name: string) => parameters.get(name)!;

  const tokens = integers('tokens');
  const targets = integers('targets');
  const x = floats(R * inputSize);
  const dX = floats(R * Math.max(inputSize, H));
  const stack = Array.from({ length: layers }, (_, l) => ({
    I: l === 0 ? inputSize : H,
    weightIh: of(`rnn.weight_ih_l${l}`),
    weightHh: of(`rnn.weight_hh_l${l}`),
    biasIh: of(`rnn.bias_ih_l${l}`),
    biasHh: of(`rnn.bias_hh_l${l}`),
    gates: floats(R * 4 * H),
    h: floats((T + 1) * B * H),
    c: floats((T + 1) * B * H),
  }));
  const bias = floats(4 * H);
  const [dH, dC] = [floats(B * H), floats(B * H)];
  const [logits, losses, logSumExp, weights] = [floats(R * V), floats(R), floats(R), floats(R)];
  const [loss, norm, scale] = [floats(1), floats(1), floats(1)];
  backend.fill(scale, 1 / R);
  const linear = { weight: of('linear.weight'), bias: of('linear.bias') };
  const states = ({ h }: { h: Buffer }): Buffer => backend.slice(h, B * H, R * H);
  const shared = {
    T,
    B,
    H,
    P: H,
    reverse: false,
    lengths: null,
    mask: null,
    norm: null,
    peephole: null,
    weightHr: null,
    m: null,
    cellNorm: null,
  };
  const wanted = {
    dQ: null,
    dNormWeight: null,
    dHSquares: null,
    dPeephole: null,
    dProjection: null,
    dCellNormWeight: null,
    dCellNormBias: null,
  };
  const entropy = { R, C: V, logits, targets, ignoreIndex: -100, labelSmoothing: 0, classWeights: null, logSumExp };
  let step = 0;

  return () => {
    backend.fill(gradients, 0);
    backend.gatherRows(of('embedding.weight').value, tokens, x, R, inputSize);
    let below = x;
    for (const layer of stack) {
      backend.binary('add', layer.biasIh.value, layer.biasHh.value, bias);
      backend.gemm({ M: R, N: 4 * H, K: layer.I, a: below, b: layer.weightIh.value, transB: true, c: layer.gates, bias });
      backend.lstmForward({ ...shared, weightHh: layer.weightHh.value, gates: layer.gates, h: layer.h, c: layer.c });
      below = states(layer);
    }
    backend.gemm({ M: R, N: V, K: H, a: below, b: linear.weight.value, transB: true, c: logits, bias: linear.bias.value });
    backend.crossEntropy({ ...entropy, losses, weights });
    backend.sumAxis(losses, loss, { outer: 1, n: R, inner: 1 }, false);
    const value = backend.read(loss)[0] / R;

    backend.crossEntropyBackward({ ...entropy, scale, dLogits: logits });
    backend.gemm({ M: V, N: H, K: R, a: logits, transA: true, b: below, c: linear.weight.gradient, accumulate: true });
    backend.sumAxis(logits, linear.bias.gradient, { outer: 1, n: R, inner: V }, true);
    let dY = backend.slice(dX, 0, R * H);
    backend.gemm({ M: R, N: H, K: V, a: logits, b: linear.weight.value, c: dY });
    for (let l = layers - 1; l >= 0; l--) {
      const { I, weightIh, weightHh, biasIh, biasHh, gates, h, c } = stack[l];
      backend.fill(dH, 0);
      backend.fill(dC, 0);
      backend.lstmBackward({ ...shared, ...wanted, weightHh: weightHh.value, gates, h, c, dY, dH, dC });
      const input = l === 0 ? x : states(stack[l - 1]);
      backend.gemm({ M: 4 * H, N: H, K: R, a: gates, transA: true, b: backend.slice(h, 0, R * H), c: weightHh.gradient, accumulate: true });
      backend.gemm({ M: 4 * H, N: I, K: R, a: gates, transA: true, b: input, c: weightIh.gradient, accumulate: true });
      backend.sumAxis(gates, biasIh.gradient, { outer: 1, n: R, inner: 4 * H }, true);
      backend.axpy(1, biasIh.gradient, biasHh.gradient);
      dY = backend.slice(dX, 0, R * I);
      backend.gemm({ M: R, N: I, K: 4 * H, a: gates, b: weightIh.value, c: dY });
    }
    backend.scatterAddRows(dY, tokens, of('embedding.weight').gradient, R, inputSize, -1);
    backend.clipNorm(gradients, clipNorm, norm);
    backend.read(norm);
    step += 1;
    const rates = { learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false };
    backend.adam({ parameters: values, gradient: gradients, m, v, vMax: null, step, ...rates });
    return value;
  };
}

const contenders = [publicStep(), bareStep(workload, numbers)];
for (let i = 0; i < 3; i++) {
  const [a, b] = contenders.map((step) => step());
  if (!(Math.abs(a - b) <= 1e-5 * Math.abs(b))) throw new Error(`the public step's loss is ${a}, the bare kernels' ${b}`);
}
const samples = contenders.map(() => [] as number[]);
for (let round = 0; round < rounds; round++) {
  for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
    const start = performance.now();
    contenders[i]();
    samples[i].push(performance.now() - start);
  }
}
const ratios = samples[0].map((ms, round) => ms / samples[1][round]);
const overhead = median(ratios) - 1;
const description = (backend as Backend).description;
console.log(
  `public ${median(samples[0]).toFixed(2)} ms, bare ${median(samples[1]).toFixed(2)} ms: +${(overhead * 100).toFixed(1)} % (${description})`,
);
keepResult('overhead', {
  ...circumstances(`npx tsx bench/overhead.ts ${rounds}`),
  description,
  publicMs: median(samples[0]),
  bareMs: median(samples[1]),
  overhead,
  overheadQuartiles: [quantile(ratios, 0.25) - 1, quantile(ratios, 0.75) - 1],
  samplesMs: { public: samples[0], bare: samples[1] },
});
