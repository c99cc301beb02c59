import { describe, expect, it } from 'vitest';
import wavefile from 'wavefile';
import { FormatError } from '../../tensor/errors.ts';
import { formatWav, mixDown, parseWav } from './wav.ts';

/** Two channels, exact in 8 bits. */
const left = [0, 0.5, -0.5, 0.25, -1];
const right = [0.125, 0, 0.75, -0.25, 0.5];

/** By the library, as a user's program would write it. */
function written(depth: string, { container = 'RIFF', mono = false } = {}): Uint8Array {
  const wav = new wavefile.WaveFile();
  const scale: Readonly<Record<string, (x: number) => number>> = {
    '8': (x) => x * 128 + 128,
    '16': (x) => x * 2 ** 15,
    '24': (x) => x * 2 ** 23,
    '32': (x) => x * 2 ** 31,
    '32f': (x) => x,
    '64': (x) => x,
  };
  const samples = (mono ? [left] : [left, right]).map((channel) => channel.map(scale[depth]));
  wav.fromScratch(samples.length, 11_025, depth, mono ? samples[0] : samples, { container });
  return wav.toBuffer();
}

describe('parseWav', () => {
  it.each(['8', '16', '24', '32', '32f', '64'])('reads %s bits exactly, in both byte orders', async (depth) => {
    for (const container of ['RIFF', 'RIFX', 'RF64']) {
      const { sampleRateHz, channels } = await parseWav(written(depth, { container }));
      expect(sampleRateHz).toBe(11_025);
      expect(channels.map((channel) => [...channel])).toEqual([left, right]);
    }
  });

  it.each(['8m', '8a'])('reads %s-law near what was written', async (depth) => {
    const wav = new wavefile.WaveFile(written('16', { mono: true }));
    if (depth === '8m') wav.toMuLaw();
    else wav.toALaw();
    const { channels, coding } = await parseWav(wav.toBuffer());
    expect(coding).toBe(depth === '8m' ? 'µ-law' : 'A-law');
    // Eight bits of a logarithmic scale: the step is a thirty-second of the value.
    left.forEach((x, i) => {
      expect(Math.abs(channels[0][i] - x)).toBeLessThanOrEqual(Math.abs(x) / 32 + 1e-3);
    });
  });

  it('reads the extensible format, other chunks before and behind, and one of an odd length', async () => {
    const bytes = chunks(
      ['JUNK', [1, 2, 3]],
      ['fmt ', extensible(1, 1, 16)],
      ['data', [0, 0x40, 0, 0xc0]],
      ['LIST', new TextEncoder().encode('INFOISFT\x04\0\0\0test')],
    );
    expect([...(await parseWav(bytes)).channels[0]]).toEqual([0.5, -0.5]);
  });

  it('reads to the end where the length was not known when the file was begun', async () => {
    for (const length of [0, 0xffffffff]) {
      const bytes = formatChunk(1, 1, 16, [0, 0x40, 0, 0xc0]);
      new DataView(bytes.buffer).setUint32(40, length, true);
      expect([...(await parseWav(bytes)).channels[0]]).toEqual([0.5, -0.5]);
    }
  });

  it('mixes channels down to their mean', async () => {
    const audio = await parseWav(written('16'));
    expect([...mixDown(audio)]).toEqual(left.map((x, i) => (x + right[i]) / 2));
  });

  it('writes what it reads, clipped', async () => {
    const { sampleRateHz, channels } = await parseWav(await formatWav([0.5, -0.25, 2, -3], 8000));
    expect(sampleRateHz).toBe(8000);
    expect([...channels[0]]).toEqual([0.5, -0.25, 32_767 / 32_768, -1]);
  });

  const text = (content: string) => new TextEncoder().encode(content);
  const good = formatChunk(1, 1, 16, [0, 0x40, 0, 0xc0]);
  const changed = (at: number, ...values: number[]): Uint8Array => {
    const bytes = good.slice();
    bytes.set(values, at);
    return bytes;
  };
  const malformed: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
    ['nothing', new Uint8Array(0), 'x.wav, byte 0: expected a WAV file, found an empty one.'],
    ['a text', text('path\ttranscript\n'), 'byte 0: expected a WAV file, which begins with "RIFF", found "path".'],
    ['FLAC', text('fLaC and more'), 'found a FLAC file. Convert it, for example: ffmpeg'],
    ['MP3', text('ID3\x04 and more'), 'found an MP3 file.'],
    ['half a head', good.subarray(0, 7), "byte 7: expected at least 12 bytes of a WAV file's head, found 7: it was cut short."],
    ['another RIFF', changed(8, ...text('AVI ')), 'byte 8: expected a RIFF file of the kind "WAVE", found "AVI ".'],
    ['no format', chunks(['data', [0, 0]]), 'byte 12: expected a "fmt " chunk, which says how samples are coded, found only "data".'],
    [
      'no samples chunk',
      good.subarray(0, 36),
      'byte 36: expected a "data" chunk with the samples, found only "fmt ". Was the file cut short?',
    ],
    ['no chunk', good.subarray(0, 12), 'found no chunk at all'],
    [
      'cut samples',
      good.subarray(0, 46),
      'byte 46: expected 4 bytes of samples from byte 44 on, as the "data" chunk says, found 2: the file was cut short.',
    ],
    ['a short format', chunks(['fmt ', [1, 0, 1, 0]], ['data', [0, 0]]), 'byte 16: expected a "fmt " chunk of at least 16 bytes, found 4.'],
    ['MP3 in WAV', changed(20, 85), 'byte 20: expected samples as integers, floats, A-law or µ-law, found MP3.'],
    ['an unknown coding', changed(20, 200), 'found coding 200.'],
    ['12 bits', changed(34, 12), 'byte 34: expected integer samples of 8, 16, 24, 32 bits, found 12.'],
    ['no channel', changed(22, 0), 'byte 22: expected 1 to 64 channels, found 0.'],
    ['a rate of 0', changed(24, 0, 0, 0, 0), 'byte 24: expected a sample rate from 1000 to 768000 Hz, found 0.'],
    ['a contradiction', changed(32, 7), 'byte 32: expected frames of 2 bytes for 1 channels of 16 bits, found 7.'],
    [
      'half a frame',
      formatChunk(1, 1, 16, [0, 1, 2]),
      'byte 40: expected a "data" chunk of whole frames of 2 bytes (1 × 16 bits), found 3 bytes.',
    ],
    ['no sample', chunks(['fmt ', plain(1, 1, 16)], ['data', []], ['LIST', [1, 2]]), 'expected samples, found an empty "data" chunk.'],
    [
      'damage between chunks',
      changed(36, 0, 1, 2, 3),
      'byte 36: expected the name of a chunk, such as "fmt " or "data", found "\\u0000\\u0001\\u0002\\u0003".',
    ],
    [
      'a short extensible format',
      chunks(['fmt ', [0xfe, 0xff, ...plain(1, 1, 16).slice(2)]], ['data', [0, 0]]),
      'expected an extensible "fmt " chunk of 40 bytes, found 16.',
    ],
  ];

  it.each(malformed)('refuses %s', async (_, bytes, message) => {
    const failure = await parseWav(bytes, 'x.wav').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as FormatError).message).toContain(message);
  });

  it('never fails otherwise, whatever byte is changed or missing', async () => {
    const bytes = written('16');
    for (let at = 0; at < Math.min(bytes.length, 60); at++) {
      for (const value of [0, 1, 127, 255]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        await parseWav(damaged).catch((error: unknown) => expect(error).toBeInstanceOf(FormatError));
      }
      await parseWav(bytes.subarray(0, at)).catch((error: unknown) => expect(error).toBeInstanceOf(FormatError));
    }
  });
});

