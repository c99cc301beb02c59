/**
 * The training loop: steps, validation, early stopping, checkpoints, and an exact way back after an interruption. It knows
 * batches and losses, and nothing of what a task does with them.
 *
 * Exactness. All that decides the weights is in a checkpoint, and what is due at a step is decided by counts, never by
 * clocks: a run that was killed and resumed ends in the same weights, to the bit, as one that was not. `maxMinutes` and an
 * AbortSignal decide when a run ends, and nothing else.
 */
import { type Tensor, tensor } from '../autograd/tensor.ts';
import type { BatchSource } from '../data/batch-source.ts';
import type { Module, StateDict } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { ReduceOnPlateau } from '../optim/reduce-on-plateau.ts';
import type { WeightAverage } from '../optim/weight-average.ts';
import { ConfigError, DivergenceError, FormatError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import { Breath } from './breath.ts';
import { type Checkpoint, tensorsUnder } from './checkpoint.ts';
import type { BestResult, Metrics, StopReason, TrainingEvent, ValidationEvent } from './events.ts';
import { type ModelConfig, saveModel } from './model-file.ts';
import type { RunFolder } from './run-folder.ts';

/** States that go from one batch to the next; null at the very beginning. For an LSTM [h, c], for a GRU [h]. */
export type Carried = readonly Tensor[] | null;

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

export interface EvaluationContext {
  /** Lets the host's other work run. @throws AbortError when the training is to stop */
  readonly pause: () => Promise<void>;
}

export interface TrainerOptions {
  /** When to end: the first limit that is reached. One of `maxSteps`, `maxEpochs` and `maxMinutes` is needed. */
  readonly maxSteps?: number;
  readonly maxEpochs?: number;
  /** Of this run: a resumed training has them anew. */
  readonly maxMinutes?: number;
  /** In steps. Default: at the end of each epoch. */
  readonly validateEvery?: number;
  /** In steps. Default: after each validation. The best weights are always kept. */
  readonly checkpointEvery?: number;
  /** In steps. Default: after each validation. */
  readonly sampleEvery?: number;
  /** Batches whose gradients make one step; default 1. */
  readonly accumulate?: number;
  /** The metric that decides which weights are best; default the smallest `loss`. */
  readonly monitor?: { readonly metric: string; readonly mode: 'min' | 'max' };
  /** Validations without improvement after which training ends. Default: no early stopping. */
  readonly patience?: number;
  /** How many of the last checkpoints stay; default 2. The best stays as well. */
  readonly keepCheckpoints?: number;
  /** Where checkpoints, events and the model go. One that holds checkpoints is continued. Default: nothing is written. */
  readonly folder?: RunFolder;
  /** What the saved model says of itself; needed with `folder` for a model to be saved. */
  readonly modelConfig?: ModelConfig;
}

/**
 * Trains, and tells what happens as an async iterable; between steps the host's event loop runs.
 *
 * @example
 * const trainer = new Trainer({ model, optimizer, batches, loss }, { maxEpochs: 10 });
 * for await (const event of trainer.run()) if (event.type === 'step') console.log(event.loss);
 */
export class Trainer<Batch> {
  readonly #training: Training<Batch>;
  readonly #options: TrainerOptions;
  readonly #monitor: { readonly metric: string; readonly mode: 'min' | 'max' };
  readonly #breath = new Breath();

  #step = 0;
  #carried: Carried = null;
  #best: BestResult | null = null;
  /** Where there is no folder to hold them. */
  #bestWeights: StateDict | null = null;
  #badValidations = 0;
  #validated = { step: 0, epoch: 0 };
  #sampled = 0;
  /** The last step that has a checkpoint. */
  #saved = 0;
  #begun = 0;
  #rate = 0;
  #rateSince = 0;

  /** @throws ConfigError when options are out of range or in conflict */
  constructor(training: Training<Batch>, options: TrainerOptions) {
    const { maxSteps, maxEpochs, maxMinutes, validateEvery, checkpointEvery, sampleEvery, accumulate, patience, keepCheckpoints } = options;
    requireCounts({ maxSteps, maxEpochs, validateEvery, checkpointEvery, sampleEvery, accumulate, patience, keepCheckpoints });
    if (maxMinutes !== undefined && !(maxMinutes > 0)) throw new ConfigError(`[Trainer] expected maxMinutes > 0, received ${maxMinutes}.`);
    if (maxSteps === undefined && maxEpochs === undefined && maxMinutes === undefined) {
      throw new ConfigError('[Trainer] expected an end: maxSteps, maxEpochs or maxMinutes.');
    }
    if ((patience !== undefined || training.plateau !== undefined) && training.evaluate === undefined) {
      throw new ConfigError('[Trainer] early stopping and ReduceOnPlateau need validation: give an evaluate function.');
    }
    if (training.plateau !== undefined && training.optimizer.isScheduled) {
      throw new ConfigError(
        '[Trainer] expected a schedule or ReduceOnPlateau, received both. Give the optimizer a number as learningRate.',
      );
    }
    this.#training = training;
    this.#options = options;
    this.#monitor = options.monitor ?? { metric: 'loss', mode: 'min' };
  }

  /**
   * Runs the training to its end. The model then has the weights of its best validation, or the last ones where there was
   * none. Leaving the loop early ends the training where it is, without a checkpoint; use the signal to save one.
   *
   * @param signal  ends the training after the present step: a checkpoint is saved, the last event says 'aborted'
   * @throws DivergenceError  when the loss or a gradient becomes NaN or infinite; it names the last good checkpoint
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TrainingEvent, void, void> {
    const { folder } = this.#options;
    try {
      for await (const event of this.#events(signal)) {
        folder?.record(event);
        yield event;
      }
    } finally {
      folder?.close();
    }
  }

  async *#events(signal: AbortSignal | undefined): AsyncGenerator<TrainingEvent, void, void> {
    this.#begun = performance.now();
    yield* this.#start();
    let reason: StopReason | null = null;
    while (reason === null) {
      yield* this.#doWhatIsDue(signal);
      reason = this.#reasonToStop(signal);
      if (reason !== null) break;
      yield await this.#trainStep();
      await this.#breath.pause();
    }
    yield* this.#finish(reason, signal);
  }

  async *#start(): AsyncGenerator<TrainingEvent, void, void> {
    const { folder } = this.#options;
    const warnings: string[] = [];
    const found = (await folder?.resume((message) => warnings.push(message))) ?? null;
    if (found !== null) this.#restore(found.checkpoint);
    yield {
      type: 'start',
      step: this.#step,
      epoch: this.#training.batches.epoch,
      resumedFrom: found?.file ?? null,
      totalSteps: totalStepsOf(this.#options, this.#training.batches.batchesPerEpoch),
      parameterCount: this.#training.model.parameterCount,
      backend: this.#training.optimizer.backend.name,
    };
    for (const message of warnings) yield { type: 'warning', step: this.#step, message };
  }

  /** One optimiser step over `accumulate` batches. */
  async #trainStep(): Promise<TrainingEvent> {
    const { optimizer, batches, loss, average } = this.#training;
    const parts = this.#options.accumulate ?? 1;
    const begun = performance.now();
    const { learningRate } = optimizer;
    let total = 0;
    let items = 0;
    try {
      optimizer.zeroGrad();
      for (let part = 0; part < parts; part++) {
        const batch = await batches.next();
        const result = optimizer.accumulate(() => {
          const { carried, ...rest } = loss(batch, this.#carried);
          return { ...rest, carried: carried?.map((state) => state.detach()) ?? null };
        }, 1 / parts);
        this.#carried = result.carried;
        total += result.loss.item();
        items += result.items;
      }
      optimizer.apply();
    } catch (error) {
      throw error instanceof DivergenceError ? this.#withCheckpoint(error) : error;
    }
    this.#step++;
    average?.update();
    return {
      type: 'step',
      step: this.#step,
      epoch: this.#epochs(),
      loss: total / parts,
      learningRate,
      gradientNorm: optimizer.gradientNorm,
      items,
      itemsPerSecond: this.#measureRate(items, performance.now() - begun),
      seconds: this.#seconds(),
    };
  }

  /** Validation, sample, checkpoint: whatever the present step asks for and has not had. */
  async *#doWhatIsDue(signal: AbortSignal | undefined): AsyncGenerator<TrainingEvent, void, void> {
    const { validateEvery, checkpointEvery, sampleEvery, folder } = this.#options;
    const { evaluate, sample, batches } = this.#training;
    if (this.#step === 0) return;
    const isAt = (every: number) => this.#step % every === 0;
    const isValidation = validateEvery === undefined ? batches.epoch > this.#validated.epoch : isAt(validateEvery);

    if (evaluate !== undefined && isValidation && this.#validated.step < this.#step) {
      const event = await this.#validate(evaluate, signal);
      if (event === null) return; // aborted: what is due stays due
      yield event;
    }
    if (sample !== undefined && (sampleEvery === undefined ? isValidation : isAt(sampleEvery)) && this.#sampled < this.#step) {
      const text = await this.#asEvaluated(() => sample(this.#step));
      this.#sampled = this.#step;
      yield { type: 'sample', step: this.#step, text };
    }
    const isCheckpoint = checkpointEvery === undefined ? isValidation : isAt(checkpointEvery);
    if (evaluate === undefined && isValidation) this.#validated = { step: this.#step, epoch: batches.epoch };
    if (folder !== undefined && (isCheckpoint || this.#best?.step === this.#step) && this.#saved < this.#step) {
      yield await this.#saveCheckpoint(folder);
    }
  }

  /** null when the signal came first. */
  async #validate(evaluate: NonNullable<Training<Batch>['evaluate']>, signal: AbortSignal | undefined): Promise<ValidationEvent | null> {
    const { batches, plateau, optimizer } = this.#training;
    const pause = async () => {
      await this.#breath.pause();
      if (signal?.aborted) throw new AbortError();
    };
    let metrics: Metrics;
    try {
      metrics = await this.#asEvaluated(() => evaluate({ pause }));
    } catch (error) {
      if (error instanceof AbortError) return null;
      throw error;
    }
    const { metric, mode } = this.#monitor;
    const value = metrics[metric];
    if (value === undefined) {
      throw new ConfigError(
        `[Trainer] expected evaluate to return "${metric}", which is monitored; received ${Object.keys(metrics).join(', ') || 'nothing'}.`,
      );
    }
    const before = this.#best?.metrics[metric];
    const isBest = !Number.isNaN(value) && (before === undefined || (mode === 'min' ? value < before : value > before));
    if (isBest) {
      this.#best = { step: this.#step, metrics };
      this.#badValidations = 0;
      if (this.#options.folder === undefined) this.#bestWeights = await this.#asEvaluated(() => this.#training.model.stateDict());
    } else this.#badValidations++;
    if (plateau !== undefined) optimizer.learningRate = plateau.update(value, optimizer.learningRate);
    this.#validated = { step: this.#step, epoch: batches.epoch };
    return { type: 'validation', step: this.#step, epoch: this.#epochs(), metrics, isBest };
  }

  /** Runs something in evaluation mode, with the averaged weights if there are any. */
  async #asEvaluated<T>(body: () => T | Promise<T>): Promise<T> {
    const { model, average } = this.#training;
    model.eval();
    try {
      return await (average === undefined ? body() : average.use(body));
    } finally {
      model.train();
    }
  }

  #reasonToStop(signal: AbortSignal | undefined): StopReason | null {
    const { maxSteps, maxEpochs, maxMinutes, patience } = this.#options;
    if (signal?.aborted) return 'aborted';
    if (patience !== undefined && this.#badValidations >= patience) return 'early-stopping';
    if (maxSteps !== undefined && this.#step >= maxSteps) return 'steps';
    if (maxEpochs !== undefined && this.#training.batches.epoch >= maxEpochs) return 'epochs';
    if (maxMinutes !== undefined && this.#seconds() >= maxMinutes * 60) return 'minutes';
    return null;
  }

  /**
   * A last checkpoint, a last validation, the best weights, the model. In this order: a training that goes on from here with
   * a higher limit goes on as if it had never stopped.
   */
  async *#finish(reason: StopReason, signal: AbortSignal | undefined): AsyncGenerator<TrainingEvent, void, void> {
    const { folder, modelConfig } = this.#options;
    const { evaluate, model } = this.#training;
    if (folder !== undefined && this.#saved < this.#step) yield await this.#saveCheckpoint(folder);
    if (evaluate !== undefined && reason !== 'aborted' && this.#validated.step < this.#step) {
      const event = await this.#validate(evaluate, signal);
      if (event !== null) yield event;
    }
    const problem = await this.#takeBestWeights();
    if (problem !== null) yield { type: 'warning', step: this.#step, message: problem };
    let file: string | null = null;
    if (folder !== undefined && modelConfig !== undefined) {
      file = folder.modelFile;
      await saveModel(file, {
        config: { ...modelConfig, training: { ...modelConfig.training, ...this.#provenance() } },
        tensors: model.stateDict(),
      });
    }
    yield { type: 'done', reason, step: this.#step, epoch: this.#epochs(), best: this.#best, model: file, seconds: this.#seconds() };
  }

  #provenance(): Record<string, unknown> {
    const { step, metrics } = this.#best ?? { step: this.#step, metrics: null };
    return { step, steps: this.#step, epochs: this.#epochs(), metrics, backend: this.#training.optimizer.backend.name };
  }

  /** The best weights into the model; without a validation the last ones, averaged if there is an average. Returns what went wrong. */
  async #takeBestWeights(): Promise<string | null> {
    const { model, average } = this.#training;
    const { folder } = this.#options;
    const best = this.#best;
    if (best === null || best.step === this.#step || (folder === undefined && this.#bestWeights === null)) {
      average?.swap();
      return null;
    }
    if (folder === undefined) {
      model.loadStateDict(this.#bestWeights!);
      return null;
    }
    try {
      const { state, tensors } = await folder.readCheckpoint(best.step);
      model.loadStateDict(tensorsUnder(tensors, 'model/'));
      if (average === undefined || state.average === null) return null;
      average.loadState({ updates: state.average.updates, values: tensors.get('average')!.values });
      average.swap();
      return null;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#best = null;
      average?.swap();
      return `the best weights, of step ${best.step}, cannot be read; the model has the last ones. ${error.message}`;
    }
  }

  async #saveCheckpoint(folder: RunFolder): Promise<TrainingEvent> {
    const step = this.#step;
    const file = folder.checkpointFile(step);
    const event: TrainingEvent = { type: 'checkpoint', step, file };
    await folder.writeCheckpoint(this.#checkpoint(folder), this.#options.keepCheckpoints ?? 2);
    this.#saved = step;
    return event;
  }

  #checkpoint(folder: RunFolder): Checkpoint {
    const { model, optimizer, batches, randoms = {}, average, plateau } = this.#training;
    const { buffers, ...numbers } = optimizer.state();
    const averaged = average?.state();
    const flat = (values: Float32Array | Float64Array | Int32Array) => ({ shape: [values.length], values });
    const tensors = new Map([...model.stateDict()].map(([name, entry]) => [`model/${name}`, entry]));
    for (const [name, values] of Object.entries(buffers)) tensors.set(`optimizer/${name}`, flat(values));
    this.#carried?.forEach((state, i) => {
      tensors.set(`carried/${i}`, { shape: state.shape, values: state.dataSync() });
    });
    if (averaged !== undefined) tensors.set('average', flat(averaged.values));
    return {
      state: {
        step: this.#step,
        batches: batches.position(),
        optimizer: numbers,
        randoms: Object.fromEntries(
          Object.entries(randoms).map(([name, { state }]) => [name, { seed: [...state.seed], counter: state.counter }]),
        ),
        carried: this.#carried?.length ?? null,
        average: averaged === undefined ? null : { updates: averaged.updates },
        plateau: plateau?.state() ?? null,
        best: this.#best,
        badValidations: this.#badValidations,
        validated: this.#validated,
        sampled: this.#sampled,
        logBytes: folder.logBytes,
      },
      tensors,
    };
  }

  #restore({ state, tensors }: Checkpoint): void {
    const { model, optimizer, batches, randoms = {}, average, plateau } = this.#training;
    const values = (name: string) => tensors.get(name)!.values;
    const missing = Object.keys(randoms).find((name) => state.randoms[name] === undefined);
    if (
      missing !== undefined ||
      (average !== undefined) !== (state.average !== null) ||
      (plateau !== undefined) !== (state.plateau !== null)
    ) {
      const what = missing !== undefined ? `random numbers "${missing}"` : 'an average of weights, or a plateau';
      throw new ConfigError(
        `[Trainer] the checkpoint differs from this training in ${what}. Resume with the configuration that it began with.`,
      );
    }
    model.loadStateDict(tensorsUnder(tensors, 'model/'));
    const buffers = Object.fromEntries([...tensorsUnder(tensors, 'optimizer/')].map(([name, entry]) => [name, entry.values]));
    optimizer.loadState({ ...state.optimizer, buffers });
    batches.seek(state.batches);
    for (const [name, random] of Object.entries(randoms)) random.state = state.randoms[name];
    this.#carried = state.carried === null ? null : Array.from({ length: state.carried }, (_, i) => this.#restoredState(tensors, i));
    if (state.average !== null) average!.loadState({ updates: state.average.updates, values: values('average') });
    if (state.plateau !== null) plateau!.loadState(state.plateau);
    this.#step = state.step;
    this.#best = state.best as BestResult | null;
    this.#badValidations = state.badValidations;
    this.#validated = state.validated;
    this.#sampled = state.sampled;
    this.#saved = state.step;
  }

  #restoredState(tensors: StateDict, i: number): Tensor {
    const { shape, values } = tensors.get(`carried/${i}`)!;
    return tensor(values, { shape, backend: this.#training.optimizer.backend });
  }

  #withCheckpoint(error: DivergenceError): DivergenceError {
    const { folder } = this.#options;
    const checkpoint = folder !== undefined && this.#saved > 0 ? folder.checkpointFile(this.#saved) : undefined;
    const where = folder === undefined ? '' : ` Last good checkpoint: ${checkpoint ?? 'none yet'}.`;
    const { step, tensor } = error;
    return new DivergenceError(`${error.message}${where}`, { step, tensor, checkpoint }, { cause: error });
  }

  /** Epochs done, with the part of the present one. */
  #epochs(): number {
    const { batches } = this.#training;
    const { epoch, index } = batches.position();
    return epoch + index / batches.batchesPerEpoch;
  }

  #seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  /** Smoothed over two seconds of training; validation and saving are left out. */
  #measureRate(items: number, milliseconds: number): number {
    this.#rateSince += milliseconds;
    const weight = Math.max(1 - Math.exp(-milliseconds / 2000), milliseconds / this.#rateSince);
    this.#rate += weight * ((items / milliseconds) * 1000 - this.#rate);
    return this.#rate;
  }
}

/** How many steps a training of these limits has; null when only time ends it. */
export function totalStepsOf({ maxSteps, maxEpochs, accumulate = 1 }: TrainerOptions, batchesPerEpoch: number): number | null {
  const ofEpochs = maxEpochs === undefined ? Infinity : Math.ceil((maxEpochs * batchesPerEpoch) / accumulate);
  const total = Math.min(maxSteps ?? Infinity, ofEpochs);
  return total === Infinity ? null : total;
}

class AbortError extends Error {
  override readonly name = 'AbortError';
}

function requireCounts(options: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new ConfigError(`[Trainer] expected ${name} to be a whole number ≥ 1, received ${value}.`);
    }
  }
}
