/** Lines as pictures: PNG and JPEG files, and tables that say what they read. */
import { readBytes } from '#files';
import { openTable } from '../../data/records/delimited.ts';
import { type TextSource, textIn, textOf } from '../../data/text/text-source.ts';
import { FormatError, unknownName } from '../../tensor/errors.ts';
import { cleanText, type LineImage } from './ink.ts';

/** How a table is read. */
export interface ImageTableOptions {
  readonly imageColumn?: string;
  readonly textColumn?: string;
}

export function isImageName(name: string): boolean {
  return /\.(png|jpe?g)$/i.test(name);
}

/**
 * The lines of a table with a column of images, by their paths from the table's folder, and one of texts.
 *
 * @throws FormatError with file, line and column, FileError
 */
export async function* readImageTable(source: TextSource, options: ImageTableOptions = {}): AsyncGenerator<LineImage> {
  const { imageColumn = 'image', textColumn = 'text' } = options;
  const { columns, rows, name } = await openTable(textOf(await textIn(source), source.name));
  const [image, text] = [imageColumn, textColumn].map((column) => columns.indexOf(column));
  if (image < 0) {
    throw new FormatError(`${unknownName('column', imageColumn, columns)} Name the one of the images with imageColumn.`, {
      file: name,
      line: 1,
      column: 1,
    });
  }
  const folder = name.replace(/[^/\\]*$/, '');
  for await (const { line, fields } of rows) {
    const place = { file: name, line, column: 1 };
    const path = fields[image].trim();
    if (!isImageName(path)) throw new FormatError(`expected the name of a PNG or JPEG file as ${imageColumn}, received "${path}".`, place);
    const says = text < 0 ? null : cleanText(fields[text]);
    if (says === '') throw new FormatError(`expected a text as ${textColumn}, received an empty one.`, place);
    const resolved = /^([/\\]|[A-Za-z]:)/.test(path) ? path : folder + path;
    yield { ...(await readImage(resolved)), text: says, file: name, line };
  }
}

/** One picture. @throws FormatError when it is no PNG or JPEG, or damaged, FileError */
export async function readImage(path: string): Promise<LineImage> {
  const bytes = await readBytes(path);
  const { width, height, darkness } = await decoded(bytes, path);
  // Writing covers less than its paper: where most is dark, the ink is what is light.
  const mean = darkness.reduce((sum, value) => sum + value, 0) / darkness.length;
  const pixels = stretched(mean > 0.5 ? darkness.map((value) => 1 - value) : darkness);
  return { kind: 'image', text: null, width, height, pixels, file: path, line: 1 };
}

/** From the lightest to the darkest part as 0 … 1: grey paper and pale ink look like white and black. */
function stretched(pixels: Float32Array): Float32Array {
  const sorted = pixels.toSorted();
  const [paper, ink] = [sorted[Math.floor(sorted.length / 2)], sorted[sorted.length - 1]];
  if (ink - paper < 0.02) return pixels;
  return pixels.map((value) => Math.min(1, Math.max(0, (value - paper) / (ink - paper))));
}

interface Decoded {
  readonly width: number;
  readonly height: number;
  /** [height, width]: 0 white … 1 black; what is transparent is white. */
  readonly darkness: Float32Array;
}

async function decoded(bytes: Uint8Array, file: string): Promise<Decoded> {
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new FormatError('expected a PNG or JPEG file, found other bytes.', { file, byte: 0 });
  try {
    return isPng ? await pngPixels(bytes) : await jpegPixels(bytes);
  } catch (cause) {
    throw new FormatError(`a damaged ${isPng ? 'PNG' : 'JPEG'} file: ${(cause as Error).message}.`, { file }, { cause });
  }
}

async function pngPixels(bytes: Uint8Array): Promise<Decoded> {
  const { convertIndexedToRgb, decode } = await import('fast-png');
  const png = decode(bytes, { checkCrc: true });
  const { width, height, palette } = png;
  const channels = palette === undefined ? png.channels : palette[0].length;
  const data = palette === undefined ? png.data : convertIndexedToRgb(png);
  const most = palette === undefined ? 2 ** png.depth - 1 : 255;
  const at = png.depth < 8 && palette === undefined ? packedPixel(data, width, png.depth) : (i: number) => data[i];
  return { width, height, darkness: Float32Array.from({ length: width * height }, (_, p) => darknessOf(at, p * channels, channels, most)) };
}

/** Greys of fewer than 8 bits lie several a byte, rows beginning with a new one. */
function packedPixel(data: ArrayLike<number>, width: number, depth: number): (i: number) => number {
  const rowBytes = Math.ceil((width * depth) / 8);
  return (i) => {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * rowBytes + (bit >> 3)];
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  };
}

async function jpegPixels(bytes: Uint8Array): Promise<Decoded> {
  const { decode } = (await import('jpeg-js')).default;
  const { width, height, data } = decode(bytes, { useTArray: true, formatAsRGBA: true });
  return { width, height, darkness: Float32Array.from({ length: width * height }, (_, p) => darknessOf((i) => data[i], 4 * p, 4, 255)) };
}

/** 1 − luminance (Rec. 601), over white. @param channels 1 grey, 2 with alpha, 3 colour, 4 with alpha */
function darknessOf(at: (i: number) => number, begin: number, channels: number, most: number): number {
  const [r, g, b] = channels < 3 ? [at(begin), at(begin), at(begin)] : [at(begin), at(begin + 1), at(begin + 2)];
  const alpha = channels % 2 === 0 ? at(begin + channels - 1) / most : 1;
  return alpha * (1 - (0.299 * r + 0.587 * g + 0.114 * b) / most);
}
