/** Which part of a line each of its characters is: CTC says in which frames it was sure; between them the ink is cut. */
import type { LineFeatures } from './features.ts';
import type { Handwriting, Stroke } from './ink.ts';

/** A character, and the frames that say so: start … end − 1. */
export interface CharacterFrames {
  readonly character: string;
  /** Highest that the model gives it in its frames. */
  readonly probability: number;
  readonly start: number;
  readonly end: number;
}

/** Points first … last of a stroke, numbered from 0. */
export interface StrokeSpan {
  readonly stroke: number;
  readonly first: number;
  readonly last: number;
}

/** A character, and where it stands. */
export interface RecognizedCharacter {
  readonly character: string;
  /** Highest that the model gives it; in (0, 1]. */
  readonly probability: number;
  /** Of ink: the points that are it. */
  readonly strokes?: readonly StrokeSpan[];
  /** Of an image: the columns of pixels that are it, the last one included. */
  readonly columns?: readonly [first: number, last: number];
}

/**
 * Cuts a line between its characters: where the pen was lifted between their frames, at the widest gap to the right; else in the
 * middle.
 *
 * @param factor steps of features in a frame
 */
export function charactersToInk(
  characters: readonly CharacterFrames[],
  features: LineFeatures,
  factor: number,
  line: Handwriting,
): RecognizedCharacter[] {
  const cuts = [0];
  for (let i = 1; i < characters.length; i++) {
    const after = Math.max(cuts[i - 1] + 1, Math.min(features.steps, characters[i - 1].end * factor));
    const until = Math.max(after, Math.min(features.steps - 1, characters[i].start * factor));
    cuts.push(line.kind === 'ink' ? cutBetween(after, until, features, line.strokes) : Math.floor((after + until) / 2));
  }
  cuts.push(features.steps);
  return characters.map(({ character, probability }, i) => {
    const [from, to] = [cuts[i], cuts[i + 1]];
    if (line.kind === 'image') {
      const first = from === 0 ? 0 : features.points[from - 1] + 1;
      const last = to === features.steps ? line.width - 1 : features.points[to - 1];
      return { character, probability, columns: [first, Math.max(first, last)] as const };
    }
    return { character, probability, strokes: spansOf(from, to, features, line.strokes) };
  });
}

/** The first step of the next character, in after … until. */
function cutBetween(after: number, until: number, { strokes }: LineFeatures, ink: readonly Stroke[]): number {
  let [best, widest] = [-1, Number.NEGATIVE_INFINITY];
  for (let step = after; step <= until; step++) {
    if (step === 0 || strokes[step] === strokes[step - 1]) continue;
    const [before, next] = [ink[strokes[step] - 1].x, ink[strokes[step]].x];
    const gap =
      next.reduce((least, x) => Math.min(least, x), Number.POSITIVE_INFINITY) -
      before.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
    if (gap > widest) [best, widest] = [step, gap];
  }
  return best >= 0 ? best : Math.floor((after + until + 1) / 2);
}

function spansOf(from: number, to: number, { strokes, points, steps }: LineFeatures, ink: readonly Stroke[]): StrokeSpan[] {
  const spans: StrokeSpan[] = [];
  for (let begin = from; begin < to; ) {
    const stroke = strokes[begin];
    let end = begin;
    while (end < to && strokes[end] === stroke) end++;
    const continues = begin > 0 && strokes[begin - 1] === stroke;
    const first = continues ? points[begin - 1] + 1 : 0;
    const isLast = end >= steps || strokes[end] !== stroke;
    const last = isLast ? ink[stroke].x.length - 1 : points[end - 1];
    if (last >= first) spans.push({ stroke, first, last });
    begin = end;
  }
  return spans;
}
