import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { addNoise, gain, perturbSpeed } from './augment.ts';
import { specAugment } from './spec-augment.ts';

const size = 8;

/** Rows or columns that are all zeros. */
function hidden(features: Float32Array, T: number): { readonly frames: number[]; readonly bands: number[] } {
  const isZero = (t: number, i: number): boolean => features[t * size + i] === 0;
  const all = (n: number) => Array.from({ length: n }, (_, i) => i);
  return {
    frames: all(T).filter((t) => all(size).every((i) => isZero(t, i))),
    bands: all(size).filter((i) => all(T).every((t) => isZero(t, i))),
  };
}

describe('specAugment', () => {
  it('hides at most what it may, and changes nothing else', () => {
    fc.assert(
      fc.property(fc.nat(9999), fc.integer({ min: 1, max: 60 }), (seed, T) => {
        const features = new Float32Array(T * size).fill(1);
        const options = { frequencyMasks: 1, frequencyMaskSize: 3, timeMasks: 2, timeMaskSize: 5, timeMaskShare: 0.2 };
        const out = specAugment(features, size, options, new Random(seed));
        const { frames, bands } = hidden(out, T);
        expect(frames.length).toBeLessThanOrEqual(2 * Math.min(5, Math.floor(0.2 * T)));
        expect(bands.length).toBeLessThanOrEqual(3);
        for (let i = 0; i < out.length; i++) {
          const isHidden = frames.includes(Math.floor(i / size)) || bands.includes(i % size);
          expect(out[i]).toBe(isHidden ? 0 : 1);
        }
        expect(features.every((x) => x === 1)).toBe(true);
      }),
    );
  });

  it('hides as often as not, over many utterances, in all places', () => {
    const T = 20;
    const counts = new Float64Array(T);
    for (let seed = 0; seed < 600; seed++) {
      const out = specAugment(
        new Float32Array(T * size).fill(1),
        size,
        { frequencyMasks: 0, timeMasks: 1, timeMaskSize: 4 },
        new Random(seed),
      );
      for (const t of hidden(out, T).frames) counts[t]++;
    }
    // Lengths 0 … 4 alike: 2 frames of 20 are hidden on average, those at the ends less often.
    expect(counts.reduce((sum, n) => sum + n, 0) / 600).toBeCloseTo(2, 0);
    expect(Math.min(...counts.subarray(3, 17))).toBeGreaterThan(30);
  });

  it('bends time: ends stay, order stays, something moves', () => {
    fc.assert(
      fc.property(fc.nat(9999), fc.integer({ min: 3, max: 50 }), (seed, T) => {
        const ramp = Float32Array.from({ length: T * size }, (_, i) => 1 + Math.floor(i / size));
        const out = specAugment(ramp, size, { frequencyMasks: 0, timeMasks: 0, timeWarp: 10 }, new Random(seed));
        const times = Array.from({ length: T }, (_, t) => out[t * size]);
        expect([times[0], times[T - 1]]).toEqual([1, T]);
        for (let t = 1; t < T; t++) expect(times[t]).toBeGreaterThanOrEqual(times[t - 1] - 1e-4);
        expect(Math.max(...times)).toBeLessThanOrEqual(T + 1e-4);
      }),
    );
    const moved = specAugment(
      Float32Array.from({ length: 50 * size }, (_, i) => Math.floor(i / size)),
      size,
      { frequencyMasks: 0, timeMasks: 0, timeWarp: 10 },
      new Random(4),
    );
    expect(moved.some((x, i) => Math.abs(x - Math.floor(i / size)) > 1)).toBe(true);
  });

  it('says what is wrong', () => {
    expect(() => specAugment(new Float32Array(size), size, { timeMasks: -1 }, new Random(1))).toThrow(ConfigError);
  });
});

describe('sound', () => {
  const tone = Float32Array.from({ length: 8000 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 400 * i) / 8000));
  const power = (x: Float32Array) => x.reduce((sum, v) => sum + v * v, 0) / x.length;

  it('is faster and higher, or slower and lower', () => {
    for (const factor of [0.9, 1.1]) {
      const out = perturbSpeed(tone, factor);
      expect(out).toHaveLength(Math.ceil(8000 / factor));
      for (let i = 500; i < 7000; i++)
        expect(Math.abs(out[i] - 0.5 * Math.sin((2 * Math.PI * 400 * factor * i) / 8000))).toBeLessThan(1e-2);
    }
    expect(perturbSpeed(tone, 1)).toEqual(tone);
    expect(() => perturbSpeed(tone, 0.123)).toThrow('expected a factor above 0 of two decimals at most, such as 0.9, received 0.123.');
  });

  it('is louder by decibels', () => {
    expect(power(gain(tone, 20)) / power(tone)).toBeCloseTo(100, 2);
    expect(power(gain(tone, -6.02)) / power(tone)).toBeCloseTo(0.25, 3);
  });

  it('has noise of the power asked for', () => {
    const noisy = addNoise(tone, 10, new Random(1));
    const noise = noisy.map((x, i) => x - tone[i]);
    expect(10 * Math.log10(power(tone) / power(noise))).toBeCloseTo(10, 0);
    expect(addNoise(new Float32Array(4), 10, new Random(1))).toEqual(new Float32Array(4));
  });
});
