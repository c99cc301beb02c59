import { expect, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { randomNormal, tensor, zeros } from '../tensor.ts';
import { conv2d } from './conv2d.ts';

setBackend('reference');
const rng = new Random(11);

it('slides the kernel over the planes and adds the channels', () => {
  const x = tensor([
    [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [1, 0, 0],
        [0, 0, 1],
      ],
    ],
  ]);
  const weight = tensor([
    [
      [
        [1, 10],
        [100, 1000],
      ],
      [
        [0, 0],
        [0, 7],
      ],
    ],
  ]);
  expectClose(conv2d(x, weight, tensor([0.5])).dataSync(), [1 + 20 + 400 + 5000 + 0.5, 2 + 30 + 500 + 6000 + 7 + 0.5]);
});

it.each(Object.entries(layouts))('has its gradients under strides, padding and dilation, %s', (_, make) => {
  const { leaf, view } = make([2, 3, 5, 6], rng);
  const [w, b] = [randomNormal([4, 3, 3, 2], rng), randomNormal([4], rng)];
  checkGradients((x, w, b) => conv2d(view(x), w, b, { padding: [1, 0] }), [leaf, w, b]);
  checkGradients((x, w) => conv2d(view(x), w, null, { stride: [2, 1], padding: 1, dilation: [1, 2] }), [leaf, w]);
});

it('refuses what does not fit', () => {
  const x = zeros([2, 3, 4, 5]);
  expect(() => conv2d(x, zeros([4, 2, 3, 3]))).toThrow(
    '[conv2d] expected a weight of shape [O, 3, kernel height, kernel width], with as many channels as x [2, 3, 4, 5], received [4, 2, 3, 3].',
  );
  expect(() => conv2d(x, zeros([4, 3, 3, 3]), zeros([3]))).toThrow(
    'expected a bias of shape [4], one for each output channel, received [3]',
  );
  expect(() => conv2d(x, zeros([4, 3, 3, 3]), null, { dilation: 2 })).toThrow(
    'a window of 5 x 5 does not fit into planes of 4 x 5 with padding 0 and 0. Give larger images, more padding, or a smaller kernel.',
  );
  expect(() => conv2d(x, zeros([4, 3, 3, 3]), null, { stride: [1, 0] })).toThrow(
    'expected stride to be a whole number of at least 1, or two of them, received [1,0]',
  );
  expect(() => conv2d(zeros([3, 4, 5]), zeros([4, 4, 1, 1]))).toThrow(
    'expected x of shape [B, C, height, width], none of them 0, received [3, 4, 5]',
  );
});