/** A format chunk's first 16 bytes, at 8 kHz. */
function plain(coding: number, channels: number, bits: number): number[] {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint16(0, coding, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, 8000, true);
  view.setUint32(8, (8000 * channels * bits) / 8, true);
  view.setUint16(12, (channels * bits) / 8, true);
  view.setUint16(14, bits, true);
  return [...new Uint8Array(view.buffer)];
}

function extensible(coding: number, channels: number, bits: number): number[] {
  return [...plain(0xfffe, channels, bits), 22, 0, bits, 0, 0, 0, 0, 0, coding, 0, ...new Array<number>(14).fill(0)];
}

function formatChunk(coding: number, channels: number, bits: number, data: readonly number[]): Uint8Array {
  return chunks(['fmt ', plain(coding, channels, bits)], ['data', data]);
}

function chunks(...given: readonly (readonly [name: string, content: ArrayLike<number>])[]): Uint8Array {
  const parts: number[] = [...new TextEncoder().encode('WAVE')];
  for (const [name, content] of given) {
    const length = content.length;
    parts.push(...new TextEncoder().encode(name), length & 255, length >> 8, 0, 0, ...Array.from(content));
    if (length % 2 === 1) parts.push(0);
  }
  return Uint8Array.from([...new TextEncoder().encode('RIFF'), parts.length & 255, parts.length >> 8, 0, 0, ...parts]);
}
