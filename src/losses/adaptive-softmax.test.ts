import { describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { exp } from '../autograd/ops/elementwise.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { scope } from '../autograd/scope.ts';
import { backward } from '../autograd/tape.ts';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { AdaptiveSoftmax } from './adaptive-softmax.ts';

setBackend('reference');
const rng = new Random(25);
const V = 12;
const softmax = new AdaptiveSoftmax({ inputSize: 8, vocabularySize: V, cutoffs: [3, 7], divValue: 2, headBias: true, rng });
const targets = tensor(
  [
    [2, 11, -100],
    [3, 6, 0],
  ],
  { dtype: 'int32' },
);

it('has PyTorch’s parameters', () => {
  expect([...softmax.namedParameters()].map(([name, { shape }]) => [name, shape])).toEqual([
    ['head.weight', [5, 8]],
    ['head.bias', [5]],
    ['tail.0.0.weight', [4, 8]],
    ['tail.0.1.weight', [4, 4]],
    ['tail.1.0.weight', [2, 8]],
    ['tail.1.1.weight', [5, 2]],
  ]);
});

describe.each(Object.entries(layouts))('hidden states lying %s', (_, make) => {
  const { leaf, view } = make([2, 3, 8], rng);

  it('is a distribution, of which forward gives the targets’ part', () => {
    const logProbabilities = softmax.logProbabilities(view(leaf));
    expectClose(sum(exp(logProbabilities), -1), new Array(6).fill(1));
    const all = logProbabilities.dataSync();
    const expected = [...targets.dataSync()].map((y, r) => (y < 0 ? 0 : all[r * V + y]));
    const { output, loss } = softmax.forward(view(leaf), targets);
    expectClose(output, expected);
    expectClose(loss, [-expected.reduce((a, b) => a + b, 0) / 5]);
    expect([...softmax.predict(view(leaf)).dataSync()]).toEqual(
      Array.from({ length: 6 }, (__, r) => all.subarray(r * V, (r + 1) * V).indexOf(Math.max(...all.subarray(r * V, (r + 1) * V)))),
    );
  });

  it('has its gradients', () => {
    const inputs = [leaf, ...softmax.parameters()];
    checkGradients((x) => Object.values(softmax.forward(view(x), targets)), inputs);
    checkGradients((x) => softmax.logProbabilities(view(x)), inputs, { maxElements: 8 });
  });
});

it('trains when no target is in a tail', () => {
  const x = randomNormal([2, 8], rng, { requiresGrad: true });
  scope(() => backward(softmax.forward(x, tensor([0, 2], { dtype: 'int32' })).loss));
  expect(x.grad!.dataSync().every(Number.isFinite)).toBe(true);
});

it('refuses what does not fit', () => {
  const options = { inputSize: 8, vocabularySize: 10 };
  for (const cutoffs of [[], [5, 5], [10], [0, 3], [2.5]]) expect(() => new AdaptiveSoftmax({ ...options, cutoffs })).toThrow(ConfigError);
  expect(() => new AdaptiveSoftmax({ ...options, cutoffs: [2, 4], divValue: 4 })).toThrow(/cluster 1 would have width 8\/4\^2, below 1/);
  expect(() => softmax.forward(randomNormal([2, 7], rng), tensor([1, 1], { dtype: 'int32' }))).toThrow(/received \[2, 7\] and \[2\]/);
});
