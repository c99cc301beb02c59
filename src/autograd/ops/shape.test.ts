import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { checkGradients } from '../check-gradients.ts';
import { scope } from '../scope.ts';
import { backward } from '../tape.ts';
import { randomNormal, type Tensor, tensor } from '../tensor.ts';
import { add, mul } from './binary.ts';
import { sum } from './reduce.ts';
import { broadcastTo, permute, reshape, select, slice, split, squeeze, transpose, unsqueeze } from './shape.ts';

setBackend('reference');
const names = fc.constantFrom(...Object.keys(layouts));
const x = tensor([
  [
    [0, 1, 2],
    [3, 4, 5],
  ],
  [
    [6, 7, 8],
    [9, 10, 11],
  ],
]); // [2, 2, 3]

describe('reshape', () => {
  /** Two ways to cut 24 elements, and 1s between. */
  const shape = fc.constantFrom([24], [2, 12], [4, 6], [3, 2, 4], [2, 2, 6], [2, 3, 4], [1, 24], [4, 1, 6, 1], [2, 2, 2, 3], [8, 3]);

  it('keeps row-major order under any layout, with its gradient', () => {
    fc.assert(
      fc.property(shape, shape, names, fc.nat(), (from, to, name, seed) => {
        const { leaf, view } = layouts[name](from, new Random(seed));
        const y = reshape(view(leaf), to);
        expect(y.shape).toEqual(to);
        expect(y.dataSync()).toEqual(view(leaf).dataSync());
        checkGradients((z) => reshape(view(z), to), [leaf], { maxElements: 12 });
      }),
      { numRuns: 80 },
    );
  });

  it('copies nothing where strides can say it', () => {
    expect(reshape(x, [4, 3]).storage).toBe(x.storage);
    const timeMajor = permute(randomNormal([5, 2, 12], new Random(1)), [1, 0, 2]);
    expect(reshape(timeMajor, [2, 5, 3, 4]).storage).toBe(timeMajor.storage);
    expect(reshape(timeMajor, [10, 12]).storage).not.toBe(timeMajor.storage);
  });

  it('works one size out, and refuses what does not fit', () => {
    expect(reshape(x, [-1, 4]).shape).toEqual([3, 4]);
    expect(reshape(tensor(5), [1, 1]).shape).toEqual([1, 1]);
    for (const wrong of [
      [5, 2],
      [-1, 5],
      [-1, -1],
      [2, -6],
    ])
      expect(() => reshape(x, wrong)).toThrow(ShapeError);
    expect(() => reshape(x, [5, 2])).toThrow(/\[reshape\] expected a shape of 12 elements for \[2, 2, 3\], received \[5, 2\]/);
  });
});

