import { expect, it } from 'vitest';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { backward } from '../tape.ts';
import { randomNormal, tensor } from '../tensor.ts';
import { add, mul } from './binary.ts';
import { affine } from './elementwise.ts';
import { softmax } from './softmax.ts';
import { maskedFill, where } from './where.ts';

setBackend('reference');
const rng = new Random(10);
const mask = tensor([1, 0, 1]);

it('where chooses by a mask that broadcasts', () => {
  expect(
    where(
      mask,
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      0,
    ).toArray(),
  ).toEqual([
    [1, 0, 3],
    [4, 0, 6],
  ]);
  expect(where(mask, 7, tensor([1, 2, 3])).toArray()).toEqual([7, 2, 7]);
  const [a, b] = [randomNormal([2, 3], rng), randomNormal([1, 3], rng)];
  checkGradients((x, y) => where(mask, x, y), [a, b]);
});

it('maskedFill fills with numbers and infinities', () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(maskedFill(x, mask, 9).toArray()).toEqual([
    [9, 2, 9],
    [9, 5, 9],
  ]);
  expect(maskedFill(x, mask, -Infinity).toArray()).toEqual([
    [-Infinity, 2, -Infinity],
    [-Infinity, 5, -Infinity],
  ]);
  expect(maskedFill(x, mask, Infinity).toArray()).toEqual([
    [Infinity, 2, Infinity],
    [Infinity, 5, Infinity],
  ]);
});

it('takes nothing of what it leaves out, be it infinite or not a number', () => {
  const broken = tensor([
    [1, Number.NaN, 3],
    [4, -Infinity, 6],
  ]);
  const [a, b] = [broken, tensor([[0, 7, Infinity]])];
  for (const x of [a, b]) x.requiresGrad = true;
  const y = where(mask, a, b);
  expect(y.toArray()).toEqual([
    [1, 7, 3],
    [4, 7, 6],
  ]);
  backward(y, tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3] }));
  expect(a.grad!.toArray()).toEqual([
    [1, 0, 3],
    [4, 0, 6],
  ]);
  expect(b.grad!.toArray()).toEqual([[0, 7, 0]]);
  expect(maskedFill(broken, tensor([0, 1, 0]), -1).toArray()).toEqual([
    [1, -1, 3],
    [4, -1, 6],
  ]);
});

it.each(Object.entries(layouts))('chooses the same, with the same gradients, %s', (_, make) => {
  const [a, b] = [make([2, 4, 3], rng), make([2, 4, 3], rng)];
  const open = tensor([1, 0, 0, 1, 0, 1, 1, 0], { shape: [2, 4, 1] });
  const expected = add(mul(open, a.view(a.leaf)), mul(affine(open, -1, 1), b.view(b.leaf)));
  expect(where(open, a.view(a.leaf), b.view(b.leaf)).toArray()).toEqual(expected.toArray());
  checkGradients((x, y) => [where(open, a.view(x), b.view(y)), where(open, a.view(x), 2), where(open, 2, b.view(y))], [a.leaf, b.leaf]);
});

it.each(Object.entries(layouts))('a masked softmax has its gradients, %s', (_, make) => {
  const { leaf, view } = make([2, 3], rng);
  expect(softmax(maskedFill(view(leaf), mask, -Infinity)).toArray()).toEqual([
    [0, 1, 0],
    [0, 1, 0],
  ]);
  const one = tensor([0, 1, 0]);
  checkGradients((x) => [softmax(maskedFill(view(x), one, -Infinity)), maskedFill(view(x), one, 3)], [leaf]);
});
