/** What a training tells as it goes: an async iterable of these, and the lines of a run's events.jsonl. */
import type { RecurrenceStatistics } from '../nn/recurrence-statistics.ts';

/** Results on held-out data, by name: `loss`, `accuracy`, … */
export type Metrics = Readonly<Record<string, number>>;

/** What a training tells; `type` says which. */
export type TrainingEvent =
  | StartEvent
  | StepEvent
  | ValidationEvent
  | WatchEvent
  | { readonly type: 'sample'; readonly step: number; readonly text: string }
  | { readonly type: 'checkpoint'; readonly step: number; readonly file: string }
  /** Something went wrong that the training can live with. */
  | { readonly type: 'warning'; readonly step: number; readonly message: string }
  | DoneEvent;

/** A training begins, or goes on. */
export interface StartEvent {
  readonly type: 'start';
  /** Steps done before: 0, or those of the checkpoint that is continued. */
  readonly step: number;
  readonly epoch: number;
  /** The checkpoint that is continued; null when the training begins. */
  readonly resumedFrom: string | null;
  /** What the training will end at, where it is known beforehand. */
  readonly totalSteps: number | null;
  readonly parameterCount: number;
  readonly backend: string;
}

/** One update of the weights. */
export interface StepEvent {
  readonly type: 'step';
  /** Steps done, this one included. */
  readonly step: number;
  /** Epochs done, with the part of the present one: 1.25. */
  readonly epoch: number;
  /** Mean over the step's batches. */
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Tokens or sequences in this step. */
  readonly items: number;
  /** Smoothed over two seconds. */
  readonly itemsPerSecond: number;
  /** Since this run of the training began. */
  readonly seconds: number;
}

/** Results on held-out data. */
export interface ValidationEvent {
  readonly type: 'validation';
  readonly step: number;
  readonly epoch: number;
  readonly metrics: Metrics;
  readonly isBest: boolean;
}

/**
 * A look inside, taken at a step: how gradients came back through time, gates, units, and how far the update moved the weights. Told
 * after that step's `step` event where `TrainerOptions.watchEvery` asks for it; all numbers have four digits.
 *
 * @see docs/insight.md
 */
export interface WatchEvent {
  readonly type: 'watch';
  /** Steps done, the watched one included. */
  readonly step: number;
  /** Each direction of each recurrent layer, in the order in which they ran. */
  readonly layers: readonly RecurrenceStatistics[];
  /** Each parameter that learns. */
  readonly parameters: readonly ParameterStatistics[];
}

/** What an update did to one parameter. */
export interface ParameterStatistics {
  /** Under its state-dict name: "rnn.weight_hh_l0". */
  readonly name: string;
  /** ‖w‖ before the update. */
  readonly norm: number;
  /** ‖∂L/∂w‖ before clipping. */
  readonly gradientNorm: number;
  /** ‖Δw‖ / ‖w‖: about a thousandth in a training that goes well. null: the weights were 0. */
  readonly updateRatio: number | null;
}

/** Why a training ended: a limit, no improvement for long, or its AbortSignal. */
export type StopReason = 'steps' | 'epochs' | 'minutes' | 'early-stopping' | 'aborted';

/** A training has ended. */
export interface DoneEvent {
  readonly type: 'done';
  readonly reason: StopReason;
  readonly step: number;
  readonly epoch: number;
  /** The validation whose weights the model has now; null: it has the last ones. */
  readonly best: BestResult | null;
  /** The saved model, where the training has a folder. */
  readonly model: string | null;
  readonly seconds: number;
}

/** The best validation so far. */
export interface BestResult {
  readonly step: number;
  readonly metrics: Metrics;
}
