import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { broadcastShapes, sizeOf } from '../../tensor/shape.ts';
import { checkGradients } from '../check-gradients.ts';
import { scope } from '../scope.ts';
import { backward } from '../tape.ts';
import { randomNormal, type Tensor, tensor } from '../tensor.ts';
import { add, clamp, div, less, maximum, minimum, mul, sub } from './binary.ts';
import { sigmoid } from './elementwise.ts';

setBackend('reference');

const functions = {
  add: [add, (a: number, b: number) => a + b],
  sub: [sub, (a: number, b: number) => a - b],
  mul: [mul, (a: number, b: number) => a * b],
  div: [div, (a: number, b: number) => a / b],
  maximum: [maximum, Math.max],
  minimum: [minimum, Math.min],
} as const;

/** Two shapes that broadcast, with axes of 1 and missing ones. */
const shapePairs = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }), fc.infiniteStream(fc.integer({ min: 0, max: 5 })))
  .map(([shape, choices]) => {
    const thinned = () => shape.map((n) => (choices.next().value < 2 ? 1 : n)).slice(choices.next().value % (shape.length + 1));
    return [thinned(), thinned()] as const;
  });

describe.each(Object.entries(functions))('%s', (name, [op, expected]) => {
  it('broadcasts under every layout, and its gradients sum back', () => {
    const names = Object.keys(layouts);
    fc.assert(
      fc.property(shapePairs, fc.constantFrom(...names), fc.constantFrom(...names), fc.nat(), ([aShape, bShape], aName, bName, seed) => {
        const rng = new Random(seed);
        const a = layouts[aName](aShape, rng);
        const b = layouts[bName](bShape, rng);
        // Away from 0 for div, without moving the views.
        const denominator = (x: Tensor) => (name === 'div' ? add(sigmoid(x), 1) : x);
        const y = scope(() => op(a.view(a.leaf), denominator(b.view(b.leaf))));
        const shape = broadcastShapes(aShape, bShape, 'test');
        expect(y.shape).toEqual(shape);
        const right = scope(() => denominator(b.view(b.leaf)));
        const values = y.dataSync();
        for (let i = 0; i < sizeOf(shape); i++) {
          expect(values[i]).toBeCloseTo(expected(elementAt(a.view(a.leaf), shape, i), elementAt(right, shape, i)), 12);
        }
        checkGradients((x, z) => op(a.view(x), denominator(b.view(z))), [a.leaf, b.leaf]);
      }),
      { numRuns: 40 },
    );
  });

  it('takes numbers on either side', () => {
    const x = tensor([-2, 1.5, 0.7, -0.4, 3, 0.9], { shape: [3, 2] });
    const values = [...x.dataSync()];
    expectClose(
      op(x, 0.3),
      values.map((v) => expected(v, 0.3)),
    );
    expectClose(
      op(0.3, x),
      values.map((v) => expected(0.3, v)),
    );
    checkGradients((z) => op(z, 0.3), [x]);
    checkGradients((z) => op(0.3, z), [x]);
  });

  it('refuses two numbers, and shapes that do not broadcast', () => {
    expect(() => op(1, 2)).toThrow(ShapeError);
    expect(() => op(tensor([1, 2]), tensor([1, 2, 3]))).toThrow(/received \[2\] and \[3\]/);
  });
});

it('gives the gradient of a tie to the first', () => {
  const a = tensor([1, 2], { requiresGrad: true });
  const b = tensor([1, 1], { requiresGrad: true });
  backward(maximum(a, b), tensor([1, 1]));
  expect([...a.grad!.dataSync(), ...b.grad!.dataSync()]).toEqual([1, 1, 0, 0]);
});

it('compares and clamps', () => {
  const x = tensor([-2, -0.5, 0.5, 2]);
  expect([...less(x, 0.5).dataSync()]).toEqual([1, 1, 0, 0]);
  expect([...less(0, x).dataSync()]).toEqual([0, 0, 1, 1]);
  expect([...clamp(x, -1, 1).dataSync()]).toEqual([-1, -0.5, 0.5, 1]);
  checkGradients((z) => clamp(z, -1, 1), [x]);
});

it('copies neither a time-major tensor nor the bias added to it', () => {
  const { leaf, view } = layouts['time-major']([2, 3, 4], new Random(1));
  const bias = randomNormal([4], new Random(2));
  const x = view(leaf);
  x.backend.resetPeak();
  const before = x.backend.memory.bytes;
  const y = scope(() => add(x, bias));
  expect(y.strides).toEqual(x.strides);
  expect(x.backend.memory.peakBytes - before).toBe(8 * (x.size + bias.size + y.size));
});

function elementAt(x: Tensor, shape: readonly number[], flat: number): number {
  let rest = flat;
  let at = 0;
  const values = x.dataSync();
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const i = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
    const own = axis - shape.length + x.rank;
    if (own < 0) continue;
    at += (x.shape[own] === 1 ? 0 : i) * stride;
    stride *= x.shape[own];
  }
  return values[at];
}
