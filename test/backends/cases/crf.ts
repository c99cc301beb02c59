import type { Crf } from '../../../src/backend/backend.ts';
import { ReferenceBackend } from '../../../src/backend/reference/reference.ts';
import type { Random } from '../../../src/tensor/random.ts';
import {
  type Arguments,
  aligned,
  execute,
  inout,
  input,
  integerOutput,
  integersBelow,
  type KernelCase,
  normal,
  output,
} from '../kernel-case.ts';

/**
 * What is rounded at a step, some 1e-7 of scores of about 10, is carried on to the end: gradients are products of T such steps, and
 * log Z is a sum of them.
 */
const tolerance = 1e-5;

/** T, B, C, and more options. */
const chains: [T: number, B: number, C: number, options?: ChainOptions][] = [
  [1, 1, 1],
  [1, 3, 5],
  [2, 2, 2],
  [6, 1, 3],
  [7, 4, 8, { lengths: [7, 0, 1, 4] }],
  [5, 3, 9, { lengths: [0, 5, 2] }],
  [9, 20, 13, { lengths: Array.from({ length: 20 }, (_, b) => (b * 7) % 10) }],
  [4, 35, 17],
  [120, 2, 11, { lengths: [120, 63] }],
  [12, 5, 9, { forbid: true }],
  [6, 18, 37, { forbid: true, lengths: Array.from({ length: 18 }, (_, b) => b % 7) }],
  [9, 3, 5, { forbid: true, noPath: true, lengths: [9, 4, 2] }],
  [8, 4, 6, { large: true }],
  // Enough work for threads.
  [16, 40, 30, { lengths: Array.from({ length: 40 }, (_, b) => (b * 5) % 17) }],
];

export interface ChainOptions {
  readonly lengths?: readonly number[];
  /** Scores of −∞: between tags, at the ends, and in emissions, such that there is a path. */
  readonly forbid?: boolean;
  /** The second row has none. */
  readonly noPath?: boolean;
  /** Emissions of hundreds. */
  readonly large?: boolean;
}

export function crfCases(rng: Random): KernelCase[] {
  return chains.flatMap(([T, B, C, options = {}]) => {
    const chain = drawChain(rng, T, B, C, options);
    const { label, isInside, tags, sizes } = chain;
    const eachTag = Uint8Array.from({ length: T * B * C }, (_, i) => isInside[Math.floor(i / C)]);
    const forward = (hasTags: boolean): KernelCase => ({
      kernel: 'crfForward',
      label: `${label}, ${hasTags ? 'tags' : 'log Z'}`,
      tolerance,
      operands: {
        ...chain.operands,
        ...(hasTags ? { tags: input(tags) } : {}),
        losses: output(B, { magnitude: T }),
        alphas: output(T * B * C, { defined: eachTag, magnitude: 10 }),
        shifts: output(T * B, { defined: isInside, magnitude: 10 }),
      },
      run: (backend, at) =>
        backend.crfForward({
          ...sizes,
          ...buffersOf(at),
          tags: at.orNull('tags'),
          losses: at('losses'),
          alphas: at('alphas'),
          shifts: at('shifts'),
        }),
    });
    const backward = (hasTags: boolean, each: boolean): KernelCase => {
      const saved = execute(new ReferenceBackend(), forward(false), aligned);
      const inside = (values: ArrayLike<number>, width: number) =>
        Float64Array.from(values, (x, i) => (isInside[Math.floor(i / width)] === 1 ? Math.fround(x) : Number.NaN));
      return {
        kernel: 'crfBackward',
        label: `${label}, ${hasTags ? 'tags' : 'log Z'}, ${each ? 'a scale for each row' : 'one scale'}`,
        // The saved numbers, of about 10 (or hundreds), were rounded to float32.
        tolerance: options.large ? 1e-4 : 2 * tolerance,
        operands: {
          ...chain.operands,
          ...(hasTags ? { tags: input(tags) } : {}),
          alphas: input(inside(saved.alphas, C)),
          shifts: input(inside(saved.shifts, 1)),
          scale: input(normal(rng, each ? B : 1)),
          dEmissions: output(T * B * C, { magnitude: 1 }),
          dTransitions: inout(normal(rng, C * C), { magnitude: 1 }),
          dStart: inout(normal(rng, C), { magnitude: 1 }),
          dEnd: inout(normal(rng, C), { magnitude: 1 }),
        },
        run: (backend, at) =>
          backend.crfBackward({
            ...sizes,
            ...buffersOf(at),
            tags: at.orNull('tags'),
            alphas: at('alphas'),
            shifts: at('shifts'),
            scale: at('scale'),
            dEmissions: at('dEmissions'),
            dTransitions: at('dTransitions'),
            dStart: at('dStart'),
            dEnd: at('dEnd'),
          }),
      };
    };
    const decode: KernelCase = {
      kernel: 'crfDecode',
      label,
      tolerance,
      operands: { ...chain.operands, tags: integerOutput(T * B), scores: output(B, { magnitude: T }) },
      run: (backend, at) => backend.crfDecode({ ...sizes, ...buffersOf(at), tags: at('tags'), scores: at('scores') }),
    };
    // A row without a path has no best one either.
    const isDefined = Uint8Array.from({ length: T * B }, (_, tb) => (options.noPath && tb % B === 1 ? 0 : 1));
    const tagged = { ...decode, operands: { ...decode.operands, tags: { ...decode.operands.tags, defined: isDefined } } };
    return [forward(true), forward(false), backward(true, false), backward(false, true), tagged];
  });
}

