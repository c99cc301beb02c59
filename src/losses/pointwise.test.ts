import { describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { sigmoid } from '../autograd/ops/elementwise.ts';
import { backward } from '../autograd/tape.ts';
import { randomUniform, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { binaryCrossEntropy, binaryCrossEntropyWithLogits, huber, mae, mse } from './pointwise.ts';

setBackend('reference');
const rng = new Random(22);

const losses = {
  mse: [mse, (x: number, t: number) => (x - t) ** 2],
  mae: [mae, (x: number, t: number) => Math.abs(x - t)],
  huber: [huber, (x: number, t: number) => (Math.abs(x - t) < 1 ? 0.5 * (x - t) ** 2 : Math.abs(x - t) - 0.5)],
  binaryCrossEntropyWithLogits: [
    binaryCrossEntropyWithLogits,
    (x: number, t: number) => -t * Math.log(1 / (1 + Math.exp(-x))) - (1 - t) * Math.log(1 - 1 / (1 + Math.exp(-x))),
  ],
} as const;

describe.each(Object.entries(losses))('%s', (_, [loss, formula]) => {
  it.each(Object.entries(layouts))('is its formula, with gradients for both arguments, %s', (_layout, make) => {
    const { leaf, view } = make([3, 2, 4], rng);
    const target = randomUniform([3, 2, 4], rng);
    const each = [...view(leaf).dataSync()].map((x, i) => formula(x, target.dataSync()[i]));
    const total = each.reduce((a, b) => a + b, 0);
    expectClose(loss(view(leaf), target, { reduction: 'none' }), each);
    expectClose(loss(view(leaf), target, { reduction: 'sum' }), [total]);
    expectClose(loss(view(leaf), target), [total / each.length]);
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      checkGradients((x, t) => loss(view(x), t, { reduction }), [leaf, target]);
    }
  });

  it('refuses shapes that differ', () => {
    expect(() => loss(tensor([1, 2]), tensor([[1, 2]]))).toThrow(/expected x and target of one shape, received \[2\] and \[1, 2\]/);
  });
});

it('huber bends at delta', () => {
  const [x, t] = [tensor([3]), tensor([0])];
  expect(huber(x, t, { delta: 0.5 }).item()).toBe(0.5 * (3 - 0.25));
  expect(() => huber(x, t, { delta: 0 })).toThrow(ConfigError);
  checkGradients((a, b) => huber(a, b, { delta: 0.5 }), [x, t]);
});

it('binary cross entropy with logits bears large ones', () => {
  const target = tensor([1, 0]);
  expect(binaryCrossEntropyWithLogits(tensor([1000, -1000]), target).item()).toBe(0);
  expect(binaryCrossEntropyWithLogits(tensor([-1000, 1000]), target, { reduction: 'sum' }).item()).toBe(2000);
});

describe('binaryCrossEntropy', () => {
  it('agrees with the one from logits', () => {
    const logits = tensor([-2, -0.3, 0.4, 3]);
    const target = tensor([0, 1, 0.3, 1]);
    expectClose(binaryCrossEntropy(sigmoid(logits), target), [binaryCrossEntropyWithLogits(logits, target).item()]);
    checkGradients((x, t) => binaryCrossEntropy(sigmoid(x), t), [logits, target]);
  });

  it('stops at −100 and divides by at least 1e-12, as PyTorch 1.13', () => {
    const p: Tensor = tensor([0, 1, 0.25, 0.9], { requiresGrad: true });
    const loss = binaryCrossEntropy(p, tensor([1, 1, 0, 0.5]), { reduction: 'none' });
    expectClose(loss, [100, 0, 0.2876820724517809, 1.203972804325936]);
    backward(loss, tensor([1, 1, 1, 1]));
    expectClose(p.grad!, [-1e12, 0, 1.3333333333333333, 4.444444444444446]);
  });
});
