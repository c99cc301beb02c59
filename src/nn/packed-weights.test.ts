import { expect, test } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { mean } from '../autograd/ops/reduce.ts';
import { noGrad } from '../autograd/tape.ts';
import { randomNormal } from '../autograd/tensor.ts';
import { getBackend } from '../backend/select.ts';
import { Adam } from '../optim/adam.ts';
import { WeightAverage } from '../optim/weight-average.ts';
import { Random } from '../tensor/random.ts';
import { LSTM } from './lstm.ts';

const sizes = { inputSize: 3, hiddenSize: 20, projSize: 5 };
const x = () => randomNormal([4, 6, 3], new Random(2));

/** What a network of the same weights gives that has never packed any. */
function fresh(lstm: LSTM): Float32Array {
  const other = new LSTM({ ...sizes, rng: new Random(9) });
  other.loadStateDict(lstm.stateDict());
  return noGrad(() => other.forward(x()).output.dataSync()) as Float32Array;
}

onEveryBackend(() => {
  test('a pass without gradients sees every change of the weights, whoever makes it', async () => {
    const lstm = new LSTM({ ...sizes, rng: new Random(1) });
    const read = () => noGrad(() => lstm.forward(x()).output.dataSync());
    const first = read();
    expect(first).toEqual(fresh(lstm));

    const optimizer = new Adam(lstm, { learningRate: 0.1 }); // moves the parameters: the numbers stay
    expect(read()).toEqual(first);
    const average = new WeightAverage(lstm, { decay: 0.5 });
    average.update();
    optimizer.step(() => mean(lstm.forward(x()).output));
    const trained = read();
    expect(trained).not.toEqual(first);
    expect(trained).toEqual(fresh(lstm));

    await average.use(() => expect(read()).toEqual(first));
    expect(read()).toEqual(trained);

    for (const parameter of lstm.parameters()) parameter.assign(parameter.dataSync().map((value) => value / 2));
    expect(read()).not.toEqual(trained);
    expect(read()).toEqual(fresh(lstm));
  });

  test('packing again takes no more memory', () => {
    const lstm = new LSTM({ ...sizes, rng: new Random(1) });
    const read = () => noGrad(() => lstm.forward(x()).output.dataSync());
    read();
    const { bytes } = getBackend().memory;
    for (let i = 0; i < 5; i++) {
      const [weight] = lstm.parameters();
      weight.assign(weight.dataSync().map((value) => value + i));
      read();
    }
    expect(getBackend().memory.bytes).toBe(bytes);
  });
});
