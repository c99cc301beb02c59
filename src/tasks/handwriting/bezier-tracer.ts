/**
 * Ink as a few cubic Bézier curves a stroke, each one step of a sequence: shorter than resampled points, and free of the rate at
 * which a device samples.
 *
 * @see Carbune et al. (2020), Fast multi-language LSTM-based online handwriting recognition, arXiv:1902.10525
 */
import type { FeatureRow, Tracer } from './tracer.ts';

/** How closely curves follow the ink. */
export interface BezierTracerOptions {
  /** Farthest that a point may lie from its curve, in line heights. */
  readonly tolerance: number;
}

const columns = ['dx', 'dy', 'd1', 'd2', 'cos1', 'sin1', 'cos2', 'sin2', 't1', 't2', 't3', 'pen'] as const;

/**
 * A row a curve:
 *
 *   dx, dy      from its beginning to its end, line heights
 *   d1, d2      from its ends to the control points next to them, as shares of the way between the ends
 *   cos1 … sin2 of the angles of these towards the line between the ends
 *   t1, t2, t3  t(s) = t₁ s + t₂ s² + t₃ s³ since its beginning, seconds; 0 where times are not known
 *   pen         1: ink; 0: the way of a lifted pen from stroke to stroke, and the end of the ink, as straight curves
 */
export class BezierTracer implements Tracer {
  readonly columns: readonly string[] = columns;
  readonly #tolerance: number;
  #points: Sample[] = [];
  #last: Sample | null = null;
  #stroke = -1;
  /** The last point of the last stroke. */
  #index = 0;

  constructor({ tolerance }: BezierTracerOptions) {
    this.#tolerance = tolerance;
  }

