/** What is drawn of a model are the numbers of its forward. */
import { beforeAll, describe, expect, test } from 'vitest';
import { randomUniform, type Tensor } from '../../autograd/tensor.ts';
import { setBackend } from '../../backend/select.ts';
import { GRU } from '../../nn/gru.ts';
import { LSTM } from '../../nn/lstm.ts';
import { RNN } from '../../nn/rnn.ts';
import { Random } from '../../tensor/random.ts';
import { type TracedLayers, traceLayers } from './trace.ts';

// float64, so that only the equations can differ
beforeAll(() => setBackend('reference'));

const sizes = { inputSize: 3, hiddenSize: 5, numLayers: 2 };
const T = 7;
const kinds: [string, () => TracedLayers][] = [
  ['RNN', () => new RNN({ ...sizes, rng: new Random(1) })],
  ['RNN with relu', () => new RNN({ ...sizes, activation: 'relu', rng: new Random(2) })],
  ['RNN with sigmoid, without biases', () => new RNN({ ...sizes, activation: 'sigmoid', bias: false, rng: new Random(3) })],
  ['GRU', () => new GRU({ ...sizes, rng: new Random(4) })],
  ['GRU with the reset before the product', () => new GRU({ ...sizes, resetAfter: false, rng: new Random(5) })],
  ['LSTM', () => new LSTM({ ...sizes, forgetBias: 1, rng: new Random(6) })],
];

describe.each(kinds)('%s', (_, make) => {
  test('the states of every layer and step are those of forward', () => {
    const layers = make();
    const x = randomUniform([1, T, sizes.inputSize], new Random(9));
    const traces = traceLayers(layers, x);
    const { output, state } = layers.forward(x, null);
    const states = (Array.isArray(state) ? state : [state]) as Tensor[];
    expect(traces).toHaveLength(2);
    const flat = traces[1].steps.flatMap(({ values }) => [...values.h!]);
    expectClose(flat, [...output.dataSync()]);
    states.forEach((last, k) => {
      const name = (['h', 'c'] as const)[k];
      expectClose(
        traces.flatMap(({ steps }) => [...steps[T - 1].values[name]!]),
        [...last.dataSync()],
      );
    });
  });

  test('each step begins where the one before ended, the first with zeros', () => {
    const [{ steps }] = traceLayers(make(), randomUniform([1, T, sizes.inputSize], new Random(9)));
    expect([...steps[0].before.h]).toEqual([0, 0, 0, 0, 0]);
    for (let t = 1; t < T; t++) {
      expect(steps[t].before.h).toEqual(steps[t - 1].values.h);
      if (steps[t].before.c !== undefined) expect(steps[t].before.c).toEqual(steps[t - 1].values.c);
    }
  });
});

test('gates make the states by the equations that the figure shows', () => {
  const x = randomUniform([1, T, sizes.inputSize], new Random(9));
  const [lstm] = traceLayers(new LSTM({ ...sizes, rng: new Random(6) }), x);
  for (const { before, values } of lstm.steps) {
    for (let k = 0; k < sizes.hiddenSize; k++) {
      expect(values.c![k]).toBeCloseTo(values.f![k] * before.c![k] + values.i![k] * values.g![k], 12);
      expect(values.h![k]).toBeCloseTo(values.o![k] * Math.tanh(values.c![k]), 12);
    }
  }
  const [gru] = traceLayers(new GRU({ ...sizes, rng: new Random(6) }), x);
  for (const { before, values } of gru.steps) {
    for (let k = 0; k < sizes.hiddenSize; k++) {
      expect(values.h![k]).toBeCloseTo((1 - values.z![k]) * values.n![k] + values.z![k] * before.h[k], 12);
    }
  }
});

describe.each<[string, () => TracedLayers]>([
  ['RNN with layer normalisation', () => new RNN({ ...sizes, layerNorm: true, bidirectional: true, rng: new Random(1) })],
  ['GRU with layer normalisation', () => new GRU({ ...sizes, layerNorm: true, bidirectional: true, rng: new Random(2) })],
  ['LSTM with peepholes', () => new LSTM({ ...sizes, peepholes: true, bidirectional: true, rng: new Random(3) })],
  ['LSTM with all of it', () => new LSTM({ ...sizes, peepholes: true, layerNorm: true, bidirectional: true, rng: new Random(4) })],
])('%s, in both directions', (_, make) => {
  test('the states are those of forward', () => {
    const layers = make();
    for (const p of layers.parameters()) p.assign(p.dataSync().map((value, k) => value + 0.1 * Math.sin(k))); // norms apart from 1 and 0
    const x = randomUniform([1, T, sizes.inputSize], new Random(9));
    const traces = traceLayers(layers, x);
    expect(traces.map(({ layer, direction }) => `${layer} ${direction}`)).toEqual(['0 forward', '0 reverse', '1 forward', '1 reverse']);
    const { output } = layers.forward(x, null);
    const flat = Array.from({ length: T }, (_, t) => traces.slice(2).flatMap(({ steps }) => [...steps[t].values.h!])).flat();
    expectClose(flat, [...output.dataSync()]);
    expect(traces[1].steps[2].before.h).toEqual(traces[1].steps[3].values.h);
  });
});

test.each<[string, () => TracedLayers, number]>([
  ['RNN', () => new RNN({ ...sizes, rng: new Random(1) }), 1],
  ['GRU in both directions', () => new GRU({ ...sizes, bidirectional: true, rng: new Random(2) }), 1],
  ['LSTM in both directions', () => new LSTM({ ...sizes, bidirectional: true, rng: new Random(3) }), 2],
])('%s: a first state is where the steps begin', (_, make, count) => {
  const layers = make();
  const x = randomUniform([1, T, sizes.inputSize], new Random(9));
  const L = layers.options.numLayers! * (layers.options.bidirectional === true ? 2 : 1);
  const state = Array.from({ length: count }, (_, i) => randomUniform([L, 1, sizes.hiddenSize], new Random(20 + i)));
  const traces = traceLayers(layers, x, state);
  const { output } = (layers.forward as (x: Tensor, state: unknown) => { output: Tensor })(x, count === 1 ? state[0] : state);
  const top = traces.slice(-(L / layers.options.numLayers!));
  const flat = Array.from({ length: T }, (_, t) => top.flatMap(({ steps }) => [...steps[t].values.h!])).flat();
  expectClose(flat, [...output.dataSync()]);
  expect(traces[0].steps[0].before.h).toEqual(Float64Array.from(state[0].dataSync().slice(0, sizes.hiddenSize)));
  expect(() => traceLayers(layers, x, [randomUniform([L, 2, sizes.hiddenSize], new Random(1))])).toThrow(
    /expected states of shape \[\d, 1, \d+\]/,
  );
});

test('layers whose h has other units than their gates are refused, and wrong shapes', () => {
  const x = randomUniform([1, T, 3], new Random(9));
  expect(() => traceLayers(new LSTM({ ...sizes, projSize: 2 }), x)).toThrow(/without projSize, received projSize 2/);
  expect(() => traceLayers(new RNN(sizes), randomUniform([2, T, 3], new Random(9)))).toThrow(
    /expected x of shape \[1, T, 3\], received \[2, 7, 3\]/,
  );
});

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [k, value] of actual.entries()) expect(value).toBeCloseTo(expected[k], 12);
}
