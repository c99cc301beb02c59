import { describe, expect, test } from 'vitest';
import { concat } from '../autograd/ops/concat.ts';
import { select, slice } from '../autograd/ops/shape.ts';
import { randomNormal, type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Reservoir, type ReservoirOptions } from './reservoir.ts';
import { spectralRadius } from './spectral-radius.ts';

const close = (actual: Tensor, expected: Tensor, digits = 5) => {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i], digits);
};

const kinds: [string, Partial<ReservoirOptions>][] = [
  ['sparse', { density: 0.2 }],
  ['dense', { density: 1 }],
  ['deep, each layer with its own', { numLayers: 3, leakRate: [1, 0.5, 0.2], spectralRadius: [0.5, 0.9, 1.2] }],
  ['parallel', { numLayers: 2, arrangement: 'parallel' }],
];

describe.each(kinds)('a reservoir, %s', (_, options) => {
  const made = (more: Partial<ReservoirOptions> = {}) =>
    new Reservoir({ inputSize: 3, hiddenSize: 23, leakRate: 0.4, ...options, ...more, rng: new Random(5) });
  const x = randomNormal([4, 9, 3], new Random(6));

  test('step after step is the sequence at once', () => {
    const reservoir = made();
    const whole = reservoir.forward(x);
    let state: Tensor | null = null;
    for (let t = 0; t < 9; t++) {
      const next = reservoir.step(select(x, 1, t), state);
      close(next.output, select(whole.output, 1, t));
      state = next.state;
    }
    close(state!, whole.state);
  });

  test('a sequence in two parts, the state carried, is the sequence at once; no state is zeros', () => {
    const reservoir = made();
    const whole = reservoir.forward(x, reservoir.initialState(4));
    const first = reservoir.forward(slice(x, 1, 0, 4));
    const second = reservoir.forward(slice(x, 1, 4, 9), first.state);
    close(concat([first.output, second.output], 1), whole.output);
    close(second.state, whole.state);
  });

  test('a batch is its members alone, and padding changes nothing', () => {
    const reservoir = made();
    const lengths = [9, 1, 0, 5];
    const batch = reservoir.forward(x, null, { lengths });
    lengths.forEach((length, b) => {
      const own = slice(x, 0, b, b + 1);
      const padding = slice(slice(batch.output, 0, b, b + 1), 1, length, 9).dataSync();
      expect(padding.every((value) => value === 0)).toBe(true);
      if (length === 0) {
        close(select(batch.state, 1, b), zeros([batch.state.shape[0], 23]));
        return;
      }
      const alone = reservoir.forward(slice(own, 1, 0, length));
      close(slice(slice(batch.output, 0, b, b + 1), 1, 0, length), alone.output);
      close(slice(batch.state, 1, b, b + 1), alone.state);
    });
  });

  test('the same seed gives the same weights; saved and loaded it is the same', () => {
    const [a, b] = [made().stateDict(), made().stateDict()];
    expect(b).toEqual(a);
    const other = new Reservoir({ inputSize: 3, hiddenSize: 23, leakRate: 0.4, ...options, rng: new Random(99) });
    other.loadStateDict(a);
    expect(other.stateDict()).toEqual(a);
    close(other.forward(x).output, made().forward(x).output);
  });

  test('each W has the spectral radius that was asked for, and an option changes no other weight', () => {
    const reservoir = made();
    reservoir.options.spectralRadius.forEach((radius, l) => {
      expect(spectralRadius(reservoir.layerWeights(l).weightHh)).toBeCloseTo(radius, 4);
    });
    const twice = made({ inputScaling: 2, interScaling: 1 });
    const [a, b] = [reservoir.layerWeights(0), twice.layerWeights(0)];
    expect(b.weightHh).toEqual(a.weightHh);
    a.weightIh.forEach((value, i) => {
      expect(b.weightIh[i]).toBeCloseTo(2 * value, 5);
    });
  });
});

