/**
 * A reservoir's training in a run's folder. There are no steps of gradient: a readout is solved for. With a search, each of its
 * trials is such a solution, and counts as a step; the last step solves on all of the training part with the best of them.
 */
import { openLog, writeAtomically } from '#files';
import { getBackend } from '../../backend/select.ts';
import { type TextSource, textFile } from '../../data/text/text-source.ts';
import { bestTrial, type SearchTrial, searchReservoir } from '../../reservoir/search.ts';
import { drawSearchMap } from '../../reservoir/search-map.ts';
import { defaultSearchSpace, type SearchPoint } from '../../reservoir/search-space.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { Metrics, StepEvent, TrainingEvent } from '../../training/events.ts';
import { saveModel } from '../../training/model-file.ts';
import { RunFolder } from '../../training/run-folder.ts';
import { Fingerprint } from '../fingerprint.ts';
import type { DataPaths } from '../training-run.ts';
import type { Architecture, ReservoirConfig } from './config.ts';
import { labelIndex } from './evaluate.ts';
import { type ReservoirTaskOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { type Columns, type NumberSequence, readSequences } from './read.ts';
import { reservoirFile, type SavedReservoir } from './saved.ts';
import { identityScale, scaleOf } from './sequences.ts';
import { judgePoint, solve, type TrialResult, validate } from './solve.ts';
import { trialFile, trialKey, trialsIn } from './trials.ts';

/** A training that is ready to run. */
export interface ReservoirTraining {
  readonly options: ResolvedOptions;
  readonly config: ReservoirConfig;
  readonly paths: DataPaths;
  readonly sizes: { readonly train: number; readonly valid: number; readonly sequences: number };
  /** Readouts that are solved for: trials of the search, and the last. */
  readonly steps: number;
  /** Solves, trial by trial, and tells of it. `signal` ends a search early: nothing is saved then. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** The trained model. @throws ConfigError before `run` has ended */
  saved(): SavedReservoir;
  /** On validation data. */
  evaluate(): Metrics;
}

/** config.json of a run. */
interface RunRecord {
  readonly task: 'reservoir';
  readonly texts: DataPaths;
  readonly options: ReservoirTaskOptions;
  readonly fingerprint: string;
}

/**
 * Reads tables and prepares a training.
 *
 * @param out  the run's folder; without it nothing is written
 * @throws FormatError, ConfigError when the data or the options are not what they should be
 * @example
 * const training = await prepareReservoir({ train: ['laser.csv'], valid: [] }, { hiddenSize: 500, search: 30 });
 * for await (const event of training.run()) console.log(event);
 */
export async function prepareReservoir(paths: DataPaths, options: ReservoirTaskOptions, out?: string): Promise<ReservoirTraining> {
  const parts = await read(paths, options);
  const record: RunRecord = { task: 'reservoir', texts: paths, options, fingerprint: parts.fingerprint };
  const folder = out === undefined ? null : await RunFolder.create(out, record);
  return assemble(parts, paths, folder);
}

/**
 * A training that was begun in a folder: trials of a search that were made are not made again; the rest takes a moment, and ends in
 * the same weights.
 *
 * @throws ConfigError when there is none, it is another task's, or the data have changed
 */
export async function resumeReservoir(out: string): Promise<ReservoirTraining> {
  const folder = await RunFolder.open(out);
  const record = folder.config as RunRecord;
  if (record?.task !== 'reservoir') throw new ConfigError(`${out} holds a training of the task "${record?.task}", not reservoir.`);
  const parts = await read(record.texts, record.options);
  if (parts.fingerprint !== record.fingerprint) {
    throw new ConfigError(
      `the data of the training in ${out} have changed since it began: ${[...record.texts.train, ...record.texts.valid].join(', ')}. Bring them back, or train anew in another folder.`,
    );
  }
  return assemble(parts, record.texts, folder);
}

/** What was read: sequences to learn from and to validate on. */
export interface Parts {
  readonly options: ResolvedOptions;
  readonly config: ReservoirConfig;
  /** Of a series: all rows; the last ones are the validation's where there are no files for it. */
  readonly train: readonly NumberSequence[];
  readonly valid: readonly NumberSequence[];
  /** Of each sequence, rows that are learnt from. */
  readonly rows: readonly number[];
  readonly fingerprint: string;
}

async function read({ train, valid }: DataPaths, given: ReservoirTaskOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const sources = (files: readonly string[]): TextSource[] => files.map((file) => textFile(file));
  const { inputs, targets, sequence, label } = options;
  const roles = {
    ...(inputs === undefined ? {} : { inputs }),
    ...(targets === undefined ? {} : { targets }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(label === undefined ? {} : { label }),
  };
  const learnt = await readSequences(sources(train), roles);
  const { columns } = learnt;
  const named = { inputs: columns.inputs, targets: columns.targets, ...roles };
  const held =
    valid.length === 0 ? null : (await readSequences(sources(valid), label === undefined ? named : { ...named, targets: [] })).sequences;
  const fingerprint = new Fingerprint();
  for (const one of [...learnt.sequences, ...(held ?? [])]) {
    fingerprint
      .text(one.name)
      .text(one.label ?? '')
      .numbers(one.inputs);
    if (one.targets !== null) fingerprint.numbers(one.targets);
  }
  const parts =
    label === undefined ? seriesParts(options, columns, learnt.sequences, held) : classParts(options, columns, learnt.sequences, held);
  return { ...parts, options, fingerprint: fingerprint.toString() };
}

function seriesParts(
  options: ResolvedOptions,
  columns: Columns,
  train: readonly NumberSequence[],
  valid: readonly NumberSequence[] | null,
): Omit<Parts, 'options' | 'fingerprint'> {
  const isSelf = options.inputs === undefined;
  const ahead = options.ahead ?? (isSelf ? 1 : 0);
  const { validFraction, washout, scaling } = options;
  const rows = train.map(({ length }) => (valid === null ? length - Math.max(1, Math.round(length * validFraction)) : length));
  train.forEach(({ name }, i) => {
    if (rows[i] - ahead <= washout) {
      throw new ConfigError(
        `expected more than ${washout + ahead} rows to learn from in each sequence (washout ${washout}, ahead ${ahead}), received ${rows[i]} in ${name}. Lower washout, or give more rows.`,
      );
    }
  });
  const I = columns.inputs.length;
  const O = columns.targets.length;
  const scale = (of: 'inputs' | 'targets', width: number) =>
    scaling === 'none'
      ? identityScale(width)
      : scaleOf(
          train.map((one, i) => ({ values: one[of] ?? new Float64Array(0), rows: rows[i] })),
          width,
        );
  const config: ReservoirConfig = {
    task: 'reservoir',
    architecture: architectureOf(options, 'series', I, O),
    data: { columns: mutable(columns), ahead, isSelf, labels: [] },
    normalization: { inputs: scale('inputs', I), targets: scale('targets', O) },
  };
  return { config, train, valid: valid ?? [], rows };
}

function classParts(
  options: ResolvedOptions,
  columns: Columns,
  sequences: readonly NumberSequence[],
  valid: readonly NumberSequence[] | null,
): Omit<Parts, 'options' | 'fingerprint'> {
  const labels = [...new Set(sequences.map(({ label }) => label as string))].sort();
  if (labels.length < 2)
    throw new ConfigError(
      `label: expected at least two classes in column "${columns.label}", received ${labels.map((name) => `"${name}"`).join(', ')}.`,
    );
  // The last of each class are held out, at least one.
  const held = new Set<NumberSequence>();
  for (const name of valid === null ? labels : []) {
    const own = sequences.filter(({ label }) => label === name);
    if (own.length < 2)
      throw new ConfigError(
        `label: expected at least two sequences of each class, one of them to validate on, received ${own.length} of "${name}". Give more, or files for validation.`,
      );
    for (const one of own.slice(own.length - Math.max(1, Math.round(own.length * options.validFraction)))) held.add(one);
  }
  const train = sequences.filter((one) => !held.has(one));
  const I = columns.inputs.length;
  const all = train.map(({ inputs, length }) => ({ values: inputs, rows: length }));
  const scale = options.scaling === 'none' ? identityScale(I) : scaleOf(all, I);
  const config: ReservoirConfig = {
    task: 'reservoir',
    architecture: architectureOf(options, 'classification', I, labels.length),
    data: { columns: mutable(columns), ahead: 0, isSelf: false, labels },
    normalization: { inputs: scale, targets: { mean: [], deviation: [] } },
  };
  for (const one of valid ?? []) labelIndex(labels, one);
  return { config, train, valid: valid ?? sequences.filter((one) => held.has(one)), rows: train.map(({ length }) => length) };
}

function mutable({ inputs, targets, sequence, label }: Columns): ReservoirConfig['data']['columns'] {
  return { inputs: [...inputs], targets: [...targets], sequence, label };
}

function architectureOf(options: ResolvedOptions, head: Architecture['head'], inputSize: number, outputSize: number): Architecture {
  const { hiddenSize, numLayers, arrangement, spectralRadius, leakRate, inputScaling, biasScaling, feedbackScaling } = options;
  const { density, noise, washout, ridge, readInput, pooling } = options;
  return {
    ...{ head, inputSize, outputSize, hiddenSize, numLayers, arrangement, spectralRadius, leakRate, inputScaling, biasScaling },
    ...{ feedbackScaling, density, noise, washout, ridge, readInput, pooling },
  };
}

// ---- running ------------------------------------------------------------------------------------------------------------

function assemble(parts: Parts, paths: DataPaths, folder: RunFolder | null): ReservoirTraining {
  const { options, config, train, valid, rows } = parts;
  const { search, searchMethod } = options;
  const trials =
    search === 0 ? 0 : searchMethod === 'random' ? search : search + Math.ceil(search / 3) + Math.ceil(Math.ceil(search / 3) / 3);
  const learnt = rows.reduce((sum, count) => sum + count, 0);
  let result: { saved: SavedReservoir; metrics: Metrics } | null = null;
  const held =
    valid.length > 0 ? valid.reduce((sum, { length }) => sum + length, 0) : train.reduce((sum, { length }) => sum + length, 0) - learnt;
  const isClassification = config.architecture.head === 'classification';
  return {
    options,
    config,
    paths,
    sizes: { train: isClassification ? train.length : learnt, valid: isClassification ? valid.length : held, sequences: train.length },
    steps: trials + 1,
    async *run({ signal } = {}) {
      const run = new Run(parts, folder, trials + 1, learnt, signal);
      yield* run.events();
      result = run.result;
    },
    saved() {
      if (result === null) throw new ConfigError('[reservoir] the training has not ended yet: run it first.');
      return result.saved;
    },
    evaluate() {
      if (result === null) throw new ConfigError('[reservoir] the training has not ended yet: run it first.');
      return result.metrics;
    },
  };
}

class Run {
  result: { saved: SavedReservoir; metrics: Metrics } | null = null;
  readonly #parts: Parts;
  readonly #folder: RunFolder | null;
  readonly #steps: number;
  readonly #items: number;
  readonly #signal: AbortSignal | undefined;
  readonly #begun = performance.now();
  #step = 0;

  constructor(parts: Parts, folder: RunFolder | null, steps: number, items: number, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#folder = folder;
    this.#steps = steps;
    this.#items = items;
    this.#signal = signal;
  }

  async *events(): AsyncGenerator<TrainingEvent, void, void> {
    const { options } = this.#parts;
    await this.#folder?.resume(() => undefined);
    const record = <E extends TrainingEvent>(event: E): E => {
      this.#folder?.record(event);
      return event;
    };
    try {
      const { architecture } = this.#parts.config;
      const parameterCount = architecture.outputSize * (architecture.hiddenSize * architecture.numLayers + 1);
      yield record({
        type: 'start',
        step: 0,
        epoch: 0,
        resumedFrom: null,
        totalSteps: this.#steps,
        parameterCount,
        backend: getBackend().name,
      });
      let point: SearchPoint & { readonly ridge?: number } = {};
      if (options.search > 0) {
        const found: SearchTrial<TrialResult>[] = [];
        for await (const trial of this.#search()) {
          found.push(trial);
          yield record(this.#told(trial));
        }
        if (this.#signal?.aborted) {
          yield record(this.#done('aborted', null));
          return;
        }
        if (options.map !== undefined) {
          const scoreLabel = architecture.head === 'classification' ? 'error rate' : 'nrmse';
          await writeAtomically(
            options.map,
            drawSearchMap(found, { space: defaultSearchSpace, title: 'Search for a reservoir', scoreLabel }),
          );
        }
        const best = bestTrial(found);
        if (best === null)
          throw new ConfigError(
            `the search found nothing: all of ${found.length} trials failed. Give more rows, or lower washout and folds.`,
          );
        point = { ...best.point, ridge: best.result!.ridge };
      }
      const since = performance.now();
      const solved = solve(this.#parts, { ...this.#parts.config.architecture, ...point });
      yield record(this.#stepped(solved.loss, this.#items, since));
      const { metrics, model } = validate(this.#parts, solved);
      const training = { seed: options.seed, rows: this.#items, trials: this.#steps - 1, error: solved.loss };
      const saved = { ...model, config: { ...this.#parts.config, architecture: solved.architecture, training } };
      this.result = { saved, metrics };
      yield record({ type: 'validation', step: this.#step, epoch: 1, metrics, isBest: true });
      if (this.#folder !== null) await saveModel(this.#folder.modelFile, reservoirFile(saved));
      yield record(this.#done('steps', metrics));
    } finally {
      this.#folder?.close();
    }
  }

  /** Trials as they are made, or as they were made before and written down. */
  async *#search(): AsyncGenerator<SearchTrial<TrialResult>, void, void> {
    const { options } = this.#parts;
    const known = await trialsIn(this.#folder);
    const log = this.#folder === null ? null : openLog(trialFile(this.#folder), known.bytes);
    try {
      const evaluate = (point: SearchPoint, share: number): TrialResult =>
        known.results.get(trialKey(point, share)) ?? judgePoint(this.#parts, point, share);
      const rng = new Random(options.seed).fork('search');
      const signal = this.#signal;
      const given = { trials: options.search, method: options.searchMethod, rng, ...(signal === undefined ? {} : { signal }) };
      for await (const trial of searchReservoir(evaluate, given)) {
        const key = trialKey(trial.point, trial.share);
        if (trial.result !== null && !known.results.has(key)) log?.append(`${JSON.stringify({ key, result: trial.result })}\n`);
        yield trial;
      }
    } finally {
      log?.close();
    }
  }

  #told(trial: SearchTrial<TrialResult>): TrainingEvent {
    const items = Math.round(this.#items * trial.share);
    if (Number.isFinite(trial.score)) return this.#stepped(trial.score, items, null);
    this.#step++;
    return { type: 'warning', step: this.#step, message: `trial ${trial.index + 1} failed at ${JSON.stringify(trial.point)}` };
  }

  /** A readout was solved for: no gradient, no rate of learning. */
  #stepped(loss: number, items: number, since: number | null): StepEvent {
    this.#step++;
    const seconds = (performance.now() - this.#begun) / 1000;
    const took = since === null ? seconds / this.#step : (performance.now() - since) / 1000;
    return {
      ...{ type: 'step', step: this.#step, epoch: 0, loss, learningRate: 0, gradientNorm: 0, items },
      itemsPerSecond: items / Math.max(took, 1e-6),
      seconds,
    };
  }

  #done(reason: 'steps' | 'aborted', metrics: Metrics | null): TrainingEvent {
    const model = metrics === null ? null : (this.#folder?.modelFile ?? null);
    const best = metrics === null ? null : { step: this.#step, metrics };
    return {
      type: 'done',
      reason,
      step: this.#step,
      epoch: metrics === null ? 0 : 1,
      best,
      model,
      seconds: (performance.now() - this.#begun) / 1000,
    };
  }
}
