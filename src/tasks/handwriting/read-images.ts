/** Lines as pictures: PNG and JPEG files, and tables that say what they read. */
import { readBytes } from '#files';
import { decodeImage, isImageName } from '../../data/images.ts';
import { openTable } from '../../data/records/delimited.ts';
import { type TextSource, textIn, textOf } from '../../data/text/text-source.ts';
import { FormatError, unknownName } from '../../tensor/errors.ts';
import { cleanText, type LineImage } from './ink.ts';

/** How a table is read. */
export interface ImageTableOptions {
  readonly imageColumn?: string;
  readonly textColumn?: string;
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
  const { width, height, rgb } = await decodeImage(await readBytes(path), path);
  // 1 − luminance (Rec. 601)
  const darkness = Float32Array.from({ length: width * height }, (_, p) => {
    const [r, g, b] = [rgb[3 * p], rgb[3 * p + 1], rgb[3 * p + 2]];
    return 1 - (0.299 * r + 0.587 * g + 0.114 * b) / 255;
  });
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
