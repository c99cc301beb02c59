import { beforeEach, expect, test } from 'vitest';
import { sum } from '../autograd/ops/reduce.ts';
import { select } from '../autograd/ops/shape.ts';
import { backward } from '../autograd/tape.ts';
import { ones, zeros } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError } from '../tensor/errors.ts';
import { GradientNorms } from './gradient-norms.ts';
import { RNN } from './rnn.ts';

beforeEach(() => {
  setBackend('reference');
});

test('a network that halves its state halves the gradient with each step back', async () => {
  const rnn = new RNN({
    inputSize: 1,
    hiddenSize: 2,
    activation: 'relu',
    bias: false,
    recurrentInit: (values) => values.set([0.5, 0, 0, 0.5]),
  });
  rnn.namedParameters().get('weight_ih_l0')!.assign([1, 1]);
  const gradientNorms = new GradientNorms();
  const { output } = rnn.forward(ones([1, 4, 1]), null, { gradientNorms });
  backward(sum(select(output, 1, -1)));
  const last = Math.SQRT2; // of [1, 1]
  expect([...(await gradientNorms.perStep(0))]).toEqual([last / 8, last / 4, last / 2, last]);
});

test('is empty until the backward has run, and says so', async () => {
  const gradientNorms = new GradientNorms();
  const rnn = new RNN({ inputSize: 1, hiddenSize: 2, numLayers: 2 });
  const { output } = rnn.forward(zeros([1, 4, 1]), null, { gradientNorms });
  await expect(gradientNorms.perStep(0)).rejects.toThrow(
    new ConfigError(
      '[GradientNorms] layer 0, direction 0 has none. Give this object to forward, call backward, then read; filled: nothing.',
    ),
  );
  backward(sum(output));
  expect(gradientNorms.has(1)).toBe(true);
  expect(gradientNorms.has(1, 1)).toBe(false);
});
