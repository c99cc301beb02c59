/** The sound of utterances, as samples of one channel at the model's rate, kept in memory as far as it reaches. */

import { resample } from '../../data/audio/resample.ts';
import { mixDown, readWav } from '../../data/audio/wav.ts';
import { FileError, FormatError } from '../../tensor/errors.ts';
import type { Utterance } from './manifest.ts';

/** Samples that are kept: 2 GB. More are read again each time. */
const most = 2 ** 29;

export class Sounds {
  readonly sampleRateHz: number;
  readonly #kept = new Map<string, Float32Array>();
  #count = 0;

  constructor(sampleRateHz: number) {
    this.sampleRateHz = sampleRateHz;
  }

  /** @throws FileError, FormatError naming the WAV file, and where it was named */
  async of(utterance: Pick<Utterance, 'path' | 'file' | 'line'>): Promise<Float32Array> {
    const { path } = utterance;
    const known = this.#kept.get(path);
    if (known !== undefined) return known;
    const audio = await named(utterance, () => readWav(path));
    const samples = resample(mixDown(audio), audio.sampleRateHz, this.sampleRateHz);
    if (this.#count + samples.length <= most) {
      this.#kept.set(path, samples);
      this.#count += samples.length;
    }
    return samples;
  }
}

/** Says where a manifest names a file that cannot be read. */
export async function named<T>({ file, line, path }: Pick<Utterance, 'path' | 'file' | 'line'>, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError) || file === path) throw error;
    throw new FormatError(error.message, { file, line }, { cause: error });
  }
}
