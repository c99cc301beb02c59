/** A cell alone as pieces of SVG, for pages that colour and move it themselves: the same marks that `figure` draws. */
import { type CellShades, levels } from './cell-parts.ts';
import { type CellName, cellDrawings } from './cells.ts';
import type { FontFace } from './font-face.ts';
import { dark, isStrong, light, type Palette, type Quantity, roleOf, shadeOf, signedClass, unitClass } from './marks.ts';
import { markColors, markToSvg, rounded } from './render.ts';
import { type Mark, operatorRadius, type Point, Scene } from './scene.ts';

/** A connector of a cell, and what it carries. */
export interface CellLine {
  /** As an SVG path has it. */
  readonly path: string;
  /** Which quantity's colour it has: `h`, `c`, `forget`, … */
  readonly role: string;
  /** When what it carries arrives: 0 for lines from outside, one more behind each gate and operation. */
  readonly stage: number;
}

/** A cell's drawing. */
export interface CellPicture {
  /** Units; the drawing begins at (0, 0). */
  readonly width: number;
  readonly height: number;
  /** SVG elements in the order in which they are drawn, with the classes that `cellStyles` colours. */
  readonly elements: readonly string[];
  readonly lines: readonly CellLine[];
  /** Lines of the equations, as `formula` knows them; one that goes on begins with a space. */
  readonly equations: readonly string[];
  /** Number of parameters of I inputs and H units. */
  readonly parameters: string;
}

/**
 * Draws one cell of the figure.
 *
 * @param shades  classes of the values that gates show (`valueShade`); none: the plain drawing
 * @example const { width, height, elements } = drawCellPicture('lstm', { f: valueShade('f', 0.9) });
 */
export function drawCellPicture(cell: CellName, shades: CellShades = {}): CellPicture {
  const { width, equations, parameters, draw } = cellDrawings[cell];
  const scene = new Scene();
  draw(scene, shades);
  return {
    width,
    height: levels.end,
    elements: scene.marks.map((mark) => markToSvg(mark)),
    lines: staged(scene.marks),
    equations,
    parameters,
  };
}

/**
 * The class of a value's colour in a cell's drawing.
 *
 * @param scale  of signed quantities: the value of full colour, > 0. Gates have 0…1.
 */
export function valueShade(quantity: Quantity, value: number, scale = 1): string {
  return 'fiozr'.includes(quantity) ? unitClass(value) : signedClass(value, scale);
}

/** A value's colour, as `valueShade` classes it: `#rrggbb`. */
export function valueColor(quantity: Quantity, value: number, scale: number, theme: 'light' | 'dark'): string {
  return shadeOf(valueShade(quantity, value, scale), theme === 'dark' ? dark : light);
}

/** Whether text on a value's colour has to take the paper's. */
export function isStrongValue(quantity: Quantity, value: number, scale = 1): boolean {
  return isStrong(valueShade(quantity, value, scale));
}

/** Colours of the grammar: of each quantity's lines, letters and boxes; of paper, body and rules. */
export interface FigureColors extends Pick<Palette, 'paper' | 'body' | 'rule'> {
  /** Of a quantity. */
  of(quantity: Quantity | 'gradient' | 'ink' | 'soft'): { readonly line: string; readonly text: string; readonly fill: string };
}

/** The figure's colours on light or dark paper. */
export function figureColors(theme: 'light' | 'dark'): FigureColors {
  const palette = theme === 'dark' ? dark : light;
  const { paper, body, rule } = palette;
  return {
    paper,
    body,
    rule,
    of: (quantity) => palette.roles[quantity === 'gradient' || quantity === 'ink' || quantity === 'soft' ? quantity : roleOf[quantity]],
  };
}

/**
 * Rules of a style sheet for `drawCellPicture`'s elements, every class in them.
 *
 * @param selector  of the element around them, such as `.cell`
 */
export function cellStyles(selector: string, theme: 'light' | 'dark'): string {
  return markColors(selector, theme === 'dark' ? dark : light);
}

/** The letters of formulas and labels, as the figure embeds them: Latin, 45 kB. */
export async function figureFonts(): Promise<readonly FontFace[]> {
  return (await import('./fonts/latin.ts')).faces;
}

/** How far a line's end may be from the box or circle that it belongs to: arrows keep a distance. */
const reach = 6;

/** When each connector carries something, by what ends where it begins. */
function staged(marks: readonly Mark[]): CellLine[] {
  const lines = marks.flatMap((mark) => (mark.kind === 'line' && !mark.isRule ? [mark] : []));
  const places = marks.flatMap((mark): ((p: Point) => boolean)[] => {
    if (mark.kind === 'operator') return [({ x, y }) => Math.hypot(x - mark.center.x, y - mark.center.y) <= operatorRadius + reach];
    if (mark.kind === 'node') return [({ x, y }) => Math.hypot(x - mark.center.x, y - mark.center.y) <= reach];
    if (mark.kind !== 'shape' || mark.style === 'body') return [];
    const { x: left, y: top, width, height } = mark.box;
    return [({ x, y }) => x >= left - reach && x <= left + width + reach && y >= top - reach && y <= top + height + reach];
  });
  const stages = lines.map(() => 0);
  // As many rounds as there may be lines one behind another; the drawings have no cycle.
  for (let round = 0; round < lines.length; round++) {
    lines.forEach((line, k) => {
      const [begin] = line.points;
      lines.forEach((other, j) => {
        if (j === k) return;
        const end = other.points[other.points.length - 1];
        const meets =
          places.some((isAt) => isAt(begin) && isAt(end)) ||
          (passes(other.points, begin) && !places.some((isAt) => isAt(end) && isAt(begin)));
        if (!meets) return;
        // A branch goes with its line; what comes out of a box or circle comes after what goes in.
        const after = passes(other.points, begin) ? stages[j] : stages[j] + 1;
        if (after > stages[k] && after < lines.length) stages[k] = after;
      });
    });
  }
  return lines.map(({ points, role }, k) => ({ path: rounded(points), role, stage: stages[k] }));
}

/** Whether a point lies on a connector, its ends left out. */
function passes(points: readonly Point[], { x, y }: Point): boolean {
  return points.slice(1).some((to, k) => {
    const from = points[k];
    const [low, high] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
    const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
    const isOn = x >= low - 0.5 && x <= high + 0.5 && y >= top - 0.5 && y <= bottom + 0.5;
    const isEnd = [points[0], points[points.length - 1]].some((end) => Math.hypot(end.x - x, end.y - y) < reach);
    return isOn && !isEnd;
  });
}
