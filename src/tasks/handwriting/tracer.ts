/**
 * Features of ink as a sequence: it is fed point by point, and gives rows of features as soon as they are known; so ink that is
 * still being written and ink that lies complete in a file become the same numbers.
 */
import type { Stroke } from './ink.ts';

/** One step of what a model reads. */
export interface FeatureRow {
  readonly values: readonly number[];
  /** The stroke that it tells of, from 0. */
  readonly stroke: number;
  /** The last of that stroke's points that it tells of, from 0. */
  readonly point: number;
}

/** Makes rows of features of points. */
export interface Tracer {
  /** Names of a row's numbers. */
  readonly columns: readonly string[];
  /** @param t seconds; @param force of the tip; NaN: not known */
  point(x: number, y: number, t: number, force: number): FeatureRow[];
  /** The pen is lifted; the next point begins another stroke. */
  penUp(): FeatureRow[];
  /** Nothing more will come: what is left, and a pen at rest. The tracer begins anew then. */
  end(): FeatureRow[];
}

/**
 * What comes when the ink ends. A model that reads in one direction is surer of a character when it has seen what follows; after the
 * last one that is a pen at rest, for so many steps.
 */
export function endInk(tracer: Tracer, restSteps: number): FeatureRow[] {
  const rows = tracer.end();
  const last = rows.at(-1);
  return last === undefined ? rows : [...rows, ...Array.from({ length: restSteps - 1 }, () => last)];
}

/** Rows of a whole ink, at least one. */
export function traceInk(tracer: Tracer, strokes: readonly Stroke[], restSteps = 1): FeatureRow[] {
  const rows: FeatureRow[] = [];
  for (const { x, y, t, force } of strokes) {
    for (let i = 0; i < x.length; i++) rows.push(...tracer.point(x[i], y[i], t?.[i] ?? Number.NaN, force?.[i] ?? Number.NaN));
    rows.push(...tracer.penUp());
  }
  rows.push(...endInk(tracer, restSteps));
  return rows;
}
