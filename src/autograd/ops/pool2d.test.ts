import { expect, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { tensor, zeros } from '../tensor.ts';
import { avgPool2d, maxPool2d } from './pool2d.ts';

setBackend('reference');
const rng = new Random(12);
const x = tensor([
  [
    [
      [1, 2, 3, 4],
      [8, 7, 6, 5],
      [0, -1, -2, -3],
    ],
  ],
]);

it('takes the largest and the mean of windows', () => {
  expectClose(maxPool2d(x, 2).dataSync(), [8, 6]);
  expectClose(avgPool2d(x, 2).dataSync(), [4.5, 4.5]);
  expectClose(avgPool2d(x, [3, 4]).dataSync(), [30 / 12]);
  expectClose(avgPool2d(x, 2, { padding: 1 }).dataSync(), [1 / 4, 5 / 4, 4 / 4, 8 / 4, 10 / 4, 2 / 4]);
  expectClose(avgPool2d(x, 2, { padding: 1, countPadding: false }).dataSync(), [1, 5 / 2, 4, 8 / 2, 10 / 4, 2 / 2]);
  expectClose(maxPool2d(tensor([[[[-5]]]]), 2, { padding: 1 }).dataSync(), [-5]);
});

it.each(Object.entries(layouts))('has its gradients, %s', (_, make) => {
  const { leaf, view } = make([2, 2, 5, 6], rng); // normal numbers: no two of a window are as near as the differences' step
  checkGradients((x) => maxPool2d(view(x), 2), [leaf]);
  checkGradients((x) => maxPool2d(view(x), 3, { stride: [1, 2], padding: 1, dilation: [2, 1] }), [leaf]);
  checkGradients((x) => avgPool2d(view(x), [3, 2], { stride: 2, padding: [1, 0] }), [leaf]);
  checkGradients((x) => avgPool2d(view(x), 3, { stride: 1, padding: 1, countPadding: false }), [leaf]);
});

it('refuses windows that see nothing but padding, or do not fit', () => {
  expect(() => maxPool2d(x, 2, { padding: 2 })).toThrow("[maxPool2d] expected a padding of at most half the window's 2, received 2");
  expect(() => avgPool2d(zeros([1, 1, 2, 9]), 3)).toThrow('[avgPool2d] a window of 3 x 3 does not fit into planes of 2 x 9');
});
