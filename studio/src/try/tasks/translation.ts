/** Sentences in another language, and where the decoder looked for each piece. */
import { translateSentences, translatorFrom } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export interface Question {
  readonly text: string;
  readonly beamWidth: number;
}

export interface Answer {
  readonly source: string;
  readonly pieces: readonly string[];
  readonly translations: readonly {
    readonly text: string;
    readonly logProbability: number;
    readonly pieces: readonly string[];
    /** For each piece a share of each piece of the source. */
    readonly attention: readonly Float32Array[];
  }[];
}

const shown = 3;

export const task: TryTask<Question, readonly Answer[]> = {
  open(file): OpenModel<Question, readonly Answer[]> {
    const translator = translatorFrom(file);
    return {
      facts: factsOf(file),
      ask({ text, beamWidth }) {
        const sentences = text.split('\n').filter((line) => line.trim() !== '');
        return translateSentences(translator, sentences, { beamWidth, nBest: Math.min(shown, beamWidth) });
      },
    };
  },
};
