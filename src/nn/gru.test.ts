import { beforeEach, expect, test } from 'vitest';
import { setBackend } from '../backend/select.ts';
import { ConfigError } from '../tensor/errors.ts';
import { GRU } from './gru.ts';

beforeEach(() => {
  setBackend('reference');
});

test('layer normalisation with the reset before the product is refused', () => {
  expect(() => new GRU({ inputSize: 2, hiddenSize: 3, resetAfter: false, layerNorm: true })).toThrow(
    new ConfigError('[GRU] layerNorm normalises the recurrent product, which resetAfter: false splits in two. Leave one of them out.'),
  );
});

test('its parameters have the names, shapes and order of torch.nn.GRU', () => {
  const gru = new GRU({ inputSize: 2, hiddenSize: 3, numLayers: 2 });
  expect([...gru.namedParameters()].map(([name, { shape }]) => `${name} ${shape}`)).toEqual([
    'weight_ih_l0 9,2',
    'weight_hh_l0 9,3',
    'bias_ih_l0 9',
    'bias_hh_l0 9',
    'weight_ih_l1 9,3',
    'weight_hh_l1 9,3',
    'bias_ih_l1 9',
    'bias_hh_l1 9',
  ]);
});
