/** What is said in WAV files, one after another. */
import { mixDown, parseWav } from '../../data/audio/wav.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { type DecodingOptions, type Recognition, recognizeFeatures } from './recognize.ts';
import type { SpeechRecognizer } from './saved.ts';
import { SpeechStream } from './stream.ts';

/**
 * What is said in a sound.
 *
 * @param samples  of one channel, in [−1, 1)
 * @throws ConfigError when it is shorter than a frame
 * @example const { text, words } = await recognize(recognizer, mixDown(audio), audio.sampleRateHz);
 */
export async function recognize(
  recognizer: SpeechRecognizer,
  samples: Float32Array,
  sampleRateHz: number = recognizer.frontEnd.options.sampleRateHz,
  options: DecodingOptions = {},
): Promise<Recognition> {
  const features = recognizer.frontEnd.forward(samples, sampleRateHz);
  if (features.length === 0) {
    const seconds = recognizer.frontEnd.spectral.frameLength / recognizer.frontEnd.options.sampleRateHz;
    throw new ConfigError(`expected a sound of at least ${seconds} seconds, received ${samples.length} samples at ${sampleRateHz} Hz.`);
  }
  for await (const recognition of recognizeFeatures(recognizer, [features], options)) return recognition;
  throw new Error('unreachable');
}

/** `recognize` of a WAV file's bytes. @throws FormatError naming the byte at fault, or a sound that is too short */
export async function recognizeWav(
  recognizer: SpeechRecognizer,
  bytes: Uint8Array,
  name: string,
  options: DecodingOptions = {},
): Promise<Recognition> {
  const audio = await parseWav(bytes, name);
  try {
    return await recognize(recognizer, mixDown(audio), audio.sampleRateHz, options);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new FormatError(cause.message, { file: name }, { cause });
  }
}

/**
 * What is said in a WAV file as it would come from a microphone: the words that stay, piece by piece as they are known.
 *
 * @param chunkSeconds  of each piece of sound
 */
export async function* recognizeStreaming(
  recognizer: SpeechRecognizer,
  bytes: Uint8Array,
  name: string,
  chunkSeconds: number,
  options: DecodingOptions = {},
): AsyncGenerator<{ readonly seconds: number; readonly stable: string; readonly partial: string }> {
  const audio = await parseWav(bytes, name);
  const samples = mixDown(audio);
  const stream = new SpeechStream(recognizer, { ...options, sampleRateHz: audio.sampleRateHz });
  const step = Math.max(1, Math.round(chunkSeconds * audio.sampleRateHz));
  for (let at = 0; at < samples.length; at += step) {
    const end = Math.min(samples.length, at + step);
    yield { seconds: end / audio.sampleRateHz, ...stream.push(samples.subarray(at, end)) };
  }
  yield { seconds: samples.length / audio.sampleRateHz, stable: stream.end(), partial: '' };
}
