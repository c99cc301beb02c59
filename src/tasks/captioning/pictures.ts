/** The images that captions are about, or vectors of them, found by their names and read. */
import { openFile, readBytes } from '#files';
import { decodeImage, isImageName, resizeImage } from '../../data/images.ts';
import { openNpy } from '../../data/npy.ts';
import { parseSafetensors } from '../../interop/safetensors.ts';
import { type FileError, FormatError } from '../../tensor/errors.ts';
import { formatShape, sizeOf } from '../../tensor/shape.ts';
import type { CaptionedImage } from './read-captions.ts';

/** What an image is to a model: its pixels, brought to one size, or vectors. */
export type Picture = Uint8Array | FeatureGrid;

/** Vectors of an image. */
export interface FeatureGrid {
  /** [S, D] row-major. */
  readonly values: Float32Array;
  readonly count: number;
  readonly size: number;
}

/** Where images, or their vectors, are. */
export interface PicturePlaces {
  /** Default: the folder of the file of captions, or its folder "images". */
  readonly images?: string;
  /** A .npy or .safetensors file with vectors of all images. */
  readonly features?: string;
}

/**
 * The pictures of these images, in their order.
 *
 * @param size  height and width of images, in pixels
 * @throws FormatError where an image is named that is not there or is damaged, or vectors do not fit the images; FileError
 */
export async function readPictures(images: readonly CaptionedImage[], places: PicturePlaces, size: number): Promise<Picture[]> {
  if (places.features !== undefined) return readFeatures(images, places.features);
  const pictures: Picture[] = [];
  for (const image of images) {
    const { path, bytes } = await found(image, places);
    pictures.push(/\.npy$/i.test(path) ? await gridIn(bytes, path) : resizeImage(await decodeImage(bytes, path), size));
  }
  const kinds = new Set(pictures.map((picture) => picture instanceof Uint8Array));
  if (kinds.size > 1) throw new FormatError('expected images, or vectors as .npy files, received some of each.', { file: images[0].file });
  requireOneWidth(pictures, (i) => images[i].image, images[0]?.file);
  return pictures;
}

/** One image that is named by its path. */
export async function readPicture(path: string, size: number): Promise<Picture> {
  const bytes = await readBytes(path);
  return /\.npy$/i.test(path) ? gridIn(bytes, path) : resizeImage(await decodeImage(bytes, path), size);
}

/** A file that an image's name stands for: by its own path, in the folder of images, in that of the captions, or in its "images". */
async function found({ image, file, line }: CaptionedImage, { images }: PicturePlaces): Promise<{ path: string; bytes: Uint8Array }> {
  if (!isImageName(image) && !/\.npy$/i.test(image)) {
    throw new FormatError(`expected the name of a PNG, JPEG or .npy file, found "${image}".`, place(file, line));
  }
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(image);
  const folder = file.replace(/[^/\\]*$/, '');
  const candidates = isAbsolute ? [image] : images !== undefined ? [join(images, image)] : [folder + image, `${folder}images/${image}`];
  for (const path of candidates) {
    try {
      return { path, bytes: await readBytes(path) };
    } catch (error) {
      if ((error as FileError).code !== 'ENOENT') throw error;
    }
  }
  const places = candidates.map((path) => path.replace(/[^/\\]*$/, '') || './');
  throw new FormatError(
    `there is no image "${image}" in ${[...new Set(places)].join(' or ')}. Say with images in which folder they are.`,
    place(file, line),
  );
}

function join(folder: string, name: string): string {
  return /[/\\]$/.test(folder) ? folder + name : `${folder}/${name}`;
}

function place(file: string, line: number | null) {
  return line === null ? { file } : { file, line };
}

// ---- vectors ----------------------------------------------------------------------------------------------------------

async function gridIn(bytes: Uint8Array, path: string): Promise<FeatureGrid> {
  const pieces = (async function* () {
    yield bytes;
  })();
  const { shape, rows } = await openNpy(pieces, path);
  const values: number[] = [];
  for await (const row of rows) for (const value of row) values.push(value);
  return gridOf(Float32Array.from(values), shape, { file: path });
}

/** [D] is one vector, [S, D] are S, [height, width, D] a grid of them. */
function gridOf(values: Float32Array, shape: readonly number[], where: { readonly file: string; readonly tensor?: string }): FeatureGrid {
  const size = shape.at(-1) ?? 0;
  if (shape.length < 1 || shape.length > 3 || sizeOf(shape) === 0) {
    throw new FormatError(
      `expected the vectors of an image as [numbers], [vectors, numbers] or [height, width, numbers], none of them 0, found ${formatShape(shape)}.`,
      where,
    );
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new FormatError(`expected finite numbers, found ${values[wrong]} at element ${wrong}.`, where);
  return { values, count: values.length / size, size };
}

async function readFeatures(images: readonly CaptionedImage[], path: string): Promise<FeatureGrid[]> {
  if (/\.npy$/i.test(path)) return fromArray(images, path);
  if (!/\.safetensors$/i.test(path)) throw new FormatError('expected features in a .npy or .safetensors file.', { file: path });
  const { tensors } = parseSafetensors(await readBytes(path), path);
  const grids = images.map(({ image, file, line }) => {
    const tensor = tensors.get(image) ?? tensors.get(image.replace(/\.[^.]*$/, ''));
    if (tensor !== undefined) return gridOf(Float32Array.from(tensor.values), tensor.shape, { file: path, tensor: image });
    throw new FormatError(`${path} has no tensor "${image}", nor one of that name without its ending.`, place(file, line));
  });
  requireOneWidth(grids, (i) => images[i].image, path);
  return grids;
}

/** An array whose first axis are the images, in the order in which the captions name them. */
async function fromArray(images: readonly CaptionedImage[], path: string): Promise<FeatureGrid[]> {
  const file = await openFile(path);
  try {
    const pieces = (async function* () {
      for (let at = 0; at < file.size; at += 1 << 20) yield await file.read(at, Math.min(1 << 20, file.size - at));
    })();
    const { shape, rows } = await openNpy(pieces, path);
    if (shape.length < 2 || shape[0] !== images.length) {
      throw new FormatError(
        `expected an array of ${images.length} rows, one for each image in the order of the captions, found ${formatShape(shape)}.`,
        { file: path },
      );
    }
    const grids: FeatureGrid[] = [];
    for await (const row of rows) grids.push(gridOf(Float32Array.from(row), shape.slice(1), { file: path }));
    return grids;
  } finally {
    await file.close();
  }
}

function requireOneWidth(pictures: readonly Picture[], name: (i: number) => string, file: string | undefined): void {
  const sizes = pictures.map((picture) => (picture instanceof Uint8Array ? 0 : picture.size));
  const wrong = sizes.findIndex((size) => size !== sizes[0]);
  if (wrong < 0) return;
  throw new FormatError(
    `expected vectors of ${sizes[0]} numbers, as those of "${name(0)}", found ${sizes[wrong]} numbers in those of "${name(wrong)}".`,
    { file },
  );
}