  point(x: number, y: number, t: number): FeatureRow[] {
    const now = { x, y, t };
    const rows: FeatureRow[] = [];
    if (this.#points.length === 0) {
      this.#stroke++;
      if (this.#last !== null) rows.push({ values: rowOf(straight(this.#last, now), 0), stroke: this.#stroke, point: 0 });
    }
    this.#points.push(now);
    return rows;
  }

  penUp(): FeatureRow[] {
    const points = this.#points;
    if (points.length === 0) return [];
    this.#points = [];
    this.#last = points[points.length - 1];
    this.#index = points.length - 1;
    return fitCurves(points, this.#tolerance).map((curve) => ({ values: rowOf(curve, 1), stroke: this.#stroke, point: curve.last }));
  }

  end(): FeatureRow[] {
    const rows = this.penUp();
    if (this.#last !== null) {
      rows.push({ values: rowOf(straight(this.#last, this.#last), 0), stroke: this.#stroke, point: this.#index });
    }
    this.#last = null;
    this.#stroke = -1;
    return rows;
  }
}

/** A point in its time; NaN: not known. */
export interface Sample {
  readonly x: number;
  readonly y: number;
  readonly t: number;
}

type Pair = readonly [x: number, y: number];

/** A cubic Bézier curve through points. */
export interface Curve {
  /** P₀ … P₃ */
  readonly control: readonly [Pair, Pair, Pair, Pair];
  /** t₁, t₂, t₃ */
  readonly time: readonly [number, number, number];
  /** Number of the last point that it goes through. */
  readonly last: number;
}

function rowOf({ control: [p0, p1, p2, p3], time }: Curve, pen: number): number[] {
  const [dx, dy] = [p3[0] - p0[0], p3[1] - p0[1]];
  const chord = Math.hypot(dx, dy);
  // A closed curve has no chord to measure by; its distances are line heights then, its angles those of the page.
  const unit = chord > 1e-6 ? chord : 1;
  const heading = chord > 1e-6 ? Math.atan2(dy, dx) : 0;
  const handle = (from: Pair, to: Pair, base: number) => {
    const [hx, hy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(hx, hy);
    const angle = length > 1e-9 ? Math.atan2(hy, hx) - base : 0;
    return { length: Math.min(length / unit, longestHandle), cos: Math.cos(angle), sin: Math.sin(angle) };
  };
  const first = handle(p0, p1, heading);
  const second = handle(p3, p2, heading + Math.PI);
  return [dx, dy, first.length, second.length, first.cos, first.sin, second.cos, second.sin, ...time, pen];
}

/** In chords: nearly closed curves would give numbers without bound. */
const longestHandle = 10;

function straight(from: Sample, to: Sample): Curve {
  const at = (share: number): Pair => [from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)];
  const seconds = Number.isNaN(to.t - from.t) ? 0 : to.t - from.t;
  return { control: [at(0), at(1 / 3), at(2 / 3), [to.x, to.y]], time: [seconds, 0, 0], last: 0 };
}

/**
 * Curves through the points of a stroke, each beginning where the one before ends. A piece that no single curve follows within
 * the tolerance is cut at the point that is farthest off.
 */
export function fitCurves(points: readonly Sample[], tolerance: number): Curve[] {
  const distinct = points
    .map((point, i) => ({ ...point, i }))
    .filter(({ x, y, i }) => i === 0 || x !== points[i - 1].x || y !== points[i - 1].y);
  const curvesFor = (from: number, to: number): Curve[] => {
    const piece = distinct.slice(from, to + 1);
    const { control, s, worst, error } = fitCurve(piece);
    if (error <= tolerance || piece.length <= 4) return [{ control, time: fitTime(piece, s), last: piece[piece.length - 1].i }];
    const cut = from + Math.min(piece.length - 2, Math.max(1, worst));
    return [...curvesFor(from, cut), ...curvesFor(cut, to)];
  };
  const curves = curvesFor(0, distinct.length - 1);
  return curves.map((curve, c) => (c === curves.length - 1 ? { ...curve, last: points.length - 1 } : curve));
}

/** Least squares for P₁ and P₂, the ends being fixed; parameters from arc lengths, then moved to the nearest places on the curve. */
function fitCurve(points: readonly Sample[]) {
  const first = points[0];
  const last = points[points.length - 1];
  if (points.length <= 2) return { control: straight(first, last).control, s: points.map((_, i) => i), worst: 0, error: 0 };
  let s = arcLengths(points);
  let best = { control: solve(points, s), s, worst: 0, error: Number.POSITIVE_INFINITY };
  for (let round = 0; round < mostRounds; round++) {
    const control = solve(points, s);
    const { worst, error } = farthest(control, points, s);
    if (error < best.error) best = { control, s, worst, error };
    else if (round > 3) break;
    s = s.map((at, i) => (i === 0 ? 0 : i === s.length - 1 ? 1 : nearest(control, points[i], at)));
  }
  return best;
}

/** Parameters move slowly where arc lengths are far from them. */
const mostRounds = 16;

function farthest(control: Curve['control'], points: readonly Sample[], s: readonly number[]): { worst: number; error: number } {
  let [worst, error] = [0, 0];
  points.forEach(({ x, y }, i) => {
    const [cx, cy] = curveAt(control, s[i]);
    const distance = Math.hypot(cx - x, cy - y);
    if (distance > error) [worst, error] = [i, distance];
  });
  return { worst, error };
}

function arcLengths(points: readonly Sample[]): number[] {
  const sums = [0];
  for (let i = 1; i < points.length; i++) sums.push(sums[i - 1] + Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y));
  return sums.map((sum) => sum / sums[sums.length - 1]);
}

/** b₁² b₁b₂ · b₂² as a symmetric system of two unknowns, for x and y alike. */
function solve(points: readonly Sample[], s: readonly number[]): Curve['control'] {
  const p0: Pair = [points[0].x, points[0].y];
  const p3: Pair = [points[points.length - 1].x, points[points.length - 1].y];
  let [a11, a12, a22] = [0, 0, 0];
  const [r1, r2] = [
    [0, 0],
    [0, 0],
  ];
  points.forEach(({ x, y }, i) => {
    const [b0, b1, b2, b3] = bernstein(s[i]);
    const rest = [x - b0 * p0[0] - b3 * p3[0], y - b0 * p0[1] - b3 * p3[1]];
    a11 += b1 * b1;
    a12 += b1 * b2;
    a22 += b2 * b2;
    for (const axis of [0, 1]) {
      r1[axis] += b1 * rest[axis];
      r2[axis] += b2 * rest[axis];
    }
  });
  const determinant = a11 * a22 - a12 * a12;
  // A single inner point gives too few equations, and so do points whose parameters have all moved to the ends.
  if (points.length < 4 || !(determinant > 1e-9 * a11 * a22)) return throughOne(points, s);
  const p1 = [0, 1].map((axis) => (a22 * r1[axis] - a12 * r2[axis]) / determinant) as unknown as Pair;
  const p2 = [0, 1].map((axis) => (a11 * r2[axis] - a12 * r1[axis]) / determinant) as unknown as Pair;
  return [p0, p1, p2, p3];
}

/** Handles a third of the chord apart, P₂ = P₁ + (P₃ − P₀)/3, through the inner point that weighs most: b₁ P₁ + b₂ P₂ is what it asks. */
function throughOne(points: readonly Sample[], s: readonly number[]): Curve['control'] {
  const [first, last] = [points[0], points[points.length - 1]];
  const weights = s.map((at) => bernstein(at)).map(([, b1, b2]) => b1 + b2);
  const heaviest = weights.indexOf(Math.max(...weights));
  const chord = straight(first, last).control;
  if (weights[heaviest] < 1e-9) return chord;
  const [p0, , , p3] = chord;
  const [b0, b1, b2, b3] = bernstein(s[heaviest]);
  const third = [(p3[0] - p0[0]) / 3, (p3[1] - p0[1]) / 3];
  const { x, y } = points[heaviest];
  const p1 = [x, y].map((value, axis) => (value - b0 * p0[axis] - b3 * p3[axis] - b2 * third[axis]) / (b1 + b2)) as unknown as Pair;
  return [p0, p1, [p1[0] + third[0], p1[1] + third[1]], p3];
}

/** One of Newton's steps towards the place on the curve that is nearest. */
function nearest(control: Curve['control'], { x, y }: Sample, s: number): number {
  const [p0, p1, p2, p3] = control;
  const [cx, cy] = curveAt(control, s);
  const u = 1 - s;
  const derivative = (axis: 0 | 1): [number, number] => [
    3 * (u * u * (p1[axis] - p0[axis]) + 2 * u * s * (p2[axis] - p1[axis]) + s * s * (p3[axis] - p2[axis])),
    6 * (u * (p2[axis] - 2 * p1[axis] + p0[axis]) + s * (p3[axis] - 2 * p2[axis] + p1[axis])),
  ];
  const [dx, ddx] = derivative(0);
  const [dy, ddy] = derivative(1);
  const slope = dx * dx + dy * dy + (cx - x) * ddx + (cy - y) * ddy;
  if (slope <= 1e-12) return s;
  return Math.min(1, Math.max(0, s - ((cx - x) * dx + (cy - y) * dy) / slope));
}

function bernstein(s: number): [number, number, number, number] {
  const u = 1 - s;
  return [u * u * u, 3 * u * u * s, 3 * u * s * s, s * s * s];
}

/** A point of a curve, s in [0, 1]. */
export function curveAt([p0, p1, p2, p3]: Curve['control'], s: number): Pair {
  const [b0, b1, b2, b3] = bernstein(s);
  return [b0 * p0[0] + b1 * p1[0] + b2 * p2[0] + b3 * p3[0], b0 * p0[1] + b1 * p1[1] + b2 * p2[1] + b3 * p3[1]];
}

/** t(s) − t(0) as a polynomial without constant, of least squares, of the highest degree that the points decide. */
function fitTime(points: readonly Sample[], s: readonly number[]): [number, number, number] {
  const begin = points[0].t;
  if (points.some(({ t }) => Number.isNaN(t))) return [0, 0, 0];
  const degree = Math.min(3, points.length - 1);
  const A = Array.from({ length: degree }, () => new Array<number>(degree + 1).fill(0));
  points.forEach(({ t }, i) => {
    const powers = Array.from({ length: degree }, (_, k) => s[i] ** (k + 1));
    powers.forEach((p, row) => {
      powers.forEach((q, column) => {
        A[row][column] += p * q;
      });
      A[row][degree] += p * (t - begin);
    });
  });
  const solved = eliminate(A);
  return [solved[0] ?? 0, solved[1] ?? 0, solved[2] ?? 0];
}

/** Gauss–Jordan with the largest pivot; zeros where the equations say nothing. */
function eliminate(A: number[][]): number[] {
  const n = A.length;
  for (let k = 0; k < n; k++) {
    const pivot = A.map((row, r) => (r < k ? -1 : Math.abs(row[k]))).reduce((best, size, r, all) => (size > all[best] ? r : best), k);
    [A[k], A[pivot]] = [A[pivot], A[k]];
    if (Math.abs(A[k][k]) < 1e-12) return new Array<number>(n).fill(0);
    for (let r = 0; r < n; r++) {
      if (r === k) continue;
      const factor = A[r][k] / A[k][k];
      for (let c = k; c <= n; c++) A[r][c] -= factor * A[k][c];
    }
  }
  return A.map((row, k) => row[n] / row[k]);
}
