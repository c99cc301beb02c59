/**
 * The frame of a WAV file: which chunks there are, what its format chunk says, where the samples lie. Checked here, byte by byte,
 * before `wavefile` decodes the samples: so that a fault has its place and its reason.
 */
import { FormatError } from '../../tensor/errors.ts';

/** How samples are coded, as the format chunk says. */
export const codings = { 1: 'integer', 2: 'Microsoft ADPCM', 3: 'float', 6: 'A-law', 7: 'µ-law', 17: 'IMA ADPCM', 85: 'MP3' } as const;

/** What a WAV file's head says. */
export interface WavHead {
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Of a sample as it is stored: 8, 16, 24, 32, 64. */
  readonly bits: number;
  readonly coding: 'integer' | 'float' | 'A-law' | 'µ-law';
  /** Of the samples, in bytes from the file's beginning. */
  readonly begin: number;
  readonly end: number;
  /** RIFX: numbers are big-endian. */
  readonly bigEndian: boolean;
}

/** What a writer that cannot go back puts where a length should be. */
const unknownLengths = [0, 0xffffffff, 0x7fffffff, 0x7fffffff - 36, 0xffffffff - 36];

/** Sample rates beyond these are taken for damage. */
const sampleRates = { least: 1000, most: 768_000 };

/**
 * @param bytes  of the whole file
 * @param file   its name, for messages
 * @throws FormatError with the byte at fault
 */
export function readWavHead(bytes: Uint8Array, file: string): WavHead {
  const chunks = new Chunks(bytes, file);
  const format = chunks.find('fmt ');
  const data = chunks.find('data');
  if (format === null) {
    return chunks.fail(12, `expected a "fmt " chunk, which says how samples are coded, found ${chunks.list()}.`);
  }
  if (data === null) {
    return chunks.fail(bytes.length, `expected a "data" chunk with the samples, found ${chunks.list()}. Was the file cut short?`);
  }
  const head = formatOf(chunks, format);
  const frame = (head.channels * head.bits) / 8;
  const held = bytes.length - data.begin;
  // A program that writes into a pipe cannot know the length; the samples then go on to the end.
  const isOpen = unknownLengths.includes(data.length) && chunks.isLast(data);
  const length = isOpen ? Math.floor(held / frame) * frame : data.length;
  if (length > held) {
    return chunks.fail(
      bytes.length,
      `expected ${length} bytes of samples from byte ${data.begin} on, as the "data" chunk says, found ${held}: the file was cut short. Copy or record it again.`,
    );
  }
  if (length % frame !== 0) {
    return chunks.fail(
      data.begin - 4,
      `expected a "data" chunk of whole frames of ${frame} bytes (${head.channels} × ${head.bits} bits), found ${length} bytes.`,
    );
  }
  if (length === 0) return chunks.fail(data.begin, 'expected samples, found an empty "data" chunk. Record it again.');
  return { ...head, begin: data.begin, end: data.begin + length, bigEndian: chunks.bigEndian };
}

interface Chunk {
  readonly name: string;
  /** Of its content. */
  readonly begin: number;
  /** As it says itself. */
  readonly length: number;
}