describe('views', () => {
  it('permute and transpose', () => {
    expect(permute(x, [2, 0, 1]).toArray()).toEqual([
      [
        [0, 3],
        [6, 9],
      ],
      [
        [1, 4],
        [7, 10],
      ],
      [
        [2, 5],
        [8, 11],
      ],
    ]);
    expect(transpose(x).toArray()).toEqual([
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
      [
        [6, 9],
        [7, 10],
        [8, 11],
      ],
    ]);
    expect(transpose(x, 0, 1).toArray()).toEqual([
      [
        [0, 1, 2],
        [6, 7, 8],
      ],
      [
        [3, 4, 5],
        [9, 10, 11],
      ],
    ]);
    checkGradients((z) => [permute(z, [2, 0, 1]), transpose(z), transpose(z, 0, -1)], [randomNormal([2, 3, 4], new Random(2))]);
    expect(() => permute(x, [0, 1, 1])).toThrow(/expected every axis of \[2, 2, 3\] once, received \[0, 1, 1\]/);
  });

  it('slice, select, split', () => {
    expect(slice(x, 2, 1, 3).toArray()).toEqual([
      [
        [1, 2],
        [4, 5],
      ],
      [
        [7, 8],
        [10, 11],
      ],
    ]);
    expect(slice(x, -1, -1).toArray()).toEqual([
      [[2], [5]],
      [[8], [11]],
    ]);
    expect(slice(x, 0, 1, 1).shape).toEqual([0, 2, 3]);
    expect(select(x, 1, -1).toArray()).toEqual([
      [3, 4, 5],
      [9, 10, 11],
    ]);
    expect(split(x, [1, 2]).map((part) => part.shape)).toEqual([
      [2, 2, 1],
      [2, 2, 2],
    ]);
    expect(split(x, 1, 0)[1].toArray()).toEqual([
      [
        [6, 7, 8],
        [9, 10, 11],
      ],
    ]);
    const leaf = randomNormal([3, 4, 5], new Random(3));
    checkGradients((z) => [slice(z, 1, 1, 3), select(z, 0, 1), ...split(z, [2, 3]), slice(z, 0, 2, 2)], [leaf]);
    expect(() => slice(x, 2, 2, 4)).toThrow(/expected 0 ≤ start ≤ end ≤ 3 along axis 2 of \[2, 2, 3\], received 2 to 4/);
    expect(() => select(x, 0, 2)).toThrow(/expected an index in -2…1 along axis 0/);
    expect(() => split(x, [1, 1])).toThrow(/expected sizes that add up to 3, axis 2 of \[2, 2, 3\], received \[1, 1\]/);
    expect(() => split(x, 2)).toThrow(ShapeError);
  });

  it('squeeze, unsqueeze, broadcastTo', () => {
    expect(unsqueeze(x, 0).shape).toEqual([1, 2, 2, 3]);
    expect(unsqueeze(x, -1).shape).toEqual([2, 2, 3, 1]);
    expect(squeeze(unsqueeze(x, 1), 1).toArray()).toEqual(x.toArray());
    expect(() => squeeze(x, 0)).toThrow(/expected size 1 at axis 0, received \[2, 2, 3\]/);
    expect(broadcastTo(tensor([[1], [2]]), [2, 2, 3]).toArray()).toEqual([
      [
        [1, 1, 1],
        [2, 2, 2],
      ],
      [
        [1, 1, 1],
        [2, 2, 2],
      ],
    ]);
    expect(() => broadcastTo(x, [2, 3])).toThrow(ShapeError);
    checkGradients((z) => [unsqueeze(z, 1), squeeze(unsqueeze(z, 2), 2), broadcastTo(z, [5, 3, 4])], [randomNormal([3, 4], new Random(4))]);
    checkGradients((z) => broadcastTo(z, [2, 3, 4]), [randomNormal([3, 1], new Random(5))]);
  });

  it('of views, in a random chain, have right values and gradients', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('permute', 'slice', 'select', 'unsqueeze', 'broadcast', 'reshape'), fc.nat()), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(steps, fc.nat(), (chain, seed) => {
        const leaf = randomNormal([2, 3, 4], new Random(seed));
        const run = (z: Tensor) => chain.reduce((y, [name, n]) => stepOf(name, n, y), z);
        const weigh = (z: Tensor) => mul(run(z), 1.5);
        checkGradients(weigh, [leaf], { maxElements: 12 });
      }),
      { numRuns: 60 },
    );
  });
});

it('many selections from one tensor add into one gradient, not one each', () => {
  const T = 64;
  const leaf = tensor(new Float64Array(T * 8), { shape: [T, 8], requiresGrad: true });
  const { backend } = leaf;
  scope(() => {
    const y = mul(leaf, 1);
    const parts = Array.from({ length: T }, (_, t) => sum(select(y, 0, t)));
    const total = parts.reduce((a, b) => add(a, b));
    backend.resetPeak();
    const before = backend.memory.bytes;
    backward(total);
    expect(backend.memory.peakBytes - before).toBeLessThan(4 * leaf.size * 8);
  });
  expect([...leaf.grad!.dataSync()]).toEqual(new Array(T * 8).fill(1));
});

function stepOf(name: string, n: number, y: Tensor): Tensor {
  if (y.size === 0 || y.size > 500) return y;
  const axis = y.rank > 0 ? n % y.rank : 0;
  switch (name) {
    case 'permute':
      return y.rank < 2 ? y : transpose(y, axis, (axis + 1) % y.rank);
    case 'slice':
      return y.rank === 0 ? y : slice(y, axis, n % y.shape[axis], y.shape[axis]);
    case 'select':
      return y.rank === 0 ? y : select(y, axis, n % y.shape[axis]);
    case 'unsqueeze':
      return y.rank > 4 ? y : unsqueeze(y, n % (y.rank + 1));
    case 'broadcast':
      return y.rank > 4 ? y : broadcastTo(y, [2, ...y.shape]);
    default:
      return reshape(y, n % 2 === 0 ? [sizeOf(y.shape)] : [1, -1]);
  }
}
