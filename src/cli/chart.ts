/** A line chart of Braille dots, two across and four down in each character. A pure function from numbers to lines. */

export interface ChartSeries {
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** 'line' joins the points; 'points' draws each as a mark. */
  readonly as: 'line' | 'points';
}

export interface ChartOptions {
  /** Characters, axis included. */
  readonly width: number;
  readonly height: number;
  readonly xLabel: string;
  /** y on a logarithmic scale, ticks at powers of ten; what is not above 0 is left out. Default false. */
  readonly logarithmic?: boolean;
  /** Wraps a run of characters of series i: colour. */
  readonly paint?: (series: number, text: string) => string;
}

/** Bit of the dot in column 0 or 1, row 0 to 3 (Unicode's order). */
const dotBits = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const pointMark = '●';

/** Columns below which dots tell nothing. */
const fewestColumns = 4;

/** @returns one string a line; empty when no series has two different x, or there is no room */
export function lineChart(given: readonly ChartSeries[], options: ChartOptions): string[] {
  const { logarithmic = false } = options;
  const series = logarithmic
    ? given.map((one) => ({ ...one, y: one.y.map((value) => (value > 0 ? Math.log10(value) : Number.NaN)) }))
    : given;
  const xs = series.flatMap(({ x }) => x);
  const ys = series.flatMap(({ y }) => y).filter(Number.isFinite);
  const [xMin, xMax] = [Math.min(...xs), Math.max(...xs)];
  if (ys.length === 0 || !(xMax > xMin)) return [];
  const { ticks, low, high } = (logarithmic ? decades : axis)(
    Math.min(...ys),
    Math.max(...ys),
    Math.max(2, Math.floor(options.height / 3)),
  );
  const labels = ticks.map((tick) => tick.text);
  const gutter = Math.max(...labels.map((label) => label.length));
  const columns = options.width - gutter - 2;
  const rows = options.height;
  if (columns < fewestColumns) return [];

  const cells = Array.from({ length: rows }, () => Array.from({ length: columns }, () => ({ dots: 0, mark: '', series: 0 })));
  const toColumn = (x: number): number => ((x - xMin) / (xMax - xMin)) * (2 * columns - 1);
  const toRow = (y: number): number => ((high - y) / (high - low)) * (4 * rows - 1);
  const dot = (column: number, row: number, index: number): void => {
    const cell = cells[row >> 2]?.[column >> 1];
    if (cell === undefined) return;
    cell.dots |= dotBits[column & 1][row & 3];
    cell.series = index;
  };
  series.forEach(({ x, y, as }, index) => {
    for (let i = 0; i < x.length; i++) {
      if (!Number.isFinite(y[i])) continue;
      const [column, row] = [toColumn(x[i]), toRow(y[i])];
      if (as === 'points') {
        const cell = cells[Math.round(row) >> 2][Math.round(column) >> 1];
        cell.mark = pointMark;
        cell.series = index;
      } else if (i > 0 && Number.isFinite(y[i - 1])) segment(toColumn(x[i - 1]), toRow(y[i - 1]), column, row, (c, r) => dot(c, r, index));
    }
  });

  const paint = options.paint ?? ((_, text) => text);
  const lines = cells.map((cellRow, r) => {
    const tick = ticks.find(({ value }) => Math.round(toRow(value)) >> 2 === r);
    const text = cellRow.map(({ dots, mark, series: index }) => {
      if (mark !== '') return paint(index, mark);
      return dots === 0 ? ' ' : paint(index, String.fromCharCode(0x2800 + dots));
    });
    return `${(tick?.text ?? '').padStart(gutter)} ${tick === undefined ? '│' : '┤'}${text.join('').trimEnd()}`;
  });
  const [left, right] = [String(Math.round(xMin)), `${Math.round(xMax)} ${options.xLabel}`];
  lines.push(`${' '.repeat(gutter)} └${'─'.repeat(columns)}`);
  lines.push(`${' '.repeat(gutter + 2)}${left}${' '.repeat(Math.max(1, columns - left.length - right.length))}${right}`);
  return lines;
}

/** Every dot of a straight line. */
function segment(x0: number, y0: number, x1: number, y1: number, dot: (column: number, row: number) => void): void {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))));
  for (let i = 0; i <= steps; i++) dot(Math.round(x0 + ((x1 - x0) * i) / steps), Math.round(y0 + ((y1 - y0) * i) / steps));
}

interface Axis {
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  readonly low: number;
  readonly high: number;
}

/** Whole powers of ten, of which the range has at least one; numbers are their logarithms. */
function decades(least: number, most: number, count: number): Axis {
  const [low, high] = [Math.floor(least + 1e-9), Math.max(Math.ceil(most - 1e-9), Math.floor(least) + 1)];
  const step = Math.max(1, Math.ceil((high - low) / count));
  const ticks = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) ticks.push({ value, text: `1e${value}` });
  return { ticks, low, high };
}

/** Round numbers within the range of the data. */
function axis(least: number, most: number, count: number): Axis {
  const span = most > least ? most - least : Math.max(Math.abs(most), 1);
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough)!;
  const low = most > least ? least : least - span / 2;
  const high = low + span;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks: { value: number; text: string }[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push({ value: i * step, text: (i * step).toFixed(decimals) });
  return { ticks, low, high };
}
