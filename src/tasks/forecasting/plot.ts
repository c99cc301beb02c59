/** A forecast as a picture: SVG that suits a light page and a dark one. Made from strings; no DOM. */

/** One series to draw; instants in milliseconds since 1970. */
export interface PlotSeries {
  readonly name: string;
  readonly history: readonly PlotPoint[];
  readonly forecast: readonly PlotBand[];
  /** What really came, where it is known. */
  readonly actual?: readonly PlotPoint[];
}

/** A value at an instant, in milliseconds since 1970. */
export interface PlotPoint {
  readonly instant: number;
  /** NaN: a gap in the line. */
  readonly value: number;
}

/** A step of a forecast: its median and intervals; without them a point. */
export interface PlotBand {
  readonly instant: number;
  readonly median: number;
  readonly interval50?: readonly [low: number, high: number];
  readonly interval80?: readonly [low: number, high: number];
}

/** What is written on a plot. */
export interface PlotOptions {
  /** Of the time axis, such as "steps of 1 hour, UTC". */
  readonly timeLabel: string;
  readonly title?: string;
  /** In pixels. Default 920. */
  readonly width?: number;
  /** Of one series' panel, in pixels. Default: 320 alone, 180 among others. */
  readonly panelHeight?: number;
}

const margin = { left: 64, right: 20 };
const headHeight = 70;
const panelGap = 36;
const footHeight = 46;

/** D3's scales and paths: read when a plot is drawn, for they are many files, and few programs that import Unrolled draw one. */
type D3 = typeof import('d3-scale') & typeof import('d3-shape');

/** Draws series one below another, on one axis of time. */
export async function plotForecast(series: readonly PlotSeries[], options: PlotOptions): Promise<string> {
  const d3: D3 = { ...(await import('d3-scale')), ...(await import('d3-shape')) };
  const { width = 920, panelHeight = series.length === 1 ? 320 : 180, timeLabel, title = 'Forecast' } = options;
  const height = headHeight + series.length * (panelHeight + panelGap) - panelGap + footHeight;
  const instants = series.flatMap(({ history, forecast }) => [history[0], forecast[forecast.length - 1]]).map((point) => point?.instant);
  const known = instants.filter((instant) => instant !== undefined);
  const x = d3.scaleUtc([Math.min(...known), Math.max(...known)], [margin.left, width - margin.right]);
  const ticks = x.ticks(Math.max(2, Math.round(width / 130)));
  const nameOf = x.tickFormat();
  const panels = series.map((one, i) => panel(d3, one, x, headHeight + i * (panelHeight + panelGap), panelHeight, width, ticks));
  const bottom = height - footHeight;
  const dates = ticks.map((tick) => `<text x="${round(x(tick))}" y="${bottom + 18}" text-anchor="middle">${xmlText(nameOf(tick))}</text>`);
  const hasBands = series.some(({ forecast }) => forecast.some(({ interval80 }) => interval80 !== undefined));
  const hasActual = series.some(({ actual = [] }) => actual.length > 0);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${xmlText(description(series))}" class="forecast">`,
    style,
    `<rect class="page" width="${width}" height="${height}" rx="10"/>`,
    `<text class="title" x="${margin.left}" y="30">${xmlText(title)}</text>`,
    legend(width - margin.right, hasBands, hasActual),
    ...panels,
    `<g class="axis">${dates.join('')}<text x="${(margin.left + width - margin.right) / 2}" y="${height - 10}" text-anchor="middle">${xmlText(timeLabel)}</text></g>`,
    '</svg>',
    '',
  ].join('\n');
}

const style = `<style>
  .forecast { --page: #ffffff; --ink: #1d2430; --quiet: #677084; --grid: #e6e9ef; --line: #3a4356; --hue: #3565d8; --actual: #c2571a;
    font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  @media (prefers-color-scheme: dark) {
    .forecast { --page: #12161f; --ink: #e8ecf4; --quiet: #949eb3; --grid: #252c3a; --line: #c3cbdb; --hue: #7ea2ff; --actual: #ff9d5c; }
  }
  .forecast .page { fill: var(--page); }
  .forecast text { fill: var(--quiet); font-variant-numeric: tabular-nums; }
  .forecast .title { fill: var(--ink); font-size: 17px; font-weight: 600; }
  .forecast .name { fill: var(--ink); font-size: 12.5px; font-weight: 600; }
  .forecast .grid { stroke: var(--grid); stroke-width: 1; shape-rendering: crispEdges; }
  .forecast .now { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 4; }
  .forecast .history, .forecast .median, .forecast .actual { fill: none; stroke-linejoin: round; stroke-linecap: round; }
  .forecast .history { stroke: var(--line); stroke-width: 1.5; }
  .forecast .median { stroke: var(--hue); stroke-width: 2.25; }
  .forecast .actual { stroke: var(--actual); stroke-width: 1.5; stroke-dasharray: 1 4; }
  .forecast .wide { fill: var(--hue); fill-opacity: 0.16; }
  .forecast .narrow { fill: var(--hue); fill-opacity: 0.26; }
</style>`;

