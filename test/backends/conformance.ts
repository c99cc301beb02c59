/**
 * One suite for every backend: each kernel, on random data of many sizes and all options, against `reference`; and the laws
 * that every kernel keeps (src/backend/backend.ts). A backend's own test file is a few lines that call `conformance`.
 *
 * UNROLLED_TEST_SEED: other data. UNROLLED_EXPECT_BACKENDS: names, between commas, that must not be skipped.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, BackendName } from '../../src/backend/backend.ts';
import { ReferenceBackend } from '../../src/backend/reference/reference.ts';
import { Random } from '../../src/tensor/random.ts';
import { attentionCases } from './cases/attention.ts';
import { crfCases } from './cases/crf.ts';
import { ctcCases } from './cases/ctc.ts';
import { elementwiseCases } from './cases/elementwise.ts';
import { lossCases } from './cases/losses.ts';
import { matrixProductCases, packedProductCases } from './cases/matrix-product.ts';
import { optimizerCases } from './cases/optimizers.ts';
import { planeCases } from './cases/planes.ts';
import { recurrentLayerCases } from './cases/recurrent.ts';
import { drawInputs, forwardCase, type LayerOptions, rowOf } from './cases/recurrent-layer.ts';
import { reductionCases } from './cases/reductions.ts';
import { reservoirCases } from './cases/reservoir.ts';
import { rowCases } from './cases/rows.ts';
import { transducerCases } from './cases/transducer.ts';
import { aligned, bitDifference, difference, execute, type KernelCase, normal, scattered, type Values } from './kernel-case.ts';

const seed = Number(process.env.UNROLLED_TEST_SEED ?? 1);

/** What is the same for every variant of a backend, and costs time: made once a file. */
interface Expectation {
  readonly kernelCase: KernelCase;
  readonly expected: Record<string, Values>;
}

const all = expectations();
const kernels = [...new Set(all.map(({ kernelCase }) => kernelCase.kernel))];

function expectations(): Expectation[] {
  const rng = new Random(seed);
  const reference = new ReferenceBackend();
  const sources = [
    elementwiseCases,
    reductionCases,
    matrixProductCases,
    rowCases,
    lossCases,
    crfCases,
    ctcCases,
    transducerCases,
    planeCases,
    reservoirCases,
    optimizerCases,
    recurrentLayerCases,
    attentionCases,
    packedProductCases,
  ];
  return sources.flatMap((source) => source(rng)).map((kernelCase) => ({ kernelCase, expected: execute(reference, kernelCase, aligned) }));
}

/** A backend, or one build of it. `open` throws, with the reason, when it cannot be had here. */
export interface Candidate {
  readonly backend: BackendName;
  readonly label: string;
  /** One more build of a backend that is tested already: it may be missing even where the backend must not. */
  readonly isVariant?: boolean;
  readonly open: () => Backend & { setThreads?(count: number): void };
}

