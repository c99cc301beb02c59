/** What is said in sounds, many at a time: greedily, or by a beam search alone or with a language model. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { padFeatures } from '../../data/sequence-batches.ts';
import { ctcAlign } from '../../decode/ctc-align.ts';
import { ctcBeamSearch } from '../../decode/ctc-beam-search.ts';
import { ctcGreedy } from '../../decode/ctc-greedy.ts';
import type { SequenceScorer } from '../../decode/sequence-scorer.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { Breath } from '../../training/breath.ts';
import type { SpeechRecognizer } from './saved.ts';
import { TransducerDecoder } from './streaming-decoder.ts';
import type { SymbolTable } from './transcript.ts';

/** How symbols are searched for. */
export interface DecodingOptions {
  /** Sequences that are followed at a time; 1: the best symbol of each step, greedily. Default 1. */
  readonly beamWidth?: number;
  /** A language model over the recogniser's classes, or a lexicon. */
  readonly scorer?: SequenceScorer<unknown> | null;
  /** What its scores are multiplied by. Default 1. */
  readonly scorerWeight?: number;
  /** Added for each symbol. Default 0. */
  readonly insertionBonus?: number;
}

/** Something that was said, and when. */
export interface TimedText {
  readonly text: string;
  /** Seconds. */
  readonly start: number;
  readonly end: number;
}

/** What was recognised. */
export interface Recognition {
  readonly text: string;
  /** What the search ranks it by: ln P, with the language model's say. */
  readonly score: number;
  /** Of characters, words or phonemes, as the recogniser has them. */
  readonly symbols: readonly TimedText[];
  /** Of words; the symbols themselves where these are words. */
  readonly words: readonly TimedText[];
}

/** Frames of one forward, padding counted. */
const framesAtOnce = 16_384;

/**
 * What is said, in the order of the features, a few at a time.
 *
 * @param features  of each utterance, [T, F] row-major, as the recogniser's front end gives them
 * @param pause     called between forwards: lets the host's other work run
 */
export async function* recognizeFeatures(
  recognizer: SpeechRecognizer,
  features: readonly Float32Array[],
  options: DecodingOptions = {},
  pause: () => Promise<void> = pauseNow(),
): AsyncGenerator<Recognition> {
  const { model } = recognizer;
  const { inputSize } = model.architecture;
  const wasTraining = model.isTraining;
  model.eval();
  const done = new Array<Recognition | null>(features.length).fill(null);
  let next = 0;
  try {
    for (const indices of batchesByLength(features, inputSize)) {
      const batch = padFeatures(
        indices.map((i) => features[i]),
        inputSize,
      );
      const recognitions = scope(() =>
        noGrad(() => {
          const { output, lengths } = model.encode(batch);
          return decode(recognizer, output, lengths, options);
        }),
      );
      indices.forEach((i, b) => {
        done[i] = recognitions[b];
      });
      for (; next < done.length && done[next] !== null; next++) yield done[next]!;
      await pause();
    }
  } finally {
    model.train(wasTraining);
  }
}

/** @param encoded [B, T', D·H] */
function decode(recognizer: SpeechRecognizer, encoded: Tensor, lengths: Int32Array, options: DecodingOptions): Recognition[] {
  const { model } = recognizer;
  if (model.speller !== null) {
    if (options.scorer) {
      throw new ConfigError(
        'expected a recogniser with CTC or a transducer for a language model or a lexicon, received one with attention.',
      );
    }
    return model.speller
      .spell(encoded, lengths, options.beamWidth ?? 1)
      .map(({ symbols, score }) => recognitionOf(recognizer, symbols, score));
  }
  if (model.transducer !== null) return transduce(recognizer, encoded, lengths, options);
  return decodeCtc(recognizer, model.output.forward(encoded), lengths, options);
}

function transduce(recognizer: SpeechRecognizer, encoded: Tensor, lengths: Int32Array, options: DecodingOptions): Recognition[] {
  const [, T, E] = encoded.shape;
  const values = encoded.dataSync() as Floats;
  const steps = recognizer.model.transducer!.decoder();
  return Array.from(lengths, (length, b) => {
    const decoder = new TransducerDecoder(steps, options);
    decoder.push(values.subarray(b * T * E, (b * T + length) * E));
    const { symbols, score } = decoder.timed();
    return recognitionOf(recognizer, symbols, score);
  });
}

/** @param logits [B, T', V] */
function decodeCtc(recognizer: SpeechRecognizer, logits: Tensor, lengths: Int32Array, options: DecodingOptions): Recognition[] {
  const { beamWidth = 1, scorer = null, scorerWeight = 1, insertionBonus = 0 } = options;
  if (beamWidth === 1 && scorer === null) {
    return ctcGreedy(logits, { inputLengths: lengths }).map(({ symbols, logProbability }) =>
      recognitionOf(recognizer, symbols, logProbability),
    );
  }
  const found = ctcBeamSearch(logits, { beamWidth, scorer, scorerWeight, insertionBonus, inputLengths: lengths });
  const [, T, V] = logits.shape;
  const values = logits.dataSync();
  return found.map(([best], b) => {
    if (best === undefined) return { text: '', score: Number.NEGATIVE_INFINITY, symbols: [], words: [] };
    const own = tensor(values.subarray(b * T * V, (b * T + lengths[b]) * V), { shape: [1, lengths[b], V], backend: logits.backend });
    const [alignment] = ctcAlign(own, [[...best.symbols]]);
    return recognitionOf(recognizer, alignment?.symbols ?? [], best.score);
  });
}

/** @param symbols  with the steps that each is on */
export function recognitionOf(
  { symbols: table, frontEnd, model }: Pick<SpeechRecognizer, 'symbols' | 'frontEnd' | 'model'>,
  symbols: readonly { readonly symbol: number; readonly start: number; readonly end: number }[],
  score: number,
): Recognition {
  const seconds = frontEnd.frameShiftSeconds * model.encoder.factor;
  const timed = symbols.map(({ symbol, start, end }) => ({
    text: table.symbol(symbol),
    start: rounded(start * seconds),
    end: rounded(end * seconds),
  }));
  return { text: table.decode(symbols.map(({ symbol }) => symbol)).trim(), score, symbols: timed, words: wordsIn(table, timed) };
}

/** Characters between blanks, put together. */
function wordsIn({ unit }: SymbolTable, symbols: readonly TimedText[]): readonly TimedText[] {
  if (unit !== 'character') return symbols;
  const words: TimedText[] = [];
  let isOpen = false;
  for (const { text, start, end } of symbols) {
    if (text === ' ') isOpen = false;
    else if (isOpen) words.push(extended(words.pop()!, text, end));
    else {
      words.push({ text, start, end });
      isOpen = true;
    }
  }
  return words;
}

function extended({ text, start }: TimedText, more: string, end: number): TimedText {
  return { text: text + more, start, end };
}

/** To milliseconds. */
function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

/** Those of about one length together, the first ones first as far as that goes. */
function batchesByLength(features: readonly Float32Array[], inputSize: number): number[][] {
  const order = features.map((_, i) => i).sort((a, b) => features[a].length - features[b].length);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const i of order) {
    if (batch.length > 0 && (batch.length + 1) * features[i].length > framesAtOnce * inputSize) {
      batches.push(batch);
      batch = [];
    }
    batch.push(i);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function pauseNow(): () => Promise<void> {
  const breath = new Breath();
  return () => breath.pause();
}
