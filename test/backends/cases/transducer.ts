import { ReferenceBackend } from '../../../src/backend/reference/reference.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { type Arguments, aligned, execute, input, type KernelCase, normal, output } from '../kernel-case.ts';

/** As for chains of tags (crf.ts): a diagonal rounds some 1e-7 of numbers of about 10, and is carried on to the end. */
const tolerance = 1e-5;

/** B, T, V, U, and more options. */
const lattices: [B: number, T: number, V: number, U: number, options?: LatticeOptions][] = [
  [1, 1, 1, 0],
  [1, 1, 2, 1],
  [2, 4, 3, 0],
  [3, 1, 4, 3, { targetLengths: [3, 0, 1] }],
  [3, 6, 4, 2, { blank: 3 }],
  [4, 7, 6, 5, { inputLengths: [7, 0, 1, 4], targetLengths: [5, 0, 2, 1] }],
  [2, 3, 5, 9],
  [2, 9, 11, 15, { targetLengths: [15, 8] }],
  [2, 20, 9, 16],
  [2, 24, 17, 31, { inputLengths: [24, 11], targetLengths: [31, 16] }],
  [1, 90, 5, 20],
  [3, 9, 7, 4, { forbid: true }],
  [2, 5, 6, 3, { large: true }],
  [2, 5, 6, 3, { noWay: true }],
  // Enough work for threads.
  [
    33,
    16,
    30,
    7,
    {
      inputLengths: Array.from({ length: 33 }, (_, b) => b % 17),
      targetLengths: Array.from({ length: 33 }, (_, b) => (b % 17 === 0 ? 0 : b % 8)),
    },
  ],
];

interface LatticeOptions {
  readonly inputLengths?: readonly number[];
  readonly targetLengths?: readonly number[];
  readonly blank?: number;
  /** Some logits of −∞, never of the blank. */
  readonly forbid?: boolean;
  /** The last blank of the second row is −∞. */
  readonly noWay?: boolean;
  /** Logits of hundreds. */
  readonly large?: boolean;
}

export function transducerCases(rng: Random): KernelCase[] {
  return lattices.flatMap(([B, T, V, U, options = {}]) => {
    const { blank = 0, forbid = false, noWay = false, large = false } = options;
    const frames = options.inputLengths ?? new Array<number>(B).fill(T);
    const symbols = options.targetLengths ?? new Array<number>(B).fill(U);
    const nodes = B * T * (U + 1);
    const logits = normal(rng, nodes * V, large ? 200 : 2);
    const targets = Int32Array.from({ length: B * U }, () => {
      const other = rng.integer(V - 1);
      return other >= blank ? other + 1 : other;
    });
    if (forbid) for (let i = 0; i < logits.length; i++) if (i % 7 === 3 && i % V !== blank) logits[i] = Number.NEGATIVE_INFINITY;
    if (noWay) logits[(2 * T * (U + 1) - 1) * V + blank] = Number.NEGATIVE_INFINITY;
    const isNode = Uint8Array.from({ length: nodes }, (_, i) => {
      const [b, t, u] = [Math.floor(i / (T * (U + 1))), Math.floor(i / (U + 1)) % T, i % (U + 1)];
      return t < frames[b] && u <= symbols[b] ? 1 : 0;
    });
    // What stands past a length is not looked at.
    for (let i = 0; i < nodes; i++) if (isNode[i] === 0) logits.fill(Number.NaN, i * V, (i + 1) * V);
    for (let bu = 0; bu < B * U; bu++) if (bu % U >= symbols[Math.floor(bu / U)]) targets[bu] = -100;
    const given = {
      logits: input(logits),
      targets: input(targets),
      targetLengths: input(Int32Array.from(symbols)),
      ...(options.inputLengths ? { inputLengths: input(Int32Array.from(frames)) } : {}),
    };
    const facts = (at: Arguments) => ({
      B,
      T,
      V,
      U,
      blank,
      logits: at('logits'),
      targets: at('targets'),
      targetLengths: at('targetLengths'),
      inputLengths: at.orNull('inputLengths'),
    });
    const label = `B ${B}, T ${T}, V ${V}, U ${U}, ${JSON.stringify(options)}`;
    const forward: KernelCase = {
      kernel: 'transducerForward',
      label,
      tolerance,
      operands: {
        ...given,
        losses: output(B, { magnitude: T + U }),
        logSumExp: output(nodes, { defined: isNode, magnitude: 1 }),
        alphas: output(nodes, { defined: isNode, magnitude: 10 }),
      },
      run: (backend, at) =>
        backend.transducerForward({ ...facts(at), losses: at('losses'), logSumExp: at('logSumExp'), alphas: at('alphas') }),
    };
    const saved = execute(new ReferenceBackend(), forward, aligned);
    const known = (values: ArrayLike<number>) => Float64Array.from(values, (x, i) => (isNode[i] === 1 ? Math.fround(x) : Number.NaN));
    const backward = (each: boolean): KernelCase => ({
      kernel: 'transducerBackward',
      label: `${label}, ${each ? 'a scale for each row' : 'one scale'}`,
      // The saved numbers, of about 10 (or hundreds), were rounded to float32.
      tolerance: large ? 1e-4 : 2 * tolerance,
      operands: {
        ...given,
        logSumExp: input(known(saved.logSumExp)),
        alphas: input(known(saved.alphas)),
        scale: input(normal(rng, each ? B : 1)),
        dLogits: output(nodes * V, { magnitude: 1 }),
      },
      run: (backend, at) =>
        backend.transducerBackward({
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
