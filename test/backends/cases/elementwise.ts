import type { BinaryOp, UnaryOp } from '../../../src/backend/backend.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { inout, input, integersBelow, type KernelCase, normal, output, uniform, type Values } from '../kernel-case.ts';

const unaryOps: readonly UnaryOp[] = ['neg', 'exp', 'log', 'sqrt', 'square', 'abs', 'sigmoid', 'tanh', 'relu'];
const binaryOps: readonly BinaryOp[] = ['add', 'sub', 'mul', 'div', 'maximum', 'less'];
const lengths = [0, 1, 3, 8, 16, 37, 1003];

/** A float32 result is within 2⁻²⁴ = 6e-8 of the true one; the polynomials of exp and log err by a few times that. */
const tolerance = 5e-7;

/** Sums of numbers of order 1, which may cancel. */
const ofOrderOne = { magnitude: 1 };

/** Where results are below 1 by nature, an error relative to 1 is what counts downstream. */
const magnitudes: Partial<Record<UnaryOp, number>> = { log: 1, sigmoid: 1, tanh: 1 };

/** Infinite, undefined, saturating, overflowing, tiny. */
const specialValues = Float64Array.of(
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -1,
  1,
  30,
  -30,
  88,
  -88,
  100,
  -100,
  1e-30,
  -1e-30,
  1e30,
).map(Math.fround);

export function elementwiseCases(rng: Random): KernelCase[] {
  return [
    ...unaryOps.flatMap((op) => [...lengths.flatMap((n) => unaryCases(rng, op, n)), special(op)]),
    ...binaryOps.flatMap((op) => binaryCases(rng, op)),
    ...selectCases(rng),
    ...lengths.flatMap((n) => scalarCases(rng, n)),
    ...scaleRowsCases(rng),
    ...movingCases(rng),
  ];
}

function unaryCases(rng: Random, op: UnaryOp, n: number): KernelCase[] {
  const x = op === 'log' || op === 'sqrt' ? uniform(rng, n, 0.1, 4) : normal(rng, n, 3);
  const y = x.map((value) => Math.fround(resultOf(op, value)));
  const dY = normal(rng, n);
  const more = { perElement: true, magnitude: magnitudes[op] };
  // 1 − y² and y − y² cancel where y is near 1.
  const derivative = { magnitude: 1 };
  const label = `${op}, ${n} elements`;
  return [
    {
      kernel: 'unary',
      label,
      tolerance,
      operands: { x: input(x), y: output(n, more) },
      run: (backend, at) => backend.unary(op, at('x'), at('y')),
    },
    {
      kernel: 'unary',
      label: `${label}, in place`,
      tolerance,
      operands: { x: inout(x, more) },
      run: (backend, at) => backend.unary(op, at('x'), at('x')),
    },
    {
      kernel: 'unaryBackward',
      label,
      tolerance,
      operands: { x: input(x), y: input(y), dY: input(dY), dX: output(n, derivative) },
      run: (backend, at) => backend.unaryBackward(op, at('x'), at('y'), at('dY'), at('dX')),
    },
    {
      kernel: 'unaryBackward',
      label: `${label}, in place of dY`,
      tolerance,
      operands: { x: input(x), y: input(y), dY: inout(dY, derivative) },
      run: (backend, at) => backend.unaryBackward(op, at('x'), at('y'), at('dY'), at('dY')),
    },
  ];
}

/** y of a backward's case: computed here, so that the case does not lean on a backend. */
function resultOf(op: UnaryOp, x: number): number {
  const functions: Record<UnaryOp, (x: number) => number> = {
    neg: (x) => -x,
    exp: Math.exp,
    log: Math.log,
    sqrt: Math.sqrt,
    square: (x) => x * x,
    abs: Math.abs,
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    tanh: Math.tanh,
    relu: (x) => Math.max(x, 0),
  };
  return functions[op](x);
}

function special(op: UnaryOp): KernelCase {
  const n = specialValues.length;
  return {
    kernel: 'unary',
    label: `${op} of special values`,
    tolerance,
    operands: { x: input(specialValues), y: output(n, { perElement: true, magnitude: magnitudes[op] }) },
    run: (backend, at) => backend.unary(op, at('x'), at('y')),
  };
}

