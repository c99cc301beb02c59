/** Changes to sound that a recogniser must not mind: its speed, its loudness, noise. */
import { ConfigError } from '../../tensor/errors.ts';
import type { Random } from '../../tensor/random.ts';
import { resample } from './resample.ts';

/**
 * Sound that is spoken faster or slower, and higher or lower with it.
 *
 * @param factor  above 1 is faster; with two decimals at most
 * @returns       ⌈length / factor⌉ samples
 * @see Ko et al. (2015), Audio augmentation for speech recognition, Interspeech
 * @example perturbSpeed(samples, 0.9)
 */
export function perturbSpeed(samples: Float32Array, factor: number): Float32Array {
  const hundredths = Math.round(factor * 100);
  if (!(hundredths > 0) || Math.abs(hundredths - factor * 100) > 1e-6) {
    throw new ConfigError(`[perturbSpeed] expected a factor above 0 of two decimals at most, such as 0.9, received ${factor}.`);
  }
  return resample(samples, hundredths, 100);
}

/** Sound louder or softer. @param decibels 6 is about twice the amplitude */
export function gain(samples: Float32Array, decibels: number): Float32Array {
  const factor = 10 ** (decibels / 20);
  return samples.map((x) => x * factor);
}

/**
 * Sound with white noise.
 *
 * @param snrDecibels  how much stronger the sound is than the noise, by their powers
 */
export function addNoise(samples: Float32Array, snrDecibels: number, rng: Random): Float32Array {
  let power = 0;
  for (const x of samples) power += x * x;
  if (power === 0) return samples.slice();
  const deviation = Math.sqrt(power / samples.length / 10 ** (snrDecibels / 10));
  const noise = rng.fillNormal(new Float32Array(samples.length), 0, deviation);
  return samples.map((x, i) => x + noise[i]);
}
