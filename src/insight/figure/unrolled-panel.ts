/** Panels A and B: the recurrent network as a cell with a loop, and unrolled through time, with the gradient that flows back. */

import { rich } from './formula.ts';
import type { Labels } from './languages.ts';
import { otherFonts, type Scene, wordSize } from './scene.ts';
import { widthOf } from './text.ts';

/** Heights that both panels share, from their tops. */
const rows = {
  note: 38,
  y: 68,
  yWire: 86,
  box: 118,
  rail: 140,
  gradient: 168,
  boxEnd: 184,
  gradientLabel: 203,
  x: 258,
  xEnd: 288,
} as const;
const boxWidth = 50;
const inputWidth = 42;

export const unrolledHeight = 358;
/** Of panel A with its equations beside it. */
export const foldedHeight = 296;
export const foldedWidth = 226;

/** One cell at `center`, its input below and its output above, wires included. */
function step(scene: Scene, center: number, index: string): void {
  const { y, yWire, box, boxEnd, x, xEnd } = rows;
  scene.formula(`y_${index}`, center, y + 8, { anchor: 'middle' });
  scene.line('x', [center, x, center, boxEnd + 2], { arrow: true });
  scene.line('h', [center, box, center, yWire], { arrow: true });
  scene.box('h', { x: center - boxWidth / 2, y: box, width: boxWidth, height: boxEnd - box }, 12);
  scene.formula(`h_${index}`, center, (box + boxEnd) / 2 + 6, { anchor: 'middle', size: 20 });
  scene.box('x', { x: center - inputWidth / 2, y: x, width: inputWidth, height: xEnd - x }, 6);
  scene.formula(`x_${index}`, center, (x + xEnd) / 2 + 4, { anchor: 'middle' });
}

/** Panel A. @param equations  where they stand: below the drawing, or beside it, which takes less height */
export function drawFolded(scene: Scene, labels: Labels, equations: 'below' | 'beside' = 'below'): void {
  const { note, box, rail, boxEnd, yWire, gradient, x } = rows;
  scene.words(labels.folded, 0, 16, { size: 15, bold: true });
  scene.words(labels.foldedNote, 0, note, { role: 'soft' });
  const center = 62;
  step(scene, center, 't');
  const right = center + boxWidth / 2;
  // The loop: out on the right, one step's delay, and back in.
  const far = right + 52;
  const middle = (box + boxEnd) / 2;
  scene.line('h', [right, rail - 6, far, rail - 6, far, middle - 8], { width: 3, flow: true });
  scene.line('h', [far, middle + 8, far, gradient + 2, right + 2, gradient + 2], { width: 3, arrow: true, flow: true });
  scene.box('ink', { x: far - 8, y: middle - 8, width: 16, height: 16 }, 2);
  scene.formula('W_{hh}', right + 22, gradient - 7, { anchor: 'middle' });
  scene.paragraph(labels.delay, far + 15, middle + 4, 76, { role: 'soft', size: 12 });
  scene.formula('W_{hy}', center + 9, (yWire + box) / 2 + 5, { role: 'ink' });
  scene.formula('W_{xh}', center + 9, (boxEnd + x) / 2 + 16);
  const [left, first] = equations === 'below' ? [0, 326] : [foldedWidth + 34, middle - 6];
  scene.formula('h_t = σ(W_{hh} h_{t−1} + W_{xh} x_t + b_h)', left, first);
  scene.formula('y_t = W_{hy} h_t + b_y', left, first + 25);
}

export interface UnrolledOptions {
  readonly steps: number;
  readonly width: number;
}

/** Panel B. */
export function drawUnrolled(scene: Scene, labels: Labels, { steps, width }: UnrolledOptions): void {
  const { note, box, rail, gradient, boxEnd, gradientLabel, yWire, x, xEnd } = rows;
  scene.words(labels.unrolled, 0, 16, { size: 15, bold: true });
  scene.words(labels.unrolledNote, 0, note, { role: 'soft' });
  const side = 42;
  const spacing = steps === 1 ? 0 : (width - 2 * side - boxWidth) / (steps - 1);
  const center = (t: number): number => side + boxWidth / 2 + (t - 1) * spacing;
  const edge = boxWidth / 2;
  // Truncation cuts between two steps near the middle.
  const cut = Math.max(1, Math.floor((steps - 1) / 2));

  for (let t = 0; t <= steps; t++) {
    const from = t === 0 ? 0 : center(t) + edge;
    const to = t === steps ? width : center(t + 1) - edge;
    const middle = (from + to) / 2;
    scene.line('h', [from, rail, to - (t === steps ? 0 : 2), rail], { width: 3, arrow: true, flow: true });
    if (t === 0) scene.formula('h_0', 0, rail - 8);
    else if (t === steps) scene.formula(`h_${steps}`, to, rail - 8, { anchor: 'end' });
    if (t > 0 && t < steps) scene.formula('W_{hh}', middle, rail - 9, { anchor: 'middle' });
    if (t === 0) continue;
    scene.line('gradient', [to - 2, gradient, from + 2, gradient], { dashed: true, arrow: true, faint: t <= cut && steps > 2, flow: true });
    if (t !== cut || steps === 2) scene.formula(`∂L/∂h_${t}`, middle, gradientLabel, { anchor: 'middle', role: 'gradient' });
  }
  for (let t = 1; t <= steps; t++) {
    step(scene, center(t), String(t));
    scene.formula('W_{hy}', center(t) + 9, (yWire + box) / 2 + 5, { role: 'ink' });
    scene.formula('W_{xh}', center(t) + 9, (boxEnd + x) / 2 + 16);
  }

  const end = xEnd + 20;
  if (steps > 2) {
    const place = center(cut) + spacing / 2;
    scene.line('ink', [place - 4, gradient + 11, place + 4, gradient - 11], { width: 2.5 });
    scene.line('soft', [place - 4, gradient + 14, place - 4, end], { width: 1 });
    scene.words(labels.truncation, Math.min(place - 12, width - otherFonts * widthOf(rich(labels.truncation, wordSize))), end + 15);
  }
  scene.line('h', [0, end + 39, 30, end + 39], { width: 3, arrow: true });
  const next = 38 + scene.words(labels.stateFlows, 38, end + 43) + 26;
  scene.line('gradient', [next + 30, end + 39, next, end + 39], { dashed: true, arrow: true });
  scene.words(labels.gradientFlows, next + 38, end + 43);
}
