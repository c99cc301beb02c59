/** bench/results/long-memory.json: what was measured of how far back networks learn to remember. */
import { median } from '../../../src/cli/bench/statistics.ts';
import type { Circumstances } from '../../circumstances.ts';

/** T: how far back what matters lies. */
export const distances = [50, 100, 200, 500, 1000] as const;
/** Of initial weights and sequences. */
export const seeds = [1, 2, 3] as const;
/** Where remedies are compared. */
export const remedyDistance = 200;

/** ‖∂L/∂h_t‖ over a batch at some steps. */
export interface GradientCurve {
  readonly times: readonly number[];
  readonly norms: readonly number[];
  /** As in `RecurrenceStatistics`. */
  readonly growth: number | null;
}

/** One network at one problem, once. */
export interface MemoryRun {
  readonly seed: number;
  readonly problem: 'adding' | 'copy';
  readonly network: string;
  readonly label: string;
  readonly T: number;
  readonly isSolved: boolean;
  /** On 1,000 new sequences: the mean squared error of a sum, the share of symbols that are wrong. null, in JSON, was no number. */
  readonly error: number | null;
  /** The error without any memory. */
  readonly guessing: number;
  /** Of training; 0: none. */
  readonly steps: number;
  /** The step whose loss or gradient was no number. */
  readonly divergedAt: number | null;
  /** Of a processor. */
  readonly seconds: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** null: nothing goes back through time. */
  readonly gradient: { readonly before: GradientCurve; readonly after: GradientCurve } | null;
}

export interface LongMemory extends Circumstances {
  readonly description: string;
  readonly setting: { readonly hiddenSize: number; readonly batchSize: number; readonly maxSteps: number };
  readonly runs: readonly MemoryRun[];
}

/** What some runs of one network at one problem come to. */
export interface MemorySummary {
  /** How many of them solved it. */
  readonly solved: number;
  readonly of: number;
  /** In a few words: "solved, 300–500", "solved 2 of 3", "97 %" of the error of guessing (the median), "97 %, 1 diverged". */
  readonly text: string;
  /** Medians: the error as a share of that of guessing, and the gradient's growth. */
  readonly share: number;
  readonly growth: { readonly before: number | null; readonly after: number | null };
}

/** null: there are no runs. */
export function summaryOf(runs: readonly MemoryRun[]): MemorySummary | null {
  if (runs.length === 0) return null;
  const solved = runs.filter(({ isSolved }) => isSolved);
  const share = median(runs.map(({ error, guessing }) => (error ?? Number.POSITIVE_INFINITY) / guessing));
  const growth = (which: 'before' | 'after'): number | null => {
    const known = runs.flatMap(({ gradient }) => gradient?.[which].growth ?? []);
    return known.length === 0 ? null : median(known);
  };
  const text =
    solved.length === 0
      ? unsolved(runs, share)
      : solved.length === runs.length
        ? allSolved(solved)
        : `solved ${solved.length} of ${runs.length}`;
  return { solved: solved.length, of: runs.length, text, share, growth: { before: growth('before'), after: growth('after') } };
}

function allSolved(runs: readonly MemoryRun[]): string {
  const steps = runs.map(({ steps }) => steps);
  const [low, high] = [Math.min(...steps), Math.max(...steps)].map((n) => n.toLocaleString('en'));
  if (high === '0') return 'solved';
  return low === high ? `solved, ${low}` : `solved, ${low}–${high}`;
}

function unsolved(runs: readonly MemoryRun[], share: number): string {
  const diverged = runs.filter(({ divergedAt }) => divergedAt !== null).length;
  const error = Number.isFinite(share) ? `${Math.round(100 * share)} %` : 'no number';
  return diverged === 0 ? error : `${error}, ${diverged} diverged`;
}
