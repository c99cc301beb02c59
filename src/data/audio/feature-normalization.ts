/** Features of mean 0 and deviation 1: by what a corpus, an utterance, or its past says. */
import { ConfigError } from '../../tensor/errors.ts';
import { joined } from './resample.ts';
import type { FeatureStage } from './spectral-features.ts';

/**
 * What features are measured by: all training data (`global`), what the utterance has had so far (`running`, which begins with the global
 * ones), the whole utterance (`utterance`, which cannot stream), or nothing.
 */
export const normalizations = ['global', 'running', 'utterance', 'none'] as const;
/** One of `global`, `running`, `utterance` and `none`; see `FrontEndOptions`. */
export type FeatureNormalization = (typeof normalizations)[number];

/** Of each feature. */
export interface FeatureStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Frames that the global statistics are worth at an utterance's beginning, and that the past is at most worth: 1 and 6 seconds. */
const prior = 100;
const memory = 600;
/** Smallest deviation: a band that never changes says nothing. */
const least = 1e-3;

/** Mean and deviation of frames as they are added. */
export class FeatureMoments {
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.#sum = new Float64Array(size);
    this.#squares = new Float64Array(size);
  }

  /** Counts frames in. @param frames [T, size] row-major */
  add(frames: Float32Array): void {
    const size = this.#sum.length;
    this.#count += frames.length / size;
    for (let i = 0; i < frames.length; i++) {
      this.#sum[i % size] += frames[i];
      this.#squares[i % size] += frames[i] * frames[i];
    }
  }

  /** @throws ConfigError when there were no frames */
  get statistics(): FeatureStatistics {
    if (this.#count === 0) throw new ConfigError('[FeatureMoments] expected at least one frame, received none.');
    const mean = Array.from(this.#sum, (sum) => sum / this.#count);
    const deviation = mean.map((m, i) => Math.max(least, Math.sqrt(Math.max(0, this.#squares[i] / this.#count - m * m))));
    return { mean, deviation };
  }
}

/**
 * Brings frames to mean 0 and deviation 1, in pieces or in one go: the same numbers. `utterance` gives nothing before the end.
 *
 * @param size        numbers of a frame
 * @param statistics  for `global` and `running`
 */
export function normalizationStage(size: number, kind: FeatureNormalization, statistics: FeatureStatistics | null): FeatureStage {
  if (kind === 'none') return { size, push: (frames) => frames.slice(), end: () => new Float32Array(0) };
  if (kind === 'utterance') return wholeUtterance(size);
  if (statistics === null || statistics.mean.length !== size || statistics.deviation.length !== size) {
    throw new ConfigError(
      `[normalizationStage] expected statistics of ${size} features for "${kind}", received ${statistics?.mean.length ?? 'none'}.`,
    );
  }
  if (kind === 'running') return running(size, statistics);
  const { mean, deviation } = statistics;
  return {
    size,
    push: (frames) => Float32Array.from(frames, (x, i) => (x - mean[i % size]) / deviation[i % size]),
    end: () => new Float32Array(0),
  };
}

function wholeUtterance(size: number): FeatureStage {
  let parts: Float32Array[] = [];
  return {
    size,
    push: (frames) => {
      parts.push(frames.slice());
      return new Float32Array(0);
    },
    end: () => {
      const all = joined(parts);
      parts = [];
      if (all.length === 0) return all;
      const moments = new FeatureMoments(size);
      moments.add(all);
      const { mean, deviation } = moments.statistics;
      return all.map((x, i) => (x - mean[i % size]) / deviation[i % size]);
    },
  };
}

/**
 * μ_t = μ_{t−1} + a (x_t − μ_{t−1}), and likewise of squares, a = 1 / min(prior + t, memory): at first the mean over the global
 * statistics, worth a second, and all frames; from six seconds on one that forgets, as Kaldi's online cepstral mean does.
 */
function running(size: number, { mean, deviation }: FeatureStatistics): FeatureStage {
  let count = 0;
  let first = Float64Array.from(mean);
  let second = Float64Array.from(mean, (m, i) => m * m + deviation[i] ** 2);
  return {
    size,
    push: (frames) => {
      const out = new Float32Array(frames.length);
      for (let at = 0; at < frames.length; at += size) {
        const a = 1 / Math.min(prior + ++count, memory);
        for (let i = 0; i < size; i++) {
          const x = frames[at + i];
          first[i] += a * (x - first[i]);
          second[i] += a * (x * x - second[i]);
          out[at + i] = (x - first[i]) / Math.max(least, Math.sqrt(Math.max(0, second[i] - first[i] ** 2)));
        }
      }
      return out;
    },
    end: () => {
      count = 0;
      first = Float64Array.from(mean);
      second = Float64Array.from(mean, (m, i) => m * m + deviation[i] ** 2);
      return new Float32Array(0);
    },
  };
}
