import { describe, expect, test } from 'vitest';
import { select, slice } from '../autograd/ops/shape.ts';
import { randomNormal, type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import { getBackend } from '../backend/select.ts';
import { Random } from '../tensor/random.ts';
import { crossValidate } from './cross-validation.ts';
import { EchoStateClassifier } from './echo-state-classifier.ts';
import { EchoStateNetwork, type EchoStateNetworkOptions } from './echo-state-network.ts';
import { fitOnline } from './force.ts';
import { adaptIntrinsically } from './intrinsic-plasticity.ts';
import { memoryCapacity, nrmse, validSteps } from './measures.ts';
import { Reservoir } from './reservoir.ts';
import { RidgeRegression } from './ridge.ts';
import { lorenz, mackeyGlass, narma } from './systems.ts';

const column = (values: ArrayLike<number>, width = 1): Tensor =>
  tensor(Float32Array.from(values), { shape: [1, values.length / width, width] });
const network = (options: Partial<EchoStateNetworkOptions> = {}) =>
  new EchoStateNetwork({ inputSize: 1, outputSize: 1, hiddenSize: 60, leakRate: 0.5, washout: 50, rng: new Random(1), ...options });
const sine = Float64Array.from({ length: 1200 }, (_, t) => Math.sin(0.2 * t) * Math.cos(0.031 * t));

describe('fit', () => {
  test('is the least squares of its features: no weight can be moved to a smaller error', () => {
    const esn = network({ ridge: 0.01, readInput: true });
    const [x, y] = [column(sine.slice(0, 400)), column(sine.slice(1, 401))];
    const { rows, nrmse: error } = esn.fit(x, y);
    expect(rows).toBe(350);
    const told = slice(esn.forward(x).output, 1, 50, 400).dataSync();
    expect(error[0]).toBeCloseTo(nrmse(told, slice(y, 1, 50, 400).dataSync()), 4);
    // The gradient of the penalised error is 0: Σ e z + λ w = 0.
    const states = esn.reservoir.forward(x).output.dataSync();
    const weights = esn.readout.weight.dataSync();
    for (const unit of [0, 17, 59]) {
      let gradient = 0;
      for (let t = 50; t < 400; t++) gradient += (told[t - 50] - sine[t + 1]) * states[t * 60 + unit];
      expect(Math.abs(gradient + 0.01 * weights[unit])).toBeLessThan(2e-3);
    }
  });

  test('in one call, sequence by sequence, or in chunks, it is the same regression', () => {
    const x = randomNormal([3, 80, 1], new Random(2));
    const y = randomNormal([3, 80, 1], new Random(3));
    const whole = network({ washout: 10 });
    const lengths = [80, 30, 11];
    expect(whole.fit(x, y, { lengths }).rows).toBe(70 + 20 + 1);
    const apart = network({ washout: 10 });
    const ridge = apart.regression();
    lengths.forEach((length, b) => {
      const own = (all: Tensor) => slice(slice(all, 0, b, b + 1), 1, 0, length);
      apart.collect(ridge, own(x), own(y));
    });
    apart.solve(ridge);
    const [a, b] = [whole, apart].map(({ readout }) => readout.weight.dataSync());
    a.forEach((value, i) => {
      expect(b[i]).toBeCloseTo(value, 4);
    });
  });

  test('the same seed gives the same readout, to the bit', () => {
    const fitted = () => {
      const esn = network({ noise: 1e-3 });
      esn.fit(column(sine.slice(0, 300)), column(sine.slice(1, 301)));
      return esn.stateDict();
    };
    expect(fitted()).toEqual(fitted());
  });

  test('says what does not fit', () => {
    const esn = network();
    expect(() => esn.fit(zeros([1, 40, 1]), zeros([1, 40, 1]))).toThrow(
      'expected sequences of more than 50 steps (washout), received at most 40',
    );
    expect(() => esn.fit(zeros([1, 80, 1]), zeros([1, 79, 1]))).toThrow('expected y of shape [1, 80, 1]');
    expect(() => esn.fit(column(sine), column(sine.map((value, t) => (t === 700 ? Number.NaN : value))))).toThrow(
      'expected finite numbers',
    );
  });
});

describe('free runs', () => {
  test('a sine goes on by itself', () => {
    const esn = network({ ridge: 1e-8 });
    const wave = Float64Array.from({ length: 900 }, (_, t) => Math.sin(0.2 * t));
    const { state } = esn.fit(column(wave.slice(0, 599)), column(wave.slice(1, 600)));
    const { output } = esn.generate(300, state);
    expect(nrmse(output.dataSync(), wave.subarray(600))).toBeLessThan(0.01);
  });

  test('with feedback: what was told is fed back, so that a run in two parts is one, and steps are the run', () => {
    const esn = network({ feedbackScaling: 0.5, ridge: 1e-4 });
    const x = randomNormal([2, 200, 1], new Random(4));
    esn.fit(x, randomNormal([2, 200, 1], new Random(5)));
    const whole = esn.forward(x);
    const first = esn.forward(slice(x, 1, 0, 70));
    const second = esn.forward(slice(x, 1, 70, 200), first.state);
    const expected = slice(whole.output, 1, 70, 200).dataSync();
    second.output.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 4);
    });
    let state = esn.initialState(2);
    for (let t = 0; t < 5; t++) {
      const next = esn.step(select(x, 1, t), state);
      state = next.state;
      next.output.dataSync().forEach((value, b) => {
        expect(value).toBeCloseTo(select(whole.output, 1, t).dataSync()[b], 4);
      });
    }
  });

  test('a teacher stands in the place of the outputs', () => {
    const esn = network({ feedbackScaling: 0.5, ridge: 1e-6 });
    const [x, y] = [zeros([1, 300, 1]), column(sine.slice(0, 300))];
    const { nrmse: error, state } = esn.fit(x, y);
    const taught = esn.forward(x, null, { teacher: y });
    expect(nrmse(slice(taught.output, 1, 50, 300).dataSync(), slice(y, 1, 50, 300).dataSync())).toBeCloseTo(error[0], 4);
    expect(taught.state[1].dataSync()[0]).toBeCloseTo(sine[299], 5);
    expect(taught.state[0].dataSync()[3]).toBeCloseTo(state[0].dataSync()[3], 5);
  });

  test('an output of another width than the input cannot feed itself', () => {
    const esn = network({ outputSize: 2 });
    expect(() => esn.generate(5, esn.initialState(1))).toThrow('Give the inputs to come as x');
  });
});

