/** The picture of an inspection: the gradient on its way back through the input, how far the past reaches, and the gates. */
import type { RecurrenceStatistics } from '../../nn/recurrence-statistics.ts';
import { finish, fullWidth, padding } from '../figure/figure.ts';
import type { FontFace } from '../figure/font-face.ts';
import { type Quantity, roleOf } from '../figure/marks.ts';
import { renderSvg, type Theme } from '../figure/render.ts';
import { Scene } from '../figure/scene.ts';
import { type Run, widthOf } from '../figure/text.ts';
import type { Inspection } from '../inspection.ts';
import { type Curve, drawLegend, drawLogChart } from './log-chart.ts';

/** How an inspection is drawn. */
export interface FlowFigureOptions {
  /** Default 'auto': the reader's, by a media query. */
  readonly theme?: Theme;
  /** In pixels; the picture scales. Default 960. */
  readonly width?: number;
  /** To travel within the picture. Default: none, the reader's own. */
  readonly fonts?: readonly FontFace[];
  /** As in `FigureOptions`. */
  readonly placedText?: boolean;
}

/**
 * Draws what `inspectAt` found.
 *
 * @returns an SVG document, the same for the same inspection
 */
export function flowFigure(inspection: Inspection, options: FlowFigureOptions = {}): string {
  const { theme = 'auto', fonts = [], placedText = false } = options;
  const { scene, size, defaultWidth } = drawFlow(inspection);
  return renderSvg(scene, {
    size,
    width: options.width ?? defaultWidth,
    theme,
    language: 'en',
    title: 'Gradients through time',
    description: sentences(inspection).join(' '),
    fonts,
    isPlaced: placedText,
    isMoving: false,
  });
}

/** The drawing as data. */
export function drawFlow(inspection: Inspection) {
  const scene = new Scene();
  const height = scene.at(padding, padding, () => {
    const told = sentences(inspection);
    for (const [k, text] of told.entries()) scene.words(text, 0, 14 + 20 * k, { size: 13 });
    let y = drawGradients(scene, inspection, told.length === 0 ? 0 : 16 + 20 * told.length);
    if (inspection.jacobians !== null) y = drawReach(scene, inspection, y + 24);
    if (inspection.layers.some(({ gates }) => Object.keys(gates).length > 0)) y = drawGates(scene, inspection.layers, y + 24);
    return y;
  });
  return finish(scene, fullWidth, height);
}

const chartHeight = 190;
/** Of the axis' numbers, time's labels and the legend around a chart. */
const chartTop = 66;
const chartFoot = 40;

/** ‖∂L/∂h_t‖ over the input, time to the right, the gradient to the left. @returns the foot */
function drawGradients(scene: Scene, { ofLast, layers, steps, tokens, loss }: Inspection, top: number): number {
  const lossName = loss === null ? 'output' : 'loss';
  scene.words('The gradient on its way back', 0, top + 14, { size: 15, bold: true });
  const ofLastLoss = `of the last step’s ${lossName}`;
  // More than two have no room beside each other.
  const labelOf = (k: number, layer: RecurrenceStatistics): { label?: string } => {
    const isTop = k === ofLast.length - 1;
    if (ofLast.length > 2) return isTop ? { label: `${ofLastLoss}, each layer: the higher the thicker` } : {};
    return { label: isTop ? `${ofLastLoss}${k > 0 ? `, ${nameOf(layer)}` : ''}` : nameOf(layer) };
  };
  const curves: Curve[] = [
    ...layers.map(
      (layer, k): Curve => ({
        ...arrived(layer),
        role: 'gradient',
        dashed: true,
        faint: true,
        width: 1.5,
        end: 'left',
        ...(k === 0 ? { label: `of all steps’ ${lossName}` } : {}),
      }),
    ),
    ...ofLast.map(
      (layer, k): Curve => ({
        ...arrived(layer),
        role: 'gradient',
        dashed: true,
        // Higher layers have thicker lines.
        width: 1.5 + (1.5 * (k + 1)) / ofLast.length,
        end: 'left',
        ...labelOf(k, layer),
      }),
    ),
  ];
  scene.words('$‖∂L/∂h_t‖$', 0, top + 46, {});
  drawLegend(scene, curves.toReversed(), 86, top + 46);
  const box = { x: 0, y: top + chartTop, width: fullWidth, height: chartHeight };
  const toX = drawLogChart(scene, { box, curves, xRange: [0, steps - 1], xLabel: 'step $t$ of the input', xTicks: [] });
  drawTokens(scene, tokens, toX, top + chartTop + chartHeight + 17);
  return top + chartTop + chartHeight + chartFoot;
}

