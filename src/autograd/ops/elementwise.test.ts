import { describe, expect, it } from 'vitest';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { scope } from '../scope.ts';
import { backward } from '../tape.ts';
import { tensor } from '../tensor.ts';
import { abs, affine, exp, log, neg, relu, sigmoid, sqrt, square, tanh } from './elementwise.ts';

setBackend('reference');
const rng = new Random(5);

const functions = {
  neg: [neg, (x: number) => -x],
  exp: [exp, Math.exp],
  sigmoid: [sigmoid, (x: number) => 1 / (1 + Math.exp(-x))],
  tanh: [tanh, Math.tanh],
  relu: [relu, (x: number) => Math.max(0, x)],
  square: [square, (x: number) => x * x],
  abs: [abs, Math.abs],
} as const;

describe.each(Object.entries(functions))('%s', (_, [op, expected]) => {
  it.each(Object.entries(layouts))('gives its values and gradients, %s', (_layout, make) => {
    const { leaf, view } = make([3, 1, 4], rng);
    expect(scope(() => op(view(leaf))).dataSync()).toEqual(view(leaf).dataSync().map(expected));
    checkGradients((x) => op(view(x)), [leaf]);
  });
});

it('takes logarithms and roots of what is positive', () => {
  const x = tensor([0.5, 1, 2, 9], { shape: [2, 2] });
  expect(log(x).dataSync()).toEqual(x.dataSync().map(Math.log));
  expect(sqrt(x).dataSync()).toEqual(x.dataSync().map(Math.sqrt));
  checkGradients(log, [x]);
  checkGradients(sqrt, [x]);
});

it('has derivative 0 where relu and abs have a kink', () => {
  const x = tensor([0, 0]);
  expect(checkKink(relu, x)).toEqual([0, 0]);
  expect(checkKink(abs, x)).toEqual([0, 0]);
});

it('scales and shifts', () => {
  const { leaf, view } = layouts['time-major']([2, 3], rng);
  expect(affine(view(leaf), 2, -1).dataSync()).toEqual(
    view(leaf)
      .dataSync()
      .map((x) => 2 * x - 1),
  );
  checkGradients((x) => affine(view(x), 2, -1), [leaf]);
});

it('keeps the layout of its argument', () => {
  const { leaf, view } = layouts['time-major']([2, 3, 4], rng);
  expect(tanh(view(leaf)).strides).toEqual(view(leaf).strides);
});

function checkKink(op: typeof relu, x: ReturnType<typeof tensor>): number[] {
  const leaf = tensor(x.dataSync(), { requiresGrad: true });
  scope(() => backward(op(leaf), tensor([1, 1])));
  return [...leaf.grad!.dataSync()];
}
