/** How far a training is: one line that redraws itself on a terminal, a line now and then in a log. */
import { compact, duration, type Terminal } from './terminal.ts';

export interface ProgressState {
  /** Done. */
  readonly step: number;
  /** Planned; null when only time bounds the training. */
  readonly steps: number | null;
  /** In [0, 1], by steps or by time. */
  readonly fraction: number;
  readonly loss: number;
  readonly itemsPerSecond: number;
  /** What they are: tokens, texts. */
  readonly items: string;
  readonly secondsLeft: number;
}

/** Redraws at most so often; eyes see no more. */
const redrawMs = 100;
/** Between lines in a log. */
const logMs = 5000;
const barWidth = 28;

export class Progress {
  readonly #terminal: Terminal;
  #lastMs = 0;
  #isShown = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(state: ProgressState): void {
    const now = performance.now();
    const { isInteractive } = this.#terminal;
    if (this.#lastMs > 0 && now - this.#lastMs < (isInteractive ? redrawMs : logMs)) return;
    this.#lastMs = now;
    if (!isInteractive) {
      this.#terminal.line(describe(state).join('  '));
      return;
    }
    const { dim, bold, accent } = this.#terminal;
    const [steps, loss, speed, left] = describe(state);
    const bar =
      accent('━'.repeat(Math.round(state.fraction * barWidth))) + dim('━'.repeat(barWidth - Math.round(state.fraction * barWidth)));
    const percent = `${Math.floor(100 * state.fraction)}%`.padStart(4);
    this.#redraw(`  ${bar} ${percent}  ${dim(steps)}  ${bold(loss)}  ${dim(speed)}  ${dim(left)}`);
  }

  /** Any other activity, such as reading: a quiet line that the next one replaces. */
  note(text: string): void {
    this.#redraw(`  ${this.#terminal.dim(text)}`);
  }

  /** Writes lines above the bar. */
  print(text: string): void {
    this.clear();
    this.#terminal.line(text);
  }

  /** Takes the bar off the screen. */
  clear(): void {
    if (this.#isShown) this.#terminal.write('\r\x1b[K\x1b[?25h');
    this.#isShown = false;
    if (this.#terminal.isInteractive) this.#lastMs = 0;
  }

  #redraw(line: string): void {
    this.#terminal.write(`${this.#isShown ? '' : '\x1b[?25l'}\r${fitted(line, this.#terminal.width)}\x1b[K`);
    this.#isShown = true;
  }
}

function describe({ step, steps, loss, itemsPerSecond, items, secondsLeft }: ProgressState): [string, string, string, string] {
  return [
    `step ${step}${steps === null ? '' : `/${steps}`}`,
    `loss ${Number.isNaN(loss) ? '…' : loss.toFixed(3)}`,
    `${compact(itemsPerSecond)} ${items}/s`,
    `${duration(secondsLeft)} left`,
  ];
}

/** Cuts what would not fit on one line; escape sequences take no room. */
function fitted(line: string, width: number): string {
  let room = width - 1;
  let out = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith('\x1b')) out += part;
    else {
      out += part.slice(0, room);
      room = Math.max(0, room - part.length);
    }
  }
  return out;
}
