/** What is written by hand, on a pad or in a picture, and which ink says which character (the CTC alignment). */
import { type Handwriting, handwritingFrom, recognize, type Stroke } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

/** Strokes as the pad has them: x, y, x, y, … in shares of its width. */
export type Question =
  | { readonly kind: 'ink'; readonly strokes: readonly (readonly number[])[] }
  | { readonly kind: 'image'; readonly width: number; readonly height: number; readonly pixels: Float32Array };

export interface Answer {
  readonly text: string;
  readonly characters: readonly {
    readonly character: string;
    readonly probability: number;
    /** Points first … last of strokes. */
    readonly strokes: readonly { readonly stroke: number; readonly first: number; readonly last: number }[];
    readonly columns: readonly [number, number] | null;
  }[];
}

export interface About {
  readonly readsInk: boolean;
}

/** Seconds between two points, and between two strokes, where a model wants to know. */
const pointSeconds = 0.01;
const liftSeconds = 0.15;

export const task: TryTask<Question, Answer> = {
  open(file): OpenModel<Question, Answer> {
    const recognizer = handwritingFrom(file);
    const { architecture, vocabulary } = recognizer.config;
    const about: About = { readsInk: architecture.input.kind !== 'columns' };
    return {
      about,
      facts: [...factsOf(file), ['characters', vocabulary.characters.join('')], ['reads', about.readsInk ? 'ink' : 'pictures']],
      async ask(question) {
        const line: Handwriting =
          question.kind === 'ink'
            ? { kind: 'ink', text: null, strokes: strokesOf(question.strokes), file: 'the pad', line: 1 }
            : { ...question, text: null, file: 'the picture', line: 1 };
        const lineHeight = question.kind === 'ink' ? heightOf(question.strokes) : undefined;
        const [{ text, characters }] = await recognize(recognizer, [line], {
          beamWidth: 8,
          ...(lineHeight === undefined ? {} : { lineHeight }),
        });
        return {
          text,
          characters: characters.map(({ character, probability, strokes = [], columns }) => ({
            character,
            probability,
            strokes,
            columns: columns ?? null,
          })),
        };
      },
    };
  },
};

function strokesOf(strokes: readonly (readonly number[])[]): Stroke[] {
  let seconds = 0;
  return strokes.map((stroke) => {
    const n = stroke.length / 2;
    const t = Float64Array.from({ length: n }, (_, k) => seconds + k * pointSeconds);
    seconds = t[n - 1] + liftSeconds;
    return {
      x: Float64Array.from({ length: n }, (_, k) => stroke[2 * k]),
      y: Float64Array.from({ length: n }, (_, k) => stroke[2 * k + 1]),
      t,
      force: new Float64Array(n).fill(0.5),
    };
  });
}

function heightOf(strokes: readonly (readonly number[])[]): number {
  const y = strokes.flatMap((stroke) => stroke.filter((_, k) => k % 2 === 1));
  return Math.max(0.02, Math.max(...y) - Math.min(...y));
}