function binaryCases(rng: Random, op: BinaryOp): KernelCase[] {
  const sizes: [number, number, number][] = [
    [0, 0, 0],
    [1, 1, 1],
    [37, 37, 37],
    [1, 37, 37],
    [37, 1, 37],
    [1, 1, 5],
    [7, 35, 35],
    [35, 7, 35],
    [6, 10, 30],
    [16, 1024, 1024],
    [1003, 1003, 1003],
  ];
  return sizes.flatMap(([m, n, length]) => {
    const a = normal(rng, m);
    // Some equal pairs, for maximum and less; divisors away from 0.
    const b = op === 'div' ? uniform(rng, n, 0.5, 2) : normal(rng, n).map((value, i) => (i % 3 === 0 && m > 0 ? a[i % m] : value));
    const label = `${op}, ${m} and ${n} into ${length}`;
    const separate: KernelCase = {
      kernel: 'binary',
      label,
      tolerance,
      operands: { a: input(a), b: input(b), y: output(length) },
      run: (backend, at) => backend.binary(op, at('a'), at('b'), at('y')),
    };
    const overA: KernelCase = {
      kernel: 'binary',
      label: `${label}, in place of a`,
      tolerance,
      operands: { a: inout(a), b: input(b) },
      run: (backend, at) => backend.binary(op, at('a'), at('b'), at('a')),
    };
    const overB: KernelCase = {
      kernel: 'binary',
      label: `${label}, in place of b`,
      tolerance,
      operands: { a: input(a), b: inout(b) },
      run: (backend, at) => backend.binary(op, at('a'), at('b'), at('b')),
    };
    return [separate, ...(m === length ? [overA] : []), ...(n === length ? [overB] : [])];
  });
}

/** Exact: what is chosen arrives bit by bit, whatever stands beside it. */
function selectCases(rng: Random): KernelCase[] {
  const sizes: [mask: number, a: number, b: number, y: number][] = [
    [0, 0, 0, 0],
    [1, 1, 1, 1],
    [37, 37, 37, 37],
    [1, 37, 37, 37],
    [37, 1, 37, 37],
    [37, 37, 1, 37],
    [6, 10, 15, 30],
    [1, 1, 1, 5],
    [16, 1024, 1, 1024],
    [1003, 17, 59, 1003],
    [300000, 1, 300000, 300000],
  ];
  return sizes.flatMap(([m, left, right, length]) => {
    const mask = integersBelow(rng, m, 2);
    const special = (n: number) => normal(rng, n).map((x, i) => (i % 5 === 2 ? specialValues[i % specialValues.length] : x));
    const a = special(left);
    const b = special(right);
    const operands = { mask: input(Float64Array.from(mask)), a: input(a), b: input(b), y: output(length, { perElement: true }) };
    const label = `${m}, ${left} and ${right} into ${length}`;
    const into = (y: string, more: KernelCase['operands']): KernelCase => ({
      kernel: 'select',
      label: y === 'y' ? label : `${label}, in place of ${y}`,
      tolerance: 0,
      operands: more,
      run: (backend, at) => backend.select(at('mask'), at('a'), at('b'), at(y)),
    });
    const { y: _, ...inPlace } = operands;
    return [
      into('y', operands),
      ...(left === length ? [into('a', { ...inPlace, a: inout(a, { perElement: true }) })] : []),
      ...(right === length ? [into('b', { ...inPlace, b: inout(b, { perElement: true }) })] : []),
    ];
  });
}

function scalarCases(rng: Random, n: number): KernelCase[] {
  const x = normal(rng, n);
  const y = normal(rng, n);
  const label = `${n} elements`;
  return [
    {
      kernel: 'affine',
      label,
      tolerance,
      operands: { x: input(x), y: output(n, ofOrderOne) },
      run: (backend, at) => backend.affine(at('x'), 1.5, -0.3, at('y')),
    },
    {
      kernel: 'affine',
      label: `${label}, in place`,
      tolerance,
      operands: { x: inout(x, ofOrderOne) },
      run: (backend, at) => backend.affine(at('x'), -2, 0.7, at('x')),
    },
    {
      kernel: 'axpy',
      label,
      tolerance,
      operands: { x: input(x), y: inout(y, ofOrderOne) },
      run: (backend, at) => backend.axpy(-0.7, at('x'), at('y')),
    },
    {
      kernel: 'axpy',
      label: `${label}, onto itself`,
      tolerance,
      operands: { x: inout(x, ofOrderOne) },
      run: (backend, at) => backend.axpy(0.5, at('x'), at('x')),
    },
    {
      kernel: 'lerp',
      label,
      tolerance,
      operands: { x: input(x), y: inout(y, ofOrderOne) },
      run: (backend, at) => backend.lerp(at('x'), at('y'), 0.1),
    },
    { kernel: 'fill', label, tolerance: 0, operands: { x: output(n, ofOrderOne) }, run: (backend, at) => backend.fill(at('x'), 0.25) },
    {
      kernel: 'copy',
      label,
      tolerance: 0,
      operands: { x: input(x), y: output(n, ofOrderOne) },
      run: (backend, at) => backend.copy(at('x'), at('y')),
    },
  ];
}

