/** How well a recogniser hears utterances whose words are known. */
import { ConfigError } from '../../tensor/errors.ts';
import { charactersOf, ErrorRate, type ErrorRateJson, wordsOf } from '../metrics/error-rate.ts';
import type { HeardUtterance } from './batches.ts';
import { type DecodingOptions, recognizeFeatures } from './recognize.ts';
import type { SpeechRecognizer } from './saved.ts';

/** Error rates over all utterances. */
export interface SpeechMetrics extends Readonly<Record<string, number>> {
  /** Of characters: all errors over all that were said. */
  readonly cer: number;
  /** Of words, or phonemes. */
  readonly wer: number;
}

/** Scores, and where they come from. */
export interface SpeechEvaluation {
  readonly metrics: SpeechMetrics;
  readonly utterances: number;
  readonly characters: ErrorRate;
  readonly words: ErrorRate;
  /** The utterances with the most errors in words, the worst first. */
  readonly worst: readonly { readonly expected: string; readonly received: string; readonly errors: number }[];
}

/**
 * Recognises every utterance, and compares.
 *
 * @throws ConfigError without utterances
 * @example const { metrics } = await evaluateSpeech(recognizer, utterances, { beamWidth: 10 });
 */
export async function evaluateSpeech(
  recognizer: SpeechRecognizer,
  utterances: readonly HeardUtterance[],
  { pause, ...decoding }: DecodingOptions & { readonly pause?: () => Promise<void> } = {},
): Promise<SpeechEvaluation> {
  if (utterances.length === 0) throw new ConfigError('expected at least one utterance to evaluate on, received none.');
  const [characters, words] = [new ErrorRate(), new ErrorRate()];
  const worst: { expected: string; received: string; errors: number }[] = [];
  const features: Float32Array[] = [];
  for (const { samples } of utterances) features.push(recognizer.frontEnd.forward(await samples()));
  let i = 0;
  for await (const { text } of recognizeFeatures(recognizer, features, decoding, pause)) {
    const expected = utterances[i++].transcript;
    const before = words.errors;
    characters.add(charactersOf(expected), charactersOf(text));
    words.add(wordsOf(expected), wordsOf(text));
    if (words.errors > before) worst.push({ expected, received: text, errors: words.errors - before });
  }
  worst.sort((a, b) => b.errors - a.errors);
  return {
    metrics: { cer: characters.rate, wer: words.rate },
    utterances: utterances.length,
    characters,
    words,
    worst: worst.slice(0, 20),
  };
}

/** For a screen. */
export function reportOf({ characters, words, worst }: SpeechEvaluation, unit: 'words' | 'phonemes'): string {
  const lines = [words.report(unit)];
  if (unit === 'words') lines.push(characters.report('characters', 5));
  if (worst.length > 0) {
    const shown = worst.slice(0, 5).flatMap(({ expected, received }) => [`  expected  ${cut(expected)}`, `  received  ${cut(received)}`]);
    lines.push(['Utterances with the most errors', ...shown].join('\n'));
  }
  return lines.join('\n');
}

/** For machines. */
export function detailsOf({ characters, words, worst }: SpeechEvaluation): {
  readonly words: ErrorRateJson;
  readonly characters: ErrorRateJson;
  readonly worst: SpeechEvaluation['worst'];
} {
  return { words: words.toJSON(), characters: characters.toJSON(), worst };
}

function cut(text: string): string {
  return text.length > 86 ? `${text.slice(0, 85)}…` : text;
}
