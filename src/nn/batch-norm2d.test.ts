import { expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { batchNorm } from '../autograd/ops/batch-norm.ts';
import { randomNormal, tensor, zeros } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { Random } from '../tensor/random.ts';
import { BatchNorm2d } from './batch-norm2d.ts';

setBackend('reference');
const rng = new Random(13);

it('normalises each channel by its batch, and later by what it has seen', () => {
  const layer = new BatchNorm2d({ numFeatures: 2, momentum: 0.5 });
  const x = tensor([1, 2, 10, 30, 3, 6, 20, 40], { shape: [2, 2, 1, 2] }); // channel 0: 1, 2, 3, 6; channel 1: 10, 30, 20, 40
  const y = layer.forward(x).dataSync();
  expectClose(
    [y[0], y[1], y[4], y[5]],
    [1, 2, 3, 6].map((v) => (v - 3) / Math.sqrt(3.5 + 1e-5)),
  );
  expectClose(layer.runningMean.dataSync(), [1.5, 12.5]);
  expectClose(layer.runningVariance.dataSync(), [0.5 + 0.5 * (14 / 3), 0.5 + 0.5 * (500 / 3)]);
  expect(layer.numBatchesTracked.item()).toBe(1);
  layer.eval();
  expectClose(layer.forward(tensor([7, 0], { shape: [1, 2, 1, 1] })).dataSync(), [
    5.5 / Math.sqrt(0.5 + 7 / 3 + 1e-5),
    -12.5 / Math.sqrt(0.5 + 250 / 3 + 1e-5),
  ]);
  expect(layer.numBatchesTracked.item()).toBe(1);
});

it('keeps its statistics in the state dict, and out of the parameters', () => {
  const layer = new BatchNorm2d({ numFeatures: 3 });
  layer.forward(randomNormal([4, 3, 2, 2], rng));
  expect([...layer.stateDict().keys()]).toEqual(['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']);
  expect([...layer.namedParameters().keys()]).toEqual(['weight', 'bias']);
  expect(layer.parameterCount).toBe(6);
  const other = new BatchNorm2d({ numFeatures: 3 });
  other.loadStateDict(layer.stateDict());
  const x = randomNormal([2, 3, 2, 2], rng);
  expect([...other.eval().forward(x).dataSync()]).toEqual([...layer.eval().forward(x).dataSync()]);
  const { running_var: _, ...rest } = Object.fromEntries(layer.stateDict());
  expect(() => other.loadStateDict(new Map(Object.entries(rest)))).toThrow('missing tensor "running_var" of shape [3]');
});

it.each(Object.entries(layouts))('has its gradients, in training and in evaluation, %s', (_, make) => {
  const { leaf, view } = make([3, 2, 2, 3], rng);
  const [w, b] = [randomNormal([2], rng), randomNormal([2], rng)];
  const running = { runningMean: tensor([0.1, -0.2]), runningVariance: tensor([0.5, 2]) };
  checkGradients((x, weight, bias) => batchNorm(view(x), { weight, bias, isTraining: true }), [leaf, w, b]);
  checkGradients((x, weight, bias) => batchNorm(view(x), { weight, bias, isTraining: false, ...running }), [leaf, w, b]);
});

it('refuses other channels, one element alone in training, and missing statistics', () => {
  const layer = new BatchNorm2d({ numFeatures: 3 });
  expect(() => layer.forward(zeros([2, 4, 1, 1]))).toThrow(
    '[BatchNorm2d] expected x of shape [B, 3, height, width] (numFeatures 3), received [2, 4, 1, 1]',
  );
  expect(() => layer.forward(zeros([1, 3, 1, 1]))).toThrow('expected more than one element a channel in training, received [1, 3, 1, 1]');
  expect(() => batchNorm(zeros([2, 3]), { isTraining: false })).toThrow('outside of training they are needed');
  expect(() => new BatchNorm2d({ numFeatures: 3, momentum: 0 })).toThrow('expected momentum in (0, 1], received 0');
});
