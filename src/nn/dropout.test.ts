import { beforeAll, expect, it } from 'vitest';
import { ones } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Dropout } from './dropout.ts';

beforeAll(() => {
  setBackend('reference');
});

it('drops while training only, another mask at each call', () => {
  const layer = new Dropout({ p: 0.5, rng: new Random(1) });
  const x = ones([10, 10]);
  const [first, second] = [layer.forward(x).dataSync(), layer.forward(x).dataSync()];
  expect(new Set(first)).toEqual(new Set([0, 2]));
  expect(second).not.toEqual(first);
  expect(layer.eval().forward(x)).toBe(x);
  expect(layer.train().forward(x)).not.toBe(x);
});

it('refuses what is no probability', () => {
  expect(() => new Dropout({ p: 1 })).toThrow(ConfigError);
});
