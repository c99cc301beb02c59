/** What the three networks of Explore read and learn: one sequence that is shown, and others like it to learn from. */
import { crossEntropy, mse, Random, reshape, slice, type Tensor, tensor } from 'unrolled';
import type { Settings } from './settings.ts';

export interface Lesson {
  readonly inputSize: number;
  readonly outputSize: number;
  /** The sequence that is shown: [T, I]. */
  readonly x: Float32Array;
  /** What each step reads, [T]. */
  readonly tokens: readonly string[];
  /** What each step should give, in words, [T]; '' where nothing is asked. */
  readonly wanted: readonly string[];
  /** The loss of the shown sequence's prediction at one step. @param logits [1, T, O] */
  lossAt(logits: Tensor, step: number): Tensor;
  /** A batch to learn from. */
  batch(rng: Random): { readonly x: Tensor; loss(logits: Tensor): Tensor };
  /** What the network says at a step, in words. @param scores [O] */
  tell(scores: Float32Array): string;
}

export function makeLesson(settings: Settings): Lesson {
  switch (settings.lesson) {
    case 'text':
      return textLesson(settings);
    case 'recall':
      return recallLesson(settings);
    case 'brackets':
      return bracketsLesson(settings);
    case 'sine':
      return sineLesson(settings);
    default:
      throw new Error(`unreachable: ${settings.lesson satisfies never}`);
  }
}

/** Predict the next character of one text. */
function textLesson({ text }: Settings): Lesson {
  const letters = [...(text.length >= 2 ? text : `${text}··`.slice(0, 2))];
  const alphabet = [...new Set(letters)].sort();
  const I = alphabet.length;
  const ids = letters.map((letter) => alphabet.indexOf(letter));
  const tokens = letters.slice(0, -1);
  const targets = ids.slice(1);
  const x = oneHot(ids.slice(0, -1), I);
  return {
    inputSize: I,
    outputSize: I,
    x,
    tokens,
    wanted: letters.slice(1),
    lossAt: (logits, step) => classAt(logits, step, targets[step]),
    batch: () => ({
      x: tensor(x, { shape: [1, tokens.length, I] }),
      loss: (logits) => crossEntropy(reshape(logits, [tokens.length, I]), tensor(targets, { dtype: 'int32' })),
    }),
    tell: (scores) => alphabet[largest(scores)],
  };
}

const symbols = ['a', 'b', 'c', 'd'];

/** Say at the end what the first symbol was; between them stands nothing. */
function recallLesson({ length: T, seed }: Settings): Lesson {
  const [blank, question] = [symbols.length, symbols.length + 1];
  const I = symbols.length + 2;
  const idsOf = (first: number): number[] => Array.from({ length: T }, (_, t) => (t === 0 ? first : t === T - 1 ? question : blank));
  const first = seed % symbols.length;
  const B = 16;
  return {
    inputSize: I,
    outputSize: symbols.length,
    x: oneHot(idsOf(first), I),
    tokens: idsOf(first).map((id) => [...symbols, '·', '?'][id]),
    wanted: Array.from({ length: T }, (_, t) => (t === T - 1 ? symbols[first] : '')),
    lossAt: (logits, step) => classAt(logits, step, first),
    batch: (rng) => {
      const firsts = Array.from({ length: B }, () => rng.integer(symbols.length));
      return {
        x: tensor(oneHot(firsts.flatMap(idsOf), I), { shape: [B, T, I] }),
        loss: (logits) => crossEntropy(reshape(slice(logits, 1, T - 1, T), [B, symbols.length]), tensor(firsts, { dtype: 'int32' })),
      };
    },
    tell: (scores) => symbols[largest(scores)],
  };
}

/** Depths are told as this share of them, so that outputs stay small. */
const deepest = 8;

/** Say how many brackets are open. */
function bracketsLesson({ text, length: T, seed }: Settings): Lesson {
  const given = [...text].filter((letter) => letter === '(' || letter === ')').slice(0, 120);
  const shown = given.length >= 2 ? given : bracketsOf(new Random(seed + 7), T);
  const x = oneHot(
    shown.map((letter) => (letter === '(' ? 0 : 1)),
    2,
  );
  const depths = depthsOf(shown);
  const B = 16;
  return {
    inputSize: 2,
    outputSize: 1,
    x,
    tokens: shown,
    wanted: depths.map(String),
    lossAt: (logits, step) => numberAt(logits, step, depths[step] / deepest),
    batch: (rng) => {
      const all = Array.from({ length: B }, () => bracketsOf(rng, T));
      const wanted = Float32Array.from(all.flatMap((one) => depthsOf(one).map((depth) => depth / deepest)));
      return {
        x: tensor(
          oneHot(
            all.flat().map((letter) => (letter === '(' ? 0 : 1)),
            2,
          ),
          { shape: [B, T, 2] },
        ),
        loss: (logits) => mse(logits, tensor(wanted, { shape: [B, T, 1] })),
      };
    },
    tell: (scores) => (scores[0] * deepest).toFixed(1).replace('-', '−'),
  };
}

function bracketsOf(rng: Random, T: number): string[] {
  let depth = 0;
  return Array.from({ length: T }, () => {
    // Runs in one direction, so that depths differ.
    const opens = depth === 0 || (depth < deepest && rng.uniform() < 0.55);
    depth += opens ? 1 : -1;
    return opens ? '(' : ')';
  });
}

function depthsOf(brackets: readonly string[]): number[] {
  let depth = 0;
  return brackets.map((letter) => {
    depth = Math.max(0, depth + (letter === '(' ? 1 : -1));
    return depth;
  });
}

/** Predict the next value of two sines added. */
function sineLesson({ length: T, seed }: Settings): Lesson {
  const wave = (phase: number): Float32Array =>
    Float32Array.from({ length: T + 1 }, (_, t) => 0.6 * Math.sin(phase + t / 2.5) + 0.4 * Math.sin(1.7 * phase + t / 5.7));
  const shown = wave(seed);
  const B = 16;
  return {
    inputSize: 1,
    outputSize: 1,
    x: shown.slice(0, T),
    tokens: [...shown.slice(0, T)].map(decimal),
    wanted: [...shown.slice(1)].map(decimal),
    lossAt: (logits, step) => numberAt(logits, step, shown[step + 1]),
    batch: (rng) => {
      const waves = Array.from({ length: B }, () => wave(100 * rng.uniform()));
      const x = Float32Array.from(waves.flatMap((one) => [...one.subarray(0, T)]));
      const y = Float32Array.from(waves.flatMap((one) => [...one.subarray(1)]));
      return { x: tensor(x, { shape: [B, T, 1] }), loss: (logits) => mse(logits, tensor(y, { shape: [B, T, 1] })) };
    },
    tell: (scores) => decimal(scores[0]),
  };
}

function classAt(logits: Tensor, step: number, target: number): Tensor {
  const O = logits.shape[2];
  return crossEntropy(reshape(slice(logits, 1, step, step + 1), [1, O]), tensor([target], { dtype: 'int32' }));
}

function numberAt(logits: Tensor, step: number, target: number): Tensor {
  return mse(reshape(slice(logits, 1, step, step + 1), [1, 1]), tensor([[target]]));
}

function oneHot(ids: readonly number[], size: number): Float32Array {
  const x = new Float32Array(ids.length * size);
  ids.forEach((id, k) => {
    x[k * size + id] = 1;
  });
  return x;
}

function largest(scores: Float32Array): number {
  let best = 0;
  for (let k = 1; k < scores.length; k++) if (scores[k] > scores[best]) best = k;
  return best;
}

const decimal = (value: number): string => value.toFixed(2).replace('-', '−');
