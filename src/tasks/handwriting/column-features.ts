/** Images of lines as sequences of columns of pixels. */
import type { Affine } from './geometry.ts';
import type { LineImage } from './ink.ts';

/**
 * The columns of a line's picture, cut to its ink and brought to a height: [T, height] row-major, from left to right, 0 paper …
 * 1 ink. Where the picture becomes smaller each number is the mean of what it stands for.
 *
 * @param shape turns, stretches and shears the line around its middle
 */
export function columnsOf(
  image: LineImage,
  height: number,
  shape?: Affine,
): { readonly values: Float32Array; readonly columns: Int32Array } {
  const box = inkBoxOf(image);
  const [w, h] = [box.right - box.left, box.bottom - box.top];
  const scale = h / height;
  const stretch = shape === undefined ? 1 : Math.hypot(shape.a, shape.b);
  const T = Math.max(1, Math.round((w / scale) * stretch));
  const values = new Float32Array(T * height);
  const columns = new Int32Array(T);
  const inverse = inverted(shape ?? { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 });
  const samples = Math.max(1, Math.ceil(scale));
  for (let t = 0; t < T; t++) {
    columns[t] = Math.min(image.width - 1, Math.floor(box.left + ((t + 0.5) / T) * w));
    for (let r = 0; r < height; r++) {
      let sum = 0;
      for (let i = 0; i < samples; i++) {
        for (let j = 0; j < samples; j++) {
          // From the middle of the line, in pixels of the original.
          const [u, v] = [(t + (i + 0.5) / samples - T / 2) * scale, (r + (j + 0.5) / samples - height / 2) * scale];
          sum += pixelAt(
            image,
            box.left + w / 2 + inverse.a * u + inverse.c * v - 0.5,
            box.top + h / 2 + inverse.b * u + inverse.d * v - 0.5,
          );
        }
      }
      values[t * height + r] = sum / samples ** 2;
    }
  }
  return { values, columns };
}

/** The part with ink, and a little paper above and below; all where there is no ink. */
function inkBoxOf({ width, height, pixels }: LineImage) {
  let [left, right, top, bottom] = [width, 0, height, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pixels[y * width + x] < faintest) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  if (right <= left) return { left: 0, right: width, top: 0, bottom: height };
  const margin = 0.05 * (bottom - top);
  return { left: left - margin, right: right + margin, top: top - margin, bottom: bottom + margin };
}

/** What counts as ink where a line is cut out: paper is seldom quite even. */
const faintest = 0.25;

/** Between four pixels; paper beyond the edges. */
function pixelAt({ width, height, pixels }: LineImage, x: number, y: number): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - x0, y - y0];
  const at = (px: number, py: number): number => (px < 0 || py < 0 || px >= width || py >= height ? 0 : pixels[py * width + px]);
  const above = (1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0);
  const below = (1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1);
  return (1 - fy) * above + fy * below;
}

function inverted({ a, b, c, d }: Affine): Affine {
  const determinant = a * d - b * c;
  return { a: d / determinant, b: -b / determinant, c: -c / determinant, d: a / determinant, e: 0, f: 0 };
}
