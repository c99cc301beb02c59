/** SpecAugment: parts of the features hidden, and time bent, so that a model learns to do without what it may miss. */
import { ConfigError } from '../../tensor/errors.ts';
import type { Random } from '../../tensor/random.ts';

/** How much is hidden. 0 of anything: none of it. */
export interface SpecAugmentOptions {
  /** m_F: bands hidden. Default 2. */
  readonly frequencyMasks?: number;
  /** F: widest band, in features. Default a quarter of them. */
  readonly frequencyMaskSize?: number;
  /** m_T: stretches of time hidden. Default 2. */
  readonly timeMasks?: number;
  /** T: longest stretch, in frames. Default 30. */
  readonly timeMaskSize?: number;
  /** p: a stretch is at most this share of the utterance, in [0, 1]. Default 0.2. */
  readonly timeMaskShare?: number;
  /** W: by how many frames a point in the middle is moved at most, and all others with it. Default 0. */
  readonly timeWarp?: number;
}

/**
 * Features with bands and stretches of time set to 0, the mean of normalised features, after a point in time was moved.
 *
 * @param features  [T, size] row-major, normalised
 * @param size      numbers of a frame
 * @returns         [T, size], fresh
 * @see Park et al. (2019), SpecAugment, arXiv:1904.08779
 */
export function specAugment(features: Float32Array, size: number, options: SpecAugmentOptions, rng: Random): Float32Array {
  const {
    frequencyMasks = 2,
    frequencyMaskSize = Math.floor(size / 4),
    timeMasks = 2,
    timeMaskSize = 30,
    timeMaskShare = 0.2,
    timeWarp = 0,
  } = options;
  for (const [name, value] of Object.entries({ frequencyMasks, frequencyMaskSize, timeMasks, timeMaskSize, timeWarp })) {
    if (!(Number.isInteger(value) && value >= 0))
      throw new ConfigError(`[specAugment] expected ${name} to be an integer of at least 0, received ${value}.`);
  }
  const T = features.length / size;
  const out = timeWarp > 0 ? warped(features, size, timeWarp, rng) : features.slice();
  for (let k = 0; k < frequencyMasks; k++) {
    const width = rng.integer(Math.min(frequencyMaskSize, size) + 1);
    const begin = rng.integer(size - width + 1);
    for (let t = 0; t < T; t++) out.fill(0, t * size + begin, t * size + begin + width);
  }
  const longest = Math.min(timeMaskSize, Math.floor(timeMaskShare * T));
  for (let k = 0; k < timeMasks; k++) {
    const length = rng.integer(longest + 1);
    const begin = rng.integer(T - length + 1);
    out.fill(0, begin * size, (begin + length) * size);
  }
  return out;
}

/** The point `from` in time comes to stand at `to`; before and after it, time runs evenly. Frames between two are their mixture. */
function warped(features: Float32Array, size: number, most: number, rng: Random): Float32Array {
  const T = features.length / size;
  const W = Math.min(most, Math.floor((T - 3) / 2));
  if (W < 1) return features.slice();
  const from = W + 1 + rng.integer(T - 2 - 2 * W);
  const to = from + rng.integer(2 * W + 1) - W;
  const out = new Float32Array(features.length);
  for (let t = 0; t < T; t++) {
    const at = t > to ? from + ((t - to) * (T - 1 - from)) / (T - 1 - to) : (t * from) / to;
    const before = Math.min(T - 1, Math.max(0, Math.floor(at)));
    const after = Math.min(T - 1, before + 1);
    const share = at - before;
    for (let i = 0; i < size; i++) out[t * size + i] = (1 - share) * features[before * size + i] + share * features[after * size + i];
  }
  return out;
}
