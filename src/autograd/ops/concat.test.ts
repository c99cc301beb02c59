import { describe, expect, it } from 'vitest';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { randomNormal, tensor } from '../tensor.ts';
import { mul } from './binary.ts';
import { concat, stack } from './concat.ts';

setBackend('reference');
const rng = new Random(6);

describe('concat', () => {
  it('joins along each axis', () => {
    const [a, b] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [5, 6],
        [7, 8],
      ]),
    ];
    expect(concat([a, b], 0).toArray()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
    expect(concat([a, b, tensor([[9], [10]])]).toArray()).toEqual([
      [1, 2, 5, 6, 9],
      [3, 4, 7, 8, 10],
    ]);
    expect(concat([tensor([1, 2], { dtype: 'int32' }), tensor([3], { dtype: 'int32' })]).dataSync()).toEqual(new Int32Array([1, 2, 3]));
  });

  it.each(Object.entries(layouts))('has its gradients, %s', (_, make) => {
    const [a, b] = [make([3, 2, 4], rng), make([3, 5, 4], rng)];
    checkGradients((x, y) => concat([a.view(x), b.view(y), a.view(x)], 1), [a.leaf, b.leaf]);
    const c = make([3, 2, 1], rng);
    checkGradients((x, y) => concat([a.view(x), mul(c.view(y), 2)]), [a.leaf, c.leaf]);
  });

  it('lies as its first part does', () => {
    const { leaf, view } = layouts['time-major']([2, 3, 4], rng);
    expect(concat([view(leaf), view(leaf)]).strides).toEqual([8, 16, 1]);
  });

  it('refuses nothing, other shapes, other dtypes', () => {
    expect(() => concat([])).toThrow(/\[concat\] expected at least one tensor/);
    expect(() => concat([tensor([[1]]), tensor([1])])).toThrow(ShapeError);
    expect(() => concat([tensor([[1, 2]]), tensor([[1], [2]])], 0)).toThrow(/equal but for axis 0, received \[1, 2\], \[2, 1\]/);
    expect(() => concat([tensor([1]), tensor([1], { dtype: 'int32' })])).toThrow(/one dtype/);
  });
});

describe('stack', () => {
  it('makes a new axis anywhere, slowest in memory', () => {
    const [a, b] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [5, 6],
        [7, 8],
      ]),
    ];
    expect(stack([a, b]).toArray()).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ]);
    expect(stack([a, b], 1).toArray()).toEqual([
      [
        [1, 2],
        [5, 6],
      ],
      [
        [3, 4],
        [7, 8],
      ],
    ]);
    expect(stack([a, b], -1).toArray()).toEqual([
      [
        [1, 5],
        [2, 6],
      ],
      [
        [3, 7],
        [4, 8],
      ],
    ]);
    expect(stack([a, b], 1).strides).toEqual([2, 4, 1]);
    expect(stack([tensor(1), tensor(2)]).toArray()).toEqual([1, 2]);
  });

  it('has its gradients', () => {
    const [a, b] = [randomNormal([2, 3], rng), randomNormal([2, 3], rng)];
    for (const axis of [0, 1, -1]) checkGradients((x, y) => stack([x, y, x], axis), [a, b]);
  });

  it('refuses tensors of different shapes', () => {
    expect(() => stack([tensor([1]), tensor([1, 2])])).toThrow(/\[stack\] expected tensors of one shape, received \[1\], \[2\]/);
  });
});
