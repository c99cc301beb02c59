/** Norms of Jacobians against differences in float64, and where they are known by heart. */
import { beforeEach, describe, expect, it } from 'vitest';
import { add, mul, sub } from '../autograd/ops/binary.ts';
import { select } from '../autograd/ops/shape.ts';
import { randomNormal, randomUniform, Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { GRU } from '../nn/gru.ts';
import { GRUCell } from '../nn/gru-cell.ts';
import { LSTM } from '../nn/lstm.ts';
import { type CellState, Recurrent } from '../nn/recurrent.ts';
import { RNN } from '../nn/rnn.ts';
import { Random } from '../tensor/random.ts';
import { jacobianNorms, memoryHorizon } from './jacobians.ts';
import { lyapunovExponents } from './lyapunov.ts';
import type { Stepping } from './trajectory.ts';

beforeEach(() => {
  setBackend('reference');
});

/** The state after the steps that follow step `from`, as a function of the state there and of the inputs. */
function after<S extends CellState>(network: Stepping<S>, x: Tensor, from: number, change: (state: S | null) => S | null): number[] {
  const [, T, I] = x.shape;
  const numbers = x.dataSync();
  let state: S | null = null;
  for (let t = 0; t < T; t++) {
    if (t === from) state = change(state);
    state = network.step(tensor(numbers.subarray(t * I, (t + 1) * I), { shape: [1, I] }), state).state;
  }
  return flat(state as S);
}

const list = (state: CellState): readonly Tensor[] => (state instanceof Tensor ? [state] : (state as readonly Tensor[]));
const flat = (state: CellState): number[] => list(state).flatMap((part) => [...part.dataSync()]);

/** ∂s_T/∂s_{T−k} by central differences, [S][S]: rows are the later state's. */
function differences<S extends CellState>(network: Stepping<S>, x: Tensor, k: number): number[][] {
  const T = x.shape[1];
  const epsilon = 1e-6;
  const moved = (index: number, by: number): number[] =>
    after(network, x, T - k, (state) => {
      let offset = 0;
      const parts = list(state!).map((part) => {
        const values = part.dataSync();
        if (index >= offset && index < offset + values.length) values[index - offset] += by;
        offset += values.length;
        return tensor(values, { shape: part.shape });
      });
      return (state instanceof Tensor ? parts[0] : parts) as unknown as S;
    });
  const size = after(network, x, 0, (state) => state).length;
  const columns = Array.from({ length: size }, (_, index) => {
    const [up, down] = [moved(index, epsilon), moved(index, -epsilon)];
    return up.map((value, i) => (value - down[i]) / (2 * epsilon));
  });
  return Array.from({ length: size }, (_, row) => columns.map((column) => column[row]));
}

const rms = (rows: readonly (readonly number[])[]): number =>
  Math.sqrt(rows.flat().reduce((sum, value) => sum + value ** 2, 0) / rows.length);
const block = (matrix: readonly number[][], from: number, length: number): number[][] =>
  matrix.slice(from, from + length).map((row) => row.slice(from, from + length));

describe('norms of Jacobians are those of differences', () => {
  const T = 6;
  const H = 3;
  const rng = new Random(1);
  const options = { inputSize: 2, hiddenSize: H, numLayers: 2, rng };
  it.each<[string, () => Stepping<CellState>, width: number]>([
    ['RNN', () => new RNN(options) as Stepping<CellState>, H],
    ['GRU', () => new GRU(options) as Stepping<CellState>, H],
    ['LSTM', () => new LSTM(options) as unknown as Stepping<CellState>, H],
    [
      'LSTM with peepholes, projection and normalisation',
      () => new LSTM({ ...options, peepholes: true, projSize: 2, layerNorm: true }) as unknown as Stepping<CellState>,
      2,
    ],
    ['a cell in a loop', () => new Recurrent(new GRUCell({ inputSize: 2, hiddenSize: H, rng })) as unknown as Stepping<CellState>, H],
  ])('%s', (_, make, width) => {
    const network = make();
    const x = randomNormal([1, T, 2], new Random(2));
    const norms = jacobianNorms(network, x);
    expect(norms.probes).toBe(0);
    expect(norms.state).toHaveLength(T);
    expect(norms.state[0]).toBe(1);
    for (const k of [1, 2, 5]) {
      const expected = differences(network, x, k);
      expect(norms.state[k] / rms(expected)).toBeCloseTo(1, 6);
      norms.hidden.forEach((own, layer) => {
        expect(own[k] / rms(block(expected, layer * width, width))).toBeCloseTo(1, 6);
      });
    }
  });

  it('and so is the influence of the input', () => {
    const gru = new GRU({ ...options, rng: new Random(3) });
    const x = randomNormal([1, T, 2], new Random(2));
    const { input } = jacobianNorms(gru, x);
    const epsilon = 1e-6;
    for (const k of [0, 3]) {
      const columns = [0, 1].map((feature) => {
        const ends = [epsilon, -epsilon].map((by) => {
          const values = x.dataSync();
          values[(T - 1 - k) * 2 + feature] += by;
          return after(gru, tensor(values, { shape: x.shape }), 0, (state) => state).slice(H); // h of the last layer
        });
        return ends[0].map((value, i) => (value - ends[1][i]) / (2 * epsilon));
      });
      const rows = Array.from({ length: H }, (_, i) => columns.map((column) => column[i]));
      expect(input[k] / rms(rows)).toBeCloseTo(1, 6);
    }
  });
});

/** With relu and nothing negative in it, an Elman network is linear: h_t = W h_{t−1} + x_t. */
function linear(W: readonly (readonly number[])[]): RNN {
  const H = W.length;
  const rnn = new RNN({ inputSize: H, hiddenSize: H, activation: 'relu', bias: false, recurrentInit: (v) => v.set(W.flat()) });
  rnn
    .namedParameters()
    .get('weight_ih_l0')!
    .assign(W.flatMap((_, i) => W.map((__, j) => (i === j ? 1 : 0))));
  return rnn;
}
const positive = (T: number, H: number): Tensor => randomUniform([1, T, H], new Random(4));

describe('where the answer is known', () => {
  const permutation = [
    [0, 1, 0],
    [0, 0, 1],
    [1, 0, 0],
  ];

  it('an orthogonal recurrence keeps every norm at 1, and its exponents at 0', () => {
    const rnn = linear(permutation);
    const { state, hidden, spectral, input } = jacobianNorms(rnn, positive(40, 3));
    for (const norms of [state, hidden[0], spectral!, input]) for (const norm of norms) expect(norm).toBeCloseTo(1, 12);
    for (const exponent of lyapunovExponents(rnn, positive(40, 3), { count: 3 })) expect(exponent).toBeCloseTo(0, 12);
  });

  it('a linear network has the powers of its matrix, and the logarithms of its eigenvalues as exponents', () => {
    // eigenvalues 0.9, 0.5 and 0.2, by construction: triangular
    const rnn = linear([
      [0.9, 0.3, 0.1],
      [0, 0.5, 0.4],
      [0, 0, 0.2],
    ]);
    const exponents = lyapunovExponents(rnn, positive(1500, 3), { count: 3, discard: 50 });
    [0.9, 0.5, 0.2].forEach((eigenvalue, i) => {
      expect(exponents[i]).toBeCloseTo(Math.log(eigenvalue), 3);
    });
    const shrinking = linear([
      [0.5, 0],
      [0, 0.5],
    ]);
    const { state, spectral } = jacobianNorms(shrinking, positive(10, 2));
    state.forEach((norm, k) => {
      expect(norm).toBeCloseTo(0.5 ** k, 12);
      expect(spectral![k]).toBeCloseTo(0.5 ** k, 12);
    });
  });

  it('the spectral norm is the largest stretch, where the mean over directions is less', () => {
    const { state, spectral } = jacobianNorms(
      linear([
        [2, 0],
        [0, 0.5],
      ]),
      positive(4, 2),
    );
    expect(spectral![3]).toBeCloseTo(8, 5);
    expect(state[3]).toBeCloseTo(Math.sqrt((8 ** 2 + 0.125 ** 2) / 2), 12);
  });

  it('a memory that loses a tenth a step has a horizon of 44 steps: 0.9^44 < 1 %', () => {
    const { input } = jacobianNorms(linear([[0.9]]), positive(60, 1));
    expect(memoryHorizon(input)).toBe(44);
    expect(memoryHorizon(input.slice(0, 40))).toBeNull();
    expect(memoryHorizon([1, 0.001, 0.5, 0.001, 0.002])).toBe(3);
  });

  it.each([4, 0.7])('a random network of gain %s parts or joins two neighbouring states at the rate of its exponent', (gain) => {
    const H = 24;
    const recurrentInit = (values: Float32Array | Float64Array): void => {
      new Random(5).fillNormal(values);
      for (let i = 0; i < values.length; i++) values[i] *= gain / Math.sqrt(H);
    };
    const rnn = new RNN({ inputSize: 1, hiddenSize: H, bias: false, recurrentInit, rng: new Random(6) });
    const T = 500;
    const x = mul(randomNormal([1, T, 1], new Random(7)), 0.1);
    const [exponent] = lyapunovExponents(rnn, x);
    // Two states a hair apart, brought back to that distance after every step (Benettin et al. 1976)
    const distance = 1e-7;
    let state = tensor(new Float64Array(H), { shape: [1, 1, H] });
    let other = tensor(new Float64Array(H).fill(distance / Math.sqrt(H)), { shape: [1, 1, H] });
    let sum = 0;
    for (let t = 0; t < T; t++) {
      const now = select(x, 1, t);
      [state, other] = [rnn.step(now, state).state, rnn.step(now, other).state];
      const difference = sub(other, state).dataSync();
      const length = Math.hypot(...difference);
      if (t >= T / 10 && t < T - T / 10) sum += Math.log(length / distance);
      other = add(
        state,
        tensor(
          Float64Array.from(difference, (d) => (d * distance) / length),
          { shape: [1, 1, H] },
        ),
      );
    }
    expect(Math.abs(exponent - sum / (0.8 * T))).toBeLessThan(0.01);
    expect(exponent > 0).toBe(gain > 1);
  });
});

describe('estimates', () => {
  it('of many probes are the exact norms, within their error', () => {
    const lstm = new LSTM({ inputSize: 2, hiddenSize: 6, forgetBias: 1, rng: new Random(1) });
    const x = randomNormal([1, 12, 2], new Random(2));
    const exact = jacobianNorms(lstm, x);
    const { state, hidden, input, spectral, probes } = jacobianNorms(lstm, x, { probes: 400 });
    expect([probes, spectral]).toEqual([400, null]);
    for (const k of [0, 1, 5, 11]) {
      expect(Math.abs(state[k] / exact.state[k] - 1)).toBeLessThan(0.08);
      expect(Math.abs(hidden[0][k] / exact.hidden[0][k] - 1)).toBeLessThan(0.08);
      expect(Math.abs(input[k] / exact.input[k] - 1)).toBeLessThan(0.08);
    }
  });

  it('are taken where a state is large', () => {
    setBackend('native');
    const gru = new GRU({ inputSize: 2, hiddenSize: 300, rng: new Random(1) });
    const { probes, state } = jacobianNorms(gru, randomNormal([1, 3, 2], new Random(2)), { lags: 1 });
    expect(probes).toBe(32);
    expect(state).toHaveLength(2);
    expect(state[0]).toBeCloseTo(1, 5);
  });
});

it('a model that is looked at stays as it was: in training, with gradients, undisturbed', () => {
  const lstm = new LSTM({ inputSize: 2, hiddenSize: 3, numLayers: 2, dropout: 0.5, rng: new Random(1) });
  jacobianNorms(lstm, randomNormal([1, 4, 2], new Random(2)));
  expect(lstm.isTraining).toBe(true);
  expect(lstm.parameters().every(({ requiresGrad, grad }) => requiresGrad && grad === null)).toBe(true);
});

it('what cannot be measured is refused', () => {
  const rnn = new RNN({ inputSize: 2, hiddenSize: 3 });
  expect(() => jacobianNorms(rnn, randomNormal([2, 4, 2], new Random(2)))).toThrow(
    'expected one sequence, x of shape [1, T, I], received [2, 4, 2]',
  );
  const x = randomNormal([1, 4, 2], new Random(2));
  expect(() => jacobianNorms(rnn, x, { at: 5 })).toThrow('[jacobianNorms] expected at to be a whole number in 1…4, received 5.');
  expect(() => lyapunovExponents(rnn, x, { count: 4 })).toThrow('expected count in 1…3 (numbers in the state), received 4.');
  expect(() => lyapunovExponents(rnn, x, { discard: 2 })).toThrow('below half of the 4 steps, received 2.');
});
