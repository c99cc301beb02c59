/** From sequences to a readout: the last step of a training, a trial of a search, and the validation of what came out. */
import { concat } from '../../autograd/ops/concat.ts';
import { argmax } from '../../autograd/ops/reduce.ts';
import { slice } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { type CrossValidationResult, crossValidate, defaultRidges } from '../../reservoir/cross-validation.ts';
import type { EchoStateClassifier } from '../../reservoir/echo-state-classifier.ts';
import type { EchoState, EchoStateNetwork } from '../../reservoir/echo-state-network.ts';
import type { SearchPoint } from '../../reservoir/search-space.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { Metrics } from '../../training/events.ts';
import type { Architecture } from './config.ts';
import { confusionOf, judgeSteps, labelIndex, SeriesErrors } from './evaluate.ts';
import type { NumberSequence } from './read.ts';
import { createClassifier, createNetwork } from './saved.ts';
import { paddedBatch, pairsOf } from './sequences.ts';
import type { Parts } from './training.ts';

/** What a trial says: its score, and the penalty that gave it. */
export type TrialResult = CrossValidationResult;

/** A solved model; of a series also the states after the rows that each sequence was learnt from. */
export type Solved = { readonly architecture: Architecture; readonly loss: number } & (
  | { readonly head: 'series'; readonly model: EchoStateNetwork; readonly ends: readonly EchoState[] }
  | { readonly head: 'classification'; readonly model: EchoStateClassifier }
);

/** Solves for the readout on all of the training part. Its loss is the error on it: nrmse, or the share of wrong classes. */
export function solve({ config, train, rows, options }: Parts, architecture: Architecture): Solved {
  const { normalization, data } = config;
  const rng = new Random(options.seed);
  if (architecture.head === 'classification') {
    const model = createClassifier(architecture, rng);
    const ridge = model.regression();
    for (const batch of batchesOf(train)) {
      const { x, lengths } = paddedBatch(batch, normalization.inputs);
      const labels = batch.map((one) => labelIndex(data.labels, one));
      scope(() => model.collect(ridge, model.features(x, { lengths }), labels));
    }
    model.solve(ridge);
    const { accuracy } = confusionOf(model, data.labels, train, normalization.inputs);
    return { head: 'classification', architecture, model, loss: 1 - accuracy };
  }
  const model = createNetwork(architecture, rng);
  const ridge = model.regression();
  const ends = train.map((sequence, i) => {
    const { x, y } = pairsOf(rowsOf(sequence, 0, rows[i]), { ahead: data.ahead, normalization });
    return model.collect(ridge, x, y);
  });
  const { nrmse } = model.solve(ridge);
  const loss = Math.sqrt(nrmse.reduce((sum, value) => sum + value ** 2, 0) / nrmse.length);
  return { head: 'series', architecture, model, ends, loss };
}

/** Judges a solved model on what was held out: of a series it goes on from where the training part ended. */
export function validate(
  { config, train, valid, rows }: Parts,
  solved: Solved,
): {
  readonly metrics: Metrics;
  readonly model:
    | { readonly head: 'series'; readonly model: EchoStateNetwork; readonly state: EchoState }
    | { readonly head: 'classification'; readonly model: EchoStateClassifier };
} {
  const { normalization, data } = config;
  if (solved.head === 'classification') {
    const { accuracy, f1Macro } = confusionOf(solved.model, data.labels, valid, normalization.inputs);
    return { metrics: { accuracy, f1Macro }, model: { head: 'classification', model: solved.model } };
  }
  const { model, architecture } = solved;
  const scale = normalization.targets;
  const errors = new SeriesErrors(scale.mean.length);
  const options = { ahead: data.ahead, normalization };
  let state = solved.ends[solved.ends.length - 1];
  if (valid.length > 0) {
    for (const sequence of valid) judgeSteps(model, pairsOf(sequence, options), { state: null, skip: architecture.washout, scale, errors });
  } else {
    train.forEach((sequence, i) => {
      // The last rows before it are told from what follows them.
      const held = rowsOf(sequence, rows[i] - data.ahead, sequence.length);
      state = judgeSteps(model, pairsOf(held, options), { state: solved.ends[i], skip: 0, scale, errors });
    });
  }
  if (errors.steps === 0) throw new ConfigError(`expected more than ${architecture.washout} rows (washout) to validate on in a sequence.`);
  return { metrics: errors.metrics, model: { head: 'series', model, state } };
}

