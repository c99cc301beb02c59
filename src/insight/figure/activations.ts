/** The figure of a trained model at work: the unrolled strip and one step of the cell, with real values as colour. */
import { ConfigError } from '../../tensor/errors.ts';
import { type CellShades, levels } from './cell-parts.ts';
import { cellDrawings } from './cells.ts';
import type { Labels } from './languages.ts';
import { type Quantity, roleOf, signedClass, unitClass } from './marks.ts';
import { type Box, letterSize, type Scene } from './scene.ts';
import { type Run, widthOf } from './text.ts';
import type { LayerTrace, Looks, ObservedSteps, StepTrace } from './trace.ts';

/** What a figure shows of a model. */
export interface Activations extends ObservedSteps {
  readonly trace: LayerTrace;
  /** Which layer it is, from 1, and how many there are. */
  readonly layer: number;
  readonly layers: number;
  /** The step that is shown in full, from 1, as the layer reads. Default: the last. */
  readonly at?: number;
}

const isGate = (quantity: Quantity): boolean => 'fiozr'.includes(quantity);

/** Full colour of signed values: of h and the candidate, and of c, which has no bound. */
interface Scales {
  readonly h: number;
  readonly c: number;
}

const shadeFor = (quantity: Quantity, value: number, scales: Scales): string =>
  isGate(quantity) ? unitClass(value) : signedClass(value, quantity === 'c' ? scales.c : scales.h);

/** Units in a picture at most: squares stay large enough to see. */
const mostUnits = 64;

