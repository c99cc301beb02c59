import type { Random } from '../../../src/tensor/random.ts';
import { inout, input, integersBelow, type KernelCase, normal, output, uniform } from '../kernel-case.ts';

/** A handful of float32 roundings (6e-8 each), exp's among them. */
const tolerance = 2e-6;

const sizes: [R: number, C: number][] = [
  [0, 5],
  [1, 1],
  [3, 2],
  [5, 16],
  [4, 37],
  [2, 1003],
  [70, 130],
];

export function rowCases(rng: Random): KernelCase[] {
  return [
    ...sizes.flatMap(([R, C]) => [...softmaxCases(rng, R, C), ...layerNormCases(rng, R, C), ...tableCases(rng, R, C)]),
    ...maskedSoftmaxCases(),
    ...dropoutCases(),
  ];
}

function softmaxCases(rng: Random, R: number, C: number): KernelCase[] {
  const x = normal(rng, R * C, 5).map((value, i) => Math.fround(value + 100 * (Math.floor(i / C) % 3)));
  const y = uniform(rng, R * C, 0, 2 / C);
  const logY = y.map((value) => Math.fround(Math.log(value + 1e-3)));
  const dY = normal(rng, R * C);
  const label = `${R} x ${C}`;
  const magnitude = 1;
  return [
    {
      kernel: 'softmax',
      label,
      tolerance,
      operands: { x: input(x), y: output(R * C) },
      run: (backend, at) => backend.softmax(at('x'), at('y'), R, C),
    },
    {
      kernel: 'logSoftmax',
      label,
      tolerance,
      operands: { x: input(x), y: output(R * C) },
      run: (backend, at) => backend.logSoftmax(at('x'), at('y'), R, C),
    },
    {
      kernel: 'softmaxBackward',
      label,
      tolerance,
      operands: { y: input(y), dY: input(dY), dX: output(R * C) },
      run: (backend, at) => backend.softmaxBackward(at('y'), at('dY'), at('dX'), R, C),
    },
    {
      kernel: 'logSoftmaxBackward',
      label,
      tolerance,
      operands: { y: input(logY), dY: input(dY), dX: output(R * C, { magnitude }) },
      run: (backend, at) => backend.logSoftmaxBackward(at('y'), at('dY'), at('dX'), R, C),
    },
  ];
}

/** A row with classes masked out by −∞, one of large numbers, and one with NaN: each row keeps to itself. */
function maskedSoftmaxCases(): KernelCase[] {
  const x = Float64Array.of(1, Number.NEGATIVE_INFINITY, 2, 3, -1e30, 1e30, 0, 0, 1, Number.NaN, 0, 0, 1, 2, 3, 4);
  return (['softmax', 'logSoftmax'] as const).map((kernel) => ({
    kernel,
    label: 'masked, large and undefined',
    tolerance,
    operands: { x: input(x), y: output(16, { perElement: true }) },
    run: (backend, at) => backend[kernel](at('x'), at('y'), 4, 4),
  }));
}

