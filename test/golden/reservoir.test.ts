/** Echo state networks against NumPy: states, dense and sparse; spectral radii; ridge regression; learning online; plasticity. */
import { expect, test } from 'vitest';
import { concat } from '../../src/autograd/ops/concat.ts';
import { ones } from '../../src/autograd/tensor.ts';
import type { Backend } from '../../src/backend/backend.ts';
import { adaptIntrinsically } from '../../src/reservoir/intrinsic-plasticity.ts';
import { RecursiveLeastSquares } from '../../src/reservoir/recursive-least-squares.ts';
import { Reservoir } from '../../src/reservoir/reservoir.ts';
import { RidgeRegression } from '../../src/reservoir/ridge.ts';
import type { SquareMatrix } from '../../src/reservoir/sparse-matrix.ts';
import { spectralRadius } from '../../src/reservoir/spectral-radius.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, expectNumbersClose, type Recorded, readFixture, tensorOf, valuesOf } from './fixture.ts';

type Weights = Readonly<Record<'W' | 'W_in' | 'b', Recorded>>;

const fixture = readFixture<{
  network: Weights &
    Readonly<Record<'W_fb' | 'x' | 'feedback' | 'h' | 'output' | 'last', Recorded>> & { leakRate: number; lengths: number[] };
  radii: { W: Recorded; radius: number; isComplex: boolean }[];
  ridges: (Readonly<Record<'Z' | 'Y' | 'weight' | 'bias' | 'told' | 'squaredErrors', Recorded>> & {
    penalty: number;
    isSingular: boolean;
  })[];
  recursive: Readonly<Record<'Z' | 'Y' | 'weight' | 'errors', Recorded>> & { ridge: number; forgetting: number };
  plasticity: Weights &
    Readonly<Record<'x' | 'gain' | 'shift', Recorded>> & {
      leakRate: number;
      mean: number;
      deviation: number;
      learningRate: number;
      epochs: number;
    };
}>('reservoir');

/** A matrix's entries that are not 0, in compressed rows. */
function compressed(W: Recorded): SquareMatrix {
  const [n] = W.shape;
  const values = valuesOf(W);
  const rowStarts = new Int32Array(n + 1);
  const columns: number[] = [];
  const kept: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (values[i * n + j] === 0) continue;
      columns.push(j);
      kept.push(values[i * n + j]);
    }
    rowStarts[i + 1] = columns.length;
  }
  return { n, values: Float64Array.from(kept), sparse: { rowStarts, columns: Int32Array.from(columns) } };
}

function reservoirOf({ W, W_in, b, leakRate }: Weights & { leakRate: number }, isSparse: boolean, weightFb?: Recorded): Reservoir {
  const [hiddenSize, inputSize] = W_in.shape;
  const feedback = weightFb === undefined ? {} : { feedbackScaling: 1, feedbackSize: weightFb.shape[1] };
  const reservoir = new Reservoir({ inputSize, hiddenSize, leakRate, ...feedback });
  const entry = (recorded: Recorded) => ({ shape: recorded.shape, values: valuesOf(recorded) });
  const { values, sparse } = compressed(W);
  const listed = (list: Int32Array | Float64Array) => ({ shape: [list.length], values: list });
  reservoir.loadStateDict(
    new Map([
      ['weight_ih_l0', entry(W_in)],
      ['bias_l0', entry(b)],
      ['leak_rate_l0', listed(new Float64Array(hiddenSize).fill(leakRate))],
      ...(weightFb === undefined ? [] : ([['weight_fb_l0', entry(weightFb)]] as const)),
      ...(isSparse
        ? ([
            ['weight_hh_l0.crow_indices', listed(sparse!.rowStarts)],
            ['weight_hh_l0.col_indices', listed(sparse!.columns)],
            ['weight_hh_l0.values', listed(values as Float64Array)],
          ] as const)
        : ([['weight_hh_l0', entry(W)]] as const)),
    ]),
  );
  return reservoir;
}

