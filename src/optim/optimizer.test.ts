import { beforeEach, describe, expect, it } from 'vitest';
import { expectNumbersClose, type Recorded, readFixture, tolerances, valuesOf } from '../../test/golden/fixture.ts';
import { add, mul, sub } from '../autograd/ops/binary.ts';
import { log, sqrt, square } from '../autograd/ops/elementwise.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { Parameter, type Tensor, tensor } from '../autograd/tensor.ts';
import type { BackendName } from '../backend/backend.ts';
import { getBackend, setBackend } from '../backend/select.ts';
import { Module } from '../nn/module.ts';
import { ConfigError, DivergenceError } from '../tensor/errors.ts';
import { Adagrad } from './adagrad.ts';
import { Adam, AdamW } from './adam.ts';
import type { Optimizer } from './optimizer.ts';
import { RMSprop } from './rmsprop.ts';
import { exponentialDecay } from './schedule.ts';
import { SGD } from './sgd.ts';

interface Fixture {
  readonly start: Recorded;
  readonly gradients: Recorded;
  readonly cases: readonly {
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly learningRate: number;
    readonly after: Recorded;
  }[];
  readonly clipNorm: readonly {
    readonly maxNorm: number;
    readonly gradients: readonly Recorded[];
    readonly norm: number;
    readonly clipped: readonly Recorded[];
  }[];
}

const fixture = readFixture<Fixture>('optimizers');

const classes: Readonly<Record<string, new (target: readonly Parameter[], options: { learningRate: number }) => Optimizer>> = {
  SGD,
  Adam,
  AdamW,
  RMSprop,
  Adagrad,
};

/** torch's options under our names. */
function ours({
  betas,
  eps,
  lr_decay,
  initial_accumulator_value,
  weight_decay,
  ...same
}: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [beta1, beta2] = (betas ?? []) as number[];
  const named = {
    beta1,
    beta2,
    epsilon: eps,
    learningRateDecay: lr_decay,
    initialAccumulator: initial_accumulator_value,
    weightDecay: weight_decay,
  };
  return { ...same, ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) };
}

/** Its gradient is `gradient`, whatever the parameters are. */
const withGradient = (parameter: Tensor, gradient: Tensor) => sum(mul(parameter, gradient));

describe.each(['reference', 'native', 'wasm'] satisfies BackendName[])('optimizers on %s', (name) => {
  beforeEach(() => {
    setBackend(name);
  });

  it.each(fixture.cases.map((record) => [`${record.name} ${JSON.stringify(record.options)}`, record] as const))(
    '%s takes the steps that PyTorch takes',
    (_, record) => {
      const { name: kind, options, learningRate, after } = record;
      const { shape } = fixture.start;
      const parameter = new Parameter(valuesOf(fixture.start), shape);
      const optimizer = new classes[kind]([parameter], { ...ours(options), learningRate });
      const gradients = valuesOf(fixture.gradients);
      const size = parameter.size;
      for (let step = 0; step < 10; step++) {
        const gradient = tensor(gradients.slice(step * size, (step + 1) * size), { shape });
        optimizer.step(() => withGradient(parameter, gradient));
        const expected = valuesOf(after).subarray(step * size, (step + 1) * size);
        expectNumbersClose(parameter.dataSync(), expected, `step ${step + 1}`, tolerances[getBackend().float]);
      }
    },
  );

  it.each(fixture.clipNorm.map((record) => [record.maxNorm, record] as const))(
    'clips a gradient to the norm %d as PyTorch does',
    (maxNorm, record) => {
      const parameters = record.gradients.map(({ shape }) => new Parameter(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape));
      const optimizer = new SGD(parameters, { learningRate: 1, clipNorm: maxNorm });
      parameters.forEach((parameter, i) => {
        optimizer.accumulate(() => withGradient(parameter, tensor(valuesOf(record.gradients[i]), { shape: parameter.shape })));
      });
      optimizer.apply();
      expect(optimizer.gradientNorm).toBeCloseTo(record.norm, 5);
      parameters.forEach((parameter, i) => {
        expectNumbersClose(
          parameter.dataSync().map((value) => -value),
          valuesOf(record.clipped[i]),
          `gradient ${i}`,
          tolerances[getBackend().float],
        );
      });
    },
  );
});