test('a deep layer reads the one below, a parallel one the input', () => {
  const layers = (arrangement: 'deep' | 'parallel') =>
    new Reservoir({ inputSize: 2, hiddenSize: 8, numLayers: 2, arrangement, rng: new Random(3) }).stateDict().get('weight_ih_l1')!.shape;
  expect(layers('deep')).toEqual([8, 8]);
  expect(layers('parallel')).toEqual([8, 2]);
});

test('noise moves the states, by its own random numbers', () => {
  const reservoir = new Reservoir({ inputSize: 1, hiddenSize: 30, rng: new Random(1) });
  const x = zeros([1, 50, 1]);
  const run = (seed: number) => reservoir.forward(x, null, { noise: { deviation: 0.1, rng: new Random(seed) } }).output.dataSync();
  expect(run(1)).toEqual(run(1));
  expect(run(1)).not.toEqual(run(2));
  const quiet = reservoir.forward(x).output.dataSync();
  const moved = Float64Array.from(run(1), (value, i) => value - quiet[i]);
  const deviation = Math.sqrt(moved.reduce((sum, value) => sum + value ** 2, 0) / moved.length);
  expect(deviation).toBeGreaterThan(0.08);
  expect(deviation).toBeLessThan(0.3);
});

describe('what a reservoir refuses', () => {
  const made = (options: Partial<ReservoirOptions>) => () => new Reservoir({ inputSize: 2, hiddenSize: 5, rng: new Random(1), ...options });

  test.each([
    [{ leakRate: 0 }, 'expected leakRate in (0, 1], received 0'],
    [{ density: 1.5 }, 'expected density in (0, 1], received 1.5'],
    [{ spectralRadius: -1 }, 'expected spectralRadius of at least 0, received -1'],
    [{ hiddenSize: 0 }, 'expected hiddenSize to be an integer of at least 1'],
    [{ numLayers: 2, leakRate: [0.1, 0.2, 0.3] }, 'one for each of 2 layers, received 3'],
    [{ feedbackScaling: 1 }, 'expected feedbackSize to be an integer of at least 1'],
    [{ arrangement: 'depe' as 'deep' }, 'unknown arrangement "depe"; did you mean "deep"?'],
  ])('%o', (options, message) => {
    expect(made(options)).toThrow(ConfigError);
    expect(made(options)).toThrow(message);
  });

  test('inputs of another width, states of another shape, feedback without weights for it', () => {
    const reservoir = made({})();
    expect(() => reservoir.forward(zeros([1, 4, 3]))).toThrow('expected x of shape [B, T, 2] (inputSize 2), received [1, 4, 3]');
    expect(() => reservoir.forward(zeros([1, 4, 2]), zeros([1, 2, 5]))).toThrow(ShapeError);
    expect(() => reservoir.forward(zeros([1, 4, 2]), null, { feedback: zeros([1, 4, 1]) })).toThrow(
      'Give feedbackScaling and feedbackSize',
    );
  });

  test('an input that is to have a gradient: none would come', () => {
    const x = tensor([[[1, 2]]], { requiresGrad: true });
    expect(() => made({})().forward(x)).toThrow('Give x.detach()');
  });

  test('weights of another size or name, and indices that are none', () => {
    const reservoir = new Reservoir({ inputSize: 2, hiddenSize: 6, density: 0.2, rng: new Random(1) });
    const state = new Map(reservoir.stateDict());
    const without = new Map([...state].filter(([name]) => name !== 'bias_l0'));
    expect(() => reservoir.loadStateDict(without)).toThrow('missing tensor "bias_l0"');
    expect(() => reservoir.loadStateDict(new Map([...state, ['bias_l7', state.get('bias_l0')!]]))).toThrow('unexpected tensor "bias_l7"');
    const columns = state.get('weight_hh_l0.col_indices')!;
    const wrong = new Map([...state, ['weight_hh_l0.col_indices', { ...columns, values: columns.values.map(() => 6) }]]);
    expect(() => reservoir.loadStateDict(wrong)).toThrow('are not those of a [6, 6] matrix');
  });
});
