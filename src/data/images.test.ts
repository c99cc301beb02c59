import fc from 'fast-check';
import { decode, encode } from 'fast-png';
import jpeg from 'jpeg-js';
import { expect, test } from 'vitest';
import { decodeImage, isImageName, resizeImage } from './images.ts';

const png = (data: number[] | Uint8Array | Uint16Array, width: number, height: number, channels: number, depth: 8 | 16 = 8, more = {}) =>
  encode({ width, height, data: Array.isArray(data) ? Uint8Array.from(data) : data, channels, depth, ...more });

test('colours, grey, transparency over white, and 16 bits', async () => {
  const colours = await decodeImage(png([255, 0, 0, 0, 128, 255], 2, 1, 3), 'a.png');
  expect(colours).toEqual({ width: 2, height: 1, rgb: Uint8Array.of(255, 0, 0, 0, 128, 255) });
  expect((await decodeImage(png([0, 100], 1, 2, 1), 'a.png')).rgb).toEqual(Uint8Array.of(0, 0, 0, 100, 100, 100));
  expect((await decodeImage(png([0, 0, 0, 128, 51, 255], 3, 1, 2), 'a.png')).rgb).toEqual(
    Uint8Array.of(255, 255, 255, 127, 127, 127, 51, 51, 51),
  );
  expect((await decodeImage(png([255, 0, 0, 51], 1, 1, 4), 'a.png')).rgb).toEqual(Uint8Array.of(255, 204, 204));
  expect((await decodeImage(png(Uint16Array.of(65535, 0, 32768), 1, 1, 3, 16), 'a.png')).rgb).toEqual(Uint8Array.of(255, 0, 128));
});

/** A PNG by hand: fast-png writes no palettes and no greys of few bits. */
async function byHand(header: number[], chunks: [string, number[]][], raw: number[]): Promise<Uint8Array> {
  const { deflateSync, crc32 } = (await import('node:zlib')) as unknown as {
    deflateSync: (data: Uint8Array) => Uint8Array;
    crc32?: (data: Uint8Array) => number;
  };
  const table = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  const crc = crc32 ?? ((data: Uint8Array) => ~data.reduce((c, byte) => table[(c ^ byte) & 255] ^ (c >>> 8), 0xffffffff) >>> 0);
  const chunk = (name: string, data: Uint8Array) => {
    const body = Uint8Array.of(...new TextEncoder().encode(name), ...data);
    const word = (n: number) => [n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255];
    return [...word(data.length), ...body, ...word(crc(body))];
  };
  const parts = [
    ['IHDR', Uint8Array.from(header)],
    ...chunks.map(([name, data]) => [name, Uint8Array.from(data)]),
    ['IDAT', new Uint8Array(deflateSync(Uint8Array.from(raw)))],
    ['IEND', new Uint8Array(0)],
  ] as [string, Uint8Array][];
  return Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...parts.flatMap(([name, data]) => chunk(name, data))]);
}
const headerOf = (width: number, height: number, depth: number, type: number) => [0, 0, 0, width, 0, 0, 0, height, depth, type, 0, 0, 0];

test('palettes with transparent colours, greys of two bits, and a colour that is transparent', async () => {
  const palette = await byHand(
    headerOf(3, 1, 8, 3),
    [
      ['PLTE', [255, 0, 0, 0, 0, 255]],
      ['tRNS', [255, 0]],
    ],
    [0, 0, 1, 0],
  );
  expect((await decodeImage(palette, 'p.png')).rgb).toEqual(Uint8Array.of(255, 0, 0, 255, 255, 255, 255, 0, 0));
  const grey = await byHand(headerOf(5, 1, 2, 0), [], [0, 0b00011011, 0b11000000]);
  expect((await decodeImage(grey, 'g.png')).rgb.filter((_, i) => i % 3 === 0)).toEqual(Uint8Array.of(0, 85, 170, 255, 255));
  const keyed = await byHand(headerOf(4, 1, 8, 2), [['tRNS', [0, 9, 0, 9, 0, 9]]], [0, 9, 9, 9, 1, 2, 3, 9, 9, 8, 9, 9, 9]);
  expect((await decodeImage(keyed, 'k.png')).rgb).toEqual(Uint8Array.of(255, 255, 255, 1, 2, 3, 9, 9, 8, 255, 255, 255));
});

