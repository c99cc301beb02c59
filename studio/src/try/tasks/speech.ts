/** What is said in a sound, and when. */
import { recognizeSpeech, speechRecognizerFrom, type TimedText } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export interface Question {
  /** Of one channel, in [−1, 1]. */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  readonly beamWidth: number;
}

export interface Answer {
  readonly text: string;
  readonly words: readonly TimedText[];
  readonly symbols: readonly TimedText[];
}

export const task: TryTask<Question, Answer> = {
  open(file): OpenModel<Question, Answer> {
    const recognizer = speechRecognizerFrom(file);
    const { frontEnd, vocabulary, architecture } = recognizer.config;
    return {
      about: { sampleRateHz: frontEnd.sampleRateHz, unit: vocabulary.unit },
      facts: [
        ...factsOf(file),
        ['by', architecture.criterion],
        ['sounds of', `${frontEnd.sampleRateHz} Hz`],
        [`${vocabulary.unit}s`, String(vocabulary.symbols.length)],
      ],
      async ask({ samples, sampleRateHz, beamWidth }) {
        const { text, words, symbols } = await recognizeSpeech(recognizer, samples, sampleRateHz, { beamWidth });
        return { text, words, symbols };
      },
    };
  },
};
