import { describe, expect, it } from 'vitest';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { backward } from '../tape.ts';
import { randomNormal, tensor } from '../tensor.ts';
import { embedding, gather } from './gather.ts';
import { sum } from './reduce.ts';
import { transpose } from './shape.ts';

setBackend('reference');
const rng = new Random(8);
const ids = tensor(
  [
    [3, 0, 3],
    [1, 1, 2],
  ],
  { dtype: 'int32' },
);

describe('gather', () => {
  const table = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
  ]);

  it('looks rows up, for ids of any shape', () => {
    expect(gather(table, ids).toArray()).toEqual([
      [
        [7, 8],
        [1, 2],
        [7, 8],
      ],
      [
        [3, 4],
        [3, 4],
        [5, 6],
      ],
    ]);
    expect(gather(table, transpose(ids)).toArray()).toEqual([
      [
        [7, 8],
        [3, 4],
      ],
      [
        [1, 2],
        [3, 4],
      ],
      [
        [7, 8],
        [5, 6],
      ],
    ]);
    expect(gather(table, tensor(2, { dtype: 'int32' })).toArray()).toEqual([5, 6]);
    expect(gather(tensor([9, 8, 7, 6]), ids).toArray()).toEqual([
      [6, 9, 6],
      [8, 8, 7],
    ]);
    expect(
      gather(
        tensor([
          [[1], [2]],
          [[3], [4]],
        ]),
        tensor([1], { dtype: 'int32' }),
      ).toArray(),
    ).toEqual([[[3], [4]]]);
  });

  it.each(Object.entries(layouts))('adds what each row got into its gradient, %s', (_, make) => {
    const { leaf, view } = make([4, 3], rng);
    checkGradients((x) => gather(view(x), ids), [leaf]);
    checkGradients((x) => gather(view(x), tensor([2, 2, 0], { dtype: 'int32' })), [leaf]);
  });

  it('refuses ids that are out of range or not integers', () => {
    expect(() => gather(table, tensor([0, 4], { dtype: 'int32' }))).toThrow(
      /\[gather\] expected indices in 0…3, received 4 at element 1 of \[2\]/,
    );
    expect(() => gather(table, tensor([-1], { dtype: 'int32' }))).toThrow(ShapeError);
    expect(() => gather(table, tensor([1]))).toThrow(/expected int32 indices, received float64/);
  });
});

describe('embedding', () => {
  it('lies time-major for [B, T]', () => {
    expect(embedding(ids, randomNormal([4, 5], rng)).strides).toEqual([5, 10, 1]);
  });

  it('leaves the padding row without a gradient', () => {
    const table = randomNormal([4, 2], rng, { requiresGrad: true });
    backward(sum(embedding(ids, table, { paddingIndex: 3 })));
    expect(table.grad!.toArray()).toEqual([
      [1, 1],
      [2, 2],
      [1, 1],
      [0, 0],
    ]);
  });

  it('has its gradient', () => {
    checkGradients((x) => embedding(ids, x), [randomNormal([4, 5], rng)]);
  });

  it('refuses a table that is not a matrix', () => {
    expect(() => embedding(ids, tensor([1, 2, 3, 4]))).toThrow(/expected a table of shape \[V, E\], received \[4\]/);
  });
});
