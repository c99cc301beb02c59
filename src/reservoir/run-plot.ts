/** A free run as a picture: what came before, what the model told, and what really came where it is known. SVG from strings; no DOM. */

/** One column of a run. */
export interface RunColumn {
  readonly name: string;
  /** What came before: the last steps of the warm-up. */
  readonly before: ArrayLike<number>;
  readonly told: ArrayLike<number>;
  /** What really came, step by step beside `told`. */
  readonly truth?: ArrayLike<number>;
}

/** What is written on a picture of a run. */
export interface RunPlotOptions {
  readonly title?: string;
  /** In pixels. Default 920. */
  readonly width?: number;
  /** Of one column's panel. Default: 260 alone, 150 among others. */
  readonly panelHeight?: number;
}

const margin = { left: 64, right: 20, top: 66, bottom: 50 };
const panelGap = 34;

/** Draws columns one below another, on one axis of steps; step 0 is the last that was given. */
export function drawRun(columns: readonly RunColumn[], options: RunPlotOptions = {}): string {
  const { title = 'Free run', width = 920, panelHeight = columns.length === 1 ? 260 : 150 } = options;
  const height = margin.top + columns.length * (panelHeight + panelGap) - panelGap + margin.bottom;
  const first = 1 - Math.max(...columns.map(({ before }) => before.length));
  const last = Math.max(...columns.map(({ told }) => told.length));
  const x = (step: number) => round(margin.left + ((step - first) / Math.max(1, last - first)) * (width - margin.left - margin.right));
  const hasTruth = columns.some(({ truth }) => truth !== undefined);
  const bottom = height - margin.bottom;
  const steps = ticks(first, last, Math.round(width / 110));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${xmlText(`${title}: ${columns.map(({ name }) => name).join(', ')}, ${last} steps`)}" class="run">`,
    style,
    `<rect class="page" width="${width}" height="${height}" rx="10"/>`,
    `<text class="title" x="${margin.left}" y="30">${xmlText(title)}</text>`,
    ...legend(width - margin.right, hasTruth),
    ...columns.map((column, i) => panel(column, x, margin.top + i * (panelHeight + panelGap), panelHeight, width)),
    ...steps.map((step) => `<text x="${x(step)}" y="${bottom + 18}" text-anchor="middle">${short(step)}</text>`),
    `<text x="${round((margin.left + width - margin.right) / 2)}" y="${height - 10}" text-anchor="middle">steps after the last that was given</text>`,
    '</svg>',
    '',
  ].join('\n');
}

const style = `<style>
  .run { --page: #ffffff; --ink: #1d2430; --quiet: #5c6579; --grid: #e6e9ef; --line: #3a4356; --told: #0072b2; --truth: #c2571a;
    font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  @media (prefers-color-scheme: dark) {
    .run { --page: #12161f; --ink: #e8ecf4; --quiet: #a3adc2; --grid: #252c3a; --line: #c3cbdb; --told: #56b4e9; --truth: #ff9d5c; }
  }
  .run .page { fill: var(--page); }
  .run text { fill: var(--quiet); font-variant-numeric: tabular-nums; }
  .run .title { fill: var(--ink); font-size: 17px; font-weight: 600; }
  .run .name { fill: var(--ink); font-size: 12.5px; font-weight: 600; }
  .run .grid { stroke: var(--grid); stroke-width: 1; shape-rendering: crispEdges; }
  .run .now { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 4; }
  .run .before, .run .told, .run .truth { fill: none; stroke-linejoin: round; stroke-linecap: round; }
  .run .before { stroke: var(--line); stroke-width: 1.5; }
  .run .told { stroke: var(--told); stroke-width: 2.25; }
  .run .truth { stroke: var(--truth); stroke-width: 2; stroke-dasharray: 1 5; }
</style>`;

function panel({ name, before, told, truth }: RunColumn, x: (step: number) => number, top: number, height: number, width: number): string {
  // What diverges must not flatten the rest: the scale is that of what is known, where something is.
  const known = [...Array.from(before), ...Array.from(truth ?? (before.length > 1 ? [] : told))].filter(Number.isFinite);
  const [low, high] = known.length === 0 ? [0, 1] : [Math.min(...known), Math.max(...known)];
  const room = (high - low || 1) * 0.08;
  const [bottomValue, topValue] = [low - room, high + room];
  const y = (value: number) =>
    round(top + height - ((Math.min(Math.max(value, bottomValue), topValue) - bottomValue) / (topValue - bottomValue)) * height);
  const path = (values: ArrayLike<number>, from: number) => {
    const points = Array.from(values, (value, i) => (Number.isFinite(value) ? `${x(from + i)},${y(value)}` : null));
    return `M${points.filter((point) => point !== null).join('L')}`;
  };
  const left = margin.left;
  const right = width - margin.right;
  const last = before.length === 0 ? [] : [before[before.length - 1]];
  return [
    '<g>',
    `<text class="name" x="${left}" y="${top - 8}">${xmlText(name)}</text>`,
    ...ticks(bottomValue, topValue, Math.max(2, Math.round(height / 55))).flatMap((value) => [
      `<line class="grid" x1="${left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"/>`,
      `<text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`,
    ]),
    `<line class="now" x1="${x(0)}" x2="${x(0)}" y1="${top}" y2="${top + height}"/>`,
    before.length === 0 ? '' : `<path class="before" d="${path(before, 1 - before.length)}"/>`,
    `<path class="told" d="${path([...last, ...Array.from(told)], last.length === 0 ? 1 : 0)}"/>`,
    truth === undefined ? '' : `<path class="truth" d="${path([...last, ...Array.from(truth)], last.length === 0 ? 1 : 0)}"/>`,
    '</g>',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** From right to left, so that it ends at the edge. */
function legend(right: number, hasTruth: boolean): string[] {
  const entries: [className: string, label: string, width: number][] = [
    ...(hasTruth ? ([['truth', 'what came', 64]] as [string, string, number][]) : []),
    ['told', 'told', 28],
    ['before', 'given', 36],
  ];
  let at = right;
  return entries.flatMap(([className, label, width]) => {
    at -= width;
    const text = `<text x="${at}" y="29">${label}</text>`;
    at -= 28;
    const line = `<path class="${className}" d="M${at},25h22"/>`;
    at -= 16;
    return [line, text];
  });
}

/** About `count` round numbers between two. */
function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.99)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
