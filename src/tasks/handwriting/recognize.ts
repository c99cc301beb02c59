/** What lines of handwriting say, and which part of the ink says it. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import type { Tensor } from '../../autograd/tensor.ts';
import { ctcAlign } from '../../decode/ctc-align.ts';
import { logSoftmaxRows } from '../../decode/log-probabilities.ts';
import type { Alphabet } from './alphabet.ts';
import { charactersToInk, type RecognizedCharacter } from './character-spans.ts';
import type { FeatureExtractor, LineFeatures } from './features.ts';
import type { Handwriting } from './ink.ts';
import type { HandwritingModel } from './model.ts';
import type { RecognizeOptions } from './options.ts';

/** A model, and what its numbers stand for. */
export interface Recognizer {
  readonly model: HandwritingModel;
  readonly alphabet: Alphabet;
  readonly extractor: FeatureExtractor;
}

/** What a line says. */
export interface RecognizedLine {
  readonly text: string;
  /** log P of the best path that spells it, in nats. */
  readonly logProbability: number;
  /** Its characters, in order, and where they stand. */
  readonly characters: readonly RecognizedCharacter[];
}

/** Frames of one line. */
interface LineFrames {
  readonly logProbabilities: Float64Array; // [T', V]
  readonly frames: number;
}

/**
 * Reads lines.
 *
 * @throws FormatError when a line is of another kind than those that the model was trained on
 * @example
 * const recognizer = await loadHandwriting('runs/notes/model.safetensors');
 * for await (const line of readHandwriting('note.inkml')) console.log((await recognize(recognizer, [line]))[0].text);
 */
export async function recognize(
  recognizer: Recognizer,
  lines: readonly Handwriting[],
  options: RecognizeOptions & { readonly pause?: () => Promise<void> } = {},
): Promise<RecognizedLine[]> {
  const { lineHeight, pause } = options;
  const features = lines.map((line) => recognizer.extractor.extract(line, { lineHeight }));
  const results: RecognizedLine[] = new Array(lines.length);
  for await (const { indices, logits, lengths } of framesOf(recognizer.model, features, pause)) {
    const decoded = decodeFrames(logits, lengths);
    const aligned = ctcAlign(logits, decoded, { inputLengths: lengths });
    const values = logits.dataSync();
    const [, T, V] = logits.shape;
    indices.forEach((index, b) => {
      const alignment = aligned[b]!;
      const frames: LineFrames = {
        logProbabilities: logSoftmaxRows(values.subarray(b * T * V, (b * T + lengths[b]) * V), V),
        frames: lengths[b],
      };
      const symbols = alignment.symbols.map(({ symbol, start, end }) => ({
        character: recognizer.alphabet.characters[symbol - 1],
        probability: highest(frames, symbol, V, start, end),
        start,
        end,
      }));
      results[index] = {
        text: recognizer.alphabet.decode(decoded[b]),
        logProbability: alignment.logProbability,
        characters: charactersToInk(symbols, features[index], factorOf(recognizer.model), lines[index]),
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

/** Classes of the most probable paths: repeats merged, then blanks taken out. */
export function decodeFrames(logits: Tensor, lengths: Int32Array): Int32Array[] {
  const [, T, V] = logits.shape;
  const values = logits.dataSync();
  return Array.from(lengths, (n, b) => {
    const classes: number[] = [];
    let before = 0;
    for (let t = 0; t < n; t++) {
      const at = (b * T + t) * V;
      let best = 0;
      for (let v = 1; v < V; v++) if (values[at + v] > values[at + best]) best = v;
      if (best !== 0 && best !== before) classes.push(best);
      before = best;
    }
    return Int32Array.from(classes);
  });
}

export function factorOf({ architecture: { factors } }: HandwritingModel): number {
  return factors.reduce((product, factor) => product * factor, 1);
}

function highest({ logProbabilities }: LineFrames, symbol: number, V: number, start: number, end: number): number {
  let best = 0;
  for (let t = start; t < end; t++) best = Math.max(best, Math.exp(logProbabilities[t * V + symbol]));
  return best;
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
