/** Which part of a line each of its characters is: CTC says in which frames it was sure; between them the ink is cut. */
import type { LineFeatures } from './features.ts';
import { lineHeightOf } from './geometry.ts';
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
 * Cuts a line between its characters: where the pen was lifted near the frames of one and then went to the right of what was written;
 * else in the middle between the frames. Models often know a character only when the next one has begun, so a lift may also lie
 * before the frames.
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
  const lifts = line.kind === 'ink' ? liftsIn(features, line.strokes) : [];
  for (let i = 1; i < characters.length; i++) {
    // What is left for this character and for those that follow.
    const earliest = cuts[i - 1] + 1;
    const latest = Math.max(earliest, features.steps - (characters.length - i));
    const known = Math.min(latest, Math.max(earliest, characters[i - 1].end * factor));
    const next = Math.min(latest, Math.max(known, characters[i].start * factor));
    cuts.push(bestLift(lifts, { earliest, known, next }) ?? Math.floor((known + next) / 2));
  }
  cuts.push(features.steps);
  return characters.map(({ character, probability }, i) => {
    const [from, to] = [Math.min(cuts[i], features.steps), Math.min(cuts[i + 1], features.steps)];
    if (line.kind === 'image') {
      const first = from === 0 ? 0 : features.points[from - 1] + 1;
      const last = to === features.steps ? line.width - 1 : features.points[to - 1];
      return { character, probability, columns: [first, Math.max(first, last)] as const };
    }
    return { character, probability, strokes: spansOf(from, to, features, line.strokes) };
  });
}

/** A lift of the pen: the step that begins the next stroke, and how far to the right that is of the one before, in line heights. */
interface Lift {
  readonly step: number;
  readonly gap: number;
}

function liftsIn({ strokes, steps }: LineFeatures, ink: readonly Stroke[]): Lift[] {
  const height = lineHeightOf(ink);
  const lifts: Lift[] = [];
  for (let step = 1; step < steps; step++) {
    if (strokes[step] === strokes[step - 1]) continue;
    const rightmost = ink[strokes[step] - 1].x.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
    const leftmost = ink[strokes[step]].x.reduce((least, x) => Math.min(least, x), Number.POSITIVE_INFINITY);
    lifts.push({ step, gap: (leftmost - rightmost) / height });
  }
  return lifts;
}

/** null: none that would do. */
function bestLift(
  lifts: readonly Lift[],
  { earliest, known, next }: { readonly earliest: number; readonly known: number; readonly next: number },
): number | null {
  const near = lifts.filter(({ step, gap }) => step >= earliest && step <= next && (gap > -mostOverlap || step >= known));
  // The next character has begun somewhere between; its own way there is the measure of what is far.
  const reach = Math.max(1, next - earliest);
  const score = ({ step, gap }: Lift): number => Math.min(0, gap) - (overlapOfWay * Math.abs(step - known)) / reach;
  return near.reduce<Lift | null>((best, lift) => (best === null || score(lift) > score(best) ? lift : best), null)?.step ?? null;
}

/** In line heights: strokes of one character mostly overlap by more. */
const mostOverlap = 0.25;
/** The overlap that is as bad as lying as far off as can be. Both by eye, on lines of digits. */
const overlapOfWay = 0.3;

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
