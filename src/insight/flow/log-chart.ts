/** Curves over time on a logarithmic scale with every decade ruled, drawn in the figure's grammar. */
import type { Role } from '../figure/marks.ts';
import { type Box, otherFonts, type Scene } from '../figure/scene.ts';

/** One curve. */
export interface Curve {
  readonly x: readonly number[];
  /** What is not above 0 is drawn at the foot. */
  readonly y: readonly number[];
  readonly role: Role;
  /** Gradients are. */
  readonly dashed?: boolean;
  /** Behind the others. */
  readonly faint?: boolean;
  readonly width?: number;
  /** In the legend: words, with formulas between dollar signs. */
  readonly label?: string;
  /** 'left': an arrow there, as gradients run. Default 'right', without one. */
  readonly end?: 'left' | 'right';
}

export interface LogChartOptions {
  readonly box: Box;
  readonly curves: readonly Curve[];
  readonly xRange: readonly [number, number];
  /** In words, below. */
  readonly xLabel: string;
  /** Positions along x that are named. */
  readonly xTicks: readonly { readonly at: number; readonly text: string; readonly anchor?: 'start' | 'middle' | 'end' }[];
  /** Whether the powers of ten stand beside the axis. Default true. */
  readonly hasNumbers?: boolean;
  /** Powers of ten that the scale spans. Default: those of the curves, and no more than `mostDecades`. */
  readonly decades?: readonly [number, number];
}

/** A scale of more is too coarse to read: what is below its foot is drawn there. */
const mostDecades = 12;
/** Room for the numbers beside the axis. */
const gutter = 42;

/** Whole powers of ten around all that is above 0. */
export function decadesOf(curves: readonly Pick<Curve, 'y'>[]): [number, number] {
  const logs = curves.flatMap(({ y }) => y.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10));
  if (logs.length === 0) return [-1, 0];
  const top = Math.ceil(Math.max(...logs) - 1e-9) + 0; // no −0
  const foot = Math.max(Math.floor(Math.min(...logs) + 1e-9), top - mostDecades);
  return [Math.min(foot, top - 1), top];
}

/** @returns where a value of x stands, in the scene's units */
export function drawLogChart(scene: Scene, options: LogChartOptions): (x: number) => number {
  const { box, curves, xRange, xLabel, xTicks, hasNumbers = true, decades = decadesOf(curves) } = options;
  const [foot, top] = decades;
  const left = box.x + (hasNumbers ? gutter : 0);
  const plot = { x: left, y: box.y, width: box.x + box.width - left, height: box.height };
  const toX = (x: number): number => plot.x + ((x - xRange[0]) / (xRange[1] - xRange[0])) * plot.width;
  const toY = (y: number): number => {
    const level = Math.min(top, Math.max(foot, y > 0 ? Math.log10(y) : foot));
    return plot.y + ((top - level) / (top - foot)) * plot.height;
  };

  const named = Math.max(1, Math.ceil((top - foot) / 6));
  for (let power = foot; power <= top; power++) {
    const y = toY(10 ** power);
    scene.line('soft', [plot.x, y, plot.x + plot.width, y], { width: power === foot ? 1.5 : 1, rule: true });
    if (hasNumbers && (top - power) % named === 0) powerOfTen(scene, power, plot.x - 8, y + 4);
  }
  for (const { at, text, anchor = 'middle' } of xTicks) {
    scene.words(text, toX(at), plot.y + plot.height + 17, { anchor, size: 11, role: 'soft' });
  }
  if (xLabel !== '') scene.words(xLabel, plot.x + plot.width, plot.y + plot.height + 34, { anchor: 'end', size: 12, role: 'soft' });

  for (const { x, y, role, dashed = false, faint = false, width = 2, end = 'right' } of curves) {
    const points = x.map((value, k) => [toX(value), toY(y[k])] as const);
    const ordered = end === 'left' ? points.toReversed() : points;
    if (ordered.length > 1) scene.line(role, ordered.flat(), { width, dashed, faint, arrow: end === 'left' });
  }
  return toX;
}

/** 10 with its exponent raised: runs can be moved up as well as down. */
function powerOfTen(scene: Scene, power: number, x: number, y: number): void {
  const exponent = String(power).replace('-', '−');
  scene.runs(
    `10^${power}`,
    [
      { text: '10', face: 'sans', size: 12, role: 'soft' },
      { text: exponent, face: 'sans', size: 11, drop: -5, role: 'soft' },
    ],
    x,
    y,
    { anchor: 'end' },
  );
}

/** Samples of the curves with their labels, from `x` on; those without a label are left out. @returns the width */
export function drawLegend(scene: Scene, curves: readonly Curve[], x: number, y: number): number {
  let at = x;
  for (const { label, role, dashed = false, faint = false, width = 2, end = 'right' } of curves) {
    if (label === undefined) continue;
    scene.line(role, end === 'left' ? [at + 26, y - 4, at, y - 4] : [at, y - 4, at + 26, y - 4], {
      width,
      dashed,
      faint,
      arrow: end === 'left',
    });
    at += 33;
    at += scene.words(label, at, y) * otherFonts + 18;
  }
  return at - x - 18;
}
