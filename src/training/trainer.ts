/**
 * The training loop: steps, validation, early stopping, checkpoints, and an exact way back after an interruption. It knows
 * batches and losses, and nothing of what a task does with them.
 *
 * Exactness. All that decides the weights is in a checkpoint, and what is due at a step is decided by counts, never by
 * clocks: a run that was killed and resumed ends in the same weights, to the bit, as one that was not. `maxMinutes` and an
 * AbortSignal decide when a run ends, and nothing else.
 */
import type { StateDict } from '../nn/module.ts';
import { ConfigError, DivergenceError, FileError, FormatError } from '../tensor/errors.ts';
import { Adviser } from './advice.ts';
import { Breath } from './breath.ts';
import type { Metrics, StopReason, TrainingEvent, ValidationEvent } from './events.ts';
import { saveModel } from './model-file.ts';
import { beginning, capture, type Progress, restore, restoreWeights } from './progress.ts';
import type { RunFolder } from './run-folder.ts';
import type { Carried, Training } from './training.ts';
import { StepWatch } from './watch.ts';

/** When a training ends, what happens how often, and what is kept. */
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
  /**
   * In steps: how often to look inside (a `watch` event: gradients through time, gates, units, updates), and to warn of what goes
   * wrong there. The weights are the same bits with and without. Default: never.
   */
  readonly watchEvery?: number;
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
  /** What the saved model says of itself (see model-file.ts); needed with `folder` for a model to be saved. */
  readonly modelConfig?: { readonly task: string; readonly training?: object };
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
  readonly #adviser = new Adviser();

  #progress: Progress = beginning;
  #carried: Carried = null;
  /** Where there is no folder to hold them. */
  #bestWeights: StateDict | null = null;
  /** The last step that has a checkpoint. */
  #saved = 0;
  /** Milliseconds on performance's clock; null: not yet. */
  #begun: number | null = null;
  #rate = 0;
  #rateSince = 0;

  /** @throws ConfigError when options are out of range or in conflict */
  constructor(training: Training<Batch>, options: TrainerOptions) {
    const { maxSteps, maxEpochs, maxMinutes, patience } = options;
    const { validateEvery, checkpointEvery, sampleEvery, watchEvery, accumulate, keepCheckpoints } = options;
    requireCounts({ maxSteps, maxEpochs, validateEvery, checkpointEvery, sampleEvery, watchEvery, accumulate, patience, keepCheckpoints });
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
    if (this.#begun !== null) throw new ConfigError('[Trainer] this training has run; make another Trainer to go on.');
    this.#begun = performance.now();
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
    yield* this.#start();
    let reason: StopReason | null = null;
    while (reason === null) {
      yield* this.#doWhatIsDue(signal);
      reason = this.#reasonToStop(signal);
      if (reason !== null) break;
      yield* this.#trainStep();
      await this.#breath.pause();
    }
    yield* this.#finish(reason, signal);
  }

  async *#start(): AsyncGenerator<TrainingEvent, void, void> {
    const { folder } = this.#options;
    const warnings: string[] = [];
    const found = (await folder?.resume((message) => warnings.push(message))) ?? null;
    if (found !== null) {
      ({ progress: this.#progress, carried: this.#carried } = restore(this.#training, found.checkpoint));
      this.#saved = this.#step;
    }
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
  async *#trainStep(): AsyncGenerator<TrainingEvent, void, void> {
    const { model, optimizer, batches, loss, average } = this.#training;
    const watch = this.#isWatched() ? new StepWatch(model) : null;
    const parts = this.#options.accumulate ?? 1;
    const begun = performance.now();
    const { learningRate } = optimizer;
    let total = 0;
    let items = 0;
    try {
      optimizer.zeroGrad();
      for (let part = 0; part < parts; part++) {
        const batch = await batches.next();
        const pass = () =>
          optimizer.accumulate(() => {
            const { carried, ...rest } = loss(batch, this.#carried);
            return { ...rest, carried: carried?.map((state) => state.detach()) ?? null };
          }, 1 / parts);
        const result = watch !== null && part === 0 ? watch.pass(pass, 1 / parts) : pass();
        this.#carried = result.carried;
        total += result.loss.item();
        items += result.items;
      }
      if (watch === null) optimizer.apply();
      else watch.update(() => optimizer.apply());
    } catch (error) {
      throw error instanceof DivergenceError ? this.#withCheckpoint(error) : error;
    }
    this.#advance({ step: this.#step + 1 });
    average?.update();
    yield {
      type: 'step',
      step: this.#step,
      epoch: this.#epochs(),
      loss: total / parts,
      learningRate,
      gradientNorm: optimizer.gradientNorm,
      items,
      itemsPerSecond: this.#measureRate(items, Math.max(performance.now() - begun, 1e-3)),
      seconds: this.#seconds(),
    };
    const seen = watch?.event(this.#step) ?? null;
    if (seen === null) return;
    yield seen;
    for (const message of this.#adviser.seen(seen)) yield { type: 'warning', step: this.#step, message };
  }

  /** Whether to look inside the coming step: the first one too, for how it all began. */
  #isWatched(): boolean {
    const { watchEvery } = this.#options;
    return watchEvery !== undefined && (this.#step === 0 || (this.#step + 1) % watchEvery === 0);
  }

  /** Validation, sample, checkpoint: whatever the present step asks for and has not had. */
  async *#doWhatIsDue(signal: AbortSignal | undefined): AsyncGenerator<TrainingEvent, void, void> {
    const { validateEvery, checkpointEvery, sampleEvery, folder } = this.#options;
    const { evaluate, sample, batches } = this.#training;
    if (this.#step === 0) return;
    const isAt = (every: number) => this.#step % every === 0;
    const isValidation = validateEvery === undefined ? batches.epoch > this.#progress.validated.epoch : isAt(validateEvery);

    if (evaluate !== undefined && isValidation && this.#progress.validated.step < this.#step) {
      const event = await this.#validate(evaluate, signal);
      if (event === null) return; // aborted: what is due stays due
      yield event;
    }
    if (sample !== undefined && (sampleEvery === undefined ? isValidation : isAt(sampleEvery)) && this.#progress.sampled < this.#step) {
      const text = await this.#asEvaluated(() => sample(this.#step));
      this.#advance({ sampled: this.#step });
      yield { type: 'sample', step: this.#step, text };
    }
    const isCheckpoint = checkpointEvery === undefined ? isValidation : isAt(checkpointEvery);
    if (evaluate === undefined && isValidation) this.#advance({ validated: { step: this.#step, epoch: batches.epoch } });
    if (folder !== undefined && (isCheckpoint || this.#progress.best?.step === this.#step) && this.#saved < this.#step) {
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
    const before = this.#progress.best?.metrics[metric];
    const isBest = !Number.isNaN(value) && (before === undefined || (mode === 'min' ? value < before : value > before));
    if (isBest) {
      this.#advance({ best: { step: this.#step, metrics }, badValidations: 0 });
      if (this.#options.folder === undefined) this.#bestWeights = await this.#asEvaluated(() => this.#training.model.stateDict());
    } else this.#advance({ badValidations: this.#progress.badValidations + 1 });
    if (plateau !== undefined) optimizer.learningRate = plateau.update(value, optimizer.learningRate);
    this.#advance({ validated: { step: this.#step, epoch: batches.epoch } });
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
    if (patience !== undefined && this.#progress.badValidations >= patience) return 'early-stopping';
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
    if (evaluate !== undefined && reason !== 'aborted' && this.#progress.validated.step < this.#step) {
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
    yield {
      type: 'done',
      reason,
      step: this.#step,
      epoch: this.#epochs(),
      best: this.#progress.best,
      model: file,
      seconds: this.#seconds(),
    };
  }

  #provenance(): Record<string, unknown> {
    const { step, metrics } = this.#progress.best ?? { step: this.#step, metrics: null };
    return { step, steps: this.#step, epochs: this.#epochs(), metrics, backend: this.#training.optimizer.backend.name };
  }

  /** The best weights into the model; without a validation the last ones, averaged if there is an average. Returns what went wrong. */
  async #takeBestWeights(): Promise<string | null> {
    const { model, average } = this.#training;
    const { folder } = this.#options;
    const best = this.#progress.best;
    if (best === null || best.step === this.#step || (folder === undefined && this.#bestWeights === null)) {
      average?.swap();
      return null;
    }
    if (folder === undefined) {
      model.loadStateDict(this.#bestWeights!);
      return null;
    }
    try {
      restoreWeights(this.#training, await folder.readCheckpoint(best.step));
      average?.swap();
      return null;
    } catch (error) {
      if (!(error instanceof FormatError || error instanceof FileError)) throw error;
      this.#advance({ best: null });
      average?.swap();
      return `the best weights, of step ${best.step}, cannot be read; the model has the last ones. ${error.message}`;
    }
  }

  async #saveCheckpoint(folder: RunFolder): Promise<TrainingEvent> {
    const step = this.#step;
    const file = folder.checkpointFile(step);
    const checkpoint = capture(this.#training, this.#progress, this.#carried, folder.logBytes);
    await folder.writeCheckpoint(checkpoint, this.#options.keepCheckpoints ?? 2);
    this.#saved = step;
    return { type: 'checkpoint', step, file };
  }

  get #step(): number {
    return this.#progress.step;
  }

  #advance(change: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...change };
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
    return (performance.now() - (this.#begun ?? 0)) / 1000;
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
