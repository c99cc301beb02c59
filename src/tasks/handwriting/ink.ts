/** Handwriting as it is read from files: ink, which is strokes of a pen, or the image of a line. */

/** What a pen wrote between touching the paper and leaving it; numbers of n points. */
export interface Stroke {
  /** To the right, in whatever unit. */
  readonly x: Float64Array;
  /** Downwards, in the same unit. */
  readonly y: Float64Array;
  /** In seconds, rising through an ink; null: not known. */
  readonly t: Float64Array | null;
  /** Of the tip, in whatever unit; null: not known. */
  readonly force: Float64Array | null;
}

/** Strokes in the order in which they were written. */
export interface Ink {
  readonly kind: 'ink';
  /** What it says; null: not known. */
  readonly text: string | null;
  readonly strokes: readonly Stroke[];
  readonly file: string;
  /** Where it begins in the file, 1-based. */
  readonly line: number;
}

/** A line of handwriting as a picture. */
export interface LineImage {
  readonly kind: 'image';
  /** What it says; null: not known. */
  readonly text: string | null;
  readonly width: number;
  readonly height: number;
  /** [height, width] row-major: 0 paper … 1 ink. */
  readonly pixels: Float32Array;
  readonly file: string;
  /** Of the table that names it; 1 where it was named itself. */
  readonly line: number;
}

/** A line of handwriting of either kind. */
export type Handwriting = Ink | LineImage;

/** A point while a file is read. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly t?: number;
  readonly force?: number;
}

/** Time, or force, is a stroke's if all its points have it. */
export function strokeOf(points: readonly Point[]): Stroke {
  const column = (of: (point: Point) => number | undefined): Float64Array | null =>
    points.every((point) => of(point) !== undefined) ? Float64Array.from(points, (point) => of(point)!) : null;
  return {
    x: Float64Array.from(points, ({ x }) => x),
    y: Float64Array.from(points, ({ y }) => y),
    t: column(({ t }) => t),
    force: column(({ force }) => force),
  };
}

/** A text as it is learnt: composed (NFC), blanks of any kind and number as one. */
export function cleanText(text: string): string {
  return text.normalize('NFC').replaceAll(/\s+/gu, ' ').trim();
}

/** Line and column of an offset into a text, 1-based. */
export function placeAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 };
}
