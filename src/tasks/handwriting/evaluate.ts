/** How well lines are read whose texts are known. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { ctcLoss } from '../../losses/ctc.ts';
import { charactersOf, ErrorRate, wordsOf } from '../metrics/error-rate.ts';
import type { HandwritingSample } from './dataset.ts';
import { decodeFrames, framesOf, type RecognizeOptions, type Recognizer, recognize } from './recognize.ts';

/** How well lines are read. */
export interface HandwritingMetrics extends Readonly<Record<string, number>> {
  /** Character error rate: edit distance over characters. */
  readonly cer: number;
  /** Word error rate. */
  readonly wer: number;
  /** Share of the lines that are read without an error. */
  readonly exact: number;
}

/** Metrics, and where they come from. */
export interface HandwritingEvaluation {
  readonly metrics: HandwritingMetrics;
  readonly characters: ErrorRate;
  readonly words: ErrorRate;
  /** What was read for each line. */
  readonly texts: readonly string[];
}

/** Judges a recogniser by lines, at least one. */
export async function evaluateHandwriting(
  recognizer: Recognizer,
  samples: readonly HandwritingSample[],
  options: RecognizeOptions = {},
): Promise<HandwritingEvaluation> {
  const lines = await recognize(
    recognizer,
    samples.map(({ writing }) => writing),
    options,
  );
  const texts = lines.map(({ text }) => text);
  return judged(
    samples.map(({ writing }) => writing.text!),
    texts,
  );
}

/** The metrics of validation: greedily decoded, and the loss. */
export async function validateHandwriting(
  { model, alphabet, extractor }: Recognizer,
  samples: readonly HandwritingSample[],
  pause?: () => Promise<void>,
): Promise<HandwritingMetrics> {
  const features = samples.map(({ writing }) => extractor.extract(writing));
  const texts: string[] = new Array(samples.length);
  let nats = 0;
  for await (const { indices, logits, lengths } of framesOf(model, features, pause)) {
    decodeFrames(logits, lengths).forEach((classes, b) => {
      texts[indices[b]] = alphabet.decode(classes);
    });
    const targets = indices.map((i) => samples[i].target);
    const loss = scope(() => noGrad(() => ctcLoss(logits, targets, { inputLengths: lengths, zeroInfinity: true }).dataSync()[0]));
    nats += loss * indices.length;
  }
  const { metrics } = judged(
    samples.map(({ writing }) => writing.text!),
    texts,
  );
  return { ...metrics, loss: nats / samples.length };
}

function judged(expected: readonly string[], texts: readonly string[]): HandwritingEvaluation {
  const [characters, words] = [new ErrorRate(), new ErrorRate()];
  expected.forEach((text, i) => {
    characters.add(charactersOf(text), charactersOf(texts[i]));
    words.add(wordsOf(text), wordsOf(texts[i]));
  });
  return { metrics: { cer: characters.rate, wer: words.rate, exact: characters.exact }, characters, words, texts };
}