/** @returns the height */
export function drawActivations(scene: Scene, labels: Labels, given: Activations, steps: number, width: number): number {
  const activations = given.trace.direction === 'reverse' ? asRead(given) : given;
  const { trace, tokens, part, layer, layers, at = trace.steps.length } = activations;
  const T = trace.steps.length;
  if (!(Number.isInteger(at) && at >= 1 && at <= T)) {
    throw new ConfigError(`[figure] expected at to be a step of the input, 1…${T}, received ${at}.`);
  }
  if (tokens.length !== T) throw new ConfigError(`[figure] expected ${T} tokens, one a step, received ${tokens.length}.`);
  const end = Math.min(T, Math.max(at + Math.floor(steps / 3), steps));
  const first = Math.max(1, end - steps + 1);
  const shown = trace.steps.slice(first - 1, end);
  const units = liveliest(shown, trace.hiddenSize);
  const scales = scalesOf(shown, units);

  scene.words(labels.values, 0, 16, { size: 15, bold: true });
  const notes = [part, trace.direction === 'reverse' ? 'reverse' : undefined].filter((note) => note !== undefined);
  const cell = `${labels[trace.cell]}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
  const note = filled(labels.valuesNote, { cell, layer, layers });
  const count = filled(units.length === trace.hiddenSize ? labels.unit : labels.units, { shown: units.length, all: trace.hiddenSize });
  scene.words(`${note}; ${count}`.replace('；', ''), 0, 38, { role: 'soft' });
  const stripHeight = scene.at(0, 56, () => drawStrip(scene, labels, { activations, shown, first, at, units, scales, width }));
  const top = 56 + stripHeight + 30;
  const fullHeight = scene.at(0, top, () => drawStep(scene, labels, { activations, at, units, scales, width }));
  const legendTop = top + fullHeight + 26;
  return legendTop + scene.at(0, legendTop, () => drawScales(scene, labels, trace, scales));
}

/** In the order in which a reverse direction reads, from the end: the picture's steps are those of the layer. */
function asRead({ trace, tokens, outputs, times, looks, ...rest }: Activations): Activations {
  const reversed = { trace: { ...trace, steps: trace.steps.toReversed() }, tokens: tokens.toReversed() };
  return {
    ...rest,
    ...reversed,
    ...(outputs === undefined ? {} : { outputs: outputs.toReversed() }),
    ...(times === undefined ? {} : { times: times.toReversed() }),
    ...(looks === undefined ? {} : { looks: { ...looks, weights: looks.weights.toReversed() } }),
  };
}

interface StripOptions {
  readonly activations: Activations;
  readonly shown: readonly StepTrace[];
  /** Number of the first step. */
  readonly first: number;
  readonly at: number;
  readonly units: readonly number[];
  readonly scales: Scales;
  readonly width: number;
}

/** One column a step: what it read below, its states as small heat maps, what the model makes of it above. */
function drawStrip(scene: Scene, labels: Labels, { activations, shown, first, at, units, scales, width }: StripOptions): number {
  const { trace, tokens, outputs, times, looks, isForetold = false, isForecast = false } = activations;
  const columns = Math.min(8, Math.ceil(Math.sqrt(units.length)));
  const square = Math.min(14, 56 / columns);
  const side = 30;
  const spacing = (width - side) / Math.max(shown.length, 6);
  const plate = { width: columns * square, height: Math.ceil(units.length / columns) * square };
  const states: ('c' | 'h')[] = trace.cell === 'lstm' ? ['c', 'h'] : ['h'];
  const top = outputs === undefined ? 0 : 52;
  const rowOf = (k: number): number => top + 8 + k * (plate.height + 22);
  const bottom = rowOf(states.length - 1) + plate.height;
  const center = (k: number): number => side + (k + 0.5) * spacing;
  const inputTop = bottom + 34;
  const longest = Math.max(...shown.map((_, k) => widthOf(tokenRuns(tokens[first - 1 + k]))));
  const inputWidth = Math.min(Math.max(44, longest + 16), spacing - 12);

  const chosen = center(at - first);
  const frame = { x: chosen - plate.width / 2 - 9, y: top - 1, width: plate.width + 18, height: bottom - top + 10 };
  scene.box('body', frame, 10);
  if (outputs !== undefined)
    scene.words(`${isForecast ? labels.forecast : isForetold ? labels.next : labels.here}:`, 0, 12, { role: 'soft' });
  shown.forEach(({ values }, k) => {
    const x = center(k);
    const t = first + k;
    scene.line('x', [x, inputTop, x, bottom + (t === at ? 11 : 4)], { arrow: true });
    scene.box('x', { x: x - inputWidth / 2, y: inputTop, width: inputWidth, height: 28 }, 6);
    token(scene, tokens[t - 1], x, inputTop + 19, inputWidth - 8);
    scene.formula(`t = ${t}`, x, inputTop + 46, { anchor: 'middle', size: 13, role: 'soft' });
    // A date, and below it the time of day.
    times?.[t - 1].split(' ').forEach((part, line) => {
      scene.words(part, x, inputTop + 64 + 15 * line, { anchor: 'middle', size: 12, role: 'soft' });
    });
    if (outputs !== undefined && outputs[t - 1] !== '') {
      scene.line('h', [x, top - 2, x, top - 16], { arrow: true });
      token(scene, outputs[t - 1], x, top - 21, spacing - 8);
    }
    states.forEach((state, row) => {
      const y = rowOf(row);
      const rail = y + plate.height / 2;
      const left = k === 0 ? side - 4 : center(k - 1) + plate.width / 2 + 2;
      scene.line(state, [left, rail, x - plate.width / 2 - 3, rail], { width: 3, arrow: true });
      if (k === shown.length - 1)
        scene.line(state, [x + plate.width / 2 + 2, rail, Math.min(x + plate.width / 2 + 22, width), rail], { width: 3, arrow: true });
      if (k === 0) scene.formula(state, side - 12, rail + 5, { anchor: 'end', size: 17 });
      const shades = units.map((unit) => shadeFor(state, values[state]![unit], scales));
      heatMap(scene, { x: x - plate.width / 2, y, ...plate }, columns, shades);
    });
  });
  const foot = inputTop + (times === undefined ? 54 : times.some((text) => text.includes(' ')) ? 85 : 70);
  if (looks === undefined) return foot;
  return foot + scene.at(0, foot, () => drawLooks(scene, labels, looks, { first, count: shown.length, center, spacing }));
}

/** Where each step looked, a square a place, darkest where one looked at a single place the most of all; of words, the one it looked at the most. @returns the height */
function drawLooks(
  scene: Scene,
  labels: Labels,
  { weights, over }: Looks,
  {
    first,
    count,
    center,
    spacing,
  }: { readonly first: number; readonly count: number; readonly center: (k: number) => number; readonly spacing: number },
): number {
  const places = weights[0].length;
  const columns = 'columns' in over ? over.columns : places;
  const rows = Math.ceil(places / columns);
  const width = 'columns' in over ? Math.min(56, spacing - 12) : spacing - 12;
  const plate = { width, height: rows === 1 ? 12 : (rows * width) / columns };
  const shown = weights.slice(first - 1, first - 1 + count);
  const largest = Math.max(...shown.flatMap((row) => Array.from(row)));
  scene.words(`${labels.looks}, 0 … ${decimal(largest)}:`, 0, 22, { role: 'soft' });
  for (const [k, row] of shown.entries()) {
    const shades = Array.from(row, (weight) => unitClass(weight / largest));
    heatMap(scene, { x: center(k) - width / 2, y: 34, ...plate }, columns, shades);
    if ('columns' in over) continue;
    const most = Array.from(row).indexOf(Math.max(...Array.from(row)));
    token(scene, over[most], center(k), 34 + plate.height + 17, spacing - 8);
  }
  return 34 + plate.height + ('columns' in over ? 6 : 24);
}

type StepOptions = Omit<StripOptions, 'shown' | 'first'>;

/** The cell with the means of its gates as colour, and beside it every quantity, unit by unit. */
function drawStep(scene: Scene, labels: Labels, { activations, at, units, scales, width }: StepOptions): number {
  const { trace } = activations;
  const { before, values } = trace.steps[at - 1];
  const drawing = cellDrawings[trace.cell];
  scene.words(filled(labels.oneStep, { t: at }), 0, 16, { size: 15, bold: true });
  scene.words(labels.oneStepNote, 0, 38, { role: 'soft' });
  const shades = Object.fromEntries(
    (Object.keys(values) as Quantity[]).map((quantity) => [quantity, shadeFor(quantity, mean(values[quantity]!), scales)]),
  ) satisfies CellShades;
  scene.at(0, 54, () => drawing.draw(scene, shades));

  const left = drawing.width + 34;
  const [nameWidth, meanWidth] = [40, 58];
  const square = Math.min(26, (width - left - nameWidth - meanWidth) / units.length);
  const rows: [name: string, quantity: Quantity, numbers: Float64Array][] = [
    ['h_{t−1}', 'h', before.h],
    ...(before.c === undefined ? [] : [['c_{t−1}', 'c', before.c] as [string, Quantity, Float64Array]]),
    ...order[trace.cell].map((quantity): [string, Quantity, Float64Array] => [`${quantity}_t`, quantity, values[quantity]!]),
  ];
  const right = left + nameWidth + square * units.length + meanWidth - 4;
  scene.words(labels.mean, right, 44, { anchor: 'end', role: 'soft' });
  rows.forEach(([name, quantity, numbers], k) => {
    const y = 56 + k * rowHeight;
    scene.formula(name, left, y + 16, { size: letterSize });
    const strip = { x: left + nameWidth, y: y + 2, width: square * units.length, height: 20 };
    heatMap(
      scene,
      strip,
      units.length,
      units.map((unit) => shadeFor(quantity, numbers[unit], scales)),
    );
    scene.words(signed(mean(numbers)), right, y + 16, { anchor: 'end', role: roleOf[quantity] });
  });
  return Math.max(54 + levels.end, 56 + rows.length * rowHeight);
}

const rowHeight = 31;

/** In the order of the equations; states last. */
const order: Readonly<Record<LayerTrace['cell'], readonly Quantity[]>> = {
  rnn: ['h'],
  gru: ['r', 'z', 'n', 'h'],
  lstm: ['f', 'i', 'g', 'o', 'c', 'h'],
};

/** The scales of the colours, with their numbers. @returns the height */
function drawScales(scene: Scene, labels: Labels, { cell }: LayerTrace, { h, c }: Scales): number {
  const candidate = { rnn: '', gru: ', n', lstm: ', g' }[cell];
  const bars = [
    { name: `$h${candidate}$`, ticks: [signed(-h), '0', signed(h)], shade: (share: number) => signedClass(2 * share - 1, 1) },
    ...(cell === 'lstm'
      ? [{ name: '$c$', ticks: [signed(-c), '0', signed(c)], shade: (share: number) => signedClass(2 * share - 1, 1) }]
      : []),
    ...(cell === 'rnn' ? [] : [{ name: labels.unitScale, ticks: ['0', decimal(0.5), '1'], shade: (share: number) => unitClass(share) }]),
  ];
  let x = 0;
  for (const { name, ticks, shade } of bars) {
    const bar = { x: x + 4 + scene.words(name, x, 14) + 8, y: 3, width: 132, height: 14 };
    const parts = 33;
    heatMap(
      scene,
      bar,
      parts,
      Array.from({ length: parts }, (_, k) => shade(k / (parts - 1))),
    );
    ticks.forEach((tick, k) => {
      scene.words(tick, bar.x + (k * bar.width) / 2, bar.y + bar.height + 16, { anchor: 'middle', size: 12, role: 'soft' });
    });
    x = bar.x + bar.width + 36;
  }
  return 40;
}

/** Squares of these shades in rows, framed. Each reaches a little under the next, so that no paper shines through between them. */
function heatMap(scene: Scene, { x, y, width, height }: Box, columns: number, shades: readonly string[]): void {
  const rows = Math.ceil(shades.length / columns);
  const [w, h] = [width / columns, height / rows];
  scene.box('plate', { x: x - 1, y: y - 1, width: width + 2, height: height + 2 }, 2);
  shades.forEach((shade, k) => {
    const [column, row] = [k % columns, Math.floor(k / columns)];
    const under = { x: column < columns - 1 ? 0.8 : 0, y: row < rows - 1 ? 0.8 : 0 };
    scene.box('value', { x: x + column * w, y: y + row * h, width: w + under.x, height: h + under.y }, 0, shade);
  });
}

/** The units that change most in these steps, in their own order. */
function liveliest(steps: readonly StepTrace[], H: number): number[] {
  const variance = (unit: number): number => {
    const numbers = steps.map(({ values }) => values.h![unit]);
    const average = mean(numbers);
    return numbers.reduce((sum, value) => sum + (value - average) ** 2, 0);
  };
  const units = Array.from({ length: H }, (_, unit) => ({ unit, variance: variance(unit) }));
  return units
    .sort((a, b) => b.variance - a.variance || a.unit - b.unit)
    .slice(0, mostUnits)
    .map(({ unit }) => unit)
    .sort((a, b) => a - b);
}

/** The largest values there are among the units that are shown. */
function scalesOf(steps: readonly StepTrace[], units: readonly number[]): Scales {
  const largest = (of: (step: StepTrace) => (Float64Array | undefined)[]): number =>
    Math.max(
      0,
      ...steps
        .flatMap(of)
        .map((numbers) => (numbers === undefined ? 0 : units.reduce((most, unit) => Math.max(most, Math.abs(numbers[unit])), 0))),
    );
  return {
    h: largest(({ before, values: { h, g, n } }) => [before.h, h, g, n]),
    c: largest(({ before, values }) => [before.c, values.c]),
  };
}

function mean(numbers: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < numbers.length; k++) sum += numbers[k];
  return sum / numbers.length;
}

const decimal = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2));
const signed = (value: number): string => decimal(value).replace('-', '−');

function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

/** A token as it can be seen: a space and a line's end have their signs. */
function tokenRuns(text: string, { size, role }: TokenStyle = { size: 14, role: 'x' }): Run[] {
  const seen = text.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '→');
  return (seen.match(/[␣↵→]+|[^␣↵→]+/g) ?? []).map((part) => ({
    text: part,
    face: /[␣↵→]/.test(part) ? 'upright' : 'sans',
    size,
    role,
  }));
}

interface TokenStyle {
  readonly size: number;
  readonly role: Run['role'];
}

/** A token, cut where it is too long. */
function token(scene: Scene, text: string, x: number, y: number, width: number, style?: TokenStyle): void {
  let letters = [...text];
  while (letters.length > 1 && widthOf(tokenRuns(letters.join(''), style)) > width)
    letters = [...letters.slice(0, letters.at(-1) === '…' ? -2 : -1), '…'];
  scene.runs(text, tokenRuns(letters.join(''), style), x, y, { anchor: 'middle' });
}
