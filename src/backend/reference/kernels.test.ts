/** Elementwise kernels, rows, products and masks of the reference: known values, and every backward by central differences. */
import { expect, test } from 'vitest';
import { Random } from '../../tensor/random.ts';
import type { Buffer, UnaryOp } from '../backend.ts';
import { ReferenceBackend } from './reference.ts';

const backend = new ReferenceBackend();

function buffer(values: ArrayLike<number>): Buffer {
  const made = backend.allocate(values instanceof Int32Array ? 'int32' : 'float64', values.length);
  backend.write(made, values);
  return made;
}

const empty = (length: number) => backend.allocate('float64', length);

/** Central differences with h = 1e-5 in float64 are good to about 1e-9 for functions of order one. */
function expectGradient(loss: (x: Float64Array) => number, x: Float64Array, gradient: ArrayLike<number>): void {
  x.forEach((value, i) => {
    const at = (moved: number) => loss(x.with(i, moved));
    expect(gradient[i], `element ${i}`).toBeCloseTo((at(value + 1e-5) - at(value - 1e-5)) / 2e-5, 7);
  });
}

const floats = (x: Buffer) => backend.read(x) as Float64Array;

const weighted = (y: Buffer, dY: Float64Array) => floats(y).reduce((sum, value, i) => sum + value * dY[i], 0);

test.each([
  ['neg', [1, -2], [-1, 2]],
  ['exp', [0, 1], [1, Math.E]],
  ['log', [1, Math.E], [0, 1]],
  ['sqrt', [4, 2.25], [2, 1.5]],
  ['square', [3, -2], [9, 4]],
  ['abs', [3, -2], [3, 2]],
  ['sigmoid', [0, -1000, 1000, Math.log(3)], [0.5, 0, 1, 0.75]],
  ['tanh', [0, 1000], [0, 1]],
  ['relu', [-1, 0, 2, Number.NaN], [0, 0, 2, Number.NaN]],
] as const)('%s has its values and its derivative', (op, x, y) => {
  const out = empty(x.length);
  backend.unary(op, buffer(x), out);
  backend.read(out).forEach((value, i) => {
    if (Number.isNaN(y[i])) expect(value).toBeNaN();
    else expect(value).toBeCloseTo(y[i], 14);
  });
  expectUnaryGradient(op);
});

function expectUnaryGradient(op: UnaryOp): void {
  const x = Float64Array.of(0.3, 0.8, 1.7);
  const dY = Float64Array.of(1.5, -2, 0.7);
  const y = empty(3);
  const forward = (values: Float64Array) => {
    backend.unary(op, buffer(values), y);
    return weighted(y, dY);
  };
  forward(x);
  const dX = buffer(dY);
  backend.unaryBackward(op, buffer(x), y, dX, dX);
  expectGradient(forward, x, backend.read(dX));
}

test('binary repeats the shorter operand', () => {
  const y = empty(6);
  backend.binary('sub', buffer([1, 2, 3, 4, 5, 6]), buffer([10, 20, 30]), y);
  expect([...backend.read(y)]).toEqual([-9, -18, -27, -6, -15, -24]);
  backend.binary('div', buffer([12]), buffer([1, 2, 3, 4, 6, 12]), y);
  expect([...backend.read(y)]).toEqual([12, 6, 4, 3, 2, 1]);
  backend.binary('maximum', buffer([1, 5]), buffer([3]), y);
  expect([...backend.read(y)]).toEqual([3, 5, 3, 5, 3, 5]);
  backend.binary('less', buffer([1, 3, 5]), buffer([3]), y);
  expect([...backend.read(y)]).toEqual([1, 0, 0, 1, 0, 0]);
});

test('stridedCopy transposes, repeats and reverses', () => {
  const y = empty(6);
  const x = buffer([1, 2, 3, 4, 5, 6]);
  backend.stridedCopy({ shape: [3, 2], x, xOffset: 0, xStrides: [1, 3], y, yOffset: 0, yStrides: [2, 1] });
  expect([...backend.read(y)]).toEqual([1, 4, 2, 5, 3, 6]);
  backend.stridedCopy({ shape: [3, 2], x, xOffset: 4, xStrides: [0, 1], y, yOffset: 0, yStrides: [2, 1], accumulate: true });
  expect([...backend.read(y)]).toEqual([6, 10, 7, 11, 8, 12]);
  backend.stridedCopy({ shape: [6], x, xOffset: 5, xStrides: [-1], y, yOffset: 0, yStrides: [1] });
  expect([...backend.read(y)]).toEqual([6, 5, 4, 3, 2, 1]);
});

test('gemm multiplies, transposed or not, with bias, gaps and accumulation', () => {
  // [1 2 3; 4 5 6] · [1 0; 2 1; 0 3] = [5 11; 14 23]
  const a = buffer([1, 2, 3, 4, 5, 6]);
  const aTransposed = buffer([1, 4, 2, 5, 3, 6]);
  const b = buffer([1, 0, 2, 1, 0, 3]);
  const bTransposed = buffer([1, 2, 0, 0, 1, 3]);
  const sizes = { M: 2, N: 2, K: 3 };
  for (const [transA, A] of [
    [false, a],
    [true, aTransposed],
  ] as const) {
    for (const [transB, B] of [
      [false, b],
      [true, bTransposed],
    ] as const) {
      const c = buffer([1, 1, 1, 1]);
      backend.gemm({ ...sizes, a: A, transA, b: B, transB, c });
      expect([...backend.read(c)]).toEqual([5, 11, 14, 23]);
      backend.gemm({ ...sizes, a: A, transA, b: B, transB, c, bias: buffer([100, 200]), accumulate: true });
      expect([...backend.read(c)]).toEqual([110, 222, 128, 246]);
    }
  }
  const gaps = buffer([9, 9, 9, 9, 9, 9]);
  backend.gemm({ ...sizes, a, b, c: gaps, ldc: 3 });
  expect([...backend.read(gaps)]).toEqual([5, 11, 9, 14, 23, 9]);
});

