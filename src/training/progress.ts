/** How far a training is, and the way of all that decides its future into a checkpoint and back. */
import { type Tensor, tensor } from '../autograd/tensor.ts';
import type { StateDict } from '../nn/module.ts';
import { ConfigError } from '../tensor/errors.ts';
import { type Checkpoint, type CheckpointState, tensorsUnder } from './checkpoint.ts';
import type { BestResult } from './events.ts';
import type { Carried, Training } from './training.ts';

/** What the loop itself remembers. */
export interface Progress extends Pick<CheckpointState, 'step' | 'badValidations' | 'validated' | 'sampled'> {
  readonly best: BestResult | null;
}

export const beginning: Progress = { step: 0, best: null, badValidations: 0, validated: { step: 0, epoch: 0 }, sampled: 0 };

/** Copies of everything. */
export function capture<B>(training: Training<B>, progress: Progress, carried: Carried, logBytes: number): Checkpoint {
  const { model, optimizer, batches, randoms = {}, average, plateau } = training;
  const { buffers, ...numbers } = optimizer.state();
  const averaged = average?.state();
  const tensors: Map<string, Entry> = new Map([...model.stateDict()].map(([name, entry]) => [`model/${name}`, entry]));
  for (const [name, values] of Object.entries(buffers)) tensors.set(`optimizer/${name}`, { shape: [values.length], values });
  carried?.forEach((state, i) => {
    tensors.set(`carried/${i}`, { shape: state.shape, values: state.dataSync() });
  });
  if (averaged !== undefined) tensors.set('average', { shape: [averaged.values.length], values: averaged.values });
  return {
    state: {
      ...progress,
      batches: batches.position(),
      optimizer: numbers,
      randoms: Object.fromEntries(
        Object.entries(randoms).map(([name, { state }]) => [name, { seed: [...state.seed], counter: state.counter }]),
      ),
      carried: carried?.length ?? null,
      average: averaged === undefined ? null : { updates: averaged.updates },
      plateau: plateau?.state() ?? null,
      logBytes,
    },
    tensors,
  };
}

/**
 * Puts a training where a checkpoint was taken.
 *
 * @throws ConfigError, ShapeError  when it is of a training that was built otherwise
 */
export function restore<B>(
  training: Training<B>,
  { state, tensors }: Checkpoint,
): { readonly progress: Progress; readonly carried: Carried } {
  const { model, optimizer, batches, randoms = {}, average, plateau } = training;
  const has = { randoms: Object.keys(randoms).sort().join(', '), average: average !== undefined, plateau: plateau !== undefined };
  const had = { randoms: Object.keys(state.randoms).sort().join(', '), average: state.average !== null, plateau: state.plateau !== null };
  for (const part of ['randoms', 'average', 'plateau'] as const) {
    if (has[part] === had[part]) continue;
    throw new ConfigError(
      `[Trainer] this training differs from its checkpoint in "${part}": expected ${had[part] || 'none'}, received ${has[part] || 'none'}. Resume with the configuration that it began with.`,
    );
  }
  model.loadStateDict(tensorsUnder(tensors, 'model/'));
  const buffers = Object.fromEntries([...tensorsUnder(tensors, 'optimizer/')].map(([name, { values }]) => [name, values]));
  optimizer.loadState({ ...state.optimizer, buffers });
  batches.seek(state.batches);
  for (const [name, random] of Object.entries(randoms)) random.state = state.randoms[name];
  restoreAverage(training, { state, tensors });
  if (state.plateau !== null) plateau?.loadState(state.plateau);
  const { step, best, badValidations, validated, sampled } = state;
  return {
    progress: { step, best: best as BestResult | null, badValidations, validated, sampled },
    carried: restoreCarried(training, { state, tensors }),
  };
}

/** The weights of a checkpoint alone, and their average. */
export function restoreWeights<B>(training: Training<B>, checkpoint: Checkpoint): void {
  training.model.loadStateDict(tensorsUnder(checkpoint.tensors, 'model/'));
  restoreAverage(training, checkpoint);
}

type Entry = StateDict extends ReadonlyMap<string, infer E> ? E : never;

function restoreAverage<B>({ average }: Training<B>, { state, tensors }: Checkpoint): void {
  if (state.average !== null) average?.loadState({ updates: state.average.updates, values: tensors.get('average')!.values });
}

function restoreCarried<B>({ optimizer }: Training<B>, { state, tensors }: Checkpoint): Carried {
  if (state.carried === null) return null;
  return Array.from({ length: state.carried }, (_, i): Tensor => {
    const { shape, values } = tensors.get(`carried/${i}`)!;
    return tensor(values, { shape, backend: optimizer.backend });
  });
}
