import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { sizeOf } from '../tensor/shape.ts';
import { arrange, copyInto, packedOrder, packRows, stridesInOrder } from './layout.ts';
import { broadcastTo, permute, slice } from './ops/shape.ts';
import { inScope, scope } from './scope.ts';
import { contiguous, Tensor, tensor, zeros } from './tensor.ts';

setBackend('reference');
const counting = (shape: readonly number[]): Tensor =>
  tensor(
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => i),
    { shape },
  );

/** A permuted part of a counting tensor, of up to five axes, some of size 1. */
const views = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 5 }), fc.nat(), fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }))
  .map(([shape, order, cut]) => {
    const axes = shape.map((_, axis) => axis).sort((a, b) => ((a * 7 + order) % 5) - ((b * 7 + order) % 5) || a - b);
    const whole = counting(shape.map((n, axis) => (cut[axis] ? n + 1 : n)));
    const part = shape.reduce((x, n, axis) => (cut[axis] ? slice(x, axis, 1, n + 1) : x), whole);
    return permute(part, axes);
  });

describe('packedOrder', () => {
  it('is the order of memory, and null where there are gaps or repeats', () => {
    expect(packedOrder(counting([2, 3]))).toEqual([0, 1]);
    expect(packedOrder(permute(counting([2, 3, 4]), [1, 0, 2]))).toEqual([1, 0, 2]);
    expect(packedOrder(permute(counting([2, 3, 4]), [2, 1, 0]))).toEqual([2, 1, 0]);
    expect(packedOrder(slice(counting([2, 3]), 1, 0, 2))).toBeNull();
    expect(packedOrder(slice(counting([2, 3]), 0, 1, 2))).toEqual([0, 1]);
    expect(packedOrder(broadcastTo(counting([3]), [2, 3]))).toBeNull();
    expect(packedOrder(tensor(5))).toEqual([]);
  });

  it('says where each element is', () => {
    fc.assert(
      fc.property(views, (x) => {
        const order = packedOrder(x);
        if (order === null) return;
        const strides = stridesInOrder(x.shape, order);
        expect(x.shape.every((n, axis) => n === 1 || strides[axis] === x.strides[axis])).toBe(true);
      }),
    );
  });

  it('keeps a last axis of size 1 last, for it is a row', () => {
    const x = permute(counting([3, 2, 1]), [1, 0, 2]);
    expect(packRows(x).packed).toBe(x);
    expect(packRows(x).order).toEqual([1, 0, 2]);
  });
});

onEveryBackend(() => {
  it('contiguous and arrange keep the numbers and make the order', () => {
    fc.assert(
      fc.property(views, fc.nat(), (view, turn) => {
        // The same view on this backend.
        const host = tensor(view.storage.read());
        const x = new Tensor(host.storage, view.shape, view.strides, view.offset);
        const order = x.shape.map((_, axis) => (axis + turn) % x.rank);
        const y = scope(() => arrange(x, order));
        expect([...y.dataSync()]).toEqual([...view.dataSync()]);
        const strides = stridesInOrder(x.shape, order);
        expect(y.shape.every((n, axis) => n === 1 || y.strides[axis] === strides[axis])).toBe(true);
        const z = scope(() => contiguous(x));
        expect(z.isContiguous).toBe(true);
        expect([...z.dataSync()]).toEqual([...view.dataSync()]);
      }),
    );
  });
});

it('copyInto adds where asked, and copies nothing of nothing', () => {
  const sum = inScope(() => {
    const y = zeros([2, 3]);
    copyInto(permute(counting([3, 2]), [1, 0]), y);
    copyInto(broadcastTo(tensor([10, 20, 30]), [2, 3]), y, true);
    copyInto(zeros([0, 3]), slice(y, 0, 0, 0));
    return y.storage.backend.read(y.storage.buffer!);
  });
  expect([...sum]).toEqual([10, 22, 34, 11, 23, 35]);
});

it('refuses more axes apart than the kernel takes', () => {
  const x = permute(counting([2, 2, 2, 2, 2, 2, 2]), [6, 5, 4, 3, 2, 1, 0]);
  expect(() => scope(() => contiguous(x))).toThrow(ShapeError);
});