function layerNormCases(rng: Random, R: number, C: number): KernelCase[] {
  const epsilon = 1e-5;
  const options = [
    { weight: true, bias: true, y: true },
    { weight: true, bias: false, y: true },
    { weight: false, bias: true, y: true },
    { weight: false, bias: false, y: false },
  ];
  const forward = options.map(({ weight, bias, y }): KernelCase => {
    const x = normal(rng, R * C, 2).map((value) => Math.fround(value + 3));
    const { rstd, magnitude } = conditionOf(x, R, C, epsilon);
    return {
      kernel: 'layerNorm',
      label: `${R} x ${C}, weight ${weight}, bias ${bias}, y ${y}`,
      tolerance,
      operands: {
        x: input(x),
        ...(weight ? { weight: input(normal(rng, C)) } : {}),
        ...(bias ? { bias: input(normal(rng, C)) } : {}),
        ...(y ? { y: output(R * C, { magnitude }) } : {}),
        normalized: output(R * C, { magnitude }),
        rstd: output(R, { magnitude: rstd * magnitude }),
      },
      run: (backend, at) =>
        backend.layerNorm(at('x'), at.orNull('weight'), at.orNull('bias'), at.orNull('y'), at('normalized'), at('rstd'), R, C, epsilon),
    };
  });
  const backward = [
    { weight: true, dWeight: true, dBias: true, inPlace: false },
    { weight: true, dWeight: true, dBias: true, inPlace: true },
    { weight: false, dWeight: false, dBias: false, inPlace: false },
    { weight: true, dWeight: false, dBias: true, inPlace: true },
  ].map(({ weight, dWeight, dBias, inPlace }): KernelCase => {
    const dY = normal(rng, R * C);
    const magnitude = Math.sqrt(R);
    return {
      kernel: 'layerNormBackward',
      label: `${R} x ${C}, weight ${weight}, dWeight ${dWeight}, dBias ${dBias}${inPlace ? ', in place' : ''}`,
      tolerance,
      operands: {
        ...(inPlace ? { dX: inout(dY, { magnitude: 1 }) } : { dY: input(dY), dX: output(R * C, { magnitude: 1 }) }),
        ...(weight ? { weight: input(normal(rng, C)) } : {}),
        normalized: input(normal(rng, R * C)),
        rstd: input(uniform(rng, R, 0.3, 3)),
        ...(dWeight ? { dWeight: inout(normal(rng, C), { magnitude }) } : {}),
        ...(dBias ? { dBias: inout(normal(rng, C), { magnitude }) } : {}),
      },
      run: (backend, at) =>
        backend.layerNormBackward(
          at(inPlace ? 'dX' : 'dY'),
          at.orNull('weight'),
          at('normalized'),
          at('rstd'),
          at('dX'),
          at.orNull('dWeight'),
          at.orNull('dBias'),
          R,
          C,
        ),
    };
  });
  return [...forward, ...backward];
}

/** The largest rstd of a row, and how many times the rounding of its mean (relative to 1) shows in what is normalised. */
function conditionOf(x: Float64Array, R: number, C: number, epsilon: number): { rstd: number; magnitude: number } {
  const rows = Array.from({ length: R }, (_, r) => {
    const row = x.subarray(r * C, (r + 1) * C);
    const mean = row.reduce((a, b) => a + b, 0) / C;
    const rstd = 1 / Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / C + epsilon);
    return { rstd, magnitude: 1 + Math.abs(mean) * rstd };
  });
  return { rstd: Math.max(0, ...rows.map((row) => row.rstd)), magnitude: Math.max(1, ...rows.map((row) => row.magnitude)) };
}

function tableCases(rng: Random, R: number, C: number): KernelCase[] {
  const V = 5;
  const ids = input(integersBelow(rng, R, V));
  return [
    {
      kernel: 'gatherRows',
      label: `${R} of ${V} rows of ${C}`,
      tolerance: 0,
      operands: { table: input(normal(rng, V * C)), ids, y: output(R * C) },
      run: (backend, at) => backend.gatherRows(at('table'), at('ids'), at('y'), R, C),
    },
    ...[-1, 2].map(
      (paddingIndex): KernelCase => ({
        kernel: 'scatterAddRows',
        label: `${R} into ${V} rows of ${C}, padding ${paddingIndex}`,
        tolerance,
        operands: { dY: input(normal(rng, R * C)), ids, dTable: inout(normal(rng, V * C)) },
        run: (backend, at) => backend.scatterAddRows(at('dY'), at('ids'), at('dTable'), R, C, paddingIndex),
      }),
    ),
  ];
}

/** Which elements are dropped must agree exactly; 1/(1 − p) is rounded to float32. */
function dropoutCases(): KernelCase[] {
  const seed = [0x12345678, 0x9abcdef0] as const;
  return [0, 0.1, 0.5, 0.9].flatMap((p) =>
    [0, 1, 5, 16, 37, 4099].flatMap((n) =>
      [0, 7, 2 ** 32 - 3, 2 ** 40 + 5].map((counter) => ({
        kernel: 'dropoutMask',
        label: `${n} elements, p ${p}, counter ${counter}`,
        tolerance: 1e-7,
        operands: { y: output(n, { perElement: true }) },
        run: (backend, at) => backend.dropoutMask(at('y'), p, { seed, counter }),
      })),
    ),
  );
}
