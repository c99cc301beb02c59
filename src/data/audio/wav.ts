/** WAV files, decoded by the package `wavefile`; samples as numbers in [−1, 1), channel by channel. */
import { readBytes } from '#files';
import { readWavHead, type WavHead } from './wav-chunks.ts';

/** A piece of sound. */
export interface Audio {
  readonly sampleRateHz: number;
  /** [channel][sample], in [−1, 1); floats of a file as they stand there. */
  readonly channels: readonly Float32Array[];
  /** How it was stored. */
  readonly bits: number;
  readonly coding: WavHead['coding'];
}

/**
 * The sound in a WAV file: integers of 8, 16, 24 or 32 bits, floats of 32 or 64, A-law, µ-law; any rate, any number of channels;
 * RIFF, RIFX or RF64.
 *
 * @param name  for messages
 * @throws FormatError with the byte at fault: no WAV, cut short, a coding that is not known, …
 * @example const { sampleRateHz, channels } = await parseWav(bytes);
 */
export async function parseWav(bytes: Uint8Array, name = 'WAV'): Promise<Audio> {
  const head = readWavHead(bytes, name);
  const { sampleRateHz, channels: count, bits, coding } = head;
  const frames = ((head.end - head.begin) * 8) / (count * bits);
  const samples = await decode(bytes, head);
  const scale = scaleOf(head);
  const offset = coding === 'integer' && bits === 8 ? -128 : 0;
  const channels = Array.from({ length: count }, (_, c) => {
    const channel = new Float32Array(frames);
    for (let i = 0; i < frames; i++) channel[i] = (samples[i * count + c] + offset) * scale;
    return channel;
  });
  return { sampleRateHz, channels, bits, coding };
}

/** `parseWav` of a file. @throws FileError when it cannot be read */
export async function readWav(path: string): Promise<Audio> {
  return parseWav(await readBytes(path), path);
}

/** The mean of all channels. */
export function mixDown({ channels }: Pick<Audio, 'channels'>): Float32Array {
  if (channels.length === 1) return channels[0];
  return Float32Array.from(channels[0], (_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
}

/**
 * A WAV file of one channel, 16 bits.
 *
 * @param samples  in [−1, 1); what is beyond is clipped
 * @example await writeFile('tone.wav', await formatWav(samples, 8000));
 */
export async function formatWav(samples: ArrayLike<number>, sampleRateHz: number): Promise<Uint8Array> {
  const integers = Int16Array.from(samples, (x) => Math.max(-32_768, Math.min(32_767, Math.round(x * 32_768))));
  const WaveFile = await waveFile();
  const wav = new WaveFile();
  wav.fromScratch(1, sampleRateHz, '16', integers);
  return wav.toBuffer();
}

/** Samples as the file has them, channels interleaved. */
async function decode(bytes: Uint8Array, head: WavHead): Promise<Float64Array> {
  const WaveFile = await waveFile();
  // Only what it needs: other chunks, and lengths that were not known when the file was written, are none of the decoder's business.
  const wav = new WaveFile(plainWav(bytes, head));
  if (head.coding === 'A-law') wav.fromALaw();
  if (head.coding === 'µ-law') wav.fromMuLaw();
  return wav.getSamples(true, Float64Array);
}

function scaleOf({ coding, bits }: WavHead): number {
  if (coding === 'float') return 1;
  return 2 ** (1 - (coding === 'integer' ? bits : 16));
}

/** A file of the two chunks that matter. */
function plainWav(bytes: Uint8Array, { begin, end, channels, sampleRateHz, bits, coding, bigEndian }: WavHead): Uint8Array {
  const length = end - begin;
  const plain = new Uint8Array(44 + length + (length % 2));
  const view = new DataView(plain.buffer);
  const text = (at: number, name: string): void => plain.set(new TextEncoder().encode(name), at);
  text(0, bigEndian ? 'RIFX' : 'RIFF');
  view.setUint32(4, plain.length - 8, !bigEndian);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, !bigEndian);
  view.setUint16(20, { integer: 1, float: 3, 'A-law': 6, 'µ-law': 7 }[coding], !bigEndian);
  view.setUint16(22, channels, !bigEndian);
  view.setUint32(24, sampleRateHz, !bigEndian);
  view.setUint32(28, (sampleRateHz * channels * bits) / 8, !bigEndian);
  view.setUint16(32, (channels * bits) / 8, !bigEndian);
  view.setUint16(34, bits, !bigEndian);
  text(36, 'data');
  view.setUint32(40, length, !bigEndian);
  plain.set(bytes.subarray(begin, end), 44);
  return plain;
}

/** Read when a file is: an import of the library stays fast. Node has the package as CommonJS, bundlers as a module. */
async function waveFile() {
  const loaded = await import('wavefile');
  return (loaded.default ?? loaded).WaveFile;
}
