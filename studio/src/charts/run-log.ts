/** What a training has told so far, in columns of numbers: for charts, whatever the run's length. */
import type { DoneEvent, Metrics, StartEvent, TrainingEvent, WatchEvent } from 'unrolled';

/** Numbers that come one after another. */
export class Column {
  #values = new Float64Array(256);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  cut(length: number): void {
    this.length = Math.min(this.length, length);
  }

  at(index: number): number {
    return this.#values[index];
  }

  /** The numbers so far; not a copy. */
  get values(): Float64Array {
    return this.#values.subarray(0, this.length);
  }
}

const stepColumns = ['step', 'epoch', 'loss', 'learningRate', 'gradientNorm', 'itemsPerSecond', 'seconds'] as const;
export type StepColumn = (typeof stepColumns)[number];

export interface Validation {
  readonly step: number;
  readonly metrics: Metrics;
  readonly isBest: boolean;
}

export class RunLog {
  readonly columns: Readonly<Record<StepColumn, Column>>;
  start: StartEvent | null = null;
  done: DoneEvent | null = null;
  validations: Validation[] = [];
  samples: { readonly step: number; readonly text: string }[] = [];
  warnings: { readonly step: number; readonly message: string }[] = [];
  checkpoints: { readonly step: number; readonly file: string }[] = [];
  watches: WatchEvent[] = [];
  /** Seconds of the runs before the present one, which counts its own. */
  #before = 0;
  /** Lines that were no events: a log that is being written by something else. */
  strange = 0;

  constructor() {
    this.columns = Object.fromEntries(stepColumns.map((name) => [name, new Column()])) as Record<StepColumn, Column>;
  }

  /** Steps done. */
  get step(): number {
    const { step } = this.columns;
    return step.length > 0 ? step.at(step.length - 1) : (this.start?.step ?? 0);
  }

  push(event: TrainingEvent): void {
    switch (event.type) {
      case 'start':
        // A training that goes on from a checkpoint does again what came after it.
        this.#cutBack(event.step);
        this.start = this.start === null ? event : { ...event, step: this.start.step };
        this.done = null;
        break;
      case 'step':
        for (const name of stepColumns) this.columns[name].push(name === 'seconds' ? this.#before + event.seconds : event[name]);
        break;
      case 'validation':
        this.validations.push(event);
        break;
      case 'sample':
        this.samples.push(event);
        break;
      case 'warning':
        this.warnings.push(event);
        break;
      case 'checkpoint':
        this.checkpoints.push(event);
        break;
      case 'watch':
        this.watches.push(event);
        break;
      case 'done':
        this.done = event;
        break;
      default:
        this.strange += 1;
    }
  }

  /** Lines of events.jsonl, whole ones. */
  pushLines(lines: string): void {
    for (const line of lines.split('\n')) {
      if (line === '') continue;
      try {
        this.push(JSON.parse(line) as TrainingEvent);
      } catch {
        this.strange += 1;
      }
    }
  }

  #cutBack(step: number): void {
    const steps = this.columns.step.values;
    let kept = steps.length;
    while (kept > 0 && steps[kept - 1] > step) kept -= 1;
    for (const column of Object.values(this.columns)) column.cut(kept);
    this.#before = kept > 0 ? this.columns.seconds.at(kept - 1) : 0;
    const until = <E extends { readonly step: number }>(events: E[]): E[] => events.filter((event) => event.step <= step);
    this.validations = until(this.validations);
    this.samples = until(this.samples);
    this.checkpoints = until(this.checkpoints);
    this.watches = until(this.watches);
  }
}
