/** Every operation and loss gives on each backend what it gives on `reference`, values and gradients, under each layout. */
import { describe, expect, it } from 'vitest';
import { add, clamp, div, maximum, mul, sub } from '../../src/autograd/ops/binary.ts';
import { concat, stack } from '../../src/autograd/ops/concat.ts';
import { dropout } from '../../src/autograd/ops/dropout.ts';
import { exp, log, relu, sigmoid, square, tanh } from '../../src/autograd/ops/elementwise.ts';
import { embedding, gather } from '../../src/autograd/ops/gather.ts';
import { layerNorm } from '../../src/autograd/ops/layer-norm.ts';
import { linear, matmul } from '../../src/autograd/ops/matmul.ts';
import { max, mean, sum } from '../../src/autograd/ops/reduce.ts';
import { broadcastTo, reshape, select, slice, transpose } from '../../src/autograd/ops/shape.ts';
import { logSoftmax, softmax } from '../../src/autograd/ops/softmax.ts';
import { maskedFill, where } from '../../src/autograd/ops/where.ts';
import { scope } from '../../src/autograd/scope.ts';
import { backward } from '../../src/autograd/tape.ts';
import { type Tensor, tensor } from '../../src/autograd/tensor.ts';
import type { Backend } from '../../src/backend/backend.ts';
import { getBackend, setBackend } from '../../src/backend/select.ts';
import { AdaptiveSoftmax } from '../../src/losses/adaptive-softmax.ts';
import { logUniformSampler } from '../../src/losses/candidate-sampler.ts';
import { crossEntropy } from '../../src/losses/cross-entropy.ts';
import { linearCrossEntropy } from '../../src/losses/linear-cross-entropy.ts';
import { binaryCrossEntropyWithLogits, huber, mae, mse } from '../../src/losses/pointwise.ts';
import { sampledSoftmax } from '../../src/losses/sampled-softmax.ts';
import { Random } from '../../src/tensor/random.ts';
import { onEveryBackend } from '../backends/every.ts';
import { layouts } from './laid-out.ts';

const [B, T, H, V] = [5, 7, 12, 9];
const ids = (limit: number, shape: readonly number[] = [B, T]) =>
  tensor(
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 7 + 3) % limit),
    { shape },
  );
const mask = () =>
  tensor(
    Float32Array.from({ length: T * H }, (_, i) => (i % 3 === 0 ? 1 : 0)),
    { shape: [T, H] },
  );

/** Of x [B, T, H], w [V, H] and b [V]. */
const expressions: Readonly<Record<string, (x: Tensor, w: Tensor, b: Tensor) => Tensor>> = {
  unary: (x) => add(add(sigmoid(x), tanh(x)), add(relu(x), add(exp(x), add(square(x), log(add(square(x), 1)))))),
  binary: (x, w) => div(sub(mul(x, select(w, 0, 0)), maximum(x, slice(x, 1, 2, 3))), add(square(slice(x, 0, 1, 2)), 1)),
  clamp: (x) => clamp(x, -0.5, 0.7),
  'linear with bias': (x, w, b) => linear(x, w, b),
  matmul: (x, w) => matmul(matmul(x, transpose(w)), w),
  'batched matmul': (x) => matmul(softmax(matmul(x, transpose(x))), x),
  reduce: (x) => add(sum(x, 1, { keepDims: true }), add(mean(x, [0, 2], { keepDims: true }), max(x, 1, { keepDims: true }))),
  'softmax over time': (x) => add(softmax(x, 1), logSoftmax(x, 2)),
  'reshape and transpose': (x) => mul(reshape(x, [B * T, H]), reshape(transpose(x, 0, 1), [B * T, H])),
  'concat and stack': (x) => concat([x, ...Array.from({ length: 2 }, () => stack([select(x, 1, 0), select(x, 1, 3)], 1))], 1),
  'gather and embedding': (x, w) => add(mul(x, embedding(ids(V), w, { paddingIndex: 2 })), gather(w, ids(V))),
  masks: (x) => softmax(maskedFill(where(mask(), x, 0.5), mask(), Number.NEGATIVE_INFINITY)),
  'layer norm': (x, w) => layerNorm(x, select(w, 0, 1), select(w, 0, 2)),
  dropout: (x) => dropout(x, 0.3, new Random(3)),
  broadcastTo: (x, w) => mul(broadcastTo(select(w, 0, 4), [B, T, H]), x),
  'cross entropy': (x, w, b) => crossEntropy(linear(x, w, b), ids(V), { labelSmoothing: 0.1, ignoreIndex: 3 }),
  'fused cross entropy': (x, w, b) => linearCrossEntropy(x, w, b, ids(V), { chunkElements: 4 * V }),
  'sampled softmax': (x, w, b) => sampledSoftmax(x, w, b, ids(V), { sampler: logUniformSampler(V), sampleCount: 6, rng: new Random(4) }),
  'adaptive softmax': (x) => {
    const softmax = new AdaptiveSoftmax({ inputSize: H, vocabularySize: 20, cutoffs: [4, 9], divValue: 2, rng: new Random(5) });
    return sub(softmax.forward(x, ids(20)).loss, mean(softmax.logProbabilities(x)));
  },
  'pointwise losses': (x) => {
    const target = sigmoid(x.detach());
    return [mse, mae, huber, binaryCrossEntropyWithLogits].map((loss) => loss(x, target)).reduce((a, b) => add(a, b));
  },
};

function run(backend: Backend, name: string, layout: string): number[] {
  setBackend(backend);
  const rng = new Random(1);
  const [x, w, b] = [layouts[layout]([B, T, H], rng), layouts[layout]([V, H], rng), layouts[layout]([V], rng)];
  for (const { leaf } of [x, w, b]) leaf.requiresGrad = true;
  const y = scope(() => {
    const result = expressions[name](x.view(x.leaf), w.view(w.leaf), b.view(b.leaf));
    const weights = tensor(new Random(2).fillUniform(new Float32Array(result.size)), { shape: result.shape });
    backward(sum(mul(result, weights)));
    return result.detach();
  });
  return [y, x.leaf.grad, w.leaf.grad, b.leaf.grad].flatMap((part) => (part === null ? [] : [...part.dataSync()]));
}

onEveryBackend((backend) => {
  describe.each(Object.keys(layouts))('operands lying %s', (layout) => {
    it.each(Object.keys(expressions))('%s', (name) => {
      const before = backend.memory.bytes;
      const expected = run(getBackend('reference'), name, layout);
      const actual = run(backend, name, layout);
      expect(actual.length).toBe(expected.length);
      // float32's rounding through a few operations and sums of hundreds.
      const tolerance = backend.float === 'float64' ? 0 : 1e-5;
      const scale = Math.max(...expected.map(Math.abs));
      actual.forEach((v, i) => {
        expect(Math.abs(v - expected[i]), `number ${i}`).toBeLessThanOrEqual(tolerance * scale);
      });
      if (!name.includes('adaptive')) expect(backend.memory.bytes).toBe(before); // a module's parameters wait for collection
    });
  });
});