test('saved and loaded, it tells the same', () => {
  const esn = network({ feedbackScaling: 0.2 });
  esn.fit(column(sine.slice(0, 300)), column(sine.slice(1, 301)));
  const other = network({ feedbackScaling: 0.2, rng: new Random(77) });
  other.loadStateDict(esn.stateDict());
  expect(other.forward(column(sine.slice(300, 350))).output.dataSync()).toEqual(
    esn.forward(column(sine.slice(300, 350))).output.dataSync(),
  );
  expect(() => other.loadStateDict(new Map([...esn.stateDict(), ['head.weight', { shape: [1], values: new Float32Array(1) }]]))).toThrow(
    'unexpected tensor "head.weight"',
  );
});

describe('learning online', () => {
  test('without feedback it comes to the ridge regression with all but a free bias', () => {
    const esn = network({ hiddenSize: 20, washout: 0, ridge: 0.5 });
    const [x, y] = [column(sine.slice(0, 300)), column(sine.slice(1, 301))];
    const { errors } = fitOnline(esn, x, y, { ridge: 0.5 });
    expect(Math.hypot(...errors.slice(-20))).toBeLessThan(0.3 * Math.hypot(...errors.slice(0, 20)));
    // Σ e z + λ w = 0
    const told = esn.forward(x).output.dataSync();
    const states = esn.reservoir.forward(x).output.dataSync();
    for (const unit of [0, 9]) {
      let gradient = 0;
      for (let t = 0; t < 300; t++) gradient += (told[t] - sine[t + 1]) * states[t * 20 + unit];
      expect(Math.abs(gradient + 0.5 * esn.readout.weight.dataSync()[unit])).toBeLessThan(2e-3);
    }
  });

  test('FORCE: a chaotic reservoir learns a wave while its own output is fed back, and goes on with it', () => {
    const esn = network({
      hiddenSize: 200,
      spectralRadius: 1.5,
      leakRate: 0.3,
      feedbackScaling: 1,
      readInput: false,
      inputScaling: 0,
      biasScaling: 0,
    });
    const wave = Float64Array.from({ length: 2500 }, (_, t) => 0.8 * Math.sin(0.1 * t) + 0.4 * Math.sin(0.2 * t));
    const { state, errors } = fitOnline(esn, zeros([1, 2000, 1]), column(wave.slice(0, 2000)));
    expect(Math.max(...errors.slice(-200))).toBeLessThan(0.05);
    const { output } = esn.forward(zeros([1, 300, 1]), state);
    expect(nrmse(output.dataSync(), wave.slice(2000, 2300))).toBeLessThan(0.2);
  });
});

