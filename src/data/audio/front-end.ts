/** From samples to what a model reads: another rate, spectral features, deltas, normalisation, one after another. */
import { deltaStage } from './deltas.ts';
import { type FeatureNormalization, type FeatureStatistics, normalizationStage } from './feature-normalization.ts';
import { joined, Resampler } from './resample.ts';
import { type FeatureStage, SpectralFeatures, type SpectralFeaturesOptions } from './spectral-features.ts';

/** What a front end does. */
export interface FrontEndOptions extends SpectralFeaturesOptions {
  /** 0: none, 1: how features change, 2: and how that changes. Default 0. */
  readonly deltas?: number;
  /** Default 'global'. */
  readonly normalization?: FeatureNormalization;
  /** Of the features before normalisation; for 'global' and 'running'. */
  readonly statistics?: FeatureStatistics | null;
}

/**
 * A front end for sound of any rate.
 *
 * @example
 * const frontEnd = new FrontEnd({ sampleRateHz: 8000, numMelBins: 40, statistics });
 * const features = frontEnd.forward(samples, 44_100); // [T, 40]
 */
export class FrontEnd {
  /** Numbers of a frame. */
  readonly size: number;
  readonly options: FrontEndOptions;
  readonly spectral: SpectralFeatures;

  constructor(options: FrontEndOptions) {
    this.options = options;
    this.spectral = new SpectralFeatures(options);
    this.size = this.spectral.size * ((options.deltas ?? 0) + 1);
  }

  /** From one frame to the next. */
  get frameShiftSeconds(): number {
    return this.spectral.frameShift / this.options.sampleRateHz;
  }

  /** Whether frames come out while samples go in. */
  get isStreaming(): boolean {
    return this.options.normalization !== 'utterance';
  }

  /**
   * All features of a sound.
   *
   * @param sampleRateHz  of the samples; default: the front end's own
   * @returns             [T, size] row-major; none where the sound is shorter than a frame
   */
  forward(samples: Float32Array, sampleRateHz?: number): Float32Array {
    const stage = this.stream(sampleRateHz);
    return joined([stage.push(samples), stage.end()]);
  }

  /** The features of samples that come in pieces; the same numbers. */
  stream(sampleRateHz: number = this.options.sampleRateHz): FeatureStage {
    const { normalization = 'global', statistics = null } = this.options;
    return chain([...this.#unnormalized(sampleRateHz), normalizationStage(this.size, normalization, statistics)], this.size);
  }

  /** As `forward`, before normalisation: for statistics. */
  unnormalized(samples: Float32Array, sampleRateHz: number = this.options.sampleRateHz): Float32Array {
    const stage = chain(this.#unnormalized(sampleRateHz), this.size);
    return joined([stage.push(samples), stage.end()]);
  }

  #unnormalized(from: number): FeatureStage[] {
    const { sampleRateHz, deltas = 0 } = this.options;
    return [
      ...(from === sampleRateHz ? [] : [resamplingStage(from, sampleRateHz)]),
      this.spectral.stream(),
      ...(deltas === 0 ? [] : [deltaStage(this.spectral.size, deltas)]),
    ];
  }
}

function resamplingStage(from: number, to: number): FeatureStage {
  const resampler = new Resampler(from, to);
  return { size: 1, push: (samples) => resampler.push(samples), end: () => resampler.end() };
}

function chain(stages: readonly FeatureStage[], size: number): FeatureStage {
  return {
    size,
    push: (values) => stages.reduce((passed, stage) => stage.push(passed), values),
    end: () => stages.reduce((rest, stage) => joined([stage.push(rest), stage.end()]), new Float32Array(0)),
  };
}