test('JPEG', async () => {
  const data = Uint8Array.from({ length: 8 * 8 * 4 }, (_, i) => [200, 40, 90, 255][i % 4]);
  const { width, height, rgb } = await decodeImage(new Uint8Array(jpeg.encode({ width: 8, height: 8, data }, 95).data), 'a.jpg');
  expect([width, height]).toEqual([8, 8]);
  for (let i = 0; i < rgb.length; i++) expect(Math.abs(rgb[i] - [200, 40, 90][i % 3])).toBeLessThan(5);
});

test('a smaller size is the mean of areas, a larger one lies between; the rest of a square is white', () => {
  const image = { width: 2, height: 2, rgb: Uint8Array.of(0, 0, 0, 100, 0, 0, 0, 40, 0, 0, 0, 255) };
  expect(resizeImage(image, 1)).toEqual(Uint8Array.of(25, 10, 64));
  expect([...resizeImage({ width: 3, height: 1, rgb: new Uint8Array(9) }, 3)].filter((_, i) => i < 9)).toEqual([
    255, 255, 255, 0, 0, 0, 255, 255, 255,
  ]);
  const line = resizeImage({ width: 2, height: 2, rgb: Uint8Array.of(0, 0, 0, 100, 100, 100, 0, 0, 0, 100, 100, 100) }, 4);
  expect([...line.slice(0, 4)]).toEqual([0, 25, 75, 100]);
  expect(() => resizeImage(image, 0)).toThrow('expected a whole size of at least 1, received 0');
});

test('law: of one colour, every size is that colour; the mean of a square stays', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 17 }),
      fc.integer({ min: 1, max: 12 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
      (n, size, bytes) => {
        const plain = resizeImage({ width: n, height: n, rgb: new Uint8Array(3 * n * n).fill(77) }, size);
        expect(plain.every((value) => value === 77)).toBe(true);
        const rgb = Uint8Array.from({ length: 3 * n * n }, () => bytes.next().value as number);
        const mean = (values: Uint8Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
        if (size <= n) expect(Math.abs(mean(resizeImage({ width: n, height: n, rgb }, size)) - mean(rgb))).toBeLessThan(0.6);
      },
    ),
    { numRuns: 40 },
  );
});

test.each([
  ['nothing', new Uint8Array(0), 'x.png, byte 0: expected a PNG or JPEG image, found an empty file'],
  ['a text', new TextEncoder().encode('GIF89a'), 'x.png, byte 0: expected a PNG or JPEG image, found a file that begins with 47 49 46 38'],
  ['half a PNG', png(new Uint8Array(300).fill(9), 10, 10, 3).slice(0, 60), 'x.png: this PNG image is damaged or cut off'],
  [
    'a PNG with a changed byte',
    png(new Uint8Array(300).fill(9), 10, 10, 3).map((byte, i) => (i === 45 ? byte ^ 1 : byte)),
    'x.png: this PNG image is damaged or cut off',
  ],
  ['the first bytes of a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), 'x.png: this JPEG image is damaged or cut off'],
  ['a JPEG that is no more than its marker', Uint8Array.of(0xff, 0xd8), 'x.png: this JPEG image is damaged or cut off'],
])('refuses %s', async (_, bytes, message) => {
  await expect(decodeImage(bytes, 'x.png')).rejects.toThrow(message);
});

test('names of images', () => {
  expect(['a.png', 'b.JPG', 'c.jpeg', 'd.gif', 'png'].map(isImageName)).toEqual([true, true, true, false, false]);
  expect(decode(png([1], 1, 1, 1)).depth).toBe(8);
});
