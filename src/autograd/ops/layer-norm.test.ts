import { expect, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { randomNormal, tensor } from '../tensor.ts';
import { layerNorm } from './layer-norm.ts';

setBackend('reference');
const rng = new Random(11);

it('has mean 0 and variance 1, then weight and bias', () => {
  const x = tensor([
    [1, 2, 3, 6],
    [0, 0, 0, 1],
  ]);
  const normalized = [1, 2, 3, 6].map((v) => (v - 3) / Math.sqrt(3.5 + 1e-5)); // variance of the row: 14/4
  expectClose(layerNorm(x).dataSync().slice(0, 4), normalized);
  const y = layerNorm(x, tensor([1, 2, 3, 4]), tensor([5, 6, 7, 8]));
  const scaled = normalized.map((v, i) => v * (i + 1) + i + 5);
  expectClose(y.dataSync().slice(0, 4), scaled);
});

it.each(Object.entries(layouts))('has its gradients, with and without weight and bias, %s', (_, make) => {
  const { leaf, view } = make([2, 3, 5], rng);
  const [w, b] = [randomNormal([5], rng), randomNormal([5], rng)];
  checkGradients((x) => layerNorm(view(x)), [leaf]);
  checkGradients((x, p) => layerNorm(view(x), p), [leaf, w]);
  checkGradients((x, q) => layerNorm(view(x), null, q), [leaf, b]);
  checkGradients((x, p, q) => layerNorm(view(x), p, q, 1e-3), [leaf, w, b]);
});

it('refuses a weight of another size', () => {
  expect(() => layerNorm(tensor([[1, 2]]), tensor([1]))).toThrow(/expected weight of shape \[2\], as x's last axis, received \[1\]/);
});
