/** Distributions over a vocabulary to draw classes from that a loss compares the right one with. */
import { ConfigError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';

/** Draws classes, and knows how likely each is. */
export interface CandidateSampler {
  /** Number of classes, V. */
  readonly vocabularySize: number;
  /** `count` independent draws from 0…V−1. */
  sample(count: number, rng: Random): Int32Array;
  /** log q(id) */
  logProbability(id: number): number;
}

/** q(k) = log((k + 2) / (k + 1)) / log(V + 1): Zipf's law, for classes in the order of falling frequency. */
export function logUniformSampler(vocabularySize: number): CandidateSampler {
  if (!Number.isInteger(vocabularySize) || vocabularySize < 1) {
    throw new ConfigError(`[logUniformSampler] expected a vocabulary of at least 1, received ${vocabularySize}.`);
  }
  const range = Math.log(vocabularySize + 1);
  return {
    vocabularySize,
    // The distribution function is log(k + 2) / range.
    sample: (count, rng) =>
      Int32Array.from({ length: count }, () => Math.min(vocabularySize - 1, Math.floor(Math.exp(rng.uniform() * range)) - 1)),
    logProbability: (id) => Math.log(Math.log((id + 2) / (id + 1)) / range),
  };
}

/**
 * q(k) in proportion to counts[k]^power: how often each class was seen, flattened when power is below 1.
 *
 * @param power default 0.75 (Mikolov et al. 2013, arXiv:1310.4546)
 * @throws ConfigError when a count is negative or not finite, or all are 0
 */
export function unigramSampler(counts: ArrayLike<number>, power = 0.75): CandidateSampler {
  const cumulative = new Float64Array(counts.length);
  let total = 0;
  for (let k = 0; k < counts.length; k++) {
    if (!(counts[k] >= 0 && counts[k] < Number.POSITIVE_INFINITY)) {
      throw new ConfigError(`[unigramSampler] expected counts of 0 or more, received ${counts[k]} for class ${k}.`);
    }
    if (counts[k] > 0) total += counts[k] ** power;
    cumulative[k] = total;
  }
  if (!(total > 0)) throw new ConfigError('[unigramSampler] expected at least one count above 0.');
  return {
    vocabularySize: counts.length,
    sample: (count, rng) => Int32Array.from({ length: count }, () => firstAbove(cumulative, rng.uniform() * total)),
    logProbability: (id) => Math.log((cumulative[id] - (id === 0 ? 0 : cumulative[id - 1])) / total),
  };
}

/** Index of the first element above x, in a list that never falls. */
function firstAbove(list: Float64Array, x: number): number {
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
