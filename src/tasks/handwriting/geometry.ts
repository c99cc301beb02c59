/** What is done to ink before it becomes features: upright, of one size, and while training a little different each time. */
import type { Random } from '../../tensor/random.ts';
import type { Stroke } from './ink.ts';

/** Where ink lies: the least and greatest x and y of its points. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function boxOf(strokes: readonly Stroke[]): Box {
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { x, y } of strokes) {
    for (let i = 0; i < x.length; i++) {
      left = Math.min(left, x[i]);
      right = Math.max(right, x[i]);
      top = Math.min(top, y[i]);
      bottom = Math.max(bottom, y[i]);
    }
  }
  return { left, top, right, bottom };
}

/**
 * The height of a line of ink, which sizes are measured in. Of a flat one, such as a dash, a part of its width, so that it is not
 * blown up to the height of a letter.
 */
export function lineHeightOf(strokes: readonly Stroke[]): number {
  const { left, top, right, bottom } = boxOf(strokes);
  return Math.max(bottom - top, flattest * (right - left)) || 1;
}

/** Height over width, at least: a dash is about as wide as a letter is high, a line of 40 letters 20 times as wide. */
const flattest = 0.05;

/**
 * How far strokes lean, as x/y of a shear: the slope of what goes rather up or down than sideways, each piece by its length.
 *
 *   s = Σ Δx·Δy·l / Σ Δy²·l  over pieces with |Δy| > |Δx|, l their length
 */
export function slantOf(strokes: readonly Stroke[]): number {
  let [product, square] = [0, 0];
  for (const { x, y } of strokes) {
    for (let i = 1; i < x.length; i++) {
      const [dx, dy] = [x[i] - x[i - 1], y[i] - y[i - 1]];
      if (Math.abs(dy) <= Math.abs(dx)) continue;
      const length = Math.hypot(dx, dy);
      product += dx * dy * length;
      square += dy * dy * length;
    }
  }
  return square === 0 ? 0 : product / square;
}

/** x' = a·x + c·y + e, y' = b·x + d·y + f */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

export function transformed(strokes: readonly Stroke[], { a, b, c, d, e, f }: Affine): Stroke[] {
  return strokes.map(({ x, y, ...rest }) => ({
    ...rest,
    x: x.map((value, i) => a * value + c * y[i] + e),
    y: y.map((value, i) => b * x[i] + d * value + f),
  }));
}

/**
 * Ink of height 1 around y = 0, beginning at x = 0.
 *
 * @param slant whether it is set upright first
 */
export function normalizeInk(strokes: readonly Stroke[], { slant }: { readonly slant: boolean }): Stroke[] {
  const lean = slant ? slantOf(strokes) : 0;
  const upright = lean === 0 ? strokes : transformed(strokes, { a: 1, b: 0, c: -lean, d: 1, e: 0, f: 0 });
  const { left, top, bottom } = boxOf(upright);
  const scale = 1 / lineHeightOf(upright);
  return transformed(upright, { a: scale, b: 0, c: 0, d: scale, e: -left * scale, f: (-(top + bottom) / 2) * scale });
}

/** How much ink is changed while training; 0: not at all. */
export interface Augmentation {
  /** Standard deviation of the angle, in degrees. */
  readonly rotation: number;
  /** Standard deviation of the logarithm of the size; width and height apart from each other by half as much. */
  readonly scale: number;
  /** Standard deviation of the shear, x/y. */
  readonly shear: number;
  /** Standard deviation of each point's place, in line heights. */
  readonly jitter: number;
  /** Standard deviation of a smooth displacement, in line heights. */
  readonly warp: number;
  /** Probability that a stroke is left out; one always stays. */
  readonly strokeDropout: number;
}

/** Ink of height about 1, changed by chance. */
export function augmentInk(strokes: readonly Stroke[], augmentation: Augmentation, rng: Random): Stroke[] {
  const { jitter, warp, strokeDropout } = augmentation;
  const kept = strokeDropout === 0 ? strokes : dropStrokes(strokes, strokeDropout, rng);
  const moved = transformed(kept, randomAffine(augmentation, rng));
  if (jitter === 0 && warp === 0) return moved;
  const wave = warp === 0 ? null : randomWave(rng);
  return moved.map(({ x, y, ...rest }) => {
    const noise = rng.fillNormal(new Float64Array(2 * x.length));
    const displaced = (values: Float64Array, axis: 0 | 1): Float64Array =>
      values.map((value, i) => value + jitter * noise[2 * i + axis] + (wave === null ? 0 : warp * wave(axis, x[i], y[i])));
    return { ...rest, x: displaced(x, 0), y: displaced(y, 1) };
  });
}

/** Rotation, scaling and shear around the origin, drawn anew each time. */
export function randomAffine({ rotation, scale, shear }: Augmentation, rng: Random): Affine {
  const [turn, size, aspect, lean] = rng.fillNormal(new Float64Array(4));
  const angle = (rotation * turn * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [width, height] = [Math.exp(scale * (size + aspect / 4)), Math.exp(scale * (size - aspect / 4))];
  const s = shear * lean;
  // rotate · scale · shear
  return { a: cos * width, b: sin * width, c: cos * width * s - sin * height, d: sin * width * s + cos * height, e: 0, f: 0 };
}

/** A smooth field of displacements of variance about 1: waves of lengths from half a line height to two. */
function randomWave(rng: Random): (axis: 0 | 1, x: number, y: number) => number {
  const waves = [0, 1].map(() =>
    Array.from({ length: 3 }, () => {
      const [angle, length, phase] = [rng.uniform() * 2 * Math.PI, 0.5 + 1.5 * rng.uniform(), rng.uniform() * 2 * Math.PI];
      const k = (2 * Math.PI) / length;
      return { kx: k * Math.cos(angle), ky: k * Math.sin(angle), phase };
    }),
  );
  const amplitude = Math.sqrt(2 / 3);
  return (axis, x, y) => amplitude * waves[axis].reduce((sum, { kx, ky, phase }) => sum + Math.sin(kx * x + ky * y + phase), 0);
}

function dropStrokes(strokes: readonly Stroke[], probability: number, rng: Random): readonly Stroke[] {
  const kept = strokes.filter(() => rng.uniform() >= probability);
  return kept.length > 0 ? kept : strokes.slice(0, 1);
}
