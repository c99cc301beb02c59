import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { FeatureMoments, type FeatureNormalization } from './feature-normalization.ts';
import { FrontEnd, type FrontEndOptions } from './front-end.ts';
import { joined, Resampler, resample } from './resample.ts';
import { SpectralFeatures } from './spectral-features.ts';

const rate = 8000;

function noise(seed: number, length: number): Float32Array {
  return new Random(seed).fillNormal(new Float32Array(length), 0, 0.1);
}

/** A sound in pieces of random lengths, empty ones too. */
function pieces(samples: Float32Array, seed: number, longest = 700): Float32Array[] {
  const rng = new Random(seed);
  const parts: Float32Array[] = [];
  for (let at = 0; at < samples.length; ) {
    const end = Math.min(samples.length, at + rng.integer(longest));
    parts.push(samples.slice(at, end));
    at = end;
  }
  return parts;
}

function frontEnd(options: Partial<FrontEndOptions>): FrontEnd {
  const plain = new FrontEnd({ sampleRateHz: rate, numMelBins: 12, ...options });
  const moments = new FeatureMoments(plain.size);
  moments.add(plain.unnormalized(noise(99, 8000)));
  return new FrontEnd({ ...plain.options, statistics: moments.statistics });
}

describe('FrontEnd', () => {
  it('gives a sound in pieces the same features as in one go', () => {
    const options = fc.record({
      kind: fc.constantFrom('log-mel', 'mfcc'),
      deltas: fc.constantFrom(0, 1, 2),
      normalization: fc.constantFrom<FeatureNormalization>('global', 'running', 'utterance', 'none'),
      frameShiftMs: fc.constantFrom(10, 12.5, 40),
    }) as fc.Arbitrary<Partial<FrontEndOptions>>;
    fc.assert(
      fc.property(
        options,
        fc.constantFrom(8000, 11_025, 16_000),
        fc.integer({ min: 0, max: 4000 }),
        fc.nat(999),
        (given, from, length, seed) => {
          const front = frontEnd(given);
          const samples = noise(seed, length);
          const stage = front.stream(from);
          const parts = pieces(samples, seed).map((piece) => stage.push(piece));
          const whole = front.forward(samples, from);
          expect(joined([...parts, stage.end()])).toEqual(whole);
          // And again: an end is a beginning.
          expect(joined([stage.push(samples), stage.end()])).toEqual(whole);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives frames as soon as they are known', () => {
    const stage = frontEnd({ normalization: 'running' }).stream();
    expect(stage.push(noise(1, 199))).toHaveLength(0);
    expect(stage.push(noise(2, 1))).toHaveLength(12); // 25 ms are there
    expect(stage.push(noise(3, 79))).toHaveLength(0);
    expect(stage.push(noise(4, 1))).toHaveLength(12); // 10 ms more
  });

  it('brings training data to mean 0 and deviation 1', () => {
    const front = frontEnd({ normalization: 'global' });
    const moments = new FeatureMoments(front.size);
    moments.add(front.forward(noise(99, 8000)));
    for (const mean of moments.statistics.mean) expect(mean).toBeCloseTo(0, 4);
    for (const deviation of moments.statistics.deviation) expect(deviation).toBeCloseTo(1, 4);
  });

  it('forgets loudness where it measures by the utterance, and in time where it measures by the past', () => {
    const sound = noise(5, 40 * rate);
    const loud = sound.map((x) => x * 4);
    const apart = (normalization: FeatureNormalization, from: number) => {
      const [a, b] = [sound, loud].map((samples) => frontEnd({ normalization }).forward(samples).subarray(from));
      return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
    };
    expect(apart('utterance', 0)).toBeLessThan(1e-2);
    expect(apart('global', 0)).toBeGreaterThan(1);
    expect(apart('running', 0)).toBeGreaterThan(1);
    expect(apart('running', 3900 * 12)).toBeLessThan(0.1); // 39 seconds later
  });

  it('says what is wrong', () => {
    expect(() => new FrontEnd({ sampleRateHz: rate, numMelBins: 12 }).forward(noise(1, 800))).toThrow(
      'expected statistics of 12 features for "global"',
    );
    expect(() => new FrontEnd({ sampleRateHz: rate, deltas: 3, normalization: 'none' }).forward(noise(1, 800))).toThrow(ConfigError);
    expect(() => new SpectralFeatures({ sampleRateHz: rate, highFrequencyHz: 5000 })).toThrow(
      'expected 0 ≤ lowFrequencyHz < highFrequencyHz ≤ 4000 (half the sample rate), received 20 and 5000.',
    );
    expect(() => new SpectralFeatures({ sampleRateHz: rate, numMelBins: 200 })).toThrow('Use fewer mel bins or longer frames.');
    expect(() => new SpectralFeatures({ sampleRateHz: rate, numCeps: 41 })).toThrow(
      'expected numCeps from 1 to 40 (numMelBins), received 41.',
    );
    expect(() => new SpectralFeatures({ sampleRateHz: rate, frameLengthMs: 0.1 })).toThrow('expected frames of two samples or more');
    expect(() => new SpectralFeatures({ sampleRateHz: rate, preemphasis: 2 })).toThrow('expected preemphasis in [0, 1], received 2.');
  });
});

describe('resample', () => {
  it('keeps a tone that both rates hold, and takes out one that the lower does not', () => {
    const tone = (hz: number, at: number) => Float32Array.from({ length: at }, (_, i) => Math.sin((2 * Math.PI * hz * i) / at));
    const middle = (samples: Float32Array) => samples.subarray(1000, 7000);
    const kept = middle(resample(tone(440, 44_100), 44_100, 8000));
    kept.forEach((x, i) => {
      expect(Math.abs(x - Math.sin((2 * Math.PI * 440 * (i + 1000)) / 8000))).toBeLessThan(2e-3);
    });
    for (const x of middle(resample(tone(7000, 44_100), 44_100, 8000))) expect(Math.abs(x)).toBeLessThan(2e-3);
  });

  it('holds only what outputs still need', () => {
    const resampler = new Resampler(44_100, 16_000);
    let count = 0;
    for (let k = 0; k < 200; k++) count += resampler.push(noise(k, 441)).length;
    count += resampler.end().length;
    expect(count).toBe(32_000);
  });

  it('says what is wrong', () => {
    expect(() => new Resampler(8000.5, 16_000)).toThrow('expected rates that are positive integers, received 8000.5 and 16000.');
    expect(() => new Resampler(8000, 16_000, { rolloff: 2 })).toThrow(ConfigError);
  });
});