/** Scores, and tags of paths that are possible. */
export function drawChain(rng: Random, T: number, B: number, C: number, { lengths, forbid, noPath, large }: ChainOptions) {
  const never = Number.NEGATIVE_INFINITY;
  const tags = integersBelow(rng, T * B, C);
  const emissions = normal(rng, T * B * C, large ? 200 : 2);
  const [transitions, start, end] = [normal(rng, C * C), normal(rng, C), normal(rng, C)];
  if (forbid) {
    // From a tag to itself or the next two alone; never to begin with the last, never to end with the first, once in a while never here.
    transitions.forEach((_, ij) => {
      if (((((ij % C) - Math.floor(ij / C)) % C) + C) % C > 2) transitions[ij] = never;
    });
    start[C - 1] = never;
    end[0] = never;
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) tags[t * B + b] = t === 0 ? b % (C - 1) : (tags[(t - 1) * B + b] + 1 + ((t + b) % 2)) % C;
      const n = lengths?.[b] ?? T;
      if (n > 0 && tags[(n - 1) * B + b] === 0) tags[(n - 1) * B + b] = n === 1 ? 1 : tags[(n - 2) * B + b] === C - 1 ? C - 1 : 1;
    }
    emissions.forEach((_, i) => {
      if (i % 11 === 3 && i % C !== tags[Math.floor(i / C)]) emissions[i] = never;
    });
  }
  if (noPath) for (let j = 0; j < C; j++) emissions[(B + 1) * C + j] = never;
  const isInside = Uint8Array.from({ length: T * B }, (_, tb) => (Math.floor(tb / B) < (lengths?.[tb % B] ?? T) ? 1 : 0));
  // What stands past a length is not looked at.
  for (let tb = 0; tb < T * B; tb++) {
    if (isInside[tb] === 1) continue;
    tags[tb] = -100;
    emissions.fill(Number.NaN, tb * C, (tb + 1) * C);
  }
  return {
    label: `T ${T}, B ${B}, C ${C}${lengths ? ', lengths' : ''}${forbid ? ', forbidden' : ''}${noPath ? ', no path' : ''}${large ? ', large' : ''}`,
    sizes: { T, B, C },
    tags,
    isInside,
    operands: {
      emissions: input(emissions),
      transitions: input(transitions),
      start: input(start),
      end: input(end),
      ...(lengths ? { lengths: input(Int32Array.from(lengths)) } : {}),
    },
  };
}

export function buffersOf(at: Arguments): Pick<Crf, 'emissions' | 'lengths' | 'transitions' | 'start' | 'end'> {
  return {
    emissions: at('emissions'),
    lengths: at.orNull('lengths'),
    transitions: at('transitions'),
    start: at('start'),
    end: at('end'),
  };
}
