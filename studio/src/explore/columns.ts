/** Where the steps of a sequence stand, so that everything under each other is of the same instant. */

export interface Columns {
  readonly width: number;
  readonly left: number;
  readonly right: number;
  /** Shown: from ≤ t < to. */
  readonly from: number;
  readonly to: number;
  /** Of one step. */
  readonly step: number;
}

export function columnsOf(width: number, from: number, to: number): Columns {
  const isNarrow = width < 520;
  const left = isNarrow ? 30 : 44;
  const right = isNarrow ? 40 : 62;
  return { width, left, right, from, to, step: Math.max(0, width - left - right) / Math.max(1, to - from) };
}

/** The left edge of a step. */
export function xOf({ left, from, step }: Columns, t: number): number {
  return left + (t - from) * step;
}

export function centerOf(columns: Columns, t: number): number {
  return xOf(columns, t + 0.5);
}

/** The step at a place; null beside the columns. */
export function stepAt({ left, from, to, step }: Columns, x: number): number | null {
  const t = from + Math.floor((x - left) / step);
  return t >= from && t < to ? t : null;
}

/** Every how many steps a text of this width has room. */
export function every({ step }: Columns, width: number): number {
  const wanted = width / step;
  return [1, 2, 5, 10, 20, 50, 100].find((count) => count >= wanted) ?? 200;
}

/** A token as it can be seen. */
export function visible(token: string): string {
  return token.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '→');
}
