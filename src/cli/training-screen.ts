/** What a training looks like: the facts first, a bar while it runs, samples between, a chart and the next commands at the end. */
import { explainBackends, getBackend } from '../backend/select.ts';
import type { Facts, PreparedTraining } from '../tasks/task.ts';
import type { DoneEvent, Metrics, StepEvent, TrainingEvent } from '../training/events.ts';
import { type ChartSeries, lineChart } from './chart.ts';
import { Progress } from './progress.ts';
import { programName, shellWord } from './shell.ts';
import { compact, duration, grouped, type Terminal } from './terminal.ts';

/** The loss on the bar is a running mean over about so many steps. */
const smoothing = 20;

export class TrainingScreen {
  readonly #terminal: Terminal;
  readonly #training: PreparedTraining;
  readonly #progress: Progress;
  readonly #losses: Curve = { x: [], y: [] };
  readonly #validations: Curve = { x: [], y: [] };
  #loss = Number.NaN;
  #step = 0;
  #begun = performance.now();
  #stepsBefore = 0;
  #rates: number[] = [];

  constructor(terminal: Terminal, training: PreparedTraining) {
    this.#terminal = terminal;
    this.#training = training;
    this.#progress = new Progress(terminal);
  }

  begin(): void {
    this.#begun = performance.now();
    const facts: Facts = [...this.#training.facts, ['Backend', backendInWords()]];
    this.#terminal.line();
    for (const line of factLines(facts, this.#terminal)) this.#terminal.line(line);
    this.#terminal.line();
  }

  show(event: TrainingEvent): void {
    switch (event.type) {
      case 'start':
        this.#stepsBefore = event.step;
        this.#step = event.step;
        if (event.resumedFrom !== null) this.print(`  ${this.#terminal.dim(`going on from step ${grouped(event.step)}`)}\n`);
        return;
      case 'step':
        this.#showStep(event);
        return;
      case 'validation':
        this.#validations.x.push(event.step);
        this.#validations.y.push(event.metrics[this.#training.monitored]);
        this.#showValidation(event.step, event.metrics);
        return;
      case 'sample':
        this.#showSample(event.text);
        return;
      case 'warning':
        this.print(`  ${this.#terminal.bad('warning:')} ${event.message}`);
        return;
      case 'watch':
      case 'checkpoint':
      case 'done':
        return;
      default:
        throw new Error(`unreachable: ${event satisfies never}`);
    }
  }

  print(text: string): void {
    this.#progress.print(text);
  }

  /** What goes on that no bar shows. */
  note(text: string): void {
    if (this.#terminal.isInteractive) this.#progress.note(text);
  }

  close(): void {
    this.#progress.clear();
  }

  /** The chart, the result, and what to do next. */
  end(metrics: Metrics, done: DoneEvent): void {
    const { bold, dim, good, line } = paints(this.#terminal);
    this.close();
    for (const text of this.#chart()) line(`  ${text}`);
    const steps = done.step - this.#stepsBefore;
    const rate = this.#rates.reduce((sum, r) => sum + r, 0) / Math.max(1, this.#rates.length);
    line();
    line(`  ${good('✓')} ${bold(this.#training.tell(metrics))} ${dim(`on held-out ${this.#training.heldOut}`)}`);
    line(
      dim(
        `    ${grouped(steps)} ${steps === 1 ? 'step' : 'steps'} in ${duration(done.seconds)}, ${compact(rate)} ${this.#training.items}/s${reasonInWords(done.reason)}`,
      ),
    );
    if (done.model === null) return;
    line(dim(`    saved as ${done.model}`));
    line();
    const { label, input } = this.#training.next;
    line(`  ${dim(`${label}:`.padEnd(20))}${programName()} predict ${shellWord(done.model)} ${input}`.trimEnd());
    line(`  ${dim('Look at it:'.padEnd(20))}${programName()} inspect ${shellWord(done.model)}`);
    line();
  }

  #showStep({ step, loss, itemsPerSecond }: StepEvent): void {
    const window = Math.max(1, Math.min(smoothing, (step - this.#stepsBefore) / 4));
    this.#loss = Number.isNaN(this.#loss) ? loss : this.#loss + (loss - this.#loss) / window;
    this.#step = step;
    this.#losses.x.push(step);
    this.#losses.y.push(this.#loss);
    this.#rates.push(itemsPerSecond);
    this.#redraw(itemsPerSecond);
  }

  #redraw(itemsPerSecond: number): void {
    const { steps, items } = this.#training;
    const seconds = (performance.now() - this.#begun) / 1000;
    const done = this.#step - this.#stepsBefore;
    this.#progress.show({
      step: this.#step,
      steps,
      fraction: this.#step / steps,
      loss: this.#loss,
      itemsPerSecond,
      items,
      secondsLeft: (seconds / Math.max(1, done)) * (steps - this.#step),
    });
  }

  #showValidation(step: number, metrics: Metrics): void {
    const { dim, bold } = this.#terminal;
    this.print(
      `  ${dim(`step ${String(step).padStart(String(this.#training.steps).length)}  ·  ${duration((performance.now() - this.#begun) / 1000)}  ·`)}  ${bold(this.#training.tell(metrics))}`,
    );
  }

  #showSample(text: string): void {
    const { dim, line } = paints(this.#terminal);
    for (const row of wrap(text, Math.min(this.#terminal.width - 8, 92), 2)) line(`    ${dim('│')} ${row}`);
    line();
  }

  #chart(): string[] {
    const series: ChartSeries[] = [
      { ...thinned(this.#losses, 400), as: 'line' },
      { ...this.#validations, as: 'points' },
    ];
    const { dim, accent, good } = this.#terminal;
    const lines = lineChart(series, {
      width: Math.min(this.#terminal.width - 4, 92),
      height: 11,
      xLabel: 'steps',
      paint: (index, text) => (index === 0 ? accent(text) : good(text)),
    });
    return lines.length === 0
      ? []
      : [`${accent('⣿')} ${dim('loss while training')}   ${good('●')} ${dim(`on held-out ${this.#training.heldOut}`)}`, ...lines];
  }
}

interface Curve {
  readonly x: number[];
  readonly y: number[];
}

function thinned({ x, y }: Curve, most: number): Curve {
  const every = Math.max(1, Math.ceil(x.length / most));
  const kept = (_: number, i: number): boolean => i % every === 0 || i === x.length - 1;
  return { x: x.filter(kept), y: y.filter(kept) };
}

/** "native: AVX2, …", and why nothing faster. */
function backendInWords(): string {
  const { name, description } = getBackend();
  const better = explainBackends().find((facts) => !facts.isChosen && facts.name === 'native' && name === 'wasm');
  if (better === undefined) return `${name}, ${description}`;
  return `${name}, ${description} (${better.isAvailable ? 'asked for; native is there and faster' : `native is faster; \`${programName()} doctor\` says what it needs`})`;
}

export function factLines(facts: Facts, { dim }: Terminal): string[] {
  const width = Math.max(...facts.map(([label]) => label.length));
  return facts.map(([label, value]) => `  ${dim(label.padEnd(width))}  ${value}`);
}

function reasonInWords(reason: DoneEvent['reason']): string {
  if (reason === 'early-stopping') return '; ended early, as validation no longer improved';
  return reason === 'minutes' ? '; ended early, as the time was up' : '';
}

/** The first `rows` lines of a text, broken at spaces. */
function wrap(text: string, width: number, rows: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text
    .replace(/[^\S\n]+/g, ' ')
    .trim()
    .split(/(?<=[ \n])|(?=\n)/)) {
    if (word === '\n' || line.length + word.trimEnd().length > width) {
      if (line.trim() !== '') lines.push(line.trimEnd());
      line = word === '\n' ? '' : word;
    } else line += word;
    if (lines.length === rows) return lines;
  }
  if (line.trim() !== '') lines.push(line.trimEnd());
  return lines.map((row) => row.slice(0, width)).slice(0, rows);
}

function paints(terminal: Terminal): Pick<Terminal, 'bold' | 'dim' | 'good'> & { line: (text?: string) => void } {
  return { bold: terminal.bold, dim: terminal.dim, good: terminal.good, line: (text) => terminal.line(text) };
}
