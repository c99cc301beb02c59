/**
 * Four steps of each optimiser from p_i = sin(i+1) with gradients cos((i+1)·t), t = 1…4. Expected: torch.optim of PyTorch
 * 1.13.0 in float64, the options beside them.
 */
import { expect, test } from 'vitest';
import type { Buffer } from '../backend.ts';
import { ReferenceBackend } from './reference.ts';

const backend = new ReferenceBackend();
const size = 4;

function buffer(value: (i: number) => number, length = size): Buffer {
  const made = backend.allocate('float64', length);
  backend.write(
    made,
    Float64Array.from({ length }, (_, i) => value(i)),
  );
  return made;
}

const zeros = () => buffer(() => 0);

/** What `steps` of an optimiser make of the parameters. `update` gets t from 1. */
function train(update: (parameters: Buffer, gradient: Buffer, t: number) => void): number[] {
  const parameters = buffer((i) => Math.sin(i + 1));
  for (let t = 1; t <= 4; t++)
    update(
      parameters,
      buffer((i) => Math.cos((i + 1) * t)),
      t,
    );
  return [...backend.read(parameters)];
}

/** float64 against float64: only the order of operations differs. */
function expectClose(actual: ArrayLike<number>, expected: number[]): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 12);
  });
}

test.each([
  [{}, [0.9934190496222025, 0.9348094472825818, 0.15082985937009363, -0.6655075776816164]],
  [{ weightDecay: 0.2 }, [0.9276435920993752, 0.8611036504491534, 0.13603251942094952, -0.6094880270762624]],
  [{ momentum: 0.9, dampening: 0.3, weightDecay: 0.2 }, [0.7952168667403587, 0.921364163649316, 0.33150535137332343, -0.4486273069838255]],
  [{ momentum: 0.9, nesterov: true, weightDecay: 0.2 }, [0.9685610335291819, 0.8404545845770763, 0.24420427057511598, -0.3349670541043171]],
])('SGD, learning rate 0.1, %o', (options, expected) => {
  const velocity = 'momentum' in options ? zeros() : null;
  const defaults = { learningRate: 0.1, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 };
  expectClose(
    train((parameters, gradient, t) => backend.sgd({ ...defaults, ...options, parameters, gradient, velocity, isFirst: t === 1 })),
    expected,
  );
});

test.each([
  [{}, [0.8671084366137618, 1.099149551024914, 0.25666331044354596, -0.5650781132598913]],
  [{ weightDecay: 0.2 }, [0.8020652752586153, 1.0388731887853702, 0.24385880530635967, -0.5242502339587527]],
  [{ weightDecay: 0.2, amsgrad: true }, [0.8020652752586153, 1.0396236837116863, 0.24385880530635967, -0.5242502339587527]],
  [{ weightDecay: 0.2, decoupled: true }, [0.806588612538326, 1.0189535934044283, 0.23954493633447177, -0.5149294062157432]],
  [{ weightDecay: 0.2, decoupled: true, amsgrad: true }, [0.806588612538326, 1.0189450033329257, 0.23954493633447177, -0.5149464798102251]],
])('Adam, learning rate 0.1, betas 0.8 and 0.95, epsilon 1e-3, %o', (options, expected) => {
  const m = zeros();
  const v = zeros();
  const vMax = 'amsgrad' in options ? zeros() : null;
  const defaults = { learningRate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0, decoupled: false };
  expectClose(
    train((parameters, gradient, step) => backend.adam({ ...defaults, ...options, parameters, gradient, m, v, vMax, step })),
    expected,
  );
});

test.each([
  [{}, [1.1518870322302757, 1.2808227280901003, 0.25851215539530503, -0.40656958045313685]],
  [{ momentum: 0.7, weightDecay: 0.2 }, [0.8945589005682403, 1.7467754925517753, 0.5290865694259511, 0.0649089191693363]],
  [{ momentum: 0.7, centred: true }, [1.0766358023340445, 2.010965412106284, 0.649496743590558, 0.03950509478445381]],
])('RMSprop, learning rate 0.1, alpha 0.9, epsilon 1e-3, %o', (options, expected) => {
  const squareAverage = zeros();
  const gradientAverage = 'centred' in options ? zeros() : null;
  const momentumBuffer = 'momentum' in options ? zeros() : null;
  const defaults = { learningRate: 0.1, alpha: 0.9, epsilon: 1e-3, momentum: 0, weightDecay: 0 };
  const state = { squareAverage, gradientAverage, momentumBuffer };
  expectClose(
    train((parameters, gradient) => backend.rmsprop({ ...defaults, ...options, ...state, parameters, gradient })),
    expected,
  );
});

test('Adagrad, learning rate 0.1, epsilon 1e-3, weight decay 0.2', () => {
  const sum = zeros();
  expectClose(
    train((parameters, gradient) => backend.adagrad({ parameters, gradient, sum, learningRate: 0.1, epsilon: 1e-3, weightDecay: 0.2 })),
    [0.8902906128126675, 1.0014050084804569, 0.17450495091050197, -0.6188441634342589],
  );
});

test('clipNorm scales as torch.nn.utils.clip_grad_norm_, and measures only without a maximum', () => {
  const gradient = buffer((i) => [3, -4, 12][i], 3);
  const norm = buffer(() => 0, 1);
  backend.clipNorm(gradient, 0, norm);
  expectClose(backend.read(norm), [13]);
  backend.clipNorm(gradient, 14, norm);
  expectClose(backend.read(gradient), [3, -4, 12]);
  backend.clipNorm(gradient, 2, norm);
  expectClose(backend.read(norm), [13]);
  expectClose(backend.read(gradient), [0.46153842603550577, -0.615384568047341, 1.846153704142023]);
});

test('clipNorm leaves a gradient that is not finite, and clipValue leaves NaN', () => {
  const gradient = buffer((i) => [3, Number.POSITIVE_INFINITY, Number.NaN, -7][i]);
  const norm = buffer(() => 0, 1);
  backend.clipNorm(gradient, 1, norm);
  expect(backend.read(norm)[0]).toBeNaN();
  expect([...backend.read(gradient)]).toEqual([3, Number.POSITIVE_INFINITY, Number.NaN, -7]);
  backend.clipValue(gradient, 5);
  expect([...backend.read(gradient)]).toEqual([3, 5, Number.NaN, -5]);
});

test('lerp moves y towards x', () => {
  const y = buffer((i) => i);
  backend.lerp(
    buffer(() => 10),
    y,
    0.25,
  );
  expectClose(backend.read(y), [2.5, 3.25, 4, 4.75]);
});
