/** What a `Trainer` needs to know of a task: a model, batches, a loss, and what watches over them. */
import type { Tensor } from '../autograd/tensor.ts';
import type { BatchSource } from '../data/batch-source.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { ReduceOnPlateau } from '../optim/reduce-on-plateau.ts';
import type { WeightAverage } from '../optim/weight-average.ts';
import type { Random } from '../tensor/random.ts';
import type { Metrics } from './events.ts';

/** States that go from one batch to the next; null at the very beginning. For an LSTM [h, c], for a GRU [h]. */
export type Carried = readonly Tensor[] | null;

/** What came of one batch. */
export interface BatchLoss {
  /** A scalar: the mean over the batch's items. */
  readonly loss: Tensor;
  /** Tokens or sequences in the batch, for the rate. */
  readonly items: number;
  /** The states after this batch; the next one gets them, without their history. */
  readonly carried?: Carried;
}

/** What is trained, on what, towards what. */
export interface Training<Batch> {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly batches: BatchSource<Batch>;
  /**
   * The loss of a batch. For truncated backpropagation through time it begins at `carried`, or anew where the batch begins a
   * stream, and returns the states it ends in.
   */
  readonly loss: (batch: Batch, carried: Carried) => BatchLoss;
  /** Results on held-out data, in evaluation mode and with averaged weights if there are any. Call `pause` between batches. */
  readonly evaluate?: (context: EvaluationContext) => Metrics | Promise<Metrics>;
  /** A text to watch the model by. Its randomness must be its own: what it uses of `randoms` would change the training. */
  readonly sample?: (step: number) => string | Promise<string>;
  /** Every stream of random numbers that training draws from (dropout), by a name of its own. */
  readonly randoms?: Readonly<Record<string, Random>>;
  /** Updated after each step; validation and the saved model use it. */
  readonly average?: WeightAverage;
  /** Updated with the monitored metric of each validation. The optimiser's learning rate is a number then. */
  readonly plateau?: ReduceOnPlateau;
}

/** What an evaluation gets from the loop it interrupts. */
export interface EvaluationContext {
  /** Lets the host's other work run. @throws AbortError when the training is to stop */
  readonly pause: () => Promise<void>;
}
