/**
 * Images in files: PNG (grey, palette, colour, transparency, 1 to 16 bits) and JPEG, as colours over white, and their reduction to one
 * size. fast-png and jpeg-js decode; they are read when the first image is.
 */
import { ConfigError, FormatError } from '../tensor/errors.ts';

/** Colours of an image, over white where it is transparent. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] row-major: red, green, blue, 0…255. */
  readonly rgb: Uint8Array;
}

/** Whether a file's name is that of an image that can be read. */
export function isImageName(name: string): boolean {
  return /\.(png|jpe?g)$/i.test(name);
}

/**
 * The image in a file's bytes; what it is, PNG or JPEG, its first bytes say.
 *
 * @param name what errors call it
 * @throws FormatError when it is neither, or damaged
 * @example const image = await decodeImage(await readFile('cat.png'), 'cat.png');
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<RgbImage> {
  const kind = kindOf(bytes);
  if (kind === null) {
    const begin = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new FormatError(
      `expected a PNG or JPEG image, found ${bytes.length === 0 ? 'an empty file' : `a file that begins with ${begin}`}.`,
      {
        file: name,
        byte: 0,
      },
    );
  }
  try {
    return kind === 'PNG' ? await decodePng(bytes) : await decodeJpeg(bytes);
  } catch (cause) {
    const message = (cause as Error).message.replace(/\.$/, '');
    throw new FormatError(`this ${kind} image is damaged or cut off: ${message}. Save it anew.`, { file: name }, { cause });
  }
}

function kindOf(bytes: Uint8Array): 'PNG' | 'JPEG' | null {
  if (bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47) return 'PNG';
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? 'JPEG' : null;
}

async function decodePng(bytes: Uint8Array): Promise<RgbImage> {
  const { convertIndexedToRgb, decode } = await import('fast-png');
  const png = decode(bytes, { checkCrc: true });
  const { width, height, depth, palette, transparency } = png;
  if (palette !== undefined) {
    return overWhite(width, height, palette[0].length, 255, convertIndexedToRgb(png));
  }
  const data = depth < 8 ? unpacked(png.data, width, height, png.channels, depth) : png.data;
  return overWhite(width, height, png.channels, 2 ** depth - 1, data, transparency);
}

/** Samples of fewer than 8 bits lie several a byte; each row begins with a new one. */
function unpacked(data: ArrayLike<number>, width: number, height: number, channels: number, depth: number): Uint8Array {
  const across = width * channels;
  const rowBytes = Math.ceil((across * depth) / 8);
  return Uint8Array.from({ length: across * height }, (_, i) => {
    const bit = (i % across) * depth;
    return (data[Math.floor(i / across) * rowBytes + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  });
}

async function decodeJpeg(bytes: Uint8Array): Promise<RgbImage> {
  const { decode } = (await import('jpeg-js')).default;
  const { width, height, data } = decode(bytes, { useTArray: true, formatAsRGBA: true, tolerantDecoding: false });
  return overWhite(width, height, 4, 255, data);
}

/**
 * @param channels   1 grey, 2 grey and opacity, 3 colour, 4 colour and opacity
 * @param most       what stands for full light, and for opaque
 * @param invisible  of an image without opacity, the one colour that is transparent
 */
function overWhite(
  width: number,
  height: number,
  channels: number,
  most: number,
  data: ArrayLike<number>,
  invisible?: ArrayLike<number>,
): RgbImage {
  const colours = channels < 3 ? 1 : 3;
  const rgb = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) {
    const at = p * channels;
    let opacity = channels === colours ? 1 : data[at + colours] / most;
    if (invisible !== undefined && invisible.length >= colours && channels === colours) {
      let isInvisible = true;
      for (let c = 0; c < colours; c++) isInvisible &&= data[at + c] === invisible[c];
      if (isInvisible) opacity = 0;
    }
    for (let c = 0; c < 3; c++) rgb[p * 3 + c] = Math.round(255 * (1 - opacity + (opacity * data[at + Math.min(c, colours - 1)]) / most));
  }
  return { width, height, rgb };
}

/**
 * An image of another size: each new pixel is the mean of the area that it covers, of a smaller image the pixels between. The whole
 * of it is kept, in its proportions, on white.
 *
 * @param size  new width and height
 * @returns     planes of red, green and blue, [3, size, size], 0…255
 */
export function resizeImage({ width, height, rgb }: RgbImage, size: number): Uint8Array {
  if (!Number.isInteger(size) || size < 1) throw new ConfigError(`[resizeImage] expected a whole size of at least 1, received ${size}.`);
  const planes = new Uint8Array(3 * size * size).fill(255);
  const scale = size / Math.max(width, height);
  const [wide, high] = [width, height].map((n) => Math.max(1, Math.round(n * scale)));
  const [left, top] = [Math.floor((size - wide) / 2), Math.floor((size - high) / 2)];
  const columns = sharesOf(width, wide);
  const rows = sharesOf(height, high);
  const line = new Float64Array(wide * 3);
  for (let y = 0; y < high; y++) {
    line.fill(0);
    for (const { at: from, share: rowShare } of rows[y]) {
      for (let x = 0; x < wide; x++) {
        for (const { at, share } of columns[x]) {
          const pixel = (from * width + at) * 3;
          const weight = rowShare * share;
          for (let c = 0; c < 3; c++) line[x * 3 + c] += weight * rgb[pixel + c];
        }
      }
    }
    for (let x = 0; x < wide; x++) {
      for (let c = 0; c < 3; c++) planes[(c * size + top + y) * size + left + x] = Math.round(line[x * 3 + c]);
    }
  }
  return planes;
}

interface Share {
  readonly at: number;
  readonly share: number;
}

/** Of `count` new pixels along an axis: which of the n old ones each is made of, shares that sum to 1. */
function sharesOf(n: number, count: number): Share[][] {
  return Array.from({ length: count }, (_, i) => {
    if (count >= n) {
      // Between the two nearest, by their distance.
      const center = Math.min(n - 1, Math.max(0, ((i + 0.5) * n) / count - 0.5));
      const first = Math.floor(center);
      const part = center - first;
      return part === 0
        ? [{ at: first, share: 1 }]
        : [
            { at: first, share: 1 - part },
            { at: first + 1, share: part },
          ];
    }
    const [begin, end] = [(i * n) / count, ((i + 1) * n) / count];
    const shares: Share[] = [];
    for (let at = Math.floor(begin); at < end; at++) {
      const covered = Math.min(at + 1, end) - Math.max(at, begin);
      if (covered > 1e-9) shares.push({ at, share: covered / (end - begin) });
    }
    return shares;
  });
}
