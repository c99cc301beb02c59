import { expect, it } from 'vitest';
import { expectNumbersClose, readFixture } from '../../test/golden/fixture.ts';
import { ReduceOnPlateau } from './reduce-on-plateau.ts';
import { cosine, cosineRestarts, exponentialDecay, multiStepDecay, oneCycle, type Schedule, stepDecay, warmup } from './schedule.ts';

interface Fixture {
  readonly learningRate: number;
  readonly metrics: readonly number[];
  readonly cases: readonly {
    readonly name: string;
    readonly options: Readonly<Record<string, never>>;
    readonly rates: readonly number[];
  }[];
}

const { learningRate, metrics, cases } = readFixture<Fixture>('schedules');

const make: Readonly<Record<string, (options: Readonly<Record<string, never>>) => Schedule>> = {
  StepLR: ({ step_size, gamma }) => stepDecay({ learningRate, stepSize: step_size, gamma }),
  MultiStepLR: ({ milestones, gamma }) => multiStepDecay({ learningRate, milestones, gamma }),
  ExponentialLR: ({ gamma }) => exponentialDecay({ learningRate, gamma }),
  CosineAnnealingLR: ({ T_max, eta_min }) => cosine({ learningRate, steps: T_max, minimum: eta_min }),
  CosineAnnealingWarmRestarts: ({ T_0, T_mult, eta_min }) => cosineRestarts({ learningRate, steps: T_0, factor: T_mult, minimum: eta_min }),
  LinearLR: ({ start_factor, total_iters }) => warmup(learningRate, { steps: total_iters, startFactor: start_factor }),
  OneCycleLR: ({ max_lr, total_steps }) => oneCycle({ maxLearningRate: max_lr, steps: total_steps }),
};

/** Rounding of PyTorch's recursions, which multiply rates step by step. */
const tolerance = 1e-12;

it.each(cases.filter(({ name }) => name !== 'ReduceLROnPlateau').map((record) => [record.name, record] as const))(
  '%s: the rates of PyTorch',
  (name, { options, rates }) => {
    const schedule = make[name](options);
    // PyTorch's cosine rises again after T_max; ours has ended there.
    const steps = name === 'CosineAnnealingLR' ? options.T_max + 1 : rates.length;
    expectNumbersClose(
      Array.from({ length: steps }, (_, step) => schedule(step)),
      rates.slice(0, steps),
      name,
      tolerance,
    );
  },
);

it.each(cases.filter(({ name }) => name === 'ReduceLROnPlateau').map((record) => [JSON.stringify(record.options), record] as const))(
  'ReduceLROnPlateau %s: the rates of PyTorch, also when saved and restored at every step',
  (_, { options, rates }) => {
    const { threshold_mode, min_lr, ...same } = options as Readonly<Record<string, never>>;
    const ours = {
      ...same,
      ...(min_lr === undefined ? {} : { minimum: min_lr }),
      ...(threshold_mode === 'abs' ? { thresholdMode: 'absolute' as const } : {}),
    };
    let plateau = new ReduceOnPlateau(ours);
    let rate = learningRate;
    const seen = metrics.map((metric) => {
      const before = rate;
      rate = plateau.update(metric, rate);
      const state = JSON.parse(JSON.stringify(plateau.state()));
      plateau = new ReduceOnPlateau(ours);
      plateau.loadState(state);
      return before;
    });
    expectNumbersClose(seen, rates, 'rates', tolerance);
  },
);

it('the other shapes of PyTorch', () => {
  // torch 1.13: OneCycleLR(max_lr=0.4, total_steps=10, pct_start=0.4, div_factor=10, final_div_factor=100, anneal_strategy='linear')
  const linear = oneCycle({ maxLearningRate: 0.4, steps: 10, riseFraction: 0.4, startDivisor: 10, endDivisor: 100, shape: 'linear' });
  const rates = (schedule: Schedule, steps: number) => Array.from({ length: steps }, (_, step) => schedule(step));
  expectNumbersClose(rates(linear, 10), [0.04, 0.16, 0.28, 0.4, 0.3334, 0.2668, 0.2002, 0.1336, 0.067, 0.0004], 'one cycle', tolerance);
  // SequentialLR([LinearLR(0.25, 1, 4), ExponentialLR(0.9)], [4]) from 0.4
  const warmed = warmup(exponentialDecay({ learningRate: 0.4, gamma: 0.9 }), { steps: 4, startFactor: 0.25 });
  expectNumbersClose(rates(warmed, 8), [0.1, 0.175, 0.25, 0.325, 0.4, 0.36, 0.324, 0.2916], 'warm-up', tolerance);
  // CosineAnnealingWarmRestarts(3, 1, 0.05) from 0.4
  const restarts = cosineRestarts({ learningRate: 0.4, steps: 3, minimum: 0.05 });
  expectNumbersClose(rates(restarts, 7), [0.4, 0.3125, 0.1375, 0.4, 0.3125, 0.1375, 0.4], 'restarts', tolerance);
});

it('a cosine stays at its minimum after its end', () => {
  const schedule = cosine({ learningRate: 0.4, steps: 6, minimum: 0.05 });
  expect([6, 7, 100].map(schedule)).toEqual([0.05, 0.05, 0.05]);
});

it('refuses lengths that are none', () => {
  expect(() => cosine({ learningRate: 1, steps: 0 })).toThrow('[cosine] expected steps to be a whole number ≥ 1, received 0');
  expect(() => new ReduceOnPlateau({ factor: 1 })).toThrow('expected factor in (0, 1), received 1');
});

it('a one-cycle whose rise is a single step begins at its peak', () => {
  expect(oneCycle({ maxLearningRate: 0.1, steps: 10, riseFraction: 0.1 })(0)).toBe(0.1);
});
