import { beforeEach, expect, it } from 'vitest';
import { expectNumbersClose } from '../../test/golden/fixture.ts';
import { tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { BatchNorm2d } from '../nn/batch-norm2d.ts';
import { Module } from '../nn/module.ts';
import { WeightAverage } from './weight-average.ts';

class One extends Module {
  readonly w = this.parameter('w', [3], (values) => values.set([1, 2, 3]));
}

/** The weights at update t. */
const weights = (t: number) => [Math.sin(t), t, 0.3 * t * t];

beforeEach(() => {
  setBackend('reference');
});

it('is the mean of all updates, as torch.optim.swa_utils.AveragedModel', async () => {
  const model = new One();
  const average = new WeightAverage(model);
  for (let t = 0; t < 5; t++) {
    model.w.assign(weights(t));
    average.update();
  }
  const mean = [0, 1, 2].map((i) => [0, 1, 2, 3, 4].reduce((sum, t) => sum + weights(t)[i] / 5, 0));
  expectNumbersClose(await average.use(() => model.w.dataSync()), mean, 'mean', 1e-12);
  expect([...model.w.dataSync()]).toEqual(weights(4));
});

it('forgets with a decay: average = decay · average + (1 − decay) · weights, from a copy', async () => {
  const model = new One();
  const average = new WeightAverage(model, { decay: 0.8 });
  let expected = weights(0);
  for (let t = 0; t < 5; t++) {
    model.w.assign(weights(t));
    average.update();
    if (t > 0) expected = expected.map((value, i) => 0.8 * value + 0.2 * weights(t)[i]);
  }
  expectNumbersClose(await average.use(() => model.w.dataSync()), expected, 'average', 1e-12);
});

it('averages running statistics with the weights, as AveragedModel with use_buffers', async () => {
  const layer = new BatchNorm2d({ numFeatures: 1, momentum: 1 }); // the running statistics are those of the last batch
  const average = new WeightAverage(layer, { decay: 0.75 });
  const batch = (...values: number[]) => tensor(values, { shape: [values.length, 1, 1, 1] });
  layer.forward(batch(0, 2)); // mean 1, variance 2
  average.update();
  layer.forward(batch(4, 8)); // mean 6, variance 8
  average.update();
  layer.eval();
  const [mean, variance] = [0.75 * 1 + 0.25 * 6, 0.75 * 2 + 0.25 * 8];
  const normalised = await average.use(() => layer.forward(batch(mean, mean + Math.sqrt(variance + 1e-5))).dataSync());
  expectNumbersClose(normalised, [0, 1], 'normalised by the averages', 1e-12);
  expect([...layer.runningMean.dataSync(), ...layer.runningVariance.dataSync()]).toEqual([6, 8]);
});

it('gives the weights back when the body throws', async () => {
  const model = new One();
  const average = new WeightAverage(model);
  average.update();
  model.w.assign([7, 8, 9]);
  await expect(average.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect([...model.w.dataSync()]).toEqual([7, 8, 9]);
});

it('goes on from its saved state', () => {
  const model = new One();
  const one = new WeightAverage(model);
  one.update();
  const two = new WeightAverage(model);
  two.loadState(structuredClone(one.state()));
  model.w.assign([5, 6, 7]);
  one.update();
  two.update();
  expect(two.state()).toEqual(one.state());
  expect(() => two.loadState({ updates: 1, values: new Float64Array(1) })).toThrow('expected 16 numbers, received 1');
});

it('refuses to mix up weights and average', () => {
  const average = new WeightAverage(new One());
  average.swap();
  expect(() => average.update()).toThrow('swap it out before the next update');
  expect(() => average.state()).toThrow('swap it out before saving');
  expect(() => new WeightAverage(new One(), { decay: 1 })).toThrow('expected decay in [0, 1), received 1');
});