class Pair extends Module {
  readonly a = this.parameter('a', [5], (values) => values.set([0.5, -1.25, 2, 0, 3.5]));
  readonly b = this.parameter('inner.b', [2], (values) => values.set([-0.75, 0.1]));

  /** Gradients 2 sin(1.3 t + i) and 0.5 cos(0.7 t + i), as in the PyTorch program that recorded the numbers below. */
  loss(t: number): Tensor {
    const a = tensor(Array.from({ length: 5 }, (_, i) => 2 * Math.sin(1.3 * t + i)));
    const b = tensor(Array.from({ length: 2 }, (_, i) => 0.5 * Math.cos(0.7 * t + i)));
    return add(withGradient(this.a, a), withGradient(this.b, b));
  }

  get values(): number[] {
    return [...this.a.dataSync(), ...this.b.dataSync()];
  }
}

describe('an optimizer', () => {
  beforeEach(() => {
    setBackend('reference');
  });

  it('gives groups their own rates', () => {
    // torch.optim.Adam([{'params': [a]}, {'params': [b], 'lr': 0.02, 'weight_decay': 0.3}], lr=0.2), float64, 6 steps
    const expected = [
      0.174548972829035, -1.759007736265832, 1.729276116904962, 0.094165270570239, 4.029467734088994, -0.764882668012574, 0.108657491548702,
    ];
    const model = new Pair();
    const groups = [{ match: (name: string) => name === 'inner.b', learningRateScale: 0.1, weightDecay: 0.3 }];
    const optimizer = new Adam(model, { learningRate: 0.2, groups });
    for (let t = 0; t < 6; t++) optimizer.step(() => model.loss(t));
    expectNumbersClose(model.values, expected, 'parameters', 1e-12);
  });

  it('clips by value', () => {
    // clip_grad_value_(parameters, 0.4), SGD(lr=0.05), float64, 6 steps
    const expected = [0.48, -1.26169105971825, 1.995774569414325, -0.006596888759806, 3.5, -0.740749080639622, 0.153192485382846];
    const model = new Pair();
    const optimizer = new SGD(model, { learningRate: 0.05, clipValue: 0.4 });
    for (let t = 0; t < 6; t++) optimizer.step(() => model.loss(t));
    expectNumbersClose(model.values, expected, 'parameters', 1e-12);
  });

  it('leaves frozen parameters as they are, also under weight decay', () => {
    const model = new Pair();
    model.a.requiresGrad = false;
    const before = model.values;
    const optimizer = new AdamW(model, { learningRate: 0.1, weightDecay: 0.5 });
    optimizer.step(() => model.loss(1));
    expect(model.values.slice(0, 5)).toEqual(before.slice(0, 5));
    expect(model.values[5]).not.toBe(before[5]);
  });

  it('makes the mean of accumulated parts the step of the whole', () => {
    const parts = new Pair();
    const whole = new Pair();
    const a = new Adam(parts);
    const b = new Adam(whole);
    for (let t = 0; t < 3; t++) {
      a.accumulate(() => parts.loss(t), 0.5);
      a.accumulate(() => parts.loss(t + 7), 0.5);
      a.apply();
      b.step(() => mul(add(whole.loss(t), whole.loss(t + 7)), 0.5));
    }
    expectNumbersClose(parts.values, whole.values, 'parameters', 1e-12);
  });

  it('returns what the closure returns, readable after the step', () => {
    const model = new Pair();
    const { loss, twice } = new SGD(model, { learningRate: 0.1 }).step(() => {
      const value = model.loss(0);
      return { loss: value, twice: mul(value.detach(), 2) };
    });
    expect(twice.item()).toBe(2 * loss.item());
  });

  it('asks a schedule with the number of steps done', () => {
    const model = new Pair();
    const optimizer = new SGD(model, { learningRate: exponentialDecay({ learningRate: 0.4, gamma: 0.5 }) });
    const rates = [0, 1, 2].map((t) => {
      const { learningRate } = optimizer;
      optimizer.step(() => model.loss(t));
      return learningRate;
    });
    expect(rates).toEqual([0.4, 0.2, 0.1]);
    expect(optimizer.isScheduled).toBe(true);
  });

  it('goes on from its saved state as if it had never stopped', () => {
    const straight = new Pair();
    const one = new Adam(straight, { amsgrad: true, clipNorm: 1 });
    for (let t = 0; t < 6; t++) one.step(() => straight.loss(t));

    const first = new Pair();
    const before = new Adam(first, { amsgrad: true, clipNorm: 1 });
    for (let t = 0; t < 3; t++) before.step(() => first.loss(t));
    const second = new Pair();
    second.loadStateDict(first.stateDict());
    const after = new Adam(second, { amsgrad: true, clipNorm: 1 });
    after.loadState(structuredClone(before.state()));
    for (let t = 3; t < 6; t++) after.step(() => second.loss(t));
    expect(second.values).toEqual(straight.values);
  });

  it('refuses the state of another', () => {
    const adam = new Adam(new Pair());
    const other = new SGD([new Parameter(new Float32Array(40), [40])], { learningRate: 1, momentum: 0.9 });
    expect(() => adam.loadState(other.state())).toThrow('[adam.loadState] expected the state of "adam", received that of "sgd"');
    expect(() => adam.loadState(new Adam(new Pair(), { amsgrad: true }).state())).toThrow('expected buffers m, v, received m, v, vMax');
    const larger = new Adam([new Parameter(new Float32Array(40), [40])]);
    expect(() => adam.loadState(larger.state())).toThrow('expected 32 numbers in "m", received 48: the state of another model');
  });

  it('stops at a gradient that is not finite, names it, and changes nothing', () => {
    const model = new Pair();
    const optimizer = new Adam(model);
    optimizer.step(() => model.loss(0));
    const before = model.values;
    const state = optimizer.state();
    const error = catchError(() => optimizer.step(() => add(model.loss(1), zeroOverZero(model.b))));
    expect(error).toBeInstanceOf(DivergenceError);
    expect(error).toMatchObject({ step: 2, tensor: 'inner.b.grad' });
    expect((error as Error).message).toMatch(
      /\[adam\] step 2: the gradient of "inner.b" is NaN at element 0 of \[2\]. The parameters were not updated/,
    );
    expect(model.values).toEqual(before);
    expect(optimizer.state()).toEqual(state);
    optimizer.step(() => model.loss(1));
    expect(model.values.every(Number.isFinite)).toBe(true);
  });

  it('stops at a loss that is not finite', () => {
    const model = new Pair();
    const optimizer = new SGD(model, { learningRate: 0.1 });
    const before = model.values;
    const error = catchError(() => optimizer.step(() => sum(log(sub(model.a, 10)))));
    expect(error).toMatchObject({ name: 'DivergenceError', step: 1, tensor: 'loss' });
    expect((error as Error).message).toContain('step 1: the loss is NaN');
    expect(model.values).toEqual(before);
  });

  it('refuses options out of range', () => {
    const model = new Pair();
    const wrong: [() => unknown, string][] = [
      [() => new Adam(model, { learningRate: -1 }), 'expected learningRate ≥ 0, received -1'],
      [() => new Adam(model, { beta2: 1 }), 'expected beta2 in [0, 1), received 1'],
      [() => new Adam(model, { clipNorm: 0 }), 'expected clipNorm > 0, received 0'],
      [() => new Adam(model, { clipNorm: 1, clipValue: 1 }), 'expected clipNorm or clipValue, received both'],
      [() => new SGD(model, { learningRate: 1, nesterov: true }), 'expected momentum > 0 and dampening 0 with nesterov'],
      [() => new RMSprop(model, { alpha: Number.NaN }), 'expected alpha in [0, 1), received NaN'],
      [() => new Adagrad(model, { epsilon: -1 }), 'expected epsilon ≥ 0'],
    ];
    for (const [make, message] of wrong) {
      expect(make).toThrow(message);
      expect(make).toThrow(ConfigError);
    }
  });

  it('holds its memory flat', () => {
    const model = new Pair();
    const optimizer = new Adam(model, { clipNorm: 1 });
    const { memory } = getBackend();
    for (let t = 0; t < 2; t++) optimizer.step(() => model.loss(t));
    const after = memory.bytes;
    for (let t = 0; t < 100; t++) optimizer.step(() => model.loss(t));
    expect(getBackend().memory.bytes).toBeLessThanOrEqual(after);
  });
});

/** 0 forwards, NaN backwards: the derivative of √x² at 0 is 0/0. */
function zeroOverZero(x: Tensor): Tensor {
  return sum(sqrt(square(mul(x, 0))));
}

function catchError(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}