function scaleRowsCases(rng: Random): KernelCase[] {
  const sizes = [
    [0, 4],
    [1, 1],
    [5, 1],
    [3, 8],
    [7, 37],
    [40, 129],
  ];
  return sizes.flatMap(([R, C]) =>
    [false, true].flatMap((accumulate): KernelCase[] => {
      const x = normal(rng, R * C);
      const w = input(normal(rng, R));
      const y = accumulate ? inout(normal(rng, R * C), ofOrderOne) : output(R * C);
      const label = `${R} x ${C}, accumulate ${accumulate}`;
      const separate: KernelCase = {
        kernel: 'scaleRows',
        label,
        tolerance,
        operands: { x: input(x), w, y },
        run: (backend, at) => backend.scaleRows(at('x'), at('w'), at('y'), R, C, accumulate),
      };
      const inPlace: KernelCase = {
        kernel: 'scaleRows',
        label: `${label}, in place`,
        tolerance,
        operands: { x: inout(x, ofOrderOne), w },
        run: (backend, at) => backend.scaleRows(at('x'), at('w'), at('x'), R, C, accumulate),
      };
      return [separate, inPlace];
    }),
  );
}

interface Copy {
  readonly shape: number[];
  readonly xOffset?: number;
  readonly xStrides: number[];
  readonly yOffset?: number;
  readonly yStrides: number[];
}

function movingCases(rng: Random): KernelCase[] {
  const integers = integersBelow(rng, 21, 1000);
  const copies: Copy[] = [
    { shape: [], xStrides: [], yStrides: [] },
    { shape: [0, 3], xStrides: [3, 1], yStrides: [3, 1] },
    { shape: [37], xStrides: [1], yStrides: [1] },
    { shape: [5, 7], xStrides: [1, 5], yStrides: [7, 1] },
    { shape: [33, 65], xStrides: [1, 33], yStrides: [65, 1] },
    { shape: [4, 6], xOffset: 3, xStrides: [10, 1], yOffset: 5, yStrides: [9, 1] },
    { shape: [4, 6], xStrides: [0, 1], yStrides: [6, 1] },
    { shape: [4, 6], xStrides: [1, 0], yStrides: [6, 1] },
    { shape: [9], xOffset: 16, xStrides: [-2], yStrides: [3] },
    { shape: [2, 3, 4, 5], xStrides: [1, 2, 6, 24], yStrides: [60, 20, 5, 1] },
    { shape: [2, 3, 2, 1, 3, 2], xStrides: [1, 2, 6, 5, 12, 36], yStrides: [36, 12, 6, 6, 2, 1] },
  ];
  return [
    { kernel: 'fill', label: 'int32', tolerance: 0, operands: { x: inout(integers) }, run: (backend, at) => backend.fill(at('x'), -7) },
    {
      kernel: 'copy',
      label: 'int32',
      tolerance: 0,
      operands: { x: input(integers), y: inout(new Int32Array(21)) },
      run: (backend, at) => backend.copy(at('x'), at('y')),
    },
    ...copies.flatMap((copy) => (['float', 'int32', 'accumulate'] as const).map((kind) => stridedCopyCase(rng, copy, kind))),
  ];
}

function stridedCopyCase(
  rng: Random,
  { shape, xOffset = 0, xStrides, yOffset = 0, yStrides }: Copy,
  kind: 'float' | 'int32' | 'accumulate',
): KernelCase {
  /** Elements that the strides reach, and not one more. */
  const reach = (offset: number, strides: number[]) =>
    shape.includes(0) ? offset : offset + shape.reduce((sum, n, axis) => sum + Math.max(0, (n - 1) * strides[axis]), 0) + 1;
  const draw = (n: number): Values => (kind === 'int32' ? integersBelow(rng, n, 1000) : normal(rng, n));
  const accumulate = kind === 'accumulate';
  return {
    kernel: 'stridedCopy',
    label: `[${shape}] from ${xOffset} by [${xStrides}] to ${yOffset} by [${yStrides}], ${kind}`,
    tolerance: accumulate ? tolerance : 0,
    operands: { x: input(draw(reach(xOffset, xStrides))), y: inout(draw(reach(yOffset, yStrides))) },
    run: (backend, at) => backend.stridedCopy({ shape, x: at('x'), xOffset, xStrides, y: at('y'), yOffset, yStrides, accumulate }),
  };
}
