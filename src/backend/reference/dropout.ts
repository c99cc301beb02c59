/** Dropout masks from counter-based random numbers: the same bits on every backend. */
import { philox, type RandomState } from '../../tensor/random.ts';
import type { Buffer } from '../backend.ts';
import { floats } from './memory.ts';

export function dropoutMask(y: Buffer, p: number, random: RandomState): void {
  const mask = floats('dropoutMask', 'y', y);
  const kept = 1 / (1 - p);
  const words = new Uint32Array(4);
  for (let i = 0; i < mask.length; i++) {
    if (i % 4 === 0) philox(random.seed, random.counter + i / 4, words, 0);
    const uniform = (words[i % 4] >>> 8) * 2 ** -24;
    mask[i] = uniform < p ? 0 : kept;
  }
}
