/** Where words go: stderr for people, stdout for results; colour and redrawing only where they are seen. */

/** Wraps text in a style; returns it as it is where there is no colour. */
export type Paint = (text: string) => string;

export interface Terminal {
  /** A person watches: redrawing in place is welcome. */
  readonly isInteractive: boolean;
  /** Columns. */
  readonly width: number;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly accent: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  /** Characters as they are, to stderr. */
  write(text: string): void;
  /** One line to stderr. */
  line(text?: string): void;
}

/** NO_COLOR and FORCE_COLOR first (no-color.org), then whether it is a terminal that knows colours. */
export function showsColor(stream: { readonly isTTY?: boolean }): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return process.env.FORCE_COLOR !== '0';
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}

/** The terminal behind stderr. `quiet` says nothing at all. */
export function openTerminal(options: { quiet?: boolean } = {}): Terminal {
  const stream = process.stderr;
  const isInteractive = stream.isTTY === true && process.env.TERM !== 'dumb' && options.quiet !== true;
  const hasColor = showsColor(stream) && (isInteractive || Boolean(process.env.FORCE_COLOR));
  const paint = (open: number, close: number): Paint => (hasColor ? (text) => `\x1b[${open}m${text}\x1b[${close}m` : (text) => text);
  const write = (text: string): void => {
    if (options.quiet !== true) stream.write(text);
  };
  return {
    isInteractive,
    get width() {
      // A terminal that was given no size says 0.
      return Math.min(stream.columns || 100, 120);
    },
    bold: paint(1, 22),
    dim: paint(2, 22),
    accent: paint(36, 39),
    good: paint(32, 39),
    bad: paint(31, 39),
    write,
    line: (text = '') => write(`${text}\n`),
  };
}

/** 12 s · 3 min 20 s · 2 h 05 min */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** 950 · 12.3k · 4.56M · 1.20G: four figures at most. */
export function compact(count: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (count >= size) return `${(count / size).toPrecision(3)}${unit}`;
  }
  return String(Math.round(count));
}

/** 12,345 */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** 512 B · 3.4 MB */
export function bytes(count: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const) {
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  }
  return `${count} B`;
}
