/** Shapes drawn with a pen: a model that Train made. */
import { type PenAnswer, penModelFrom } from '../../train/lessons/pen.ts';
import type { Stroke } from '../../train/pen.ts';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export const task: TryTask<readonly Stroke[], PenAnswer> = {
  open(file, bytes): OpenModel<readonly Stroke[], PenAnswer> {
    const { model, labels } = penModelFrom(bytes);
    return { about: { labels }, facts: [...factsOf(file), ['shapes', labels.join(', ')]], ask: (strokes) => model.follow(strokes) };
  },
};
