/** The audio front end against what make.py computed from the definitions, in float64. */
import { describe, expect, it } from 'vitest';
import { withDeltas } from '../../src/data/audio/deltas.ts';
import { resample } from '../../src/data/audio/resample.ts';
import { SpectralFeatures, type SpectralFeaturesOptions } from '../../src/data/audio/spectral-features.ts';
import { expectNumbersClose, type Recorded, readFixture, valuesOf } from './fixture.ts';

interface Fixture {
  readonly samples: Recorded;
  readonly features: readonly {
    readonly options: SpectralFeaturesOptions;
    readonly logMel: Recorded;
    readonly mfcc: Recorded;
    readonly mfccNoLifter: Recorded;
    readonly deltas: Recorded;
  }[];
  readonly resampled: readonly { readonly from: number; readonly to: number; readonly samples: Recorded }[];
}

const { samples, features, resampled } = readFixture<Fixture>('audio');
const sound = Float32Array.from(valuesOf(samples));
/** Results are float32. */
const tolerance = 1e-6;

describe.each(features)('features with $options', ({ options, logMel, mfcc, mfccNoLifter, deltas }) => {
  const compute = (more: Partial<SpectralFeaturesOptions>) => new SpectralFeatures({ ...options, ...more }).forward(sound);

  it('are log-mel energies', () => {
    const extractor = new SpectralFeatures(options);
    expect([extractor.frameCount(sound.length), extractor.size]).toEqual(logMel.shape);
    expectNumbersClose(extractor.forward(sound), valuesOf(logMel), 'log-mel', tolerance);
  });

  it('are cepstral coefficients', () => {
    expectNumbersClose(compute({ kind: 'mfcc' }), valuesOf(mfcc), 'mfcc', tolerance);
    expectNumbersClose(compute({ kind: 'mfcc', cepstralLifter: 0 }), valuesOf(mfccNoLifter), 'mfcc without lifter', tolerance);
  });

  it('have deltas', () => {
    expectNumbersClose(withDeltas(compute({}), logMel.shape[1], 2), valuesOf(deltas), 'deltas', tolerance);
  });
});

it.each(resampled)('resamples from $from to $to', ({ from, to, samples: expected }) => {
  expectNumbersClose(resample(sound.slice(0, 700), from, to), valuesOf(expected), 'samples', tolerance);
});