/** Where a gradient came by: not after the step that it sets out from. */
function arrived({ times, gradientNorms }: RecurrenceStatistics): { x: number[]; y: number[] } {
  const last = gradientNorms.findLastIndex((norm) => norm > 0);
  const isIn = (_: number, k: number): boolean => k <= last;
  return { x: times.filter(isIn), y: gradientNorms.filter(isIn) };
}

/** What each step read, where it can be read; else numbers. */
function drawTokens(scene: Scene, tokens: readonly string[], toX: (t: number) => number, y: number): void {
  const room = toX(1) - toX(0) - 3;
  const runs = tokens.map((text): Run[] => [{ text: seen(text), face: 'sans', size: 12, role: 'x' }]);
  // The last one stays on the page, and clear of the one before.
  const end = fullWidth + padding / 2;
  const places = runs.map((own, t) => Math.min(toX(t), end - widthOf(own) / 2));
  const isClear = places.at(-1)! - places.at(-2)! >= (widthOf(runs.at(-1)!) + widthOf(runs.at(-2)!)) / 2 + 3;
  if (isClear && runs.every((own) => widthOf(own) <= room)) {
    runs.forEach((own, t) => {
      if (t === 0 || t === tokens.length - 1 || widthOf(own) > 0) scene.runs(tokens[t], own, places[t], y, { anchor: 'middle' });
    });
    return;
  }
  for (const t of ticks(tokens.length)) scene.words(String(t), toX(t), y, { anchor: 'middle', size: 11, role: 'soft' });
}

/** Spaces and ends of lines have their signs, as in the figure. */
const seen = (text: string): string => text.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '→');

/** Norms of Jacobians from the last step back: lag 0 to the right, where the last step is. @returns the foot */
function drawReach(scene: Scene, { jacobians, memoryHorizon, steps }: Inspection, top: number): number {
  const { hidden, state, input } = jacobians!;
  scene.words('How far the past reaches', 0, top + 14, { size: 15, bold: true });
  const lags = state.map((_, k) => steps - 1 - k);
  const largest = Math.max(...input) || 1;
  const curves: Curve[] = [
    { x: lags, y: state, role: 'ink', width: 1.5, label: 'whole state $‖∂s_T/∂s_{T−k}‖$' },
    ...hidden.map(
      (norms, k): Curve => ({
        x: lags,
        y: norms,
        role: 'h',
        width: 1.5 + (1.5 * (k + 1)) / hidden.length,
        ...(k === hidden.length - 1 ? { label: hidden.length > 1 ? 'each layer’s $‖∂h_T/∂h_{T−k}‖$' : '$‖∂h_T/∂h_{T−k}‖$' } : {}),
      }),
    ),
    { x: lags, y: input.map((norm) => norm / largest), role: 'x', width: 2, label: 'input $‖∂h_T/∂x_{T−k}‖$, largest = 1' },
  ];
  drawLegend(scene, curves, 0, top + 46);
  const box = { x: 0, y: top + chartTop, width: fullWidth, height: chartHeight };
  const xTicks = ticks(steps).map((lag) => ({ at: steps - 1 - lag, text: String(lag) }));
  const toX = drawLogChart(scene, { box, curves, xRange: [0, steps - 1], xLabel: 'steps back, lag $k$', xTicks });
  if (memoryHorizon !== null) {
    const x = toX(steps - 1 - memoryHorizon);
    const foot = top + chartTop + chartHeight;
    const name = `1 % after ${memoryHorizon}`;
    const isLeft = memoryHorizon < steps / 2; // the label stands where curves are low: further back
    scene.line('x', [x, top + chartTop, x, foot - 22], { width: 1.5, dashed: true });
    scene.box('paper', { x: isLeft ? x - 96 : x - 4, y: foot - 21, width: 100, height: 18 }, 3);
    scene.words(name, x, foot - 7, { size: 12, role: 'x', anchor: isLeft ? 'end' : 'start' });
  }
  return top + chartTop + chartHeight + chartFoot;
}

