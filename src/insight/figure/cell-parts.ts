/** What the drawings of cells are made of: the cell's body, gates, operations, the pair of wires that brings x and h. */
import { isStrong, type Quantity, roleOf } from './marks.ts';
import type { Scene } from './scene.ts';

/** Heights that all cells share, so that they can be compared. */
export const levels = {
  body: 8,
  rail: 40,
  gate: 118,
  gateEnd: 160,
  /** Of h and of x on their way under the gates. */
  busH: 202,
  busX: 207,
  bodyEnd: 230,
  x: 252,
  end: 272,
} as const;

/** From the edge of a drawing to the cell's body: room for the states' labels. */
export const margin = 32;

/** Shades of a step's values, by quantity; none: the plain drawing. */
export type CellShades = Partial<Readonly<Record<Quantity, string>>>;

export function body(scene: Scene, width: number): void {
  const { body, bodyEnd } = levels;
  scene.box('body', { x: margin, y: body, width: width - 2 * margin, height: bodyEnd - body }, 14);
}

/** Of a gate's box. */
export const gateWidth = 38;

/** A box with weights: what it gives above, its function below. */
export function gate(scene: Scene, quantity: Quantity, activation: 'σ' | 'tanh', x: number, shades: CellShades): void {
  const { gate, gateEnd } = levels;
  const shade = shades[quantity];
  const isInverse = shade !== undefined && isStrong(shade);
  const role = shade === undefined ? roleOf[quantity] : 'ink';
  scene.box(roleOf[quantity], { x: x - gateWidth / 2, y: gate, width: gateWidth, height: gateEnd - gate }, 9, shade);
  scene.formula(`${quantity}_t`, x, gate + 17, { anchor: 'middle', isInverse, role, size: 16 });
  scene.formula(activation, x, gateEnd - 7.5, { anchor: 'middle', size: activation === 'σ' ? 15 : 13, role: 'ink', isInverse });
}

/** tanh of each element, without weights. */
export function pointwiseTanh(scene: Scene, x: number, y: number): void {
  scene.box('ink', { x: x - 19, y: y - 10, width: 38, height: 20 }, 10);
  scene.formula('tanh', x, y + 4, { anchor: 'middle', size: 13 });
}

/** 1 − z, element by element. */
export function complement(scene: Scene, x: number, y: number): void {
  scene.box('ink', { x: x - 15, y: y - 10, width: 30, height: 20 }, 10);
  scene.formula('1 −', x, y + 4.5, { anchor: 'middle', size: 13 });
}

/** Where x comes in from below, and turns into the bus. */
export function inputFromBelow(scene: Scene, x: number, through: readonly number[]): void {
  scene.line('x', [x, levels.x, ...through], { arrow: true });
  scene.formula('x_t', x, levels.end - 4, { anchor: 'middle' });
}

/** A branch of the bus: h and x go up into a gate, side by side. */
export function branch(scene: Scene, x: number): void {
  const { busH, busX, gateEnd } = levels;
  scene.line('h', [x - 4, busH, x - 4, gateEnd + 2], { arrow: true });
  scene.line('x', [x + 4, busX, x + 4, gateEnd + 2], { arrow: true });
  scene.node('h', x - 4, busH);
  scene.node('x', x + 4, busX);
}

/** A state's name over its rail, outside of the body. */
export function stateIn(scene: Scene, name: string, y: number): void {
  scene.formula(name, 0, y - 9);
}

export function stateOut(scene: Scene, name: string, width: number, y: number): void {
  scene.formula(name, width, y - 9, { anchor: 'end' });
}
