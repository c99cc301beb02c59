/** Training of a speech recogniser, from manifests to a run folder and a model. */
import { FeatureMoments } from '../../data/audio/feature-normalization.ts';
import { FrontEnd } from '../../data/audio/front-end.ts';
import { readWav } from '../../data/audio/wav.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { blankShareOf } from '../blank-share.ts';
import { Fingerprint } from '../fingerprint.ts';
import { beginTraining, type DataPaths, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import { type HeardUtterance, type SpeechBatch, SpeechBatches } from './batches.ts';
import type { FrontEndConfig, SpeechArchitecture, SpeechConfig } from './config.ts';
import { evaluateSpeech, type SpeechMetrics } from './evaluate.ts';
import { readUtterances, type Utterance } from './manifest.ts';
import { SpeechModel } from './model.ts';
import { type ResolvedOptions, resolveOptions, type SpeechOptions } from './options.ts';
import type { SpeechRecognizer } from './saved.ts';
import { named, Sounds } from './sounds.ts';
import { SymbolTable, spell, symbolsOf } from './transcript.ts';

/** Manifests or folders: see `readUtterances`. */
export interface SpeechData {
  readonly train: readonly string[];
  /** None: the manifests' own validation part, or a share of `train`. */
  readonly valid?: readonly string[];
}

/** A training that is ready to run: the sound is read, the model is built. */
export interface SpeechTraining {
  readonly recognizer: SpeechRecognizer;
  readonly train: readonly HeardUtterance[];
  readonly valid: readonly HeardUtterance[];
  readonly options: ResolvedOptions;
  /** Names of the files. */
  readonly paths: DataPaths;
  /** Utterances to learn from whose transcript has more symbols than the encoder has steps: CTC learns nothing from them. */
  readonly tooShort: number;
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { readonly signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On the validation utterances. */
  evaluate(): Promise<SpeechMetrics>;
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or data will not do
 * @example
 * const training = await prepareSpeech({ train: ['digits/manifest.tsv'] }, { units: 'word', epochs: 20 }, 'runs/digits');
 * for await (const event of training.run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareSpeech(data: SpeechData, given: SpeechOptions = {}, out?: string): Promise<SpeechTraining> {
  const paths = { train: data.train, valid: data.valid ?? [] };
  return training(await beginTraining({ task: 'speech', paths, options: given, out }, await build(paths, given)));
}

/**
 * Takes up a training that was begun in a folder: the same files and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the files are no longer what they were
 */
export async function resumeSpeech(out: string): Promise<SpeechTraining> {
  return training(await resumeTraining('speech', out, build));
}

interface Parts extends Trainable<SpeechBatch> {
  readonly recognizer: SpeechRecognizer;
  readonly options: ResolvedOptions;
  readonly train: readonly HeardUtterance[];
  readonly valid: readonly HeardUtterance[];
  readonly tooShort: number;
}

/** What files and options make: the same each time. */
async function build(paths: DataPaths, given: SpeechOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const parts = await partsOf(paths, options);
  const sampleRateHz = options.sampleRate ?? (await usualRate(parts.train[0]));
  const sounds = new Sounds(sampleRateHz);
  const fingerprint = new Fingerprint();
  const plain = new FrontEnd({ ...frontEndConfig(options, sampleRateHz), normalization: 'none' });
  const train = await hear(parts.train, sounds, options, plain, fingerprint);
  const valid = await hear(parts.valid, sounds, options, plain, fingerprint);
  const frontEnd = await measured(plain, options, train);
  const symbols = SymbolTable.of(
    options.units,
    train.map(({ transcript }) => transcript),
  );
  if (symbols.symbols.length === 0) throw new ConfigError('expected transcripts with letters, found none. Try spelling as-is.');
  const architecture = architectureOf(options, frontEnd.size, symbols);
  const frames = train.map(({ length }) => frontEnd.spectral.frameCount(length));
  const spoken = train.map(({ transcript }) => symbolsOf(options.units, transcript));
  const blankShare = blankShareOf(frames, options.factors, spoken.flat().length);
  const model = new SpeechModel({ ...architecture, blankShare, rng: new Random(options.seed) });
  const tooShort = spoken.filter((target, i) => stepsNeeded(target) > model.encoder.outputLength(frames[i])).length;
  if (tooShort === train.length) {
    throw new ConfigError(
      `expected utterances with at least as many steps as symbols, found none among ${train.length}. Use smaller factors (now ${options.factors.join(', ')}) or a shorter frameShift.`,
    );
  }
  const config: SpeechConfig = {
    task: 'speech',
    architecture,
    frontEnd: { ...frontEndConfig(options, sampleRateHz), statistics: frontEnd.options.statistics as FrontEndConfig['statistics'] },
    vocabulary: { unit: options.units, symbols: [...symbols.symbols], spelling: options.spelling },
    training: { options, utterances: train.length, seconds: Math.round(secondsOf(train, sampleRateHz)) },
  };
  const recognizer = { model, frontEnd, symbols, config };
  return {
    model,
    recognizer,
    options,
    train,
    valid,
    tooShort,
    config,
    batches: new SpeechBatches(train, options, { frontEnd, encode: (transcript) => symbols.encode(transcript) }),
    loss: (batch) => ({ loss: model.loss(batch, options.ctcWeight), items: batch.lengths.reduce((sum, n) => sum + n, 0) }),
    evaluate: ({ pause }) => evaluateSpeech(recognizer, valid, { pause }).then(({ metrics }) => metrics),
    monitor: { metric: options.units === 'character' ? 'cer' : 'wer', mode: 'min' },
    randoms: { model: model.rng },
    fingerprint: fingerprint.toString(),
  };
}

/** What is learnt from, and what is tested on. */
async function partsOf(paths: DataPaths, options: ResolvedOptions): Promise<{ train: Utterance[]; valid: Utterance[] }> {
  if (paths.train.length === 0) throw new ConfigError('expected at least one manifest or folder of utterances, received none.');
  const all = await readAll(paths.train, options);
  const train = all.filter(({ split }) => split === null || split === options.trainSplit);
  if (train.length === 0)
    throw new ConfigError(`trainSplit: expected rows of the part "${options.trainSplit}", found ${partsIn(all)}. Name one of these.`);
  if (paths.valid.length > 0) {
    const valid = await readAll(paths.valid, options);
    return { train, valid: partOf(valid, options.validSplit, validNames) ?? valid };
  }
  const own = partOf(all, options.validSplit, validNames);
  if (own !== null) return { train, valid: own };
  if (options.validSplit !== undefined)
    throw new ConfigError(`validSplit: expected rows of the part "${options.validSplit}", found ${partsIn(all)}.`);
  if (train.length < 2) {
    throw new ConfigError(`expected at least two utterances, to learn from one and validate on another, received ${train.length}.`);
  }
  const count = Math.min(train.length - 1, Math.max(1, Math.round(train.length * options.validFraction)));
  const isAside = new Set(new Random(options.seed).fork('validation').permutation(train.length).subarray(0, count));
  return { train: train.filter((_, i) => !isAside.has(i)), valid: train.filter((_, i) => isAside.has(i)) };
}

const validNames = ['valid', 'validation', 'val', 'dev'];

/** The rows of a part by its name, or by the first usual one there is; null without any. */
export function partOf(utterances: readonly Utterance[], name: string | undefined, usual: readonly string[]): Utterance[] | null {
  const wanted = name ?? usual.find((part) => utterances.some(({ split }) => split === part));
  const rows = utterances.filter(({ split }) => split !== null && split === wanted);
  return rows.length > 0 ? rows : null;
}

/** For messages. */
export function partsIn(utterances: readonly Utterance[]): string {
  return [...new Set(utterances.map(({ split }) => (split === null ? 'rows without a part' : `"${split}"`)))].join(', ');
}

/** Of several manifests or folders. */
export async function readAll(paths: readonly string[], options: Parameters<typeof readUtterances>[1]): Promise<Utterance[]> {
  const utterances: Utterance[] = [];
  for (const path of paths) utterances.push(...(await readUtterances(path, options)));
  return utterances;
}

async function usualRate(utterance: Utterance): Promise<number> {
  const { sampleRateHz } = await named(utterance, () => readWav(utterance.path));
  return Math.min(sampleRateHz, 16_000);
}

/** Utterances with their sound. @throws FormatError where one is shorter than a frame, or has nothing to say */
export async function hear(
  utterances: readonly Utterance[],
  sounds: Sounds,
  { spelling, speeds = [1] }: { readonly spelling: ResolvedOptions['spelling']; readonly speeds?: readonly number[] },
  frontEnd: FrontEnd,
  fingerprint?: Fingerprint,
): Promise<HeardUtterance[]> {
  const heard: HeardUtterance[] = [];
  for (const utterance of utterances) {
    const { transcript: given, speaker, file, line } = utterance;
    const { length } = await sounds.of(utterance);
    if (frontEnd.spectral.frameCount(Math.floor(length / Math.max(...speeds))) === 0) {
      throw new FormatError(
        `expected at least a frame of sound (${frontEnd.spectral.frameLength} samples at ${sounds.sampleRateHz} Hz), found ${length} samples in ${utterance.path}. Leave it out.`,
        { file, line },
      );
    }
    const transcript = spell(given, spelling);
    if (transcript === '') {
      throw new FormatError(
        `expected a transcript with letters or digits, received ${JSON.stringify(given)}. Leave it out, or choose another spelling.`,
        { file, line },
      );
    }
    fingerprint
      ?.text(transcript)
      .text(speaker ?? '')
      .numbers([length]);
    heard.push({ samples: () => sounds.of(utterance), length, transcript, speaker });
  }
  return heard;
}

function frontEndConfig(options: ResolvedOptions, sampleRateHz: number): Omit<FrontEndConfig, 'statistics'> {
  return {
    sampleRateHz,
    kind: options.features,
    frameLengthMs: options.frameLength,
    frameShiftMs: options.frameShift,
    numMelBins: options.melBins,
    numCeps: options.numCeps ?? Math.min(13, options.melBins),
    deltas: options.deltas as 0 | 1 | 2,
    normalization: options.normalization,
  };
}

/** The front end with statistics of the training data, where it needs them. */
async function measured(plain: FrontEnd, { normalization }: ResolvedOptions, train: readonly HeardUtterance[]): Promise<FrontEnd> {
  if (normalization === 'none' || normalization === 'utterance') return new FrontEnd({ ...plain.options, normalization, statistics: null });
  const moments = new FeatureMoments(plain.size);
  for (const { samples } of train) moments.add(plain.unnormalized(await samples()));
  return new FrontEnd({ ...plain.options, normalization, statistics: moments.statistics });
}

function architectureOf(options: ResolvedOptions, inputSize: number, symbols: SymbolTable): SpeechArchitecture {
  const { criterion, cell, hiddenSize, factors, bidirectional, dropout } = options;
  const decoderSize = criterion === 'ctc' ? 0 : (options.decoderSize ?? hiddenSize);
  return { criterion, cell, inputSize, hiddenSize, factors: [...factors], bidirectional, dropout, decoderSize, classes: symbols.classes };
}

/** Of CTC: one a symbol, and one between equal ones. */
function stepsNeeded(symbols: readonly string[]): number {
  return symbols.length + symbols.filter((symbol, i) => i > 0 && symbol === symbols[i - 1]).length;
}

export function secondsOf(utterances: readonly HeardUtterance[], sampleRateHz: number): number {
  return utterances.reduce((sum, { length }) => sum + length, 0) / sampleRateHz;
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): SpeechTraining {
  const { recognizer, options, train, valid, tooShort } = parts;
  return {
    recognizer,
    options,
    train,
    valid,
    tooShort,
    paths,
    steps,
    run,
    evaluate: async () => (await evaluateSpeech(recognizer, valid)).metrics,
  };
}
