/** How well a model tells what came next, or the class of a sequence. */
import { select, slice } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import type { EchoStateClassifier } from '../../reservoir/echo-state-classifier.ts';
import type { EchoState, EchoStateNetwork } from '../../reservoir/echo-state-network.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { ConfusionMatrix } from '../metrics/classification.ts';
import type { Scale } from './config.ts';
import type { NumberSequence } from './read.ts';
import { type Pairs, paddedBatch, unscaled } from './sequences.ts';

/** Errors over many steps: nrmse as a share of the targets' deviation, rmse in units of the data. */
export class SeriesErrors {
  readonly #columns: number;
  readonly #sums: { error: number; sum: number; squares: number }[];
  #steps = 0;

  constructor(columns: number) {
    this.#columns = columns;
    this.#sums = Array.from({ length: columns }, () => ({ error: 0, sum: 0, squares: 0 }));
  }

  /** @param y, target  rows in units of the data */
  add(y: Float64Array, target: Float64Array): void {
    for (let i = 0; i < target.length; i++) {
      const sums = this.#sums[i % this.#columns];
      sums.error += (y[i] - target[i]) ** 2;
      sums.sum += target[i];
      sums.squares += target[i] ** 2;
    }
    this.#steps += target.length / this.#columns;
  }

  get steps(): number {
    return this.#steps;
  }

  get metrics(): { readonly nrmse: number; readonly rmse: number } {
    const n = this.#steps;
    const shares = this.#sums.map(({ error, sum, squares }) => error / Math.max(squares - sum ** 2 / n, 1e-300));
    const errors = this.#sums.reduce((total, { error }) => total + error, 0);
    return {
      nrmse: Math.sqrt(shares.reduce((total, share) => total + share, 0) / this.#columns),
      rmse: Math.sqrt(errors / (n * this.#columns)),
    };
  }
}

/**
 * Judges a sequence step by step, the truth being fed back where there is feedback: adds to `errors` what comes after `skip` steps.
 *
 * @returns the state after its last step
 */
export function judgeSteps(
  model: EchoStateNetwork,
  { x, y, steps }: Pairs,
  {
    state,
    skip,
    scale,
    errors,
  }: { readonly state: EchoState | null; readonly skip: number; readonly scale: Scale; readonly errors: SeriesErrors },
): EchoState {
  return scope(() => {
    const run = model.forward(x, state, { teacher: y });
    if (skip < steps) {
      const rows = (all: typeof y) => unscaled(slice(all, 1, skip, steps).dataSync(), scale);
      errors.add(rows(run.output), rows(y));
    }
    return run.state; // its y is the last that came
  });
}

/** A free run over the last `steps` targets of a sequence, after a warm-up by what is before: adds to `errors`. */
export function judgeFreeRun(
  model: EchoStateNetwork,
  { x, y, steps }: Pairs,
  { run, isSelf, scale, errors }: { readonly run: number; readonly isSelf: boolean; readonly scale: Scale; readonly errors: SeriesErrors },
): void {
  const begin = steps - run;
  scope(() => {
    const part = (all: typeof y, from: number, to: number) => slice(all, 1, from, to);
    const state = begin === 0 ? model.initialState(1) : model.forward(part(x, 0, begin), null, { teacher: part(y, 0, begin) }).state;
    const ahead = isSelf ? model.generate(run, [state[0], select(x, 1, begin)]) : model.generate(run, state, { x: part(x, begin, steps) });
    errors.add(unscaled(ahead.output.dataSync(), scale), unscaled(part(y, begin, steps).dataSync(), scale));
  });
}

/** Sequences that are read side by side. */
const batchSize = 64;

/** The outputs of each class for each sequence. [sequences][K] */
export function classify(model: EchoStateClassifier, sequences: readonly NumberSequence[], scale: Scale): Float64Array[] {
  const outputs: Float64Array[] = [];
  for (let begin = 0; begin < sequences.length; begin += batchSize) {
    const batch = sequences.slice(begin, begin + batchSize);
    const { x, lengths } = paddedBatch(batch, scale);
    const values = scope(() => model.forward(x, { lengths }).dataSync());
    const K = values.length / batch.length;
    for (let b = 0; b < batch.length; b++) outputs.push(Float64Array.from(values.subarray(b * K, (b + 1) * K)));
  }
  return outputs;
}

/** The class with the largest output. */
export function chosen(outputs: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < outputs.length; k++) if (outputs[k] > outputs[best]) best = k;
  return best;
}

/** @throws ConfigError when a label is not one of the training's */
export function confusionOf(
  model: EchoStateClassifier,
  labels: readonly string[],
  sequences: readonly NumberSequence[],
  scale: Scale,
): ConfusionMatrix {
  const matrix = new ConfusionMatrix(labels);
  for (const [i, outputs] of classify(model, sequences, scale).entries()) matrix.add(labelIndex(labels, sequences[i]), chosen(outputs));
  return matrix;
}

/** @throws ConfigError when the label is not one of the training's */
export function labelIndex(labels: readonly string[], { label, name }: NumberSequence): number {
  const index = labels.indexOf(label ?? '');
  if (index < 0)
    throw new ConfigError(
      `expected sequence "${name}" to have one of the classes ${labels.join(', ')}, received ${label === null ? 'none' : `"${label}"`}.`,
    );
  return index;
}
