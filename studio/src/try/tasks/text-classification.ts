/** A text's labels, and the words that decided. */
import { classifyTexts, textClassifierFrom } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export interface Answer {
  readonly labels: readonly string[];
  readonly probabilities: readonly (readonly [label: string, probability: number])[];
  /** null: the model does not attend. */
  readonly attention: readonly { readonly word: string; readonly weight: number }[] | null;
}

export const task: TryTask<string, Answer> = {
  open(file): OpenModel<string, Answer> {
    const classifier = textClassifierFrom(file);
    return {
      facts: [...factsOf(file), ['labels', classifier.labels.length > 8 ? String(classifier.labels.length) : classifier.labels.join(', ')]],
      async ask(text) {
        const [{ labels, probabilities, attention }] = await classifyTexts(classifier, [text]);
        return { labels, attention, probabilities: [...probabilities].sort(([, a], [, b]) => b - a).slice(0, 12) };
      },
    };
  },
};