export function conformance({ backend: name, label, isVariant = false, open }: Candidate): void {
  const reason = whyNot(open);
  if (reason !== undefined) {
    const isExpected = !isVariant && (process.env.UNROLLED_EXPECT_BACKENDS ?? '').split(',').includes(name);
    if (isExpected) {
      test(`${label} is available, as UNROLLED_EXPECT_BACKENDS says`, () => expect.fail(reason));
      return;
    }
    console.info(`${label} is not tested here: ${reason}`);
    test.skip(`${label}: ${reason}`, () => {});
    return;
  }

  describe(label, () => {
    const backend = open();
    const threads = backend.threads;
    beforeAll(() => backend.setThreads?.(2));
    afterAll(() => backend.setThreads?.(threads));

    describe.each(kernels)('%s', (kernel) => {
      const cases = all.filter(({ kernelCase }) => kernelCase.kernel === kernel);
      const everyCase = (check: (expectation: Expectation, rng: Random) => string | undefined) => {
        const rng = new Random(seed);
        const failures = cases.flatMap((expectation) => {
          const failure = attempt(() => check(expectation, rng));
          return failure === undefined ? [] : [`${expectation.kernelCase.label}: ${failure}`];
        });
        if (failures.length > 0)
          expect.fail(`${failures.length} of ${cases.length} cases, seed ${seed}:\n${failures.slice(0, 12).join('\n')}`);
      };

      test(`equals reference, aligned (${cases.length} cases)`, () => {
        everyCase(({ kernelCase, expected }) => difference(kernelCase, execute(backend, kernelCase, aligned), expected));
      });

      test('equals reference at any offset, gives the same bits again and keeps no more memory', () => {
        everyCase(({ kernelCase, expected }, rng) => {
          const placement = scattered(rng);
          const once = execute(backend, kernelCase, placement);
          const bytes = backend.memory.bytes;
          const again = execute(backend, kernelCase, placement);
          if (backend.memory.bytes !== bytes) return `left ${backend.memory.bytes - bytes} bytes of memory behind`;
          return difference(kernelCase, once, expected) ?? bitDifference(kernelCase, once, again);
        });
      });

      test.runIf(backend.setThreads)('gives the same bits on 1, 2 and 3 threads', () => {
        everyCase(({ kernelCase }) => {
          const results = [1, 2, 3].map((count) => {
            backend.setThreads?.(count);
            return execute(backend, kernelCase, aligned);
          });
          backend.setThreads?.(2);
          return bitDifference(kernelCase, results[0], results[1]) ?? bitDifference(kernelCase, results[0], results[2]);
        });
      });
    });

    test('prepared calls do what the calls do, each time, also when the number of threads has changed', () => {
      const n = 70; // above what a product does without workspace
      const rng = new Random(seed);
      const [a, x, y, z] = [n * n, n * n, n * n, n].map((length) => backend.allocate(backend.float, length));
      backend.write(a, normal(rng, n * n));
      const calls = () => {
        backend.gemm({ M: n, N: n, K: n, a, b: x, c: y });
        backend.softmax(y, y, n, n);
        backend.sumAxis(y, z, { outer: 1, n, inner: n }, false);
        backend.affine(y, -0.25, 2, x);
      };
      const start = normal(rng, n * n);
      const leftBy = (run: () => void) => {
        backend.write(x, start);
        for (const threads of [1, 3, 2]) {
          backend.setThreads?.(threads);
          run();
        }
        return [x, y, z].map((buffer) => backend.read(buffer));
      };
      backend.write(y, new Float64Array(n * n).fill(7));
      backend.setThreads?.(1);
      const prepared = backend.prepare(calls);
      if (name !== 'reference') expect(backend.read(y)[0]).toBe(7); // noted, not made
      expect(leftBy(prepared)).toEqual(leftBy(calls));
      for (const buffer of [a, x, y, z]) backend.free(buffer);
    });

    test.each(rowLaws)('a row alone equals the row in a batch: $cell $options', ({ cell, options }) => {
      const rng = new Random(seed);
      const layer: LayerOptions = { cell, T: 6, B: 11, H: 19, lengths: [6, 1, 0, 4, 6, 6, 2, 3, 5, 6, 1], ...options };
      const batch = drawInputs(rng, layer);
      const together = execute(backend, forwardCase(layer, batch), aligned);
      for (let b = 0; b < layer.B; b++) {
        const [aloneLayer, inputs] = rowOf(layer, batch, b);
        const kernelCase = forwardCase(aloneLayer, inputs);
        const alone = execute(backend, kernelCase, aligned);
        const width = alone.h.length / (layer.T + 1);
        const inBatch = together.h.filter((_, i) => Math.floor(i / width) % layer.B === b);
        expect(difference(kernelCase, { h: alone.h }, { h: inBatch }), `row ${b}, seed ${seed}`).toBeUndefined();
      }
    });
  });
}

const rowLaws: { cell: LayerOptions['cell']; options: Partial<LayerOptions> }[] = [
  { cell: 'rnn', options: {} },
  { cell: 'lstm', options: {} },
  { cell: 'gru', options: {} },
  { cell: 'rnn', options: { mask: true, norm: true, reverse: true } },
  { cell: 'lstm', options: { mask: true, norm: true, reverse: true, peephole: true, projection: 7, cellNorm: true } },
  { cell: 'gru', options: { mask: true, resetBefore: true, biasHn: true } },
];

function whyNot(open: () => Backend): string | undefined {
  try {
    open();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function attempt(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    return (error as Error).message;
  }
}
