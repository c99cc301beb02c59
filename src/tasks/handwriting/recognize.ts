/** What lines of handwriting say, and which part of the ink says it. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import type { Tensor } from '../../autograd/tensor.ts';
import { ctcAlign } from '../../decode/ctc-align.ts';
import { ctcBeamSearch } from '../../decode/ctc-beam-search.ts';
import { ctcGreedy } from '../../decode/ctc-greedy.ts';
import { logSoftmaxRows } from '../../decode/log-probabilities.ts';
import type { SequenceScorer } from '../../decode/sequence-scorer.ts';
import type { Alphabet } from './alphabet.ts';
import { charactersToInk, type RecognizedCharacter } from './character-spans.ts';
import type { FeatureExtractor, LineFeatures } from './features.ts';
import type { Handwriting } from './ink.ts';
import type { HandwritingModel } from './model.ts';

/** A model, and what its numbers stand for. */
export interface Recognizer {
  readonly model: HandwritingModel;
  readonly alphabet: Alphabet;
  readonly extractor: FeatureExtractor;
}

/** How lines are read. */
export interface RecognizeOptions extends HandwritingDecoding {
  /** Of models that read ink by the usual height of the training: the height of a line here, in the units of the ink. */
  readonly lineHeight?: number;
  /** Called between forwards: lets the host's other work run. */
  readonly pause?: () => Promise<void>;
}

/** How frames become text. */
export interface HandwritingDecoding {
  /** Texts that are followed at a time. Default 1: greedily, unless there is a scorer; then 16. */
  readonly beamWidth?: number;
  /** Has a say on texts, such as a language model or a lexicon; its symbols are the model's classes, `Alphabet.classOf`. */
  readonly scorer?: SequenceScorer<unknown> | null;
  /** What the scorer's scores are multiplied by. Default 1. */
  readonly scorerWeight?: number;
  /** Added for each character; makes up for a language model's preference for short texts. Default 0. */
  readonly insertionBonus?: number;
}

/** What a line says. */
export interface RecognizedLine {
  readonly text: string;
  /** log P of the best path that spells it, in nats. */
  readonly logProbability: number;
  /** Its characters, in order, and where they stand. */
  readonly characters: readonly RecognizedCharacter[];
}

/**
 * Reads lines.
 *
 * @throws FormatError when a line is of another kind than those that the model was trained on, ConfigError
 * @example
 * const recognizer = await loadHandwriting('runs/notes/model.safetensors');
 * for await (const line of readHandwriting('note.inkml')) console.log((await recognize(recognizer, [line]))[0].text);
 */
export async function recognize(
  recognizer: Recognizer,
  lines: readonly Handwriting[],
  options: RecognizeOptions = {},
): Promise<RecognizedLine[]> {
  const { lineHeight, pause, ...decoding } = options;
  const { model, alphabet, extractor } = recognizer;
  const features = lines.map((line) => extractor.extract(line, { lineHeight }));
  const results: RecognizedLine[] = new Array(lines.length);
  for await (const { indices, logits, lengths } of framesOf(model, features, pause)) {
    const decoded = decodeFrames(logits, lengths, decoding);
    const alignments = ctcAlign(logits, decoded, { inputLengths: lengths });
    const values = logits.dataSync();
    const [, T, V] = logits.shape;
    indices.forEach((index, b) => {
      // What was decoded fits into its frames.
      const { symbols, logProbability } = alignments[b]!;
      const logP = logSoftmaxRows(values.subarray(b * T * V, (b * T + lengths[b]) * V), V);
      const characters = symbols.map(({ symbol, start, end }) => {
        const said = Array.from({ length: end - start }, (_, i) => logP[(start + i) * V + symbol]);
        return { character: alphabet.characters[symbol - 1], probability: Math.exp(Math.max(...said)), start, end };
      });
      results[index] = {
        text: alphabet.decode(decoded[b]),
        logProbability,
        characters: charactersToInk(characters, features[index], model.encoder.factor, lines[index]),
      };
    });
  }
  return results;
}

/** Logits of lines, batch by batch, those of about one length together. Tensors live until the next batch is asked for. */
export async function* framesOf(
  model: HandwritingModel,
  features: readonly LineFeatures[],
  pause: () => Promise<void> = async () => undefined,
): AsyncGenerator<{ indices: number[]; logits: Tensor; lengths: Int32Array }> {
  const wasTraining = model.isTraining;
  model.eval();
  try {
    for (const indices of batchesByLength(features)) {
      const batch = model.collate(indices.map((i) => features[i].values));
      const { logits, lengths } = scope(() => noGrad(() => model.forward(batch)));
      yield { indices, logits, lengths };
      await pause();
    }
  } finally {
    model.train(wasTraining);
  }
}

/** Classes of each line's characters. */
export function decodeFrames(logits: Tensor, lengths: Int32Array, options: HandwritingDecoding = {}): (readonly number[])[] {
  const { scorer = null, beamWidth = scorer === null ? 1 : 16, ...rest } = options;
  if (beamWidth === 1 && scorer === null) {
    return ctcGreedy(logits, { inputLengths: lengths }).map(({ symbols }) => symbols.map(({ symbol }) => symbol));
  }
  // None where a lexicon allows no text at all.
  return ctcBeamSearch(logits, { inputLengths: lengths, beamWidth, scorer, ...rest }).map(([best]) => best?.symbols ?? []);
}

const stepsAtOnce = 16_384;

function batchesByLength(features: readonly LineFeatures[]): number[][] {
  const order = features.map((_, i) => i).sort((a, b) => features[a].steps - features[b].steps);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const i of order) {
    if (batch.length > 0 && (batch.length + 1) * features[i].steps > stepsAtOnce) {
      batches.push(batch);
      batch = [];
    }
    batch.push(i);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