onEveryBackend((backend: Backend) => {
  test.each([false, true])('states with feedback, lengths and a state given; sparse: %s', (isSparse) => {
    const { network } = fixture;
    const reservoir = reservoirOf(network, isSparse, network.W_fb);
    const given = (recorded: Recorded) => tensorOf(recorded, backend);
    const h = given({ ...network.h, shape: [1, ...network.h.shape] });
    const { output, state } = reservoir.forward(given(network.x), h, { lengths: network.lengths, feedback: given(network.feedback) });
    expectClose(output, network.output, 'states');
    expectClose(state, { ...network.last, shape: [1, ...network.last.shape] }, 'last state');
  });

  test.each(fixture.ridges)('ridge regression, penalty $penalty, singular: $isSingular', ({ Z, Y, penalty, isSingular, ...expected }) => {
    const [rows, features] = Z.shape;
    const [, targets] = Y.shape;
    const ridge = new RidgeRegression({ features, targets, backend });
    ridge.add(concat([tensorOf(Z, backend), ones([rows, 1], { backend }), tensorOf(Y, backend)], -1));
    const { weight, bias, method, rank, squaredErrors } = ridge.solve(penalty);
    expect(method).toBe(isSingular ? 'pivoted' : 'cholesky');
    expect(rank).toBe(isSingular ? features - 2 : features);
    const tolerance = backend.float === 'float64' ? 1e-10 : 1e-5;
    if (!isSingular) {
      expectNumbersClose(weight, valuesOf(expected.weight), 'weights', tolerance);
      expectNumbersClose(bias, valuesOf(expected.bias), 'biases', tolerance);
    }
    // Of a singular problem the weights are one solution of many; what they say is the same.
    const z = valuesOf(Z);
    const told = Float64Array.from({ length: rows * targets }, (_, i) => {
      const [r, o] = [Math.floor(i / targets), i % targets];
      let sum = bias[o];
      for (let f = 0; f < features; f++) sum += weight[o * features + f] * z[r * features + f];
      return sum;
    });
    expectNumbersClose(told, valuesOf(expected.told), 'what is told', isSingular ? 1e-5 : tolerance);
    expectNumbersClose(squaredErrors, valuesOf(expected.squaredErrors), 'squared errors', 1e-5);
    const judged = ridge.judge({ weight, bias });
    expectNumbersClose(judged.squaredErrors, squaredErrors, 'squared errors, judged', 1e-9);
  });
});

test.each(fixture.radii)('the spectral radius is $radius, complex: $isComplex', ({ W, radius }) => {
  const [n] = W.shape;
  const dense = { n, values: Float64Array.from(valuesOf(W)), sparse: null };
  expect(spectralRadius(dense) / radius).toBeCloseTo(1, 7);
  expect(spectralRadius(compressed(W)) / radius).toBeCloseTo(1, 7);
});

test('recursive least squares with forgetting', () => {
  const { ridge, forgetting, Z, Y, weight, errors } = fixture.recursive;
  const [T, features] = Z.shape;
  const [, targets] = Y.shape;
  const rls = new RecursiveLeastSquares({ features, targets, ridge, forgetting });
  const [z, y] = [valuesOf(Z), valuesOf(Y)];
  const found: number[] = [];
  for (let t = 0; t < T; t++) {
    found.push(...rls.update(z.subarray(t * features, (t + 1) * features), y.subarray(t * targets, (t + 1) * targets)));
  }
  expectNumbersClose(rls.weight, valuesOf(weight), 'weights', 1e-10);
  expectNumbersClose(found, valuesOf(errors), 'errors', 1e-10);
});

onEveryBackend((backend) => {
  test('intrinsic plasticity: gains and shifts, and the reservoir that takes them on', () => {
    const { plasticity } = fixture;
    const { x, W, mean, deviation, learningRate, epochs } = plasticity;
    const before = reservoirOf(plasticity, false);
    const adapted = reservoirOf(plasticity, false);
    const [found] = adaptIntrinsically(adapted, tensorOf(x, backend), { mean, deviation, learningRate, epochs });
    const [gain, shift] = [valuesOf(plasticity.gain), valuesOf(plasticity.shift)];
    const tolerance = backend.float === 'float64' ? 1e-10 : 1e-6;
    expectNumbersClose(found.gain, gain, 'gains', tolerance);
    expectNumbersClose(found.shift, shift, 'shifts', tolerance);
    const [H] = W.shape;
    const [old, now] = [before, adapted].map((reservoir) => reservoir.stateDict());
    const scaled = old.get('weight_hh_l0')!.values.map((value, i) => value * gain[Math.floor(i / H)]);
    expectNumbersClose(now.get('weight_hh_l0')!.values, scaled, 'W', 1e-6);
    const biases = old.get('bias_l0')!.values.map((value, i) => value * gain[i] + shift[i]);
    expectNumbersClose(now.get('bias_l0')!.values, biases, 'b', 1e-6);
  });
});
