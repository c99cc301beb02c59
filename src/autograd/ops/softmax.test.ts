import { describe, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { tensor } from '../tensor.ts';
import { div, sub } from './binary.ts';
import { exp, log } from './elementwise.ts';
import { sum } from './reduce.ts';
import { logSoftmax, softmax } from './softmax.ts';

setBackend('reference');
const rng = new Random(9);

describe.each(Object.entries(layouts))('%s', (_, make) => {
  it.each([0, 1, 2])('softmax and logSoftmax along axis %i are the formula, with its gradients', (axis) => {
    const { leaf, view } = make([2, 3, 4], rng);
    const x = view(leaf);
    const total = sum(exp(x), axis, { keepDims: true });
    expectClose(softmax(x, axis).dataSync(), div(exp(x), total).dataSync());
    expectClose(logSoftmax(x, axis).dataSync(), sub(x, log(total)).dataSync());
    checkGradients((z) => [softmax(view(z), axis), logSoftmax(view(z), axis)], [leaf]);
  });
});

it('bears large numbers', () => {
  expectClose(softmax(tensor([1000, 1000, -1000])).dataSync(), [0.5, 0.5, 0]);
  expectClose(logSoftmax(tensor([1000, 1000])).dataSync(), [-Math.LN2, -Math.LN2]);
});
