/**
 * Looking on while recurrent layers run: a watcher is told of each run of each direction within `watchRecurrences`, whoever calls
 * the layers, and of the gradient of its states once the backward has come by. Nothing that is computed changes by it.
 */
import type { Parameter, Tensor } from '../autograd/tensor.ts';
import type { LayerInput } from './input-projection.ts';

/** One run of one direction of one recurrent layer, as a watcher sees it after the forward; tensors live until it returns. */
export interface WatchedRun {
  /** "LSTM", "GRU", "RNN"; of a cell of one's own its class. */
  readonly cell: string;
  readonly hiddenSize: number;
  readonly reverse: boolean;
  /** One of its parameters, by which a model can say whose it is: `weight_hh` where there is one. */
  readonly parameter: Parameter | null;
  readonly T: number;
  readonly B: number;
  /** True lengths, [B]; null: all T. */
  readonly lengths: Int32Array | null;
  /** Activated gates as the kernels keep them, side by side: i, f, g, o or r, z, n. null: none. [T, B, G·H] */
  readonly gates: Tensor | null;
  /** What it read; null: a cell of one's own does not say. */
  readonly input: LayerInput | null;
  /** The state after each step. [T, B, P] */
  readonly states: Tensor | null;
}

/**
 * May be called several times in one backward, with more each time.
 *
 * @param squares  ‖∂L/∂h_t‖² of each row, h_t's whole gradient; 0 past a row's length. [T, B]
 */
export type GradientReceiver = (squares: Float64Array) => void;

export interface RecurrenceWatcher {
  /** Called after each forward. What it returns is called by the backward of the same run. */
  ran(run: WatchedRun): GradientReceiver | null;
}

let current: RecurrenceWatcher | null = null;

/** Runs `body` with this watcher looking on. Within it another one may take over. */
export function watchRecurrences<T>(watcher: RecurrenceWatcher, body: () => T): T {
  const before = current;
  current = watcher;
  try {
    return body();
  } finally {
    current = before;
  }
}

/** Who looks on now. For layers. */
export function currentWatcher(): RecurrenceWatcher | null {
  return current;
}
