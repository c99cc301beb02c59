import { ReferenceBackend } from '../../../src/backend/reference/reference.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { type Arguments, aligned, execute, input, type KernelCase, normal, output } from '../kernel-case.ts';

/** As for chains of tags (crf.ts): a frame rounds some 1e-7 of numbers of about 10, and is carried on to the end. */
const tolerance = 1e-5;

/** T, B, V, U, and more options. */
const losses: [T: number, B: number, V: number, U: number, options?: LossOptions][] = [
  [1, 1, 2, 1],
  [1, 1, 1, 0],
  [1, 3, 5, 1, { targetLengths: [1, 0, 1] }],
  [4, 2, 3, 0],
  [6, 3, 4, 2, { blank: 3 }],
  [9, 4, 6, 3, { inputLengths: [9, 0, 1, 5], targetLengths: [3, 0, 2, 1] }],
  [9, 4, 6, 3, { inputLengths: [9, 0, 1, 5], targetLengths: [3, 1, 2, 1], zeroInfinity: true }],
  [12, 5, 3, 6, { repeat: true }],
  [11, 5, 3, 6, { repeat: true, zeroInfinity: true }],
  [20, 3, 9, 7, { targetLengths: [7, 4, 1] }],
  [20, 3, 9, 8],
  [34, 2, 17, 15, { blank: 5 }],
  [40, 2, 17, 16, { targetLengths: [16, 9] }],
  [120, 2, 30, 33, { inputLengths: [120, 90] }],
  [15, 3, 7, 4, { forbid: true }],
  [8, 4, 6, 3, { large: true }],
  // Enough work for threads.
  [40, 40, 30, 12, { inputLengths: Array.from({ length: 40 }, (_, b) => b + 1), zeroInfinity: true }],
];

interface LossOptions {
  readonly inputLengths?: readonly number[];
  readonly targetLengths?: readonly number[];
  readonly blank?: number;
  readonly zeroInfinity?: boolean;
  /** Targets of one symbol again and again. */
  readonly repeat?: boolean;
  /** Some logits of −∞, never of the blank. */
  readonly forbid?: boolean;
  /** Logits of hundreds. */
  readonly large?: boolean;
}

export function ctcCases(rng: Random): KernelCase[] {
  return losses.flatMap(([T, B, V, U, options = {}]) => {
    const { blank = 0, zeroInfinity = false, repeat = false, forbid = false, large = false } = options;
    const frames = options.inputLengths ?? new Array<number>(B).fill(T);
    const symbols = options.targetLengths ?? new Array<number>(B).fill(U);
    const logits = normal(rng, T * B * V, large ? 200 : 2);
    const targets = Int32Array.from({ length: B * U }, () => {
      const other = repeat ? 0 : rng.integer(V - 1);
      return other >= blank ? other + 1 : other;
    });
    if (forbid) for (let i = 0; i < logits.length; i++) if (i % 7 === 3 && i % V !== blank) logits[i] = Number.NEGATIVE_INFINITY;
    const isInside = Uint8Array.from({ length: T * B }, (_, tb) => (Math.floor(tb / B) < frames[tb % B] ? 1 : 0));
    // What stands past a length is not looked at.
    for (let tb = 0; tb < T * B; tb++) if (isInside[tb] === 0) logits.fill(Number.NaN, tb * V, (tb + 1) * V);
    for (let bu = 0; bu < B * U; bu++) if (bu % U >= symbols[Math.floor(bu / U)]) targets[bu] = -100;
    const states = 2 * U + 1;
    const isState = Uint8Array.from({ length: T * B * states }, (_, i) => {
      const [tb, state] = [Math.floor(i / states), i % states];
      const length = symbols[tb % B];
      return isInside[tb] === 1 && (state <= U ? state <= length : state - U <= length) ? 1 : 0;
    });
    const given = {
      logits: input(logits),
      targets: input(targets),
      targetLengths: input(Int32Array.from(symbols)),
      ...(options.inputLengths ? { inputLengths: input(Int32Array.from(frames)) } : {}),
    };
    const facts = (at: Arguments) => ({
      T,
      B,
      V,
      U,
      blank,
      zeroInfinity,
      logits: at('logits'),
      targets: at('targets'),
      targetLengths: at('targetLengths'),
      inputLengths: at.orNull('inputLengths'),
    });
    const label = `T ${T}, B ${B}, V ${V}, U ${U}, ${JSON.stringify(options)}`;
    const forward: KernelCase = {
      kernel: 'ctcForward',
      label,
      tolerance,
      operands: {
        ...given,
        losses: output(B, { magnitude: T }),
        logSumExp: output(T * B, { defined: isInside, magnitude: 1 }),
        alphas: output(T * B * states, { defined: isState, magnitude: 10 }),
      },
      run: (backend, at) => backend.ctcForward({ ...facts(at), losses: at('losses'), logSumExp: at('logSumExp'), alphas: at('alphas') }),
    };
    const saved = execute(new ReferenceBackend(), forward, aligned);
    const known = (values: ArrayLike<number>, defined: Uint8Array) =>
      Float64Array.from(values, (x, i) => (defined[i] === 1 ? Math.fround(x) : Number.NaN));
    const backward = (each: boolean): KernelCase => ({
      kernel: 'ctcBackward',
      label: `${label}, ${each ? 'a scale for each row' : 'one scale'}`,
      // The saved numbers, of about 10 (or hundreds), were rounded to float32.
      tolerance: large ? 1e-4 : 2 * tolerance,
      operands: {
        ...given,
        logSumExp: input(known(saved.logSumExp, isInside)),
        alphas: input(known(saved.alphas, isState)),
        scale: input(normal(rng, each ? B : 1)),
        dLogits: output(T * B * V, { magnitude: 1 }),
      },
      run: (backend, at) =>
        backend.ctcBackward({
          ...facts(at),
          logSumExp: at('logSumExp'),
          alphas: at('alphas'),
          scale: at('scale'),
          dLogits: at('dLogits'),
        }),
    });
    return [forward, backward(false), backward(true)];
  });
}