test('softmax and logSoftmax: values, large inputs, derivatives', () => {
  const y = empty(4);
  backend.softmax(buffer([0, Math.log(3), 1000, 1000]), y, 2, 2);
  [0.25, 0.75, 0.5, 0.5].forEach((value, i) => {
    expect(backend.read(y)[i]).toBeCloseTo(value, 12);
  });
  const rng = new Random(1);
  const x = rng.fillNormal(new Float64Array(6));
  const dY = rng.fillNormal(new Float64Array(6));
  for (const [forward, backward] of [
    [backend.softmax, backend.softmaxBackward] as const,
    [backend.logSoftmax, backend.logSoftmaxBackward] as const,
  ]) {
    const out = empty(6);
    const loss = (values: Float64Array) => {
      forward(buffer(values), out, 2, 3);
      return weighted(out, dY);
    };
    loss(x);
    const dX = empty(6);
    backward(out, buffer(dY), dX, 2, 3);
    expectGradient(loss, x, backend.read(dX));
  }
});

test('layerNorm: zero mean and unit variance, and all three derivatives', () => {
  const [R, C] = [3, 5];
  const rng = new Random(2);
  const draw = (n: number) => rng.fillNormal(new Float64Array(n));
  const [x, weight, bias, dY] = [draw(R * C), draw(C), draw(C), draw(R * C)];
  const [y, normalized, rstd] = [empty(R * C), empty(R * C), empty(R)];
  const loss = (x: Float64Array, weight: Float64Array, bias: Float64Array) => {
    backend.layerNorm(buffer(x), buffer(weight), buffer(bias), y, normalized, rstd, R, C, 1e-5);
    return weighted(y, dY);
  };
  loss(x, weight, bias);
  const unit = floats(normalized).subarray(0, C);
  expect(unit.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 12);
  expect(unit.reduce((a, b) => a + b * b, 0) / C).toBeCloseTo(1, 4); // short of 1 by ε / variance

  const dX = buffer(dY);
  const [dWeight, dBias] = [buffer(new Float64Array(C)), buffer(new Float64Array(C))];
  backend.layerNormBackward(dX, buffer(weight), normalized, rstd, dX, dWeight, dBias, R, C);
  expectGradient((moved) => loss(moved, weight, bias), x, backend.read(dX));
  expectGradient((moved) => loss(x, moved, bias), weight, backend.read(dWeight));
  expectGradient((moved) => loss(x, weight, moved), bias, backend.read(dBias));
});

test('rows of a table: gathered, and scattered back without the padding', () => {
  const ids = buffer(Int32Array.of(2, 0, 2, 1));
  const y = empty(8);
  backend.gatherRows(buffer([1, 2, 3, 4, 5, 6]), ids, y, 4, 2);
  expect([...backend.read(y)]).toEqual([5, 6, 1, 2, 5, 6, 3, 4]);
  const dTable = buffer([100, 100, 100, 100, 100, 100]);
  backend.scatterAddRows(y, ids, dTable, 4, 2, 1);
  expect([...backend.read(dTable)]).toEqual([101, 102, 100, 100, 110, 112]);
});

test('reductions', () => {
  const y = buffer([1, 1]);
  backend.sumAxis(buffer([1, 2, 3, 4, 5, 6]), y, { outer: 1, n: 3, inner: 2 }, true);
  expect([...backend.read(y)]).toEqual([10, 13]);
  const best = backend.allocate('int32', 2);
  backend.argmaxRows(buffer([1, 7, 7, 3, 2, 1]), best, 2, 3);
  expect([...backend.read(best)]).toEqual([1, 0]);
  const ids = backend.allocate('int32', 2);
  backend.write(ids, [1, 0]);
  backend.countBelow(buffer([1, 7, 7, 3, 2, Number.NaN]), ids, best, 2, 3);
  expect([...backend.read(best)]).toEqual([1, 1]);
  const sum = empty(1);
  backend.sumSquares(buffer([3, 4]), sum);
  expect(backend.read(sum)[0]).toBe(25);
});

test('dropoutMask drops a share p, keeps the mean, and continues where its counter stands', () => {
  const mask = empty(40_000);
  backend.dropoutMask(mask, 0.25, { seed: [1, 2], counter: 5 });
  const values = floats(mask);
  expect(new Set(values)).toEqual(new Set([0, 1 / 0.75]));
  expect(values.reduce((a, b) => a + b, 0) / values.length).toBeCloseTo(1, 1.5); // deviation of the mean: 0.003
  const rest = empty(4);
  backend.dropoutMask(rest, 0.25, { seed: [1, 2], counter: 7 });
  expect(backend.read(rest)).toEqual(values.slice(8, 12));
});
