/**
 * The three cells in one grammar: the drawing, the equations and the number of parameters of each. Equations are those of the
 * layers (src/nn), both biases included; in the GRU the reset gate acts after the product.
 */
import {
  body,
  branch,
  type CellShades,
  complement,
  gate,
  gateWidth,
  inputFromBelow,
  levels,
  pointwiseTanh,
  stateIn,
  stateOut,
} from './cell-parts.ts';
import type { Labels } from './languages.ts';
import { drawLegend } from './legend.ts';
import { operatorRadius, type Scene } from './scene.ts';

/** Cells that can be drawn. */
export const cells = ['rnn', 'gru', 'lstm'] as const;
/** A cell, by its name. */
export type CellName = (typeof cells)[number];

/** How a cell is drawn, and what stands beside it. */
export interface CellDrawing {
  readonly width: number;
  readonly name: keyof Labels;
  readonly note: keyof Labels;
  /** Lines; those that go on begin with a space. */
  readonly equations: readonly string[];
  /** Parameters of I inputs and H units. */
  readonly parameters: string;
  draw(scene: Scene, shades: CellShades): void;
}

const wide = { width: 3 } as const;
const r = operatorRadius;
const edge = gateWidth / 2;

/** Simple (Elman) network: the state passes through weights and tanh at every step. */
const rnn: CellDrawing = {
  width: 148,
  name: 'rnn',
  note: 'rnnNote',
  equations: ['h_t = tanh(W_{xh} x_t + b_{xh}', ' + W_{hh} h_{t−1} + b_{hh})'],
  parameters: 'H (I + H + 2)',
  draw(scene, shades) {
    const middle = (levels.gate + levels.gateEnd) / 2;
    const [x, width] = [74, 148];
    body(scene, width);
    scene.line('h', [0, middle, x - edge - 2, middle], { ...wide, arrow: true });
    scene.line('h', [x + edge, middle, width, middle], { ...wide, arrow: true });
    inputFromBelow(scene, x, [x, levels.gateEnd + 2]);
    gate(scene, 'h', 'tanh', x, shades);
    stateIn(scene, 'h_{t−1}', middle);
    stateOut(scene, 'h_t', width, middle);
  },
};

/** Gated recurrent unit: z keeps or replaces, r forgets within the candidate. */
const gru: CellDrawing = {
  width: 272,
  name: 'gru',
  note: 'gruNote',
  equations: [
    'r_t = σ(W_{xr} x_t + b_{xr} + W_{hr} h_{t−1} + b_{hr})',
    'z_t = σ(W_{xz} x_t + b_{xz} + W_{hz} h_{t−1} + b_{hz})',
    'n_t = tanh(W_{xn} x_t + b_{xn}',
    ' + r_t ⊙ (W_{hn} h_{t−1} + b_{hn}))',
    'h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t−1}',
  ],
  parameters: '3 H (I + H + 2)',
  draw(scene, shades) {
    const { rail, gate: top, gateEnd, busH, busX } = levels;
    const [tap, z, reset, mix, n, width] = [44, 76, 124, 166, 212, 272];
    const middle = (top + gateEnd) / 2;
    const low = 80;
    body(scene, width);
    scene.line('h', [0, rail, z - r - 1, rail], { ...wide, arrow: true });
    scene.line('h', [z + r, rail, n - r - 1, rail], { ...wide, arrow: true });
    scene.line('h', [n + r, rail, width, rail], { ...wide, arrow: true });
    // h and x on their way to the gates; h alone goes through its weights before r multiplies it.
    scene.line('h', [tap, rail, tap, busH, mix, busH, mix, 193], { arrow: true });
    scene.line('h', [mix, 171, mix, middle + r + 1], { arrow: true });
    inputFromBelow(scene, 58, [58, busX, n, busX, n, gateEnd + 2]);
    branch(scene, z);
    branch(scene, reset);
    scene.node('h', tap, rail);
    scene.box('h', { x: mix - 20, y: 171, width: 40, height: 21 }, 4);
    scene.formula('W_{hn}', mix, 185, { anchor: 'middle' });
    scene.line('input', [reset + edge, middle, mix - r - 1, middle], { arrow: true });
    scene.operator('×', mix, middle);
    scene.line('h', [mix + r, middle, n - edge - 1, middle], { arrow: true });
    // z keeps the old state, 1 − z lets the candidate in.
    scene.line('forget', [z, top, z, rail + r + 1], { arrow: true });
    scene.line('forget', [z, low, 129, low], { arrow: true });
    scene.node('forget', z, low);
    complement(scene, 145, low);
    scene.line('forget', [160, low, n - r - 1, low], { arrow: true });
    scene.line('candidate', [n, top, n, low + r + 1], { arrow: true });
    scene.line('h', [n, low - r, n, rail + r + 1], { arrow: true });
    scene.operator('×', z, rail);
    scene.operator('×', n, low);
    scene.operator('+', n, rail);
    gate(scene, 'z', 'σ', z, shades);
    gate(scene, 'r', 'σ', reset, shades);
    gate(scene, 'n', 'tanh', n, shades);
    stateIn(scene, 'h_{t−1}', rail);
    stateOut(scene, 'h_t', width, rail);
  },
};

