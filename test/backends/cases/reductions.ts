import type { Random } from '../../../src/tensor/random.ts';
import { inout, input, integerOutput, integersBelow, type KernelCase, normal, output } from '../kernel-case.ts';

/** Sums of n terms in float32 wander by about √n roundings of 6e-8, relative to √n terms: a few roundings. */
const sumTolerance = 1e-6;
/** Accumulated in float64, rounded once. */
const onceRounded = 1e-7;

export function reductionCases(rng: Random): KernelCase[] {
  return [
    ...sumAxisCases(rng),
    ...argmaxCases(rng),
    ...countCases(rng),
    ...[0, 1, 5, 37, 4099].map((n) => sumSquaresCase(normal(rng, n), `${n} elements`)),
    ...sumSquaresRange(rng),
  ];
}

function sumAxisCases(rng: Random): KernelCase[] {
  const sizes = [
    [0, 3, 2],
    [2, 0, 3],
    [2, 3, 0],
    [1, 1, 1],
    [1, 37, 1],
    [5, 13, 1],
    [1, 13, 5],
    [3, 4, 37],
    [7, 129, 17],
    [1, 300, 130],
    [100, 70, 1],
  ];
  return sizes.flatMap(([outer, n, inner]) =>
    [false, true].map((accumulate) => ({
      kernel: 'sumAxis',
      label: `[${outer}, ${n}, ${inner}], accumulate ${accumulate}`,
      tolerance: sumTolerance,
      operands: {
        x: input(normal(rng, outer * n * inner)),
        y: accumulate ? inout(normal(rng, outer * inner), { magnitude: Math.sqrt(n) }) : output(outer * inner, { magnitude: Math.sqrt(n) }),
      },
      run: (backend, at) => backend.sumAxis(at('x'), at('y'), { outer, n, inner }, accumulate),
    })),
  );
}

function argmaxCases(rng: Random): KernelCase[] {
  const sizes = [
    [0, 3],
    [1, 1],
    [5, 7],
    [9, 16],
    [33, 130],
  ];
  return sizes.flatMap(([R, C]) =>
    [false, true].map((ties) => ({
      kernel: 'argmaxRows',
      label: `${R} x ${C}${ties ? ', with ties' : ''}`,
      tolerance: 0,
      operands: {
        x: input(ties ? Float64Array.from(integersBelow(rng, R * C, 3)) : normal(rng, R * C).map((x) => x - 100)),
        y: integerOutput(R),
      },
      run: (backend, at) => backend.argmaxRows(at('x'), at('y'), R, C),
    })),
  );
}

/** Numbers, numbers with ties, and numbers among which some are none. */
function countCases(rng: Random): KernelCase[] {
  const sizes = [
    [0, 3],
    [1, 1],
    [5, 7],
    [9, 16],
    [33, 130],
    [3, 2053],
  ];
  const kinds: Readonly<Record<string, (n: number) => Float64Array>> = {
    normal: (n) => normal(rng, n),
    'with ties': (n) => Float64Array.from(integersBelow(rng, n, 3)),
    'with NaN': (n) => normal(rng, n).map((x, i) => (i % 3 === 0 ? Number.NaN : x)),
  };
  return sizes.flatMap(([R, C]) =>
    Object.entries(kinds).map(([kind, values]) => ({
      kernel: 'countBelow',
      label: `${R} x ${C}, ${kind}`,
      tolerance: 0,
      operands: { x: input(values(R * C)), ids: input(integersBelow(rng, R, C)), y: integerOutput(R) },
      run: (backend, at) => backend.countBelow(at('x'), at('ids'), at('y'), R, C),
    })),
  );
}

function sumSquaresCase(x: Float64Array, label: string): KernelCase {
  return {
    kernel: 'sumSquares',
    label,
    tolerance: onceRounded,
    operands: { x: input(x), y: output(1) },
    run: (backend, at) => backend.sumSquares(at('x'), at('y')),
  };
}

/** Squares that float32 cannot hold, of numbers that it can. */
function sumSquaresRange(rng: Random): KernelCase[] {
  return [
    sumSquaresCase(normal(rng, 100, 1e15), 'large'),
    sumSquaresCase(normal(rng, 1000, 1e-17), 'small'),
    sumSquaresCase(Float64Array.of(1, Number.NaN, 2), 'NaN'),
    sumSquaresCase(Float64Array.of(1, Number.NEGATIVE_INFINITY, 2), 'infinite'),
  ];
}
