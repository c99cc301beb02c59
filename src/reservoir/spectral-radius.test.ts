import { describe, expect, test } from 'vitest';
import { Random } from '../tensor/random.ts';
import { hessenbergEigenvalues } from './hessenberg.ts';
import { randomMatrix, type SquareMatrix } from './sparse-matrix.ts';
import { spectralRadius } from './spectral-radius.ts';

const dense = (rows: number[][]): SquareMatrix => ({ n: rows.length, values: Float64Array.from(rows.flat()), sparse: null });

describe('spectralRadius', () => {
  test('knows matrices whose eigenvalues are known', () => {
    expect(spectralRadius(dense([[-3]]))).toBeCloseTo(3, 12);
    expect(
      spectralRadius(
        dense([
          [0, 1],
          [-1, 0],
        ]),
      ),
    ).toBeCloseTo(1, 12); // ±i
    expect(
      spectralRadius(
        dense([
          [1, 1],
          [0, 1],
        ]),
      ),
    ).toBeCloseTo(1, 7); // a Jordan block: the square root of rounding
    expect(
      spectralRadius(
        dense([
          [0, 1],
          [0, 0],
        ]),
      ),
    ).toBeCloseTo(0, 6);
    const identity = Array.from({ length: 30 }, (_, i) => Array.from({ length: 30 }, (_, j) => (i === j ? -2 : 0)));
    expect(spectralRadius(dense(identity))).toBeCloseTo(2, 12);
  });

  test('the largest is a complex pair: a rotation by 1 radian of length 2, beside real eigenvalues below it', () => {
    const [c, s] = [2 * Math.cos(1), 2 * Math.sin(1)];
    const matrix = Array.from({ length: 60 }, (_, i) => Array.from({ length: 60 }, (_, j) => (i === j ? 1.9 * Math.sin(i) : 0)));
    matrix[10][10] = matrix[11][11] = c;
    matrix[10][11] = -s;
    matrix[11][10] = s;
    for (let i = 0; i < 59; i++) matrix[i][i + 1] += i === 10 ? 0 : 0.1; // not normal
    expect(spectralRadius(dense(matrix))).toBeCloseTo(2, 8);
  });
});

test('eigenvalues of a Hessenberg matrix: the companion of (λ−1)(λ−2)(λ²+2λ+5)', () => {
  // λ⁴ − λ³ + λ² − 11 λ + 10
  const companion = [
    [1, -1, 11, -10],
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
  ];
  const { re, im } = hessenbergEigenvalues(Float64Array.from(companion.flat()), 4);
  const sorted = [...re].map((x, i) => [x, im[i]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const expected = [
    [-1, -2],
    [-1, 2],
    [1, 0],
    [2, 0],
  ];
  sorted.forEach((pair, i) => {
    expect(pair[0]).toBeCloseTo(expected[i][0], 10);
    expect(pair[1]).toBeCloseTo(expected[i][1], 10);
  });
});

describe('randomMatrix', () => {
  test('has as many entries in each row as the density says, in different columns', () => {
    const { sparse, values } = randomMatrix(50, 0.1, new Random(3));
    const { rowStarts, columns } = sparse!;
    expect([...rowStarts]).toEqual(Array.from({ length: 51 }, (_, i) => 5 * i));
    for (let i = 0; i < 50; i++) {
      const row = columns.slice(5 * i, 5 * i + 5);
      expect(new Set(row).size).toBe(5);
      expect([...row]).toEqual([...row].sort((a, b) => a - b));
    }
    expect(Math.max(...columns)).toBeLessThan(50);
    expect(values.every((x) => x !== 0 && Math.abs(x) < 1)).toBe(true);
  });

  test('one entry a row is the least, so that the radius is not 0', () => {
    expect(spectralRadius(randomMatrix(9, 0.001, new Random(1)))).toBeGreaterThan(0);
  });

  test('the same seed gives the same matrix', () => {
    expect(randomMatrix(20, 0.5, new Random(4))).toEqual(randomMatrix(20, 0.5, new Random(4)));
  });
});
