import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bytesSource } from '../interop/byte-source.ts';
import { FormatError } from '../tensor/errors.ts';
import { unpacked } from './gzip.ts';
import { openNpy } from './npy.ts';

/** A file as numpy.save writes it. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = `${header.padEnd(53)}\n`;
  const size = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), version, 0, ...size, ...new TextEncoder().encode(text), ...data]);
}

async function* pieces(bytes: Uint8Array, length = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function read(bytes: Uint8Array): Promise<{ shape: readonly number[]; rows: number[][] }> {
  const { shape, rows } = await openNpy(pieces(bytes), 'a.npy');
  const all: number[][] = [];
  for await (const row of rows) all.push([...row]);
  return { shape, rows: all };
}

const header = (dtype: string, shape: string): string => `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape}), }`;
const bytesOf = (values: Float32Array | Float64Array | Int32Array | Int16Array | Uint8Array): Uint8Array => new Uint8Array(values.buffer);

// numpy.save(f, numpy.array([[1.5, -2.0], [3.25, 4.0]], '>f4')), numpy 1.24, from the 128th byte on: big-endian
const bigEndian = Uint8Array.of(0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0, 0x40, 0x50, 0, 0, 0x40, 0x80, 0, 0);

describe('openNpy', () => {
  it.each([
    ['<f4', bytesOf(Float32Array.of(1.5, -2, 3.25, 4))],
    ['<f8', bytesOf(Float64Array.of(1.5, -2, 3.25, 4))],
    ['>f4', bigEndian],
  ])('reads %s row by row', async (dtype, data) => {
    expect(await read(npy(header(dtype, '2, 2'), data))).toEqual({
      shape: [2, 2],
      rows: [
        [1.5, -2],
        [3.25, 4],
      ],
    });
  });

  it.each([
    ['<i4', bytesOf(Int32Array.of(1, -70_000, 3))],
    ['<i2', bytesOf(Int16Array.of(1, -7, 3))],
    ['|u1', Uint8Array.of(1, 200, 3)],
    ['|b1', Uint8Array.of(1, 0, 1)],
  ])('reads %s along one axis', async (dtype, data) => {
    const { shape, rows } = await read(npy(header(dtype, '3,'), data, 2));
    expect(shape).toEqual([3]);
    expect(rows.flat()).toEqual({ '<i4': [1, -70_000, 3], '<i2': [1, -7, 3], '|u1': [1, 200, 3], '|b1': [1, 0, 1] }[dtype]);
  });

  it('reads compressed files', async () => {
    const bytes = npy(header('<f4', '1, 2'), bytesOf(Float32Array.of(5, 6)));
    const { rows } = await openNpy(unpacked(bytesSource(gzipSync(bytes))), 'a.npy.gz');
    expect([...(await rows.next()).value]).toEqual([5, 6]);
  });

  it('refuses compressed files that are damaged or end early', async () => {
    const zipped = gzipSync(npy(header('<f4', '1, 2'), bytesOf(Float32Array.of(5, 6))));
    const consume = async (bytes: Uint8Array): Promise<void> => {
      for await (const _ of unpacked(bytesSource(bytes, 'a.npy.gz'))) {
        // to the end
      }
    };
    await expect(consume(zipped.subarray(0, zipped.length - 12))).rejects.toThrow('a.npy.gz: the compressed data are damaged or end early');
    await expect(consume(zipped.fill(0, 12, 30))).rejects.toThrow('damaged');
  });

  const whole = npy(header('<f4', '2, 2'), bytesOf(Float32Array.of(1, 2, 3, 4)));
  it.each([
    ['nothing', new Uint8Array(0), 0, /expected 8 bytes for the beginning of an array, found the end of the file after 0/],
    ['another file', new TextEncoder().encode('>1abc\nMKTAYI'), 0, /expected a NumPy array/],
    ['a version to come', npy(header('<f4', '2, 2'), new Uint8Array(16), 4), 6, /expected format 1, 2 or 3, found 4/],
    ['a header that is cut off', whole.subarray(0, 30), 30, /for the header, found the end of the file after 20/],
    ['numbers of another kind', npy(header('<c8', '2, 2'), new Uint8Array(32)), 10, /found <c8/],
    [
      'several kinds',
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", new Uint8Array(8)),
      10,
      /one type of numbers/,
    ],
    ['Fortran order', npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", new Uint8Array(16)), 10, /found Fortran order/],
    ['no shape', npy("{'descr': '<f4', 'fortran_order': False}", new Uint8Array(16)), 10, /expected a header with a shape/],
    ['a single number', npy(header('<f4', ''), new Uint8Array(4)), 10, /at least one axis/],
    [
      'too few numbers',
      whole.subarray(0, whole.length - 3),
      whole.length - 3,
      /expected 8 bytes for row 2 of 2, found the end of the file after 5/,
    ],
    ['too many numbers', Uint8Array.from([...whole, 0]), whole.length, /expected the end of the array here, after 2 rows/],
  ])('refuses %s', async (_, bytes, byte, message) => {
    const error = await read(bytes).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location).toEqual({ file: 'a.npy', byte });
    expect((error as FormatError).message).toMatch(message);
  });
});
