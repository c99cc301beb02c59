import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { layouts } from '../../../test/laws/laid-out.ts';
import { setBackend } from '../../backend/select.ts';
import { ShapeError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { checkGradients } from '../check-gradients.ts';
import { scope } from '../scope.ts';
import { Parameter, randomNormal, type Tensor, tensor } from '../tensor.ts';
import { linear, matmul } from './matmul.ts';

setBackend('reference');
const names = fc.constantFrom(...Object.keys(layouts));
const size = fc.integer({ min: 1, max: 4 });

describe('matmul', () => {
  it('multiplies matrices however they lie', () => {
    fc.assert(
      fc.property(size, size, size, names, names, fc.nat(), (M, K, N, aName, bName, seed) => {
        const rng = new Random(seed);
        const a = layouts[aName]([M, K], rng);
        const b = layouts[bName]([K, N], rng);
        expectClose(matmul(a.view(a.leaf), b.view(b.leaf)), product(rows(a.view(a.leaf)), rows(b.view(b.leaf))).flat());
        checkGradients((x, y) => matmul(a.view(x), b.view(y)), [a.leaf, b.leaf]);
      }),
      { numRuns: 60 },
    );
  });

  it('multiplies batches, which broadcast', () => {
    const batches = fc.constantFrom<[number[], number[]]>(
      [[2], [2]],
      [[2], []],
      [[], [3]],
      [
        [2, 1],
        [1, 3],
      ],
      [
        [1, 2],
        [3, 2],
      ],
      [[2, 3], [3]],
    );
    fc.assert(
      fc.property(batches, size, size, size, names, names, fc.nat(), ([aBatch, bBatch], M, K, N, aName, bName, seed) => {
        const rng = new Random(seed);
        const a = layouts[aName]([...aBatch, M, K], rng);
        const b = layouts[bName]([...bBatch, K, N], rng);
        checkGradients((x, y) => matmul(a.view(x), b.view(y)), [a.leaf, b.leaf], { maxElements: 10 });
      }),
      { numRuns: 40 },
    );
    const a = randomNormal([2, 1, 3, 4], new Random(1));
    const b = randomNormal([1, 2, 4, 2], new Random(2));
    const y = matmul(a, b);
    expect(y.shape).toEqual([2, 2, 3, 2]);
    const expected = [0, 1].flatMap((i) => [0, 1].flatMap((j) => product(rows(a, i), rows(b, j)).flat()));
    expectClose(y, expected);
  });

  it('says which shapes do not fit', () => {
    expect(() => matmul(tensor([[1, 2]]), tensor([[1, 2]]))).toThrow(/received \[1, 2\] and \[1, 2\]/);
    expect(() => matmul(tensor([1, 2]), tensor([[1], [2]]))).toThrow(ShapeError);
  });
});

describe('linear', () => {
  it.each(Object.entries(layouts))('is x Wᵀ + b with its gradients, %s', (_, make) => {
    const rng = new Random(9);
    const x = make([2, 3, 4], rng);
    const w = make([5, 4], rng);
    const b = randomNormal([5], rng);
    const y = scope(() => linear(x.view(x.leaf), w.view(w.leaf), b));
    const values = product(chunks(x.view(x.leaf), 4), transpose(rows(w.view(w.leaf)))).map((row) => row.map((v, o) => v + b.dataSync()[o]));
    expectClose(y, values.flat());
    checkGradients((p, q, r) => linear(x.view(p), w.view(q), r), [x.leaf, w.leaf, b]);
    checkGradients((p, q) => linear(x.view(p), w.view(q)), [x.leaf, w.leaf]);
  });

  it.each([
    [1, 1, 1, 1],
    [3, 1, 1, 2],
    [1, 4, 2, 1],
    [2, 3, 1, 1],
  ])('holds with sizes of 1: B %i, T %i, I %i, O %i', (B, T, I, O) => {
    const rng = new Random(10);
    for (const make of Object.values(layouts)) {
      const x = make([B, T, I], rng);
      const w = new Parameter(rng.fillNormal(new Float64Array(O * I)), [O, I]);
      const b = new Parameter(rng.fillNormal(new Float64Array(O)), [O]);
      checkGradients((p, q, r) => linear(x.view(p), q, r), [x.leaf, w, b]);
    }
  });

  it('takes a vector', () => {
    const rng = new Random(11);
    const [x, w] = [randomNormal([4], rng), randomNormal([2, 4], rng)];
    expectClose(linear(x, w), product([[...x.dataSync()]], transpose(rows(w))).flat());
    checkGradients((p, q) => linear(p, q), [x, w]);
  });

  it('does not copy a time-major view, and its result lies the same way', () => {
    const x = layouts['time-major']([3, 5, 4], new Random(12));
    const w = randomNormal([2, 4], new Random(13));
    x.leaf.backend.resetPeak();
    const before = x.leaf.backend.memory.bytes;
    const y = scope(() => linear(x.view(x.leaf), w));
    expect(y.strides).toEqual([2, 6, 1]);
    expect(w.backend.memory.peakBytes - before).toBe(8 * (x.leaf.size + w.size + y.size));
  });

  it('says which shapes do not fit', () => {
    expect(() => linear(tensor([[1, 2, 3]]), tensor([[1, 2]]))).toThrow(/received \[1, 3\] and \[1, 2\]/);
    expect(() => linear(tensor([[1, 2]]), tensor([[1, 2]]), tensor([1, 2]))).toThrow(/expected bias of shape \[1\], received \[2\]/);
  });
});

function chunks(x: Tensor, columns: number): number[][] {
  const values = [...x.dataSync()];
  return Array.from({ length: values.length / columns }, (_, i) => values.slice(i * columns, (i + 1) * columns));
}

/** Rows of a matrix, the `n`th of a batch. */
function rows(x: Tensor, n = 0): number[][] {
  const [R, C] = x.shape.slice(-2);
  return chunks(x, C).slice(n * R, (n + 1) * R);
}

function transpose(a: number[][]): number[][] {
  return a[0].map((_, column) => a.map((row) => row[column]));
}

function product(a: number[][], b: number[][]): number[][] {
  return a.map((row) => transpose(b).map((column) => row.reduce((total, v, k) => total + v * column[k], 0)));
}
