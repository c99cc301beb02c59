import { expect, test } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { mean } from '../autograd/ops/reduce.ts';
import { randomNormal } from '../autograd/tensor.ts';
import { getBackend, setThreads } from '../backend/select.ts';
import { Adam } from '../optim/adam.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { LSTM } from './lstm.ts';

const make = () => new LSTM({ inputSize: 2, hiddenSize: 3, numLayers: 2, rng: new Random(1) });
const sample = (k: number) => [Math.sin(k), Math.cos(3 * k)];

onEveryBackend(() => {
  test('its state is a plain value that forks: two streams go on from it alike, and apart from then on', () => {
    const lstm = make();
    const stream = lstm.stream();
    for (let k = 0; k < 5; k++) stream.step(sample(k));
    const memory = structuredClone(stream.state);
    const fork = lstm.stream();
    fork.state = memory;
    expect(fork.step(sample(5))).toEqual(stream.step(sample(5)));
    expect(fork.step(sample(6))).not.toEqual(stream.step(sample(7)));
  });

  test('it makes no memory while it runs', () => {
    const stream = make().stream({ batch: 2 });
    const x = [...sample(1), ...sample(2)];
    stream.step(x);
    const before = getBackend().memory.bytes;
    for (let k = 0; k < 50; k++) stream.step(x);
    expect(getBackend().memory.bytes).toBe(before);
  });

  test('it writes its output where it is asked to', () => {
    const [stream, other] = [make().stream(), make().stream()];
    const into = new Float32Array(3);
    for (let k = 0; k < 3; k++) {
      expect(stream.step(sample(k), into)).toBe(into);
      expect(into).toEqual(Float32Array.from(other.step(sample(k))));
    }
    expect(() => stream.step(sample(3), new Float32Array(4))).toThrow(
      new ShapeError('[LSTM.stream] expected an array of 3 numbers for the output, received 4.'),
    );
  });

  test('it follows a training that goes on beside it, whose optimiser moves the parameters', () => {
    const lstm = make();
    const stream = lstm.stream();
    stream.step(sample(0));
    const optimizer = new Adam(lstm, { learningRate: 0.1 });
    optimizer.step(() => mean(lstm.forward(randomNormal([2, 3, 2], new Random(2))).output));
    const fresh = lstm.stream();
    stream.reset();
    expect(stream.step(sample(1))).toEqual(fresh.step(sample(1)));
  });

  test('it goes on as it was when the number of threads changes', () => {
    const large = () => new LSTM({ inputSize: 40, hiddenSize: 70, numLayers: 2, rng: new Random(3) }).stream({ batch: 9 });
    const [alone, changing] = [large(), large()];
    for (let k = 0; k < 4; k++) {
      const x = new Random(k).fillNormal(new Float32Array(9 * 40));
      setThreads(1);
      const expected = alone.step(x);
      setThreads(1 + k);
      expect(changing.step(x)).toEqual(expected);
    }
    setThreads(2);
  });

  test('what does not fit is refused', () => {
    const stream = make().stream({ batch: 2 });
    expect(() => stream.step([1, 2])).toThrow(new ShapeError('[LSTM.stream] expected 4 numbers (batch 2 × inputSize), received 2.'));
    expect(() => {
      stream.state = [new Float64Array(12), new Float64Array(6)];
    }).toThrow(new ShapeError('[LSTM.stream] expected a state of 12 and 12 numbers, received 12 and 6.'));
    expect(() => make().stream({ batch: 0 })).toThrow(
      new ConfigError('[LSTM.stream] expected batch to be an integer of at least 1, received 0.'),
    );
  });
});
