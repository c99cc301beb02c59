/**
 * What the quality runs share: the program as a user runs it, and the form of a raw result that the tables in docs/results.md
 * are made of.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Circumstances, circumstances, keepResult } from '../circumstances.ts';

export type Metrics = Readonly<Record<string, number>>;

/** One trained and evaluated model. */
export interface QualityRun {
  /** What sets this run apart: "seed 1", "horizon 24", "XPOS with UPOS and lemma". */
  readonly name: string;
  readonly metrics: Metrics;
  /** Of training, by the clock. */
  readonly minutes: number;
  readonly samples: number;
  /** As given to `train`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly [fact: string]: unknown;
}

/** A number to reach: of the mean over the runs of this name, or over all. */
export interface QualityTarget {
  readonly metric: string;
  readonly run?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** What others reached. */
export interface Published {
  readonly system: string;
  readonly metrics: Metrics;
  readonly source: string;
}

/** bench/results/quality-NAME.json */
export interface QualityResult extends Circumstances {
  readonly description: string;
  /** What was trained on and tested on, with sizes. */
  readonly data: string;
  readonly runs: readonly QualityRun[];
  /** Whether the table ends with the mean over the runs: they differ by their seeds only. */
  readonly hasMean: boolean;
  readonly targets: readonly QualityTarget[];
  readonly published: readonly Published[];
}

/**
 * Writes bench/results/quality-NAME.json.
 *
 * @param command as one types it in the repository's root, FOLDER for the data's
 * @throws Error when a run holds what is no measurement: see `requireMeasurements`
 */
export function keepQuality(name: string, command: string, result: Omit<QualityResult, keyof Circumstances | 'description'>): void {
  requireMeasurements(result.runs);
  const { backends } = JSON.parse(unrolled(['doctor', '--json'])) as { backends: { isChosen: boolean; description: string }[] };
  keepResult(`quality-${name}`, {
    ...circumstances(command),
    description: backends.find(({ isChosen }) => isChosen)!.description,
    ...result,
  });
}

/** Characters of the longest name that a run may have. */
const longestName = 60;

/**
 * Refuses runs that hold more than measurements, so that nothing of a data set, whose licence may forbid it, gets into a result: `metrics`,
 * minutes and samples are numbers, a name is short, and whatever else there is, such as options, is numbers, switches and single words.
 *
 * @throws Error that says where, and how long the text is, but not the text
 */
export function requireMeasurements(runs: QualityResult['runs']): void {
  for (const [i, { name, metrics, minutes, samples, ...facts }] of runs.entries()) {
    const place = `runs[${i}]`;
    if (typeof name !== 'string' || name.length > longestName || name.includes('\n')) {
      throw refused(`${place}.name`, `a name of at most ${longestName} characters`, name);
    }
    for (const [measure, value] of Object.entries({ ...metrics, minutes, samples })) {
      if (!Number.isFinite(value)) throw refused(`${place}, a metric`, 'a finite number', value);
      requireWords(`${place}, a metric's name`, measure);
    }
    requireWords(place, facts);
  }
}

function requireWords(place: string, value: unknown): void {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') return;
  if (typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) {
      requireWords(`${place}, a key`, key);
      requireWords(`${place}.${key}`, inner);
    }
    return;
  }
  if (typeof value !== 'string' || value.length > longestName || /\s/.test(value)) {
    throw refused(place, `numbers, switches and single words of at most ${longestName} characters`, value);
  }
}

function refused(place: string, expected: string, value: unknown): Error {
  const received = typeof value === 'string' ? `a text of ${value.length} characters` : `a value of type ${typeof value}`;
  return new Error(`[keepQuality] ${place}: expected ${expected}, received ${received}. Nothing of a data set may be kept in a result.`);
}

/**
 * Trains in a folder that is made anew, and evaluates the saved model.
 *
 * @param options  for `train`, under their names in the library
 */
export function trainAndEvaluate(request: {
  readonly name: string;
  readonly task: string;
  readonly train: readonly string[];
  readonly valid?: readonly string[];
  readonly test: readonly string[];
  readonly out: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly evaluateFlags?: readonly string[];
}): QualityRun {
  const { name, task, train, valid = [], test, out, config, evaluateFlags = [] } = request;
  rmSync(out, { recursive: true, force: true });
  const flags = Object.entries(config).flatMap(([option, value]) => flagsOf(option, value));
  const begun = performance.now();
  unrolled(['train', task, '--train', ...train, ...(valid.length > 0 ? ['--valid', ...valid] : []), '--out', out, ...flags]);
  const minutes = (performance.now() - begun) / 60_000;
  const model = join(out, 'model.safetensors');
  const report = JSON.parse(unrolled(['evaluate', model, ...test, '--json', ...evaluateFlags])) as { metrics: Metrics; samples: number };
  const shown = Object.entries(report.metrics).map(([metric, value]) => `${metric} ${value.toPrecision(5)}`);
  console.log(`${name}: ${shown.join(', ')} after ${minutes.toFixed(1)} minutes`);
  return { name, metrics: report.metrics, minutes, samples: report.samples, config };
}

/** What a training that has ended took, by the clock. @param out its run's folder */
export function minutesOf(out: string): number {
  const events = readFileSync(join(out, 'events.jsonl'), 'utf8').trim().split('\n');
  return (JSON.parse(events[events.length - 1]) as { seconds: number }).seconds / 60;
}

function flagsOf(option: string, value: unknown): string[] {
  const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (typeof value === 'boolean') return [value ? `--${flag}` : `--no-${flag}`];
  return [`--${flag}`, ...(Array.isArray(value) ? value.map(String) : [String(value)])];
}

/** Runs the built program to its end; what it prints on stdout. Its screen goes to stderr. */
export function unrolled(args: readonly string[]): string {
  const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`unrolled ${args.join(' ')} ended with ${status}`);
  return stdout;
}

/** A file of the data's folder. Ends the program with a sentence when it is not there. */
export function dataFile(folder: string | undefined, name: string, origin: string): string {
  const path = folder === undefined ? undefined : join(folder, name);
  if (path !== undefined && existsSync(path)) return path;
  console.error(`expected --data with a folder that holds ${name} (${origin}), received ${folder ?? 'none'}.`);
  process.exit(2);
}
