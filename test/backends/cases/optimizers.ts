import type { Random } from '../../../src/tensor/random.ts';
import { inout, input, type KernelCase, normal, output, uniform } from '../kernel-case.ts';

/** A handful of float32 roundings (6e-8 each). */
const tolerance = 1e-6;

/** Elements are of order 1; differences of such are not measured against less. */
const ofOrderOne = { magnitude: 1 };

const lengths = [0, 1, 8, 37, 4099];

export function optimizerCases(rng: Random): KernelCase[] {
  return lengths.flatMap((n) => [
    ...clipCases(rng, n),
    ...sgdCases(rng, n),
    ...adamCases(rng, n),
    ...rmspropCases(rng, n),
    adagradCase(rng, n),
  ]);
}

/** Parameters, and a gradient that must stay as it is. */
const drawn = (rng: Random, n: number) => ({ parameters: inout(normal(rng, n), ofOrderOne), gradient: input(normal(rng, n)) });

function clipCases(rng: Random, n: number): KernelCase[] {
  const clipNorm = (label: string, gradient: Float64Array, maxNorm: number): KernelCase => ({
    kernel: 'clipNorm',
    label: `${n} elements, ${label}, maximum ${maxNorm}`,
    tolerance,
    operands: { gradient: inout(gradient), norm: output(1) },
    run: (backend, at) => backend.clipNorm(at('gradient'), maxNorm, at('norm')),
  });
  const withOne = (value: number) => normal(rng, n).map((x, i) => (i === n >> 1 ? value : x));
  return [
    clipNorm('only measured', normal(rng, n), 0),
    clipNorm('clipped', normal(rng, n), 0.1),
    clipNorm('below', normal(rng, n), 1e4),
    // Squares beyond float32's range, of gradients within it.
    clipNorm('huge', normal(rng, n, 1e25), 1),
    clipNorm('tiny', normal(rng, n, 1e-25), 1),
    clipNorm('infinite', withOne(Number.POSITIVE_INFINITY), 1),
    clipNorm('undefined', withOne(Number.NaN), 1),
    {
      kernel: 'clipValue',
      label: `${n} elements`,
      tolerance: 1e-7,
      operands: { gradient: inout(withOne(Number.NaN).map((x, i) => (i % 5 === 4 ? Number.NEGATIVE_INFINITY : x))) },
      run: (backend, at) => backend.clipValue(at('gradient'), 0.7),
    },
  ];
}

function sgdCases(rng: Random, n: number): KernelCase[] {
  const plain = { learningRate: 0.1, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 };
  return [
    { ...plain, isFirst: true, hasVelocity: false },
    { ...plain, isFirst: false, hasVelocity: false, weightDecay: 0.2 },
    { ...plain, isFirst: true, hasVelocity: true, momentum: 0.9, dampening: 0.3 },
    { ...plain, isFirst: false, hasVelocity: true, momentum: 0.9, dampening: 0.3, weightDecay: 0.2 },
    { ...plain, isFirst: false, hasVelocity: true, momentum: 0.9, nesterov: true },
    { ...plain, isFirst: true, hasVelocity: true, momentum: 0.9, nesterov: true, weightDecay: 0.2 },
  ].map(({ hasVelocity, ...options }) => ({
    kernel: 'sgd',
    label: `${n} elements, ${JSON.stringify(options)}`,
    tolerance,
    operands: {
      ...drawn(rng, n),
      ...(hasVelocity ? { velocity: inout(options.isFirst ? new Float64Array(n) : normal(rng, n), ofOrderOne) } : {}),
    },
    run: (backend, at) =>
      backend.sgd({ ...options, parameters: at('parameters'), gradient: at('gradient'), velocity: at.orNull('velocity') }),
  }));
}

function adamCases(rng: Random, n: number): KernelCase[] {
  const plain = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false };
  return [
    { ...plain, step: 1, amsgrad: false },
    { ...plain, step: 1000, amsgrad: false, weightDecay: 0.2 },
    { ...plain, step: 7, amsgrad: true, weightDecay: 0.2, epsilon: 1e-3 },
    { ...plain, step: 1, amsgrad: false, weightDecay: 0.2, decoupled: true },
    { ...plain, step: 100_000, amsgrad: true, decoupled: true },
  ].map(({ amsgrad, ...options }) => {
    const isFirst = options.step === 1;
    const state = (deviation: number) => inout(isFirst ? new Float64Array(n) : normal(rng, n, deviation), ofOrderOne);
    const squares = () => inout(isFirst ? new Float64Array(n) : uniform(rng, n, 0.1, 2));
    return {
      kernel: 'adam',
      label: `${n} elements, ${JSON.stringify({ ...options, amsgrad })}`,
      tolerance,
      operands: { ...drawn(rng, n), m: state(0.5), v: squares(), ...(amsgrad ? { vMax: squares() } : {}) },
      run: (backend, at) =>
        backend.adam({
          ...options,
          parameters: at('parameters'),
          gradient: at('gradient'),
          m: at('m'),
          v: at('v'),
          vMax: at.orNull('vMax'),
        }),
    };
  });
}

function rmspropCases(rng: Random, n: number): KernelCase[] {
  const plain = { learningRate: 0.01, alpha: 0.9, epsilon: 1e-6, momentum: 0, weightDecay: 0 };
  return [
    { ...plain, centred: false },
    { ...plain, centred: true, weightDecay: 0.2 },
    { ...plain, centred: false, momentum: 0.7 },
    { ...plain, centred: true, momentum: 0.7, weightDecay: 0.2 },
  ].map(({ centred, ...options }) => ({
    kernel: 'rmsprop',
    label: `${n} elements, ${JSON.stringify({ ...options, centred })}`,
    tolerance,
    operands: {
      ...drawn(rng, n),
      squareAverage: inout(uniform(rng, n, 0.5, 2)),
      ...(centred ? { gradientAverage: inout(normal(rng, n, 0.1), ofOrderOne) } : {}),
      ...(options.momentum > 0 ? { momentumBuffer: inout(normal(rng, n), ofOrderOne) } : {}),
    },
    run: (backend, at) =>
      backend.rmsprop({
        ...options,
        parameters: at('parameters'),
        gradient: at('gradient'),
        squareAverage: at('squareAverage'),
        gradientAverage: at.orNull('gradientAverage'),
        momentumBuffer: at.orNull('momentumBuffer'),
      }),
  }));
}

function adagradCase(rng: Random, n: number): KernelCase {
  return {
    kernel: 'adagrad',
    label: `${n} elements`,
    tolerance,
    operands: { ...drawn(rng, n), sum: inout(uniform(rng, n, 0, 2)) },
    run: (backend, at) =>
      backend.adagrad({
        parameters: at('parameters'),
        gradient: at('gradient'),
        sum: at('sum'),
        learningRate: 0.1,
        epsilon: 1e-10,
        weightDecay: 0.1,
      }),
  };
}