type TimeScale = ReturnType<typeof import('d3-scale').scaleUtc<number, number>>;

function panel(d3: D3, one: PlotSeries, x: TimeScale, top: number, height: number, width: number, ticks: readonly Date[]): string {
  const bottom = top + height;
  const y = d3.scaleLinear(extentOf(one), [bottom, top]).nice(5);
  const values = y.ticks(Math.max(2, Math.round(height / 55)));
  const nameOf = y.tickFormat(values.length);
  const left = margin.left;
  const right = width - margin.right;
  const grid = values.map((value) => `<line class="grid" x1="${left}" x2="${right}" y1="${round(y(value))}" y2="${round(y(value))}"/>`);
  const marks = values.map(
    (value) => `<text x="${left - 8}" y="${round(y(value) + 4)}" text-anchor="end">${xmlText(nameOf(value))}</text>`,
  );
  const feet = ticks.map((tick) => `<line class="grid" x1="${round(x(tick))}" x2="${round(x(tick))}" y1="${bottom}" y2="${bottom + 5}"/>`);
  const draw = d3
    .line<PlotPoint>(
      ({ instant }) => x(instant),
      ({ value }) => y(value),
    )
    .defined(({ value }) => !Number.isNaN(value))
    .digits(1);
  const last = one.history.findLast(({ value }) => !Number.isNaN(value));
  // The forecast begins where the history ends.
  const from: readonly PlotBand[] =
    last === undefined
      ? []
      : [{ instant: last.instant, median: last.value, interval50: [last.value, last.value], interval80: [last.value, last.value] }];
  const ahead = [...from, ...one.forecast];
  const band = (of: 'interval50' | 'interval80', className: string): string => {
    const steps = ahead.filter((step) => step[of] !== undefined);
    if (one.forecast.every((step) => step[of] === undefined)) return '';
    const shape = d3
      .area<PlotBand>(
        ({ instant }) => x(instant),
        (step) => y(step[of]![0]),
        (step) => y(step[of]![1]),
      )
      .digits(1);
    return `<path class="${className}" d="${shape(steps)}"/>`;
  };
  const median = draw(ahead.map((step) => ({ instant: step.instant, value: step.median })));
  const now =
    last === undefined
      ? ''
      : `<line class="now" x1="${round(x(last.instant))}" x2="${round(x(last.instant))}" y1="${top}" y2="${bottom}"/>`;
  return [
    '<g>',
    `<text class="name" x="${left}" y="${top - 9}">${xmlText(one.name)}</text>`,
    ...grid,
    ...feet,
    ...marks,
    now,
    band('interval80', 'wide'),
    band('interval50', 'narrow'),
    `<path class="history" d="${draw([...one.history]) ?? ''}"/>`,
    `<path class="median" d="${median ?? ''}"/>`,
    one.actual === undefined || one.actual.length === 0 ? '' : `<path class="actual" d="${draw([...one.actual]) ?? ''}"/>`,
    '</g>',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function extentOf({ history, forecast, actual = [] }: PlotSeries): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const see = (value: number): void => {
    if (!Number.isFinite(value)) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  for (const { value } of history) see(value);
  for (const { value } of actual) see(value);
  for (const { median, interval80 = [median, median] } of forecast) [median, ...interval80].forEach(see);
  if (low > high) return [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** From right to left, so that it ends at the edge. */
function legend(right: number, hasBands: boolean, hasActual: boolean): string {
  const entries: [label: string, width: number, mark: (x: number) => string][] = [
    ['history', 50, (x) => `<path class="history" d="M${x},25h20"/>`],
    ...(hasActual ? ([['what came', 66, (x: number) => `<path class="actual" d="M${x},25h20"/>`]] as typeof entries) : []),
    [hasBands ? 'median' : 'forecast', 50, (x) => `<path class="median" d="M${x},25h20"/>`],
    ...(hasBands
      ? ([
          ['50 %', 34, (x: number) => `<path class="wide" d="M${x},17h20v16h-20z"/><path class="narrow" d="M${x},17h20v16h-20z"/>`],
          ['80 %', 34, (x: number) => `<path class="wide" d="M${x},17h20v16h-20z"/>`],
        ] as typeof entries)
      : []),
  ];
  let at = right;
  const drawn = entries.reverse().map(([label, width, mark]) => {
    at -= width;
    const text = `<text x="${at}" y="29">${label}</text>`;
    at -= 26;
    const symbol = mark(at);
    at -= 14;
    return symbol + text;
  });
  return `<g>${drawn.reverse().join('')}</g>`;
}

function description(series: readonly PlotSeries[]): string {
  return `Forecast of ${series.map(({ name }) => name).join(', ')}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
