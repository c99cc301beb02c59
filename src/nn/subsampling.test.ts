import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkGradients } from '../autograd/check-gradients.ts';
import { randomNormal, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { SubsampleStream, type Subsampling, subsample } from './subsampling.ts';

setBackend('reference');

describe('subsample', () => {
  const x = tensor([
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    [
      [7, 8],
      [Number.NaN, Number.NaN],
      [Number.NaN, 9],
    ],
  ]);

  it('puts steps side by side, and zeros where a sequence has ended', () => {
    const { output, lengths } = subsample(x, { factor: 2, lengths: [3, 1] });
    expect(output.toArray()).toEqual([
      [
        [1, 2, 3, 4],
        [5, 6, 0, 0],
      ],
      [
        [7, 8, 0, 0],
        [0, 0, 0, 0],
      ],
    ]);
    expect(lengths).toEqual(Int32Array.of(2, 1));
  });

  it('leaves steps out', () => {
    const { output, lengths } = subsample(x, { factor: 2, mode: 'stride', lengths: [3, 1] });
    expect(output.toArray()).toEqual([
      [
        [1, 2],
        [5, 6],
      ],
      [
        [7, 8],
        [0, 0],
      ],
    ]);
    expect(lengths).toEqual(Int32Array.of(2, 1));
  });

  it.each(['concat', 'stride'] as const)('has the gradients of %s', (mode) => {
    const rng = new Random(3);
    const given = randomNormal([2, 5, 3], rng);
    checkGradients((y: Tensor) => subsample(y, { factor: 2, mode, lengths: [5, 2] }).output, [given]);
  });

  it.each(['concat', 'stride'] as const)('streams as %s', (mode: Subsampling) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 11 }), (T, factor, cut) => {
        const values = new Random(T).fillNormal(new Float32Array(T * 2));
        const { output } = subsample(tensor(values, { shape: [1, T, 2] }), { factor, mode });
        let stream = new SubsampleStream(2, { factor, mode });
        const steps: number[] = [];
        for (let t = 0; t < T; t++) {
          if (t === cut) {
            const { state } = stream;
            stream = new SubsampleStream(2, { factor, mode });
            stream.state = JSON.parse(JSON.stringify(state));
          }
          steps.push(...(stream.step(values.subarray(2 * t, 2 * t + 2)) ?? []));
        }
        steps.push(...(stream.end() ?? []));
        expect(steps).toEqual([...output.dataSync()]);
      }),
    );
  });

  it('says what is wrong', () => {
    expect(() => subsample(x, { factor: 1.5 })).toThrow(ConfigError);
    expect(() => subsample(x, { factor: 0 })).toThrow('[subsample] expected a factor that is an integer of at least 1, received 0.');
    expect(() => subsample(x, { factor: 2, lengths: [4, 1] })).toThrow('expected lengths in 0…3 (T), received 4 for sequence 0');
    expect(() => new SubsampleStream(3, { factor: 2 }).step([1])).toThrow(ShapeError);
  });
});