const rowHeight = 27;

/** For each gate: shut, between, open, as shares of one bar. @returns the foot */
function drawGates(scene: Scene, layers: readonly RecurrenceStatistics[], top: number): number {
  scene.words('Gates', 0, top + 14, { size: 15, bold: true });
  const [left, right] = [150, fullWidth - 216];
  scene.words('shut (< 0.1)', left, top + 42, { size: 12, role: 'soft' });
  scene.words('mean', (left + right) / 2, top + 42, { size: 12, role: 'soft', anchor: 'middle' });
  scene.line('ink', [(left + right) / 2 - 26, top + 30, (left + right) / 2 - 26, top + 44], { width: 2 });
  scene.words('open (> 0.9)', right, top + 42, { size: 12, role: 'soft', anchor: 'end' });
  let y = top + 52;
  for (const layer of layers) {
    for (const [k, [gate, { shut, open, mean }]] of Object.entries(layer.gates).entries()) {
      const role = roleOf[gate as Quantity];
      if (k === 0) scene.words(nameOf(layer), 0, y + 15, { size: 12 });
      scene.formula(`${gate}_t`, left - 12, y + 15, { anchor: 'end' });
      const width = right - left;
      const middle = left + mean * width;
      scene.box('plate', { x: left, y: y + 2, width, height: 18 }, 3);
      if (shut > 0) scene.box('value', { x: left + 1, y: y + 3, width: Math.max(1, shut * (width - 2)), height: 16 }, 0, 'u1');
      const openWidth = Math.max(1, open * (width - 2));
      if (open > 0) scene.box(role, { x: left + width - 1 - openWidth, y: y + 3, width: openWidth, height: 16 }, 2);
      scene.line('ink', [middle, y, middle, y + 22], { width: 2 });
      scene.words(`${percent(shut)} shut, ${percent(open)} open, mean ${mean.toFixed(2)}`, right + 14, y + 15, { size: 12 });
      y += rowHeight;
    }
    y += 6;
  }
  return y;
}

/** What it comes to, in a sentence or two. */
export function sentences({ cell, memoryHorizon, steps, lyapunovExponents, jacobians }: Inspection): string[] {
  const parts: string[] = [];
  if (jacobians !== null) {
    parts.push(
      memoryHorizon === null
        ? `${cell}: after ${steps - 1} steps, as far as the input goes, its influence is still above 1 %.`
        : `${cell}: the input’s influence falls to 1 % after ${memoryHorizon} ${memoryHorizon === 1 ? 'step' : 'steps'}.`,
    );
  }
  const [largest] = lyapunovExponents;
  if (largest !== undefined) {
    const meaning = largest > 0 ? 'differences grow: chaos' : 'differences shrink';
    parts.push(`Largest Lyapunov exponent ${largest.toFixed(3).replace('-', '−')} a step: ${meaning}.`);
  }
  return parts;
}

export function nameOf({ layer, direction }: RecurrenceStatistics): string {
  return `layer ${layer + 1}${direction === 'reverse' ? ', reverse' : ''}`;
}

const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.01 ? 1 : 0)} %`;

/** About eight round numbers from 0 to T − 1. */
function ticks(T: number): number[] {
  const rough = Math.max(1, (T - 1) / 8);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough)!;
  return Array.from({ length: Math.floor((T - 1) / step) + 1 }, (_, k) => k * step);
}
