import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { type Tensor, tensor, zeros } from '../tensor.ts';
import { argmax, max, mean, sum } from './reduce.ts';

setBackend('reference');
const names = fc.constantFrom(...Object.keys(layouts));
const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });

/** Groups of elements that are reduced together, in row-major order of what is left. */
function groups(x: Tensor, axes: readonly number[]): number[][] {
  const found = new Map<string, number[]>();
  x.dataSync().forEach((value, flat) => {
    let rest = flat;
    const index = [...x.shape].reverse().map((n) => {
      const i = rest % n;
      rest = Math.floor(rest / n);
      return i;
    });
    const key = index
      .reverse()
      .filter((_, axis) => !axes.includes(axis))
      .join();
    found.set(key, [...(found.get(key) ?? []), value]);
  });
  return [...found.values()];
}

describe('sum and mean', () => {
  it('reduce any axes under any layout, with their gradients', () => {
    fc.assert(
      fc.property(shapes, names, fc.nat(), fc.nat(), fc.boolean(), (shape, name, mask, seed, keepDims) => {
        const { leaf, view } = layouts[name](shape, new Random(seed));
        const axes = shape.map((_, axis) => axis).filter((axis) => (mask >> axis) & 1);
        const x = view(leaf);
        const total = sum(x, axes, { keepDims });
        expect(total.shape).toEqual(shape.flatMap((n, axis) => (!axes.includes(axis) ? [n] : keepDims ? [1] : [])));
        expectClose(
          total,
          groups(x, axes).map((group) => group.reduce((a, b) => a + b, 0)),
        );
        expectClose(
          mean(x, axes, { keepDims }),
          groups(x, axes).map((group) => group.reduce((a, b) => a + b, 0) / group.length),
        );
        checkGradients((y) => [sum(view(y), axes, { keepDims }), mean(view(y), axes, { keepDims })], [leaf], { maxElements: 20 });
      }),
      { numRuns: 60 },
    );
  });

  it('take everything when no axis is named, and an axis from the end', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(sum(x).item()).toBe(21);
    expect(mean(x).item()).toBe(3.5);
    expect(sum(x, -1).toArray()).toEqual([6, 15]);
    expect(mean(x, -2).toArray()).toEqual([2.5, 3.5, 4.5]);
    expect(sum(zeros([0, 3]), 0).toArray()).toEqual([0, 0, 0]);
  });

  it('refuse an axis that is not there', () => {
    expect(() => sum(tensor([1, 2]), 1)).toThrow(/\[sum\] expected an axis in -1…0 for a tensor of rank 1, received 1/);
  });
});

describe('max and argmax', () => {
  it('find the largest along an axis under any layout', () => {
    fc.assert(
      fc.property(shapes, names, fc.nat(), fc.nat(), (shape, name, which, seed) => {
        const { leaf, view } = layouts[name](shape, new Random(seed));
        const axis = which % shape.length;
        const expected = groups(view(leaf), [axis]);
        expectClose(
          max(view(leaf), axis),
          expected.map((group) => Math.max(...group)),
        );
        expectClose(
          argmax(view(leaf), axis),
          expected.map((group) => group.indexOf(Math.max(...group))),
        );
        expect(argmax(view(leaf), axis).dtype).toBe('int32');
        checkGradients((x) => max(view(x), axis), [leaf], { maxElements: 20 });
      }),
      { numRuns: 40 },
    );
  });

  it('keep the axis when asked, and refuse an empty one', () => {
    expect(
      max(
        tensor([
          [1, 3],
          [5, 2],
        ]),
        1,
        { keepDims: true },
      ).toArray(),
    ).toEqual([[3], [5]]);
    expect(() => max(zeros([2, 0]))).toThrow(ShapeError);
    expect(() => argmax(zeros([2, 0]))).toThrow(/expected at least one element along axis 1, received \[2, 0\]/);
  });
});
