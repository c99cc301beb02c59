import { describe, expect, it } from 'vitest';
import { Parameter } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import {
  blankBias,
  constant,
  forgetBias,
  identity,
  initialize,
  kaimingUniform,
  normal,
  orthogonal,
  uniform,
  xavierNormal,
  xavierUniform,
} from './initializers.ts';

const shape = [60, 40];
const fresh = () => new Float64Array(2400);
const deviation = (values: Float64Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
const largest = (values: Float64Array) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

describe('spread', () => {
  const rng = new Random(1);
  const uniforms = {
    kaimingUniform: [(v: Float64Array) => kaimingUniform(v, shape, rng), 1 / Math.sqrt(40)],
    'kaimingUniform for relu': [(v: Float64Array) => kaimingUniform(v, shape, rng, 0), Math.sqrt(6 / 40)],
    xavierUniform: [(v: Float64Array) => xavierUniform(v, shape, rng, 2), 2 * Math.sqrt(6 / 100)],
    uniform: [(v: Float64Array) => uniform(v, 0.25, rng), 0.25],
  } as const;

  it.each(Object.entries(uniforms))('%s fills its interval evenly', (_, [fill, bound]) => {
    const values = fresh();
    fill(values);
    expect(largest(values)).toBeLessThanOrEqual(bound);
    expect(largest(values)).toBeGreaterThan(0.99 * bound);
    expect(deviation(values) / (bound / Math.sqrt(3))).toBeGreaterThan(0.96);
    expect(deviation(values) / (bound / Math.sqrt(3))).toBeLessThan(1.04);
  });

  it('normal and xavierNormal have their deviation', () => {
    const values = fresh();
    normal(values, 0.3, rng);
    expect(Math.abs(deviation(values) / 0.3 - 1)).toBeLessThan(4 / Math.sqrt(2 * 2400)); // 4 deviations
    xavierNormal(values, shape, rng);
    expect(Math.abs(deviation(values) / Math.sqrt(2 / 100) - 1)).toBeLessThan(4 / Math.sqrt(2 * 2400));
  });

  it('counts further axes into the fans', () => {
    const values = new Float64Array(8 * 4 * 3);
    kaimingUniform(values, [8, 4, 3], rng);
    expect(largest(values)).toBeLessThanOrEqual(1 / Math.sqrt(12));
    expect(() => kaimingUniform(values, [96], rng)).toThrow(ShapeError);
  });
});

describe('orthogonal', () => {
  it.each([
    [5, 5, 5],
    [3, 7, 3],
    [7, 3, 7],
    [12, 4, 4], // a recurrent weight: each gate by itself
  ])('[%i, %i] has orthonormal rows or columns', (rows, columns, block) => {
    const values = new Float64Array(rows * columns);
    orthogonal(values, [rows, columns], new Random(2), 2);
    for (let first = 0; first < rows; first += block) {
      const at = (r: number, c: number) => values[(first + r) * columns + c] / 2;
      const n = Math.min(block, columns);
      const long = Math.max(block, columns);
      for (let a = 0; a < n; a++) {
        for (let b = 0; b < n; b++) {
          let dot = 0;
          for (let k = 0; k < long; k++) dot += block <= columns ? at(a, k) * at(b, k) : at(k, a) * at(k, b);
          expect(dot).toBeCloseTo(a === b ? 1 : 0, 12);
        }
      }
    }
  });

  it('differs between the blocks of a recurrent weight', () => {
    const values = new Float64Array(8 * 4);
    orthogonal(values, [8, 4], new Random(3));
    expect(values.slice(0, 16)).not.toEqual(values.slice(16));
  });
});

it('blankBias gives the blank its probability, and the symbols equal shares of the rest', () => {
  const bias = new Float64Array(11).fill(7);
  blankBias(bias, { blank: 3, probability: 0.9 });
  const total = bias.reduce((sum, value) => sum + Math.exp(value), 0);
  bias.forEach((value, k) => {
    expect(Math.exp(value) / total).toBeCloseTo(k === 3 ? 0.9 : 0.01, 12);
  });
});

it('identity, constant and forgetBias set what they say', () => {
  const square = new Float64Array(9);
  identity(square, [3, 3], 0.5);
  expect([...square]).toEqual([0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5]);
  const bias = new Float64Array(8);
  constant(bias, 3);
  forgetBias(bias);
  expect([...bias]).toEqual([3, 3, 1, 1, 3, 3, 3, 3]);
});

it('initialize gives a parameter new values', () => {
  setBackend('reference');
  const parameter = new Parameter(new Float64Array(4), [2, 2]);
  initialize(parameter, identity);
  expect(parameter.toArray()).toEqual([
    [1, 0],
    [0, 1],
  ]);
});