/** A trial: cross-validation in the order of time on the first share of the training part. */
export function judgePoint(parts: Parts, point: SearchPoint, share: number): TrialResult {
  const { config, train, rows, options } = parts;
  const architecture = { ...config.architecture, ...point };
  if (architecture.head === 'classification') return judgeClasses(parts, architecture, share);
  const { ahead } = config.data;
  const results = train.flatMap((sequence, i) => {
    const { x, y, steps } = pairsOf(rowsOf(sequence, 0, rows[i]), { ahead, normalization: config.normalization });
    const used = Math.max(1, Math.round(steps * share));
    // On a little data blocks are short: at most half of the first one is washed out.
    const washout = Math.min(architecture.washout, Math.floor(used / (options.folds + 1) / 2));
    const { head: _, pooling: __, ...network } = architecture;
    const given = { ...network, washout, rng: new Random(options.seed) };
    const freeRun = options.searchFreeRun === undefined ? {} : { freeRun: options.searchFreeRun };
    return [
      scope(() =>
        crossValidate(given, slice(x, 1, 0, used), slice(y, 1, 0, used), {
          folds: options.folds,
          ridges: ridgesFor(options.ridge),
          ...freeRun,
        }),
      ),
    ];
  });
  if (results.length === 1) return results[0];
  // Several sequences: each is cross-validated; the penalty is that of the best.
  const score = Math.sqrt(results.reduce((sum, result) => sum + result.score ** 2, 0) / results.length);
  const best = results.reduce((found, result) => (result.score < found.score ? result : found));
  return { score, ridge: best.ridge, folds: results.flatMap(({ folds }) => folds) };
}

function ridgesFor(own: number): readonly number[] {
  return [...new Set([...defaultRidges, own])].sort((a, b) => a - b);
}

/** Folds are sequences that came one after another, taken from each class alike; earlier ones are learnt from. */
function judgeClasses({ config, train, options }: Parts, architecture: Architecture, share: number): TrialResult {
  const { normalization, data } = config;
  const byClass = data.labels.map((name) => train.filter(({ label }) => label === name));
  const used = byClass.map((own) => own.slice(0, Math.max(2, Math.round(own.length * share))));
  const least = Math.min(...used.map(({ length }) => length));
  const folds = Math.max(1, Math.min(options.folds, least - 1));
  const blocks = Array.from({ length: folds + 1 }, (_, i) =>
    used.flatMap((own) => own.slice(Math.round((i * own.length) / (folds + 1)), Math.round(((i + 1) * own.length) / (folds + 1)))),
  );
  const model = createClassifier(architecture, new Random(options.seed));
  return scope(() => {
    const features = blocks.map((block) =>
      concat(
        batchesOf(block).map((batch) => {
          const { x, lengths } = paddedBatch(batch, normalization.inputs);
          return model.features(x, { lengths });
        }),
        0,
      ),
    );
    const labels = blocks.map((block) => block.map((one) => labelIndex(data.labels, one)));
    const learnt = model.regression();
    const ridges = ridgesFor(options.ridge);
    const errors = ridges.map(() => [] as number[]);
    for (let i = 0; i < folds; i++) {
      model.collect(learnt, features[i], labels[i]);
      ridges.forEach((ridge, r) => {
        model.solve(learnt, ridge);
        const told = argmax(model.readout.forward(features[i + 1])).dataSync();
        errors[r].push(labels[i + 1].filter((label, b) => told[b] !== label).length / labels[i + 1].length);
      });
    }
    const scores = errors.map((perFold) => perFold.reduce((sum, error) => sum + error, 0) / folds);
    const best = scores.reduce((at, score, r) => (score <= scores[at] ? r : at), 0); // of equals the larger penalty
    return { score: scores[best], ridge: ridges[best], folds: errors[best] };
  });
}

/** Rows begin … end−1 of a sequence. */
function rowsOf(sequence: NumberSequence, begin: number, end: number): NumberSequence {
  const part = (values: Float64Array) => {
    const width = values.length / sequence.length;
    return values.subarray(begin * width, end * width);
  };
  const { inputs, targets } = sequence;
  return { ...sequence, length: end - begin, inputs: part(inputs), targets: targets === null ? null : part(targets) };
}

/** Sequences that are read side by side. */
const batchSize = 64;

function batchesOf(sequences: readonly NumberSequence[]): (readonly NumberSequence[])[] {
  return Array.from({ length: Math.ceil(sequences.length / batchSize) }, (_, i) => sequences.slice(i * batchSize, (i + 1) * batchSize));
}