test('intrinsic plasticity brings the outputs of saturated units to the deviation that is asked for', () => {
  const reservoir = new Reservoir({ inputSize: 1, hiddenSize: 40, inputScaling: 4, rng: new Random(2) });
  const x = randomNormal([1, 800, 1], new Random(3));
  const spread = () => {
    const values = Float64Array.from(reservoir.forward(x).output.dataSync());
    return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
  };
  expect(spread()).toBeGreaterThan(0.7);
  const [{ deviation }] = adaptIntrinsically(reservoir, x, { deviation: 0.3, learningRate: 0.0005, epochs: 10 });
  expect(deviation).toBeGreaterThan(0.22);
  expect(deviation).toBeLessThan(0.38);
  expect(spread()).toBeCloseTo(deviation, 1);
});

describe('on the series of the field', () => {
  test('NARMA-10: 100 units tell it better than a line through the last ten inputs can', () => {
    const { u, y } = narma(1600, new Random(8));
    const esn = network({
      hiddenSize: 100,
      spectralRadius: 1.1,
      leakRate: 0.93,
      inputScaling: 0.27,
      biasScaling: 0.75,
      ridge: 1e-9,
      washout: 100,
    });
    const { state } = esn.fit(column(u.slice(0, 1000)), column(y.slice(0, 1000)));
    const { output } = esn.forward(column(u.slice(1000)), state);
    expect(nrmse(output.dataSync(), y.slice(1000))).toBeLessThan(0.4); // a line: 0.42
  });

  test('Mackey-Glass: 84 steps by itself', () => {
    const series = mackeyGlass(2100).map((value) => Math.tanh(value - 1));
    const esn = network({ hiddenSize: 200, leakRate: 0.48, inputScaling: 1.8, biasScaling: 0.29, ridge: 1e-10, washout: 200 });
    const { state } = esn.fit(column(series.slice(0, 1999)), column(series.slice(1, 2000)));
    expect(nrmse(esn.generate(84, state).output.dataSync(), series.slice(2000, 2084))).toBeLessThan(0.02);
  });

  test('the equations: NARMA and Lorenz step by step, Mackey-Glass by half the step', () => {
    const { u, y } = narma(200, new Random(1));
    const t = 57;
    const sum = y.subarray(t - 10, t).reduce((total, value) => total + value, 0);
    expect(y[t]).toBeCloseTo(0.3 * y[t - 1] + 0.05 * y[t - 1] * sum + 1.5 * u[t - 9] * u[t] + 0.1, 12);
    const [coarse, fine] = [mackeyGlass(50, { discard: 0 }), mackeyGlass(50, { discard: 0, dt: 0.05 })];
    coarse.forEach((value, i) => {
      expect(value).toBeCloseTo(fine[i], 4);
    });
    const [once, twice] = [lorenz(20, { discard: 0 }), lorenz(40, { discard: 0, dt: 0.01 })];
    for (let i = 0; i < 20; i++) expect(once[3 * i]).toBeCloseTo(twice[6 * i], 3);
  });

  test('memory: what is linear and long remembers more, and never more than there are units', () => {
    const capacity = (spectralRadius: number, inputScaling: number) =>
      memoryCapacity(new Reservoir({ inputSize: 1, hiddenSize: 30, spectralRadius, inputScaling, biasScaling: 0, rng: new Random(4) }), {
        rng: new Random(5),
        steps: 1500,
      }).capacity;
    const [long, short, saturated] = [capacity(0.95, 0.05), capacity(0.3, 0.05), capacity(0.95, 5)];
    expect(long).toBeGreaterThan(12);
    expect(long).toBeLessThan(31);
    expect(short).toBeLessThan(0.7 * long);
    expect(saturated).toBeLessThan(0.7 * long);
  });
});

describe('cross-validation in the order of time', () => {
  test('is what fits on what came first tell of what comes next', () => {
    const [x, y] = [column(sine.slice(0, 400)), column(sine.slice(1, 401))];
    const given = { inputSize: 1, outputSize: 1, hiddenSize: 20, washout: 40, leakRate: 0.5 };
    const { folds } = crossValidate({ ...given, rng: new Random(1) }, x, y, { folds: 3, ridges: [1e-3] });
    [100, 200, 300].forEach((cut, i) => {
      const esn = new EchoStateNetwork({ ...given, ridge: 1e-3, rng: new Random(1) });
      const { state } = esn.fit(slice(x, 1, 0, cut), slice(y, 1, 0, cut));
      const { output } = esn.forward(slice(x, 1, cut, cut + 100), state);
      expect(folds[i]).toBeCloseTo(nrmse(output.dataSync(), slice(y, 1, cut, cut + 100).dataSync()), 4);
    });
  });

  test('by free runs', () => {
    const { score, ridge } = crossValidate(
      { inputSize: 1, outputSize: 1, hiddenSize: 60, washout: 40, leakRate: 0.5, rng: new Random(1) },
      column(sine.slice(0, 800)),
      column(sine.slice(1, 801)),
      { folds: 2, freeRun: 50, ridges: [1e-8, 1e3] },
    );
    expect(ridge).toBe(1e-8);
    expect(score).toBeLessThan(0.6);
  });

  test('says what is too short', () => {
    const given = { inputSize: 1, outputSize: 1, hiddenSize: 5, rng: new Random(1) };
    expect(() => crossValidate(given, zeros([1, 300, 1]), zeros([1, 300, 1]))).toThrow(
      'expected blocks of more than 100 steps (washout), received 75',
    );
  });
});

