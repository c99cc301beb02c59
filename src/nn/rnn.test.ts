import { beforeEach, expect, test } from 'vitest';
import { zeros } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError } from '../tensor/errors.ts';
import { RNN } from './rnn.ts';

beforeEach(() => {
  setBackend('reference');
});

test('an identity start with relu carries the state unchanged when nothing comes in', () => {
  const rnn = new RNN({ inputSize: 2, hiddenSize: 3, activation: 'relu', recurrentInit: 'identity', bias: false });
  const state = zeros([1, 1, 3]);
  state.storage.write([0.5, 2, 3.25]);
  const { output, state: last } = rnn.forward(zeros([1, 4, 2]), state);
  expect([...output.dataSync()]).toEqual([0.5, 2, 3.25, 0.5, 2, 3.25, 0.5, 2, 3.25, 0.5, 2, 3.25]);
  expect([...last.dataSync()]).toEqual([0.5, 2, 3.25]);
});

test('unknown activations are refused, and a near one is named', () => {
  expect(() => new RNN({ inputSize: 2, hiddenSize: 3, activation: 'tahn' as 'tanh' })).toThrow(
    new ConfigError('[RNN] unknown activation "tahn"; did you mean "tanh"? Known: tanh, relu, sigmoid.'),
  );
});
