/**
 * A task's training in a run's folder: begun, or taken up again. A task says once how its data and options become a model,
 * batches and a loss; how many steps that makes, what the folder remembers, and the exact way back are the same for all.
 */
import * as v from 'valibot';
import type { BatchSource } from '../data/batch-source.ts';
import type { Module } from '../nn/module.ts';
import { WeightAverage } from '../optim/weight-average.ts';
import { ConfigError, FormatError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import type { Metrics, TrainingEvent } from '../training/events.ts';
import type { ModelConfig } from '../training/model-file.ts';
import { RunFolder } from '../training/run-folder.ts';
import { parseWith } from '../training/schema.ts';
import { Trainer } from '../training/trainer.ts';
import type { BatchLoss, Carried, EvaluationContext } from '../training/training.ts';
import { optimizerOf, type TrainingOptions } from './training-options.ts';

/** Paths of what is learnt from and tested on, as a run's folder remembers them. */
export interface DataPaths {
  readonly train: readonly string[];
  /** None: a part of the training data is set aside. */
  readonly valid: readonly string[];
}

/** Names of files that are given by their paths or as sources. */
export function namesOf(files: readonly (string | { readonly name: string })[]): string[] {
  return files.map((file) => (typeof file === 'string' ? file : file.name));
}

/** What a task makes of its data and options: all that a training needs. */
export interface Trainable<Batch> {
  /** Complete. */
  readonly options: TrainingOptions;
  readonly model: Module;
  readonly batches: BatchSource<Batch>;
  /** The loss of a batch; `carried` as in `Training`. */
  readonly loss: (batch: Batch, carried: Carried) => BatchLoss;
  /** On validation data, on the way. @param steps of the whole training: what an evaluation may cost */
  readonly evaluate: (context: EvaluationContext, steps: number) => Metrics | Promise<Metrics>;
  /** The metric that decides which weights are best. */
  readonly monitor: { readonly metric: string; readonly mode: 'min' | 'max' };
  /** A text to watch the model by. */
  readonly sample?: (step: number) => string;
  /** Every stream of random numbers that the training draws from, by a name of its own. */
  readonly randoms: Readonly<Record<string, Random>>;
  /** What the saved model says of itself. */
  readonly config: ModelConfig;
  /** Of the data as it was read (see fingerprint.ts): a training is not taken up with other data. */
  readonly fingerprint: string;
}

/** A training that is ready to run. */
export interface TrainingRun<T> {
  readonly parts: T;
  readonly paths: DataPaths;
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
}

/** config.json of a run. */
interface RunRecord {
  readonly task: string;
  readonly texts: DataPaths;
  /** As given. */
  readonly options: object;
  readonly steps: number;
  readonly fingerprint: string;
}

const recordSchema = v.lazy(() =>
  v.object({
    task: v.string(),
    texts: v.object({ train: v.array(v.string()), valid: v.array(v.string()) }),
    // checked by the task
    options: v.record(v.string(), v.unknown()),
    steps: v.pipe(v.number(), v.integer(), v.minValue(1)),
    fingerprint: v.string(),
  }),
);

/**
 * A training from the beginning.
 *
 * @param task     its name
 * @param options  as the user gave them: the folder keeps these
 * @param parts    what the task made of the data and of the options
 * @param out      the run's folder; without it nothing is written
 * @throws ConfigError when the folder already holds a training
 */
export async function beginTraining<B, T extends Trainable<B>>(
  request: { readonly task: string; readonly paths: DataPaths; readonly options: object; readonly out?: string },
  parts: T & Trainable<B>,
): Promise<TrainingRun<T>> {
  const { task, paths, options, out } = request;
  const steps = await plannedSteps(parts);
  const record: RunRecord = { task, texts: paths, options, steps, fingerprint: parts.fingerprint };
  return assemble(parts, record, out === undefined ? undefined : await RunFolder.create(out, record));
}

/**
 * A training that was begun in a folder, from its last checkpoint on.
 *
 * @param build  makes of the same paths and options what `beginTraining` was given
 * @throws ConfigError when there is none, it is another task's, or the data are no longer what they were
 */
export async function resumeTraining<O, B, T extends Trainable<B>>(
  task: string,
  out: string,
  build: (paths: DataPaths, options: O) => Promise<T & Trainable<B>>,
): Promise<TrainingRun<T>> {
  const folder = await RunFolder.open(out);
  const record: RunRecord = parseWith(recordSchema, folder.config, (message) => {
    throw new FormatError(`${message}. It was changed, or is no training of Unrolled's: train anew in another folder.`, {
      file: folder.configFile,
    });
  });
  if (record.task !== task) throw new ConfigError(`${out} holds a training of the task "${record.task}", not ${task}.`);
  const { texts, options, fingerprint } = record;
  const parts = await build(texts, options as O);
  if (parts.fingerprint !== fingerprint) {
    throw new ConfigError(
      `the data of the training in ${out} have changed since it began: ${[...texts.train, ...texts.valid].join(', ')}. Bring them back, or train anew in another folder.`,
    );
  }
  return assemble(parts, record, folder);
}

function assemble<B, T extends Trainable<B>>(
  parts: T & Trainable<B>,
  { texts, steps }: RunRecord,
  folder: RunFolder | undefined,
): TrainingRun<T> {
  const { model, options, batches, loss, evaluate, sample, randoms, monitor, config } = parts;
  const { averageDecay, patience, checkpointEvery, maxMinutes, watchEvery } = options;
  const trainer = new Trainer<B>(
    {
      model,
      optimizer: optimizerOf(model, options, steps),
      batches,
      loss,
      evaluate: (context) => evaluate(context, steps),
      randoms,
      ...(sample === undefined ? {} : { sample }),
      ...(averageDecay > 0 ? { average: new WeightAverage(model, { decay: averageDecay }) } : {}),
    },
    {
      maxSteps: steps,
      // The number of steps keeps to the time; this is for a machine that has become slow since it was measured.
      ...(maxMinutes === undefined ? {} : { maxMinutes: 1.5 * maxMinutes }),
      validateEvery: options.evaluateEvery ?? Math.max(1, Math.ceil(steps / 10)),
      ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
      ...(patience > 0 ? { patience } : {}),
      ...(watchEvery > 0 ? { watchEvery } : {}),
      monitor,
      ...(folder === undefined ? {} : { folder, modelConfig: config as never }),
    },
  );
  return { parts, paths: texts, steps, run: (given) => trainer.run(given) };
}

/** Steps by `maxSteps`, `epochs`, or `maxMinutes` and a measurement; the least of those given. */
async function plannedSteps<B>(parts: Trainable<B>): Promise<number> {
  const { options, batches } = parts;
  const { maxSteps, maxMinutes, epochs } = options;
  const limits = [
    maxSteps,
    epochs === undefined ? undefined : Math.max(1, Math.round(epochs * batches.batchesPerEpoch)),
    maxMinutes === undefined ? undefined : Math.max(1, Math.floor((maxMinutes * 60 * shareOfTraining) / (await secondsPerStep(parts)))),
  ].filter((limit) => limit !== undefined);
  if (limits.length === 0) throw new ConfigError('expected an end of the training, received none. Give epochs, maxSteps or maxMinutes.');
  return Math.min(...limits);
}

/** Of the time: the rest goes to validation, samples and checkpoints. */
const shareOfTraining = 0.9;

/** Forwards and backwards on the first batches, without an update: what the training computes later stays the same. */
async function secondsPerStep<B>({ model, options, batches, loss, randoms }: Trainable<B>): Promise<number> {
  const start = batches.position();
  const buffers = [...model.namedBuffers().values()].map((buffer) => ({ buffer, values: buffer.dataSync() }));
  const states = Object.values(randoms).map((random) => ({ random, state: random.state }));
  const optimizer = optimizerOf(model, options, 1);
  const seconds: number[] = [];
  const begun = performance.now();
  while (seconds.length < 3 || (seconds.length < 50 && performance.now() - begun < 1500)) {
    const batch = await batches.next();
    const since = performance.now();
    optimizer.zeroGrad();
    optimizer.accumulate(() => ({ loss: loss(batch, null).loss }));
    seconds.push((performance.now() - since) / 1000);
  }
  optimizer.zeroGrad();
  batches.seek(start);
  for (const { random, state } of states) random.state = state;
  for (const { buffer, values } of buffers) buffer.assign(values);
  // The first steps still warm up. A mean, and no median: batches of sequences differ in length.
  const later = seconds.slice(Math.floor(seconds.length / 3));
  return later.reduce((sum, s) => sum + s, 0) / later.length;
}