describe('classification', () => {
  const draw = (seed: number, count: number) => {
    const rng = new Random(seed);
    const labels = Array.from({ length: count }, (_, i) => i % 3);
    const lengths = labels.map(() => 25 + rng.integer(16));
    const x = new Float32Array(count * 40);
    labels.forEach((label, b) => {
      const phase = rng.uniform() * 6;
      for (let t = 0; t < lengths[b]; t++) x[b * 40 + t] = Math.sin(phase + (0.2 + 0.15 * label) * t) + 0.1 * (rng.uniform() - 0.5);
    });
    return { x: tensor(x, { shape: [count, 40, 1] }), labels, lengths };
  };

  test.each(['mean', 'last', 'both'] as const)('tells three frequencies apart, whatever the phase; pooling %s', (pooling) => {
    // One unit's mean over a wave is near 0: the bias makes of it something that depends on the frequency.
    const classifier = new EchoStateClassifier({
      inputSize: 1,
      numClasses: 3,
      hiddenSize: 120,
      leakRate: 0.3,
      biasScaling: 1,
      pooling,
      ridge: 1e-3,
      rng: new Random(1),
    });
    const train = draw(1, 150);
    classifier.fit(train.x, train.labels, train);
    const test = draw(2, 60);
    const right = [...classifier.predict(test.x, test)].filter((label, b) => label === test.labels[b]).length;
    expect(right).toBeGreaterThan(50);
    const other = new EchoStateClassifier({ inputSize: 1, numClasses: 3, hiddenSize: 120, leakRate: 0.3, pooling, rng: new Random(9) });
    other.loadStateDict(classifier.stateDict());
    expect(other.predict(test.x, test)).toEqual(classifier.predict(test.x, test));
  });

  test('refuses labels that are none', () => {
    const classifier = new EchoStateClassifier({ inputSize: 1, numClasses: 2, hiddenSize: 5, rng: new Random(1) });
    expect(() => classifier.fit(zeros([2, 4, 1]), [0, 2])).toThrow('expected labels in 0…1, received 2 for sequence 1');
    expect(() => classifier.fit(zeros([2, 4, 1]), [0])).toThrow('expected 2 labels');
  });
});

describe('ridge regression', () => {
  test('rows of two regressions together are one', () => {
    const rows = randomNormal([40, 5], new Random(1));
    const made = () => new RidgeRegression({ features: 3, targets: 1, backend: getBackend() });
    const [whole, first, second] = [made(), made(), made()];
    whole.add(rows);
    first.add(slice(rows, 0, 0, 15));
    second.add(slice(rows, 0, 15, 40));
    first.merge(second);
    expect(first.rows).toBe(40);
    const [a, b] = [whole, first].map((ridge) => ridge.solve(0.1).weight);
    a.forEach((value, i) => {
      expect(b[i]).toBeCloseTo(value, 6);
    });
  });

  test('says what is wrong', () => {
    const ridge = new RidgeRegression({ features: 3, targets: 1 });
    expect(() => ridge.solve(1)).toThrow('expected at least one row');
    expect(() => ridge.add(zeros([4, 4]))).toThrow('expected rows of shape [R, 5], received [4, 4]');
    ridge.add(zeros([4, 5]));
    expect(() => ridge.solve(-1)).toThrow('expected a penalty of at least 0, received -1');
  });
});

test('errors and times: by hand', () => {
  expect(nrmse([1, 2, 3], [1, 2, 3])).toBe(0);
  expect(nrmse([2, 2, 2], [1, 2, 3])).toBeCloseTo(1, 12);
  expect(nrmse([1, 0, 3, 10], [1, 0, 3, 4], 2)).toBeCloseTo(Math.sqrt((0 / 2 + 36 / 8) / 2), 12);
  expect(() => nrmse([1], [1, 2])).toThrow('as many predictions as targets');
  expect(validSteps([1, 2, 9, 4], [1, 2, 3, 4], 1)).toBe(2);
  expect(validSteps([1, 2, 3, 4], [1, 2, 3, 4], 1)).toBe(4);
  expect(validSteps([1, Number.NaN, 3, 4], [1, 2, 3, 4], 1)).toBe(1);
});