/** The chunks of a RIFF file. */
class Chunks {
  readonly bigEndian: boolean;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #chunks: Chunk[] = [];

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#file = file;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length === 0) this.fail(0, 'expected a WAV file, found an empty one.');
    const container = this.#name(0);
    this.bigEndian = container === 'RIFX';
    if (!['RIFF', 'RIFX', 'RF64'].includes(container))
      this.fail(0, `expected a WAV file, which begins with "RIFF", found ${known(container)}`);
    if (bytes.length < 12)
      this.fail(bytes.length, `expected at least 12 bytes of a WAV file's head, found ${bytes.length}: it was cut short.`);
    const form = this.#name(8);
    if (form !== 'WAVE') this.fail(8, `expected a RIFF file of the kind "WAVE", found "${form}".`);
    this.#walk();
  }

  find(name: string): Chunk | null {
    return this.#chunks.find((chunk) => chunk.name === name) ?? null;
  }

  isLast(chunk: Chunk): boolean {
    return this.#chunks.at(-1) === chunk;
  }

  list(): string {
    return this.#chunks.length === 0 ? 'no chunk at all' : `only ${this.#chunks.map(({ name }) => `"${name}"`).join(', ')}`;
  }

  uint16(byte: number): number {
    return this.#view.getUint16(byte, !this.bigEndian);
  }

  uint32(byte: number): number {
    return this.#view.getUint32(byte, !this.bigEndian);
  }

  get size(): number {
    return this.#bytes.length;
  }

  fail(byte: number, message: string): never {
    throw new FormatError(message, { file: this.#file, byte });
  }

  #walk(): void {
    // RF64: lengths above 4 GiB stand in a chunk of their own.
    let large: number | null = null;
    for (let at = 12; at + 8 <= this.#bytes.length; ) {
      const name = this.#name(at);
      let length = this.uint32(at + 4);
      if (!/^[\x20-\x7e]{4}$/.test(name)) {
        // Some programs leave something behind the samples; before them it is damage.
        if (this.find('data') !== null) return;
        this.fail(at, `expected the name of a chunk, such as "fmt " or "data", found ${JSON.stringify(name)}.`);
      }
      if (name === 'ds64' && length >= 24 && at + 24 <= this.#bytes.length) large = this.uint32(at + 16) + this.uint32(at + 20) * 2 ** 32;
      if (name === 'data' && length === 0xffffffff && large !== null) length = large;
      this.#chunks.push({ name, begin: at + 8, length });
      at += 8 + length + (length % 2);
    }
  }

  #name(byte: number): string {
    return String.fromCharCode(...this.#bytes.subarray(byte, byte + 4));
  }
}

function formatOf(chunks: Chunks, { begin, length }: Chunk): Omit<WavHead, 'begin' | 'end' | 'bigEndian'> {
  if (length < 16 || begin + length > chunks.size) {
    return chunks.fail(begin - 4, `expected a "fmt " chunk of at least 16 bytes, found ${Math.min(length, chunks.size - begin)}.`);
  }
  let code = chunks.uint16(begin);
  const channels = chunks.uint16(begin + 2);
  const sampleRateHz = chunks.uint32(begin + 4);
  const blockAlign = chunks.uint16(begin + 12);
  const bits = chunks.uint16(begin + 14);
  // WAVE_FORMAT_EXTENSIBLE: the coding is the first part of a long identifier.
  if (code === 0xfffe) {
    if (length < 40) return chunks.fail(begin - 4, `expected an extensible "fmt " chunk of 40 bytes, found ${length}.`);
    code = chunks.uint16(begin + 24);
  }
  const coding = codings[code as keyof typeof codings] ?? `coding ${code}`;
  if (coding !== 'integer' && coding !== 'float' && coding !== 'A-law' && coding !== 'µ-law') {
    return chunks.fail(
      begin,
      `expected samples as integers, floats, A-law or µ-law, found ${coding}. Convert it, for example: ffmpeg -i in.wav -c:a pcm_s16le out.wav.`,
    );
  }
  const allowed = { integer: [8, 16, 24, 32], float: [32, 64], 'A-law': [8], 'µ-law': [8] }[coding];
  if (!allowed.includes(bits)) {
    return chunks.fail(begin + 14, `expected ${coding} samples of ${allowed.join(', ')} bits, found ${bits}.`);
  }
  if (channels < 1 || channels > 64) return chunks.fail(begin + 2, `expected 1 to 64 channels, found ${channels}.`);
  const { least, most } = sampleRates;
  if (sampleRateHz < least || sampleRateHz > most) {
    return chunks.fail(begin + 4, `expected a sample rate from ${least} to ${most} Hz, found ${sampleRateHz}.`);
  }
  if (blockAlign !== (channels * bits) / 8) {
    return chunks.fail(
      begin + 12,
      `expected frames of ${(channels * bits) / 8} bytes for ${channels} channels of ${bits} bits, found ${blockAlign}. The head contradicts itself.`,
    );
  }
  return { sampleRateHz, channels, bits, coding };
}

/** What a file is that is no WAV, and what to do. */
function known(start: string): string {
  const kinds: Readonly<Record<string, string>> = {
    fLaC: 'a FLAC file',
    OggS: 'an Ogg file',
    FORM: 'an AIFF file',
    '.snd': 'an AU file',
    '\x1aE\xdf\xa3': 'a Matroska or WebM file',
  };
  const kind = kinds[start] ?? (/^(?:ID3|\xff[\xe0-\xff])/.test(start) ? 'an MP3 file' : null);
  return kind === null ? `${JSON.stringify(start)}.` : `${kind}. Convert it, for example: ffmpeg -i FILE -ar 16000 -ac 1 out.wav.`;
}