/** Long short-term memory: a cell state that only its gates touch, and a hidden state that shows a part of it. */
const lstm: CellDrawing = {
  width: 306,
  name: 'lstm',
  note: 'lstmNote',
  equations: [
    'f_t = σ(W_{xf} x_t + b_{xf} + W_{hf} h_{t−1} + b_{hf})',
    'i_t = σ(W_{xi} x_t + b_{xi} + W_{hi} h_{t−1} + b_{hi})',
    'g_t = tanh(W_{xg} x_t + b_{xg} + W_{hg} h_{t−1} + b_{hg})',
    'o_t = σ(W_{xo} x_t + b_{xo} + W_{ho} h_{t−1} + b_{ho})',
    'c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t',
    'h_t = o_t ⊙ tanh(c_t)',
  ],
  parameters: '4 H (I + H + 2)',
  draw(scene, shades) {
    const { rail, gate: top, gateEnd, busH, busX } = levels;
    const [f, i, g, o, show, width] = [66, 112, 158, 204, 250, 306];
    const middle = (top + gateEnd) / 2;
    const low = 80;
    body(scene, width);
    scene.line('c', [0, rail, f - r - 1, rail], { ...wide, arrow: true });
    scene.line('c', [f + r, rail, g - r - 1, rail], { ...wide, arrow: true });
    scene.line('c', [g + r, rail, width, rail], { ...wide, arrow: true });
    scene.line('h', [0, busH, f - 4, busH], wide);
    scene.line('h', [f - 4, busH, o - 4, busH, o - 4, gateEnd + 2], { arrow: true });
    inputFromBelow(scene, 46, [46, busX, o + 4, busX, o + 4, gateEnd + 2]);
    for (const x of [f, i, g]) branch(scene, x);
    scene.line('forget', [f, top, f, rail + r + 1], { arrow: true });
    scene.line('input', [i, top, i, low, g - r - 1, low], { arrow: true });
    scene.line('candidate', [g, top, g, low + r + 1], { arrow: true });
    scene.line('c', [g, low - r, g, rail + r + 1], { arrow: true });
    scene.line('c', [show, rail, show, 79], { arrow: true });
    scene.node('c', show, rail);
    pointwiseTanh(scene, show, 90);
    scene.line('c', [show, 100, show, middle - r - 1], { arrow: true });
    scene.line('output', [o + edge, middle, show - r - 1, middle], { arrow: true });
    scene.line('h', [show, middle + r, show, busH, width, busH], { ...wide, arrow: true });
    scene.operator('×', f, rail);
    scene.operator('+', g, rail);
    scene.operator('×', g, low);
    scene.operator('×', show, middle);
    gate(scene, 'f', 'σ', f, shades);
    gate(scene, 'i', 'σ', i, shades);
    gate(scene, 'g', 'tanh', g, shades);
    gate(scene, 'o', 'σ', o, shades);
    stateIn(scene, 'c_{t−1}', rail);
    stateIn(scene, 'h_{t−1}', busH);
    stateOut(scene, 'c_t', width, rail);
    stateOut(scene, 'h_t', width, busH);
  },
};

export const cellDrawings: Readonly<Record<CellName, CellDrawing>> = { rnn, gru, lstm };

const head = 62;
const lineHeight = 22;

/** Panel C: cells side by side, their equations below. @returns the height */
export function drawCells(scene: Scene, labels: Labels, width: number): number {
  const drawings = cells.map((name) => cellDrawings[name]);
  const gap = (width - drawings.reduce((sum, cell) => sum + cell.width, 0)) / (cells.length - 1);
  let left = 0;
  let end = 0;
  for (const drawing of drawings) {
    drawHead(scene, labels, drawing, left, drawing.width - 4);
    scene.at(left, head, () => drawing.draw(scene, {}));
    const below = head + levels.end + 26;
    end = Math.max(end, below + scene.at(left + 2, below, () => drawEquations(scene, labels, drawing, false)));
    left += drawing.width + gap;
  }
  return end + 22 + scene.at(0, end + 22, () => drawLegend(scene, labels, cells, width));
}

/** Room for the equations beside a cell that is alone. */
const equationsWidth = 284;

/** One cell, its equations beside it. @returns the width and height */
export function drawCell(scene: Scene, labels: Labels, name: CellName): { readonly width: number; readonly height: number } {
  const drawing = cellDrawings[name];
  const beside = drawing.width + 36;
  const width = beside + equationsWidth;
  drawHead(scene, labels, drawing, 0, width);
  const top = head - 18;
  scene.at(0, top, () => drawing.draw(scene, {}));
  const middle = top + (levels.body + levels.bodyEnd) / 2;
  const first = middle - (drawing.equations.length * lineHeight) / 2 + 4;
  scene.at(beside, first, () => drawEquations(scene, labels, drawing, true));
  const legendTop = top + levels.end + 18;
  return { width, height: legendTop + scene.at(0, legendTop, () => drawLegend(scene, labels, [name], width)) };
}

function drawHead(scene: Scene, labels: Labels, { name, note }: CellDrawing, left: number, width: number): void {
  scene.words(labels[name], left, 16, { size: 15, bold: true });
  scene.paragraph(labels[note], left, 38, width, { role: 'soft' });
}

/** @returns the baseline of the last line */
function drawEquations(scene: Scene, labels: Labels, { equations, parameters, name }: CellDrawing, isAlone: boolean): number {
  for (const [k, line] of equations.entries()) scene.formula(line.trimStart(), line.startsWith(' ') ? 20 : 0, k * lineHeight);
  const last = equations.length * lineHeight + 8;
  const labelled = scene.words(labels.parameters, 0, last, { role: 'soft' });
  scene.formula(parameters, labelled + 8, last, { role: 'ink' });
  // What I and H are is said once: under the shortest.
  if (!isAlone && name !== 'rnn') return last;
  scene.words(labels.sizes, 0, last + lineHeight, { role: 'soft' });
  return last + lineHeight;
}
