import { expect, it } from 'vitest';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { noGrad } from '../tape.ts';
import { ones } from '../tensor.ts';
import { dropout } from './dropout.ts';

setBackend('reference');

it('drops p of the elements and scales the others up', () => {
  const y = dropout(ones([100, 100]), 0.3, new Random(1)).dataSync();
  const dropped = y.filter((v) => v === 0).length;
  expect(Math.abs(dropped - 3000)).toBeLessThan(4 * Math.sqrt(10_000 * 0.3 * 0.7)); // 4 deviations of a binomial
  expect(new Set(y)).toEqual(new Set([0, 1 / 0.7]));
});

it('takes its mask from the state of rng, and moves it on', () => {
  const x = ones([5, 7]);
  const rng = new Random(2);
  const { state } = rng;
  const first = dropout(x, 0.5, rng).dataSync();
  const second = dropout(x, 0.5, rng).dataSync();
  rng.state = state;
  expect(noGrad(() => dropout(x, 0.5, rng)).dataSync()).toEqual(first);
  expect(second).not.toEqual(first);
});

it.each(Object.entries(layouts))('has its gradient, %s', (_, make) => {
  const { leaf, view } = make([3, 4, 2], new Random(3));
  checkGradients((x) => dropout(view(x), 0.4, new Random(4)), [leaf]);
});

it('is nothing for p = 0, and refuses what is no probability', () => {
  const x = ones([3]);
  expect(dropout(x, 0, new Random(1))).toBe(x);
  for (const p of [-0.1, 1, Number.NaN]) expect(() => dropout(x, p, new Random(1))).toThrow(/expected a probability in \[0, 1\), received/);
});
