/**
 * A drawing as data: marks with their geometry, in the order in which they are drawn. What the renderer writes out, tests can
 * measure: where each label stands, which way each line goes.
 */
import { formula, rich } from './formula.ts';
import type { Role } from './marks.ts';
import { extentOf, type Run, widthOf, wrap } from './text.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export type Mark = Line | Shape | Label | Operator | Node;

/** A connector: straight pieces with rounded corners. */
export interface Line {
  readonly kind: 'line';
  readonly points: readonly Point[];
  readonly role: Role;
  readonly width: number;
  readonly isDashed: boolean;
  readonly isFaint: boolean;
  readonly hasArrow: boolean;
  /** Whether what it carries is seen to move, in a picture that moves. */
  readonly isFlow: boolean;
  /** Connectors carry something; rules only divide. */
  readonly isRule: boolean;
}

/** A rounded box, filled with a shade where it shows a value. */
export interface Shape {
  readonly kind: 'shape';
  readonly box: Box;
  readonly radius: number;
  /** A quantity's box, or `paper`, `body` (of a cell), `plate` (of a heat map), and `value`: a square of a heat map, without a frame. */
  readonly style: Role | 'paper' | 'body' | 'plate' | 'value';
  readonly shade?: string;
}

/** A circle for a pointwise operation. */
export interface Operator {
  readonly kind: 'operator';
  readonly center: Point;
  readonly radius: number;
  readonly sign: '×' | '+';
}

/** Where one connector becomes two that carry the same. */
export interface Node {
  readonly kind: 'node';
  readonly center: Point;
  readonly role: Role;
}

/** A line of text. */
export interface Label {
  readonly kind: 'label';
  readonly at: Point; // on the baseline
  readonly anchor: 'start' | 'middle' | 'end';
  readonly runs: readonly Run[];
  readonly box: Box;
  /** Formula or words, as it was asked for. */
  readonly source: string;
  /** Light on a strong shade. */
  readonly isInverse: boolean;
}

export interface LabelOptions {
  readonly size?: number;
  readonly anchor?: Label['anchor'];
  readonly bold?: boolean;
  readonly role?: Role;
  readonly isInverse?: boolean;
}

export interface LineOptions {
  readonly width?: number;
  readonly dashed?: boolean;
  readonly faint?: boolean;
  readonly arrow?: boolean;
  readonly flow?: boolean;
  readonly rule?: boolean;
}

/** Size of letters in formulas; their subscripts are 11. */
export const letterSize = 15;
/** How much wider words may become where a reader's own fonts are taken: DejaVu Sans, the widest, by a tenth. */
export const otherFonts = 1.1;
/** Size of words. */
export const wordSize = 12.5;

export class Scene {
  readonly marks: Mark[] = [];
  #origin: Point = { x: 0, y: 0 };

  /** Draws with the origin moved there. */
  at<T>(x: number, y: number, draw: () => T): T {
    const before = this.#origin;
    this.#origin = { x: before.x + x, y: before.y + y };
    const result = draw();
    this.#origin = before;
    return result;
  }

  /** Words, with formulas between dollar signs. @returns its width */
  words(text: string, x: number, y: number, options: LabelOptions = {}): number {
    return this.runs(text, rich(text, options.size ?? wordSize, options), x, y, options);
  }

  /** Words in lines of at most `width`. @returns the baseline of the last */
  paragraph(text: string, x: number, y: number, width: number, options: LabelOptions = {}): number {
    const size = options.size ?? wordSize;
    const lines = wrap(rich(text, size, options), width / otherFonts);
    for (const [k, runs] of lines.entries()) this.runs(text, runs, x, y + k * size * 1.4, options);
    return y + (lines.length - 1) * size * 1.4;
  }

  /** @returns its width */
  formula(text: string, x: number, y: number, options: LabelOptions = {}): number {
    return this.runs(text, formula(text, options.size ?? letterSize, options.role), x, y, options);
  }

  /** Text that is in runs already. @returns its width */
  runs(source: string, runs: readonly Run[], x: number, y: number, { anchor = 'start', isInverse = false }: LabelOptions): number {
    const width = widthOf(runs);
    const at = this.#moved({ x, y });
    const left = at.x - (anchor === 'start' ? 0 : anchor === 'middle' ? width / 2 : width);
    const { top, bottom } = extentOf(runs);
    const box = { x: left, y: at.y + top, width, height: bottom - top };
    this.marks.push({ kind: 'label', at, anchor, runs, box, source, isInverse });
    return width;
  }

  /** A connector through these points: x, y, x, y, … */
  line(role: Role, path: readonly number[], options: LineOptions = {}): void {
    const { width = 2, dashed = false, faint = false, arrow = false, flow = false, rule = false } = options;
    const points = Array.from({ length: path.length / 2 }, (_, k) => this.#moved({ x: path[2 * k], y: path[2 * k + 1] }));
    this.marks.push({ kind: 'line', points, role, width, isDashed: dashed, isFaint: faint, hasArrow: arrow, isFlow: flow, isRule: rule });
  }

  box(style: Shape['style'], box: Box, radius = 0, shade?: string): void {
    this.marks.push({ kind: 'shape', box: { ...box, ...this.#moved(box) }, radius, style, ...(shade === undefined ? {} : { shade }) });
  }

  operator(sign: Operator['sign'], x: number, y: number): void {
    this.marks.push({ kind: 'operator', center: this.#moved({ x, y }), radius: operatorRadius, sign });
  }

  node(role: Role, x: number, y: number): void {
    this.marks.push({ kind: 'node', center: this.#moved({ x, y }), role });
  }

  #moved({ x, y }: Point): Point {
    return { x: x + this.#origin.x, y: y + this.#origin.y };
  }
}

export const operatorRadius = 10;
