import type { Random } from '../../../src/tensor/random.ts';
import { inout, input, type KernelCase, normal, output } from '../kernel-case.ts';
import { withPacked } from '../packed.ts';

/** As for any sum of K terms: roundings of 6e-8, wandering with √K, relative to √K. Measured below 6e-7. */
const tolerance = 2e-6;

interface Options {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly accumulate?: boolean;
  readonly bias?: boolean;
  /** B is a weight that the backend has packed. */
  readonly isPacked?: boolean;
  /** Elements between stored rows of a, b and c. */
  readonly gaps?: readonly [number, number, number];
}

const sizes: [M: number, N: number, K: number][] = [
  [0, 3, 2],
  [3, 0, 2],
  [3, 2, 0],
  [1, 1, 1],
  [1, 37, 19],
  [37, 1, 19],
  [5, 7, 3],
  [6, 16, 8],
  [7, 17, 9],
  [13, 33, 65],
  [64, 64, 64],
  [3, 300, 130],
];

/** Of several blocks, and large enough for threads. */
const largeSizes: [M: number, N: number, K: number][] = [
  [200, 130, 70],
  [70, 520, 129],
  [129, 65, 600],
  [1, 2048, 512],
];

/** One to four rows, which packed weights tell apart, and several blocks of depth. */
const fewRows: [M: number, N: number, K: number][] = [1, 2, 3, 4].flatMap((M): [number, number, number][] => [
  [M, 75, 19],
  [M, 130, 300],
]);

export function matrixProductCases(rng: Random): KernelCase[] {
  const transpositions = [false, true].flatMap((transA) => [false, true].map((transB) => ({ transA, transB })));
  const options = transpositions.flatMap((transposed): Options[] => [
    transposed,
    { ...transposed, accumulate: true },
    { ...transposed, bias: true },
    { ...transposed, accumulate: true, bias: true, gaps: [3, 5, 2] },
    { ...transposed, gaps: [1, 0, 7] },
  ]);
  return [
    ...sizes.flatMap((size) => options.map((o) => gemmCase(rng, size, o))),
    ...largeSizes.flatMap((size) => transpositions.map((o, i) => gemmCase(rng, size, { ...o, accumulate: i % 2 === 0, bias: i < 2 }))),
  ];
}

/** Against a weight that the backend has packed. */
export function packedProductCases(rng: Random): KernelCase[] {
  const options: Options[] = [{}, { bias: true }, { accumulate: true, bias: true, gaps: [3, 0, 2] }];
  return [...sizes, ...fewRows, ...largeSizes].flatMap((size) =>
    options.map((o) => gemmCase(rng, size, { ...o, transB: true, isPacked: true })),
  );
}

function gemmCase(rng: Random, [M, N, K]: [number, number, number], options: Options): KernelCase {
  const { transA = false, transB = false, isPacked = false, accumulate = false, bias = false, gaps } = options;
  const columnsOfA = transA ? M : K;
  const columnsOfB = transB ? K : N;
  const [lda, ldb, ldc] = gaps ? [columnsOfA + gaps[0], columnsOfB + gaps[1], N + gaps[2]] : [columnsOfA, columnsOfB, N];
  const magnitude = Math.sqrt(K);
  return {
    kernel: 'gemm',
    label: `${M} x ${N} x ${K}, ${Object.entries(options)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    tolerance,
    operands: {
      a: input(withGaps(normal(rng, M * K), columnsOfA, lda, Number.NaN)),
      b: input(withGaps(normal(rng, K * N), columnsOfB, ldb, Number.NaN)),
      c: accumulate || gaps ? inout(withGaps(normal(rng, M * N), N, ldc, 77), { magnitude }) : output(M * N, { magnitude }),
      ...(bias ? { bias: input(normal(rng, N)) } : {}),
    },
    run: (backend, at) => {
      const product = {
        M,
        N,
        K,
        a: at('a'),
        transA,
        c: at('c'),
        bias: at.orNull('bias'),
        accumulate,
        ...(gaps ? { lda, ldc } : {}),
      };
      if (isPacked) withPacked(backend, at('b'), 1, N, K, (b) => backend.gemm({ ...product, b, isPacked }));
      else backend.gemm({ ...product, b: at('b'), transB, ...(gaps ? { ldb } : {}) });
    },
  };
}

/** Rows of `columns`, spread `ld` apart, `filler` between them; none after the last. */
function withGaps(dense: Float64Array, columns: number, ld: number, filler: number): Float64Array {
  if (dense.length === 0) return dense;
  const rows = dense.length / columns;
  const spread = new Float64Array((rows - 1) * ld + columns).fill(filler);
  for (let r = 0; r < rows; r++) spread.set(dense.subarray(r * columns, (r + 1) * columns), r * ld);
  return spread;
}
