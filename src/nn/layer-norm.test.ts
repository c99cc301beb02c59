import { beforeAll, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { LayerNorm } from './layer-norm.ts';

beforeAll(() => {
  setBackend('reference');
});

it('normalises the last axis, with gradients for x and parameters', () => {
  const layer = new LayerNorm({ size: 4, epsilon: 0 });
  expectClose(layer.forward(tensor([[1, 1, 3, 3]])), [-1, -1, 1, 1]);
  layer.weight!.assign([1, 2, 3, 4]);
  layer.bias!.assign([5, 6, 7, 8]);
  expectClose(layer.forward(tensor([[1, 1, 3, 3]])), [4, 4, 10, 12]);
  checkGradients((x) => layer.forward(x), [randomNormal([2, 3, 4], new Random(1)), ...layer.parameters()]);
});

it('does without weight and bias', () => {
  const layer = new LayerNorm({ size: 4, weight: false, bias: false });
  expect(layer.parameters()).toEqual([]);
  checkGradients((x) => layer.forward(x), [randomNormal([2, 4], new Random(2))]);
});

it('refuses another size', () => {
  const layer = new LayerNorm({ size: 4 });
  expect(() => layer.forward(tensor([[1, 2]]))).toThrow(ShapeError);
  expect(() => layer.forward(tensor([[1, 2]]))).toThrow(/expected x of shape \[\.\.\., 4\] \(size 4\), received \[1, 2\]/);
});
