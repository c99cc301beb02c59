/** Images as a model reads them, and changed a little each time while it learns: moved, scaled, turned, in other light. */
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { Random } from '../../tensor/random.ts';

/** How far an image may be changed; 0: not at all. */
export interface Augmentation {
  /** Share of the size that it is moved by at most, along each axis. */
  readonly shift: number;
  /** Share that it grows or shrinks by at most. */
  readonly scale: number;
  /** Degrees that it is turned by at most, either way. */
  readonly rotation: number;
  /** Share that brightness, contrast and saturation change by at most. */
  readonly jitter: number;
  /** Whether half of the images are seen in a mirror. */
  readonly flip: boolean;
}

/** Mean and deviation of red, green and blue, 0…255. */
export interface ColourScale {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Where a pixel of the new image is looked up in the old one, from the middle: old = matrix · new + offset. */
interface Placing {
  readonly xx: number;
  readonly xy: number;
  readonly yx: number;
  readonly yy: number;
  readonly x: number;
  readonly y: number;
}

const inPlace: Placing = { xx: 1, xy: 0, yx: 0, yy: 1, x: 0, y: 0 };

/**
 * A batch of images for a model.
 *
 * @param images  each [3, size, size], 0…255
 * @param augment how they are changed, and by which numbers; null: not
 * @returns       [B, 3, size, size], each colour with mean 0 and deviation 1
 */
export function imageBatch(
  images: readonly Uint8Array[],
  size: number,
  scale: ColourScale,
  augment: { readonly by: Augmentation; readonly rng: Random } | null,
): Tensor {
  const length = 3 * size * size;
  const values = new Float32Array(images.length * length);
  images.forEach((image, b) => {
    const into = values.subarray(b * length, (b + 1) * length);
    if (augment === null) place(image, size, inPlace, into);
    else {
      place(image, size, draw(augment.by, size, augment.rng), into);
      relight(into, size, augment.by.jitter, augment.rng);
    }
    normalize(into, size, scale);
  });
  return tensor(values, { shape: [images.length, 3, size, size] });
}

/** The same image, moved and scaled a little, always in the same ways: views that a prediction is averaged over. The first is the image as it is. */
export function viewsOf(images: readonly Uint8Array[], size: number, scale: ColourScale, view: number): Tensor {
  const length = 3 * size * size;
  const values = new Float32Array(images.length * length);
  const { x, y, zoom } = viewpoints[view % viewpoints.length];
  const placing = view === 0 ? inPlace : { ...inPlace, xx: zoom, yy: zoom, x: x * size, y: y * size };
  images.forEach((image, b) => {
    const into = values.subarray(b * length, (b + 1) * length);
    place(image, size, placing, into);
    normalize(into, size, scale);
  });
  return tensor(values, { shape: [images.length, 3, size, size] });
}

const viewpoints = [
  { x: 0, y: 0, zoom: 1 },
  { x: 0.03, y: 0.03, zoom: 1 },
  { x: -0.03, y: -0.03, zoom: 1 },
  { x: 0.03, y: -0.03, zoom: 1 },
  { x: -0.03, y: 0.03, zoom: 1 },
  { x: 0, y: 0, zoom: 1.06 },
  { x: 0, y: 0, zoom: 0.94 },
  { x: 0, y: 0, zoom: 1.1 },
];
export const mostViews = viewpoints.length;

function draw({ shift, scale, rotation, flip }: Augmentation, size: number, rng: Random): Placing {
  const [dx, dy, grow, turn, mirror] = rng.fillUniform(new Float64Array(5), -1, 1);
  const angle = (turn * rotation * Math.PI) / 180;
  const factor = 1 / (1 + grow * scale);
  const sign = flip && mirror > 0 ? -1 : 1;
  const [cos, sin] = [factor * Math.cos(angle), factor * Math.sin(angle)];
  return { xx: sign * cos, xy: -sign * sin, yx: sin, yy: cos, x: dx * shift * size, y: dy * shift * size };
}

/** Looks every pixel up, between the four nearest; what lies outside is white. */
function place(image: Uint8Array, size: number, { xx, xy, yx, yy, x: offsetX, y: offsetY }: Placing, into: Float32Array): void {
  const plane = size * size;
  if (xx === 1 && xy === 0 && yy === 1 && offsetX === 0 && offsetY === 0) {
    into.set(image);
    return;
  }
  const middle = (size - 1) / 2;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [u, v] = [column - middle, row - middle];
      const x = xx * u + xy * v + offsetX + middle;
      const y = yx * u + yy * v + offsetY + middle;
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [right, down] = [x - left, y - top];
      const at = row * size + column;
      const isInside = left >= 0 && top >= 0 && left + 1 < size && top + 1 < size;
      if (isInside) {
        const [nw, ne] = [(1 - right) * (1 - down), right * (1 - down)];
        const [sw, se] = [(1 - right) * down, right * down];
        let from = top * size + left;
        for (let to = at; to < 3 * plane; to += plane, from += plane) {
          into[to] = image[from] * nw + image[from + 1] * ne + image[from + size] * sw + image[from + size + 1] * se;
        }
      } else for (let c = 0; c < 3; c++) into[c * plane + at] = between(image, size, c, left, top, right, down);
    }
  }
}

/** As in `place`, at the edge. */
function between(image: Uint8Array, size: number, c: number, left: number, top: number, right: number, down: number): number {
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= size || y >= size ? 255 : image[(c * size + y) * size + x]);
  const above = at(left, top) * (1 - right) + at(left + 1, top) * right;
  const below = at(left, top + 1) * (1 - right) + at(left + 1, top + 1) * right;
  return above * (1 - down) + below * down;
}

/** Other contrast (about the mean), saturation (about grey) and brightness. */
function relight(image: Float32Array, size: number, jitter: number, rng: Random): void {
  const [brightness, contrast, saturation] = rng.fillUniform(new Float64Array(3), 1 - jitter, 1 + jitter);
  if (jitter === 0) return;
  const plane = size * size;
  let mean = 0;
  for (let i = 0; i < image.length; i++) mean += image[i];
  mean /= image.length;
  for (let p = 0; p < plane; p++) {
    const [r, g, b] = [image[p], image[plane + p], image[2 * plane + p]];
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    for (let c = 0; c < 3; c++) {
      const coloured = grey + saturation * (image[c * plane + p] - grey);
      image[c * plane + p] = Math.min(255, Math.max(0, brightness * (mean + contrast * (coloured - mean))));
    }
  }
}

function normalize(image: Float32Array, size: number, { mean, deviation }: ColourScale): void {
  const plane = size * size;
  for (let c = 0; c < 3; c++) {
    for (let p = c * plane; p < (c + 1) * plane; p++) image[p] = (image[p] - mean[c]) / deviation[c];
  }
}

/** Mean and deviation of each colour over all images. */
export function colourScaleOf(images: readonly Uint8Array[], size: number): ColourScale {
  const plane = size * size;
  const statistics = [0, 1, 2].map((c) => {
    let [sum, squares] = [0, 0];
    for (const image of images) {
      for (let p = c * plane; p < (c + 1) * plane; p++) {
        sum += image[p];
        squares += image[p] ** 2;
      }
    }
    const n = Math.max(1, images.length * plane);
    return { mean: sum / n, deviation: Math.max(1, Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2))) };
  });
  return { mean: statistics.map(({ mean }) => mean), deviation: statistics.map(({ deviation }) => deviation) };
}
