import type { ReservoirMatrix } from '../../../src/backend/backend.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { type Arguments, inout, input, type KernelCase, normal, output, uniform } from '../kernel-case.ts';

/** T, B, H, entries in a row at most (none: dense), and whether lengths differ. */
const reservoirs: [T: number, B: number, H: number, entries: number | null, lengths?: boolean][] = [
  [1, 1, 1, null],
  [1, 1, 1, 1],
  [5, 1, 7, null],
  [5, 2, 16, null, true],
  [6, 3, 33, null, true],
  [4, 9, 21, null, true],
  [3, 1, 70, 70],
  [7, 1, 19, 0],
  [6, 1, 40, 9],
  [5, 4, 35, 20, true],
  [4, 10, 65, 40, true],
  // Enough work for threads.
  [12, 11, 60, null, true],
  [20, 13, 130, 60],
];

export function reservoirCases(rng: Random): KernelCase[] {
  return [...reservoirs.map((sizes) => reservoirCase(rng, ...sizes)), ...gramCases(rng), ...ridgeCases(rng)];
}

function reservoirCase(rng: Random, T: number, B: number, H: number, entries: number | null, hasLengths = false): KernelCase {
  const lengths = Int32Array.from({ length: B }, (_, b) => (b * 3 + 1) % (T + 1));
  // Rows of different lengths, the empty one among them.
  const rows = Array.from({ length: H }, (_, i) =>
    entries === null ? [] : [...rng.permutation(H).subarray(0, i % (entries + 1))].sort((a, b) => a - b),
  );
  const rowStarts = Int32Array.from([0, ...rows.map((_, i) => rows.slice(0, i + 1).flat().length)]);
  const columns = Int32Array.from(rows.flat());
  const deviation = 1 / Math.sqrt(entries === null ? H : Math.max(1, entries / 2));
  const first = normal(rng, B * H);
  const h = new Float64Array((T + 1) * B * H).fill(Number.NaN);
  h.set(first);
  const matrix = (at: Arguments): ReservoirMatrix =>
    entries === null
      ? { kind: 'dense', values: at('values') }
      : { kind: 'sparse', rowStarts: at('rowStarts'), columns: at('columns'), values: at('values') };
  return {
    kernel: 'reservoirForward',
    label: `T ${T}, B ${B}, H ${H}, ${entries === null ? 'dense' : `up to ${entries} entries in a row`}${hasLengths ? ', lengths' : ''}`,
    // What is rounded at a step is carried on, not grown: the radius is below 1.
    tolerance: 3e-6,
    operands: {
      ...(hasLengths ? { lengths: input(lengths) } : {}),
      drive: input(normal(rng, T * B * H)),
      ...(entries === null ? {} : { rowStarts: input(rowStarts), columns: input(columns) }),
      values: input(normal(rng, entries === null ? H * H : columns.length, 0.7 * deviation)),
      leakRate: input(uniform(rng, H, 0.1, 1)),
      h: inout(h),
    },
    run: (backend, at) =>
      backend.reservoirForward({
        T,
        B,
        H,
        lengths: at.orNull('lengths'),
        drive: at('drive'),
        weightHh: matrix(at),
        leakRate: at('leakRate'),
        h: at('h'),
      }),
  };
}

function gramCases(rng: Random): KernelCase[] {
  const sizes = [
    [1, 1],
    [3, 2],
    [0, 5],
    [255, 7],
    [256, 16],
    [257, 17],
    [40, 33],
    [600, 50],
    [700, 131],
  ];
  return sizes.map(([R, C]) => {
    const isLower = Uint8Array.from({ length: C * C }, (_, i) => (i % C <= Math.floor(i / C) ? 1 : 0));
    return {
      kernel: 'gram',
      label: `R ${R}, C ${C}`,
      tolerance: 1e-13, // in float64 everywhere: only the order of summation differs
      operands: {
        x: input(normal(rng, R * C).map((value, i) => Math.fround(value + (i % C === 0 ? 10 : 0)))),
        sums: inout(normal(rng, C * C), { isWide: true, defined: isLower }),
      },
      run: (backend, at) => backend.gram(at('x'), at('sums'), R, C),
    };
  });
}

function ridgeCases(rng: Random): KernelCase[] {
  const sizes: [F: number, O: number, rows: number, penalty: number][] = [
    [1, 1, 4, 0],
    [2, 3, 9, 0],
    [5, 1, 30, 0.5],
    [8, 2, 40, 0],
    [19, 1, 100, 0.1],
    [33, 4, 20, 1], // more features than rows: the penalty makes it definite
    [70, 20, 300, 0.01],
    [150, 60, 400, 0.01], // enough work for threads
  ];
  return sizes.map(([F, O, rows, lambda]) => {
    const S = F + O;
    const x = normal(rng, rows * S);
    const sums = new Float64Array(S * S);
    for (let i = 0; i < S; i++) {
      for (let j = 0; j <= i; j++) for (let r = 0; r < rows; r++) sums[i * S + j] += x[r * S + i] * x[r * S + j];
      for (let j = i + 1; j < S; j++) sums[i * S + j] = Number.NaN; // must not be read
    }
    return {
      kernel: 'ridgeSolve',
      label: `F ${F}, O ${O}, ${rows} rows, penalty ${lambda}`,
      tolerance: 2e-7, // the weights' own rounding to float32
      operands: {
        sums: { values: sums, role: 'in', isWide: true },
        penalty: input(new Float64Array(F).fill(Math.fround(lambda))),
        weight: output(O * F),
        failure: output(1),
      },
      run: (backend, at) =>
        backend.ridgeSolve({ F, O, sums: at('sums'), penalty: at('penalty'), weight: at('weight'), failure: at('failure') }),
    };
  });
}
