/** A character language model on a text. */
import { formatModel, generate, prepareLanguageModel, textOf } from 'unrolled';
import type { Cell, Lesson } from '../lesson.ts';

export interface TextData {
  readonly text: string;
  readonly cell: Cell;
  readonly hiddenSize: number;
  readonly minutes: number;
}

export interface TextQuestion {
  readonly prompt: string;
  readonly length: number;
  readonly temperature: number;
}

export const lesson: Lesson<TextData> = {
  async prepare({ text, cell, hiddenSize, minutes }) {
    const training = await prepareLanguageModel(
      { train: [textOf(text, 'the text')] },
      { cell, hiddenSize, maxMinutes: minutes, batchSize: 16, sequenceLength: 48, sampleLength: 240, watchEvery: 20 },
    );
    const { model, tokenizer } = training;
    return {
      name: 'text',
      facts: [
        ['text', `${text.length.toLocaleString('en')} characters, ${tokenizer.size} different`],
        ['model', `${model.parameterCount.toLocaleString('en')} parameters`],
      ],
      run: (options) => training.run(options),
      ask: (question) => {
        const { prompt, length, temperature } = question as TextQuestion;
        return [...generate(model, tokenizer, { prompt, length, temperature })].join('');
      },
      save: () =>
        formatModel({
          config: {
            task: 'language-model',
            architecture: model.architecture,
            vocabulary: tokenizer.toJSON(),
            training: { options: training.options },
          },
          tensors: model.stateDict(),
        }),
    };
  },
};
