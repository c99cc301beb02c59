/** A recogniser of handwriting at work on a line, for pictures of its states and for gradients through them. */
import type { Observation } from '../../insight/figure/trace.ts';
import { observeFrames } from '../observed-frames.ts';
import type { Handwriting } from './ink.ts';
import type { Recognizer } from './recognize.ts';

/**
 * What the last layer of its encoder reads of a line, and what CTC says of each frame. A frame is named by where it begins: by stroke and
 * point of ink, both from 1, by the column of an image.
 *
 * @throws FormatError when the line is of another kind than those that the model was trained on
 */
export function observe({ model, alphabet, extractor }: Recognizer, line: Handwriting): Observation {
  model.eval();
  const { values, strokes, points } = extractor.extract(line);
  const batch = model.collate([values]);
  const token = (t: number): string => {
    const step = t * model.encoder.factor;
    return line.kind === 'ink' ? `${strokes[step] + 1}.${points[step] + 1}` : String(points[step] + 1);
  };
  return observeFrames(
    model,
    () => model.forward(batch).logits,
    (symbol) => alphabet.characters[symbol - 1],
    token,
  );
}
