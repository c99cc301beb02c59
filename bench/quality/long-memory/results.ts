/** bench/results/long-memory.json: what was measured of how far back networks learn to remember. */
import type { Circumstances } from '../../circumstances.ts';

/** T: how far back what matters lies. */
export const distances = [50, 100, 200, 500, 1000] as const;
/** Where remedies are compared. */
export const remedyDistance = 200;

/** ‖∂L/∂h_t‖ over a batch at some steps. */
export interface GradientCurve {
  readonly times: readonly number[];
  readonly norms: readonly number[];
  /** As in `RecurrenceStatistics`. */
  readonly growth: number | null;
}

/** One network at one problem. */
export interface MemoryRun {
  readonly problem: 'adding' | 'copy';
  readonly network: string;
  readonly label: string;
  readonly T: number;
  readonly isSolved: boolean;
  /** On 1,000 new sequences: the mean squared error of a sum, the share of symbols that are wrong. */
  readonly error: number;
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
