import type { PointwiseLoss } from '../../../src/backend/backend.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { inout, input, integersBelow, type KernelCase, normal, output, uniform } from '../kernel-case.ts';

/** A handful of float32 roundings (6e-8 each), exp and log among them, relative to logits of about 10. */
const tolerance = 2e-6;

const sizes: [R: number, C: number][] = [
  [0, 4],
  [1, 1],
  [3, 2],
  [5, 16],
  [7, 37],
  [3, 1003],
  [70, 65],
];

export function lossCases(rng: Random): KernelCase[] {
  return [...sizes.flatMap(([R, C]) => crossEntropyCases(rng, R, C)), ...pointwiseCases(rng)];
}

function crossEntropyCases(rng: Random, R: number, C: number): KernelCase[] {
  const combinations = [0, 0.1].flatMap((labelSmoothing) =>
    [false, true].flatMap((weighted) => [-100, 0].map((ignoreIndex) => ({ labelSmoothing, weighted, ignoreIndex }))),
  );
  return combinations.flatMap(({ labelSmoothing, weighted, ignoreIndex }) => {
    const logits = normal(rng, R * C, 4).map((value, i) => Math.fround(value + 50 * (Math.floor(i / C) % 2)));
    const targets = integersBelow(rng, R, C).map((target, r) => (r % 4 === 2 ? ignoreIndex : target));
    const isCounted = Uint8Array.from(targets, (target) => (target === ignoreIndex ? 0 : 1));
    const shared = {
      logits: input(logits),
      targets: input(targets),
      ...(weighted ? { classWeights: input(uniform(rng, C, 0.2, 3)) } : {}),
    };
    const logSumExp = Float64Array.from({ length: R }, (_, r) => {
      const row = logits.subarray(r * C, (r + 1) * C);
      const largest = Math.max(...row);
      return Math.fround(largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0)));
    });
    const label = `${R} x ${C}, smoothing ${labelSmoothing}, class weights ${weighted}, ignore ${ignoreIndex}`;
    const forward: KernelCase = {
      kernel: 'crossEntropy',
      label,
      tolerance,
      operands: { ...shared, losses: output(R, { magnitude: 10 }), logSumExp: output(R, { defined: isCounted }), weights: output(R) },
      run: (backend, at) =>
        backend.crossEntropy({
          R,
          C,
          logits: at('logits'),
          targets: at('targets'),
          ignoreIndex,
          labelSmoothing,
          classWeights: at.orNull('classWeights'),
          losses: at('losses'),
          logSumExp: at('logSumExp'),
          weights: at('weights'),
        }),
    };
    const backward = (each: boolean, inPlace: boolean): KernelCase => ({
      kernel: 'crossEntropyBackward',
      label: `${label}, ${each ? 'a scale for each row' : 'one scale'}${inPlace ? ', in place' : ''}`,
      // The saved logSumExp, of about 50, was rounded: exp(logits − logSumExp) is off by up to 50 · 6e-8.
      tolerance: 5e-6,
      operands: {
        ...shared,
        ...(inPlace ? { logits: inout(logits, { magnitude: 1 }) } : { dLogits: output(R * C, { magnitude: 1 }) }),
        logSumExp: input(logSumExp),
        scale: input(normal(rng, each ? R : 1)),
      },
      run: (backend, at) =>
        backend.crossEntropyBackward({
          R,
          C,
          logits: at('logits'),
          targets: at('targets'),
          ignoreIndex,
          labelSmoothing,
          classWeights: at.orNull('classWeights'),
          logSumExp: at('logSumExp'),
          scale: at('scale'),
          dLogits: at(inPlace ? 'logits' : 'dLogits'),
        }),
    });
    return [forward, backward(false, false), backward(true, true)];
  });
}

function pointwiseCases(rng: Random): KernelCase[] {
  const kinds: readonly PointwiseLoss[] = ['mse', 'mae', 'huber', 'bce'];
  return kinds.flatMap((kind) =>
    [0, 1, 8, 37, 1003].flatMap((n): KernelCase[] => {
      const x = normal(rng, n, 3).map((value, i) => (i % 11 === 5 ? Math.fround(20 * value) : value));
      const target = kind === 'bce' ? uniform(rng, n, 0, 1) : normal(rng, n).map((value, i) => (i % 7 === 3 ? x[i] : value));
      // bce subtracts x · target from x.
      const magnitude = kind === 'bce' ? x.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1) : 1;
      const label = `${kind}, ${n} elements`;
      const backward = (scales: number): KernelCase => ({
        kernel: 'pointwiseLossBackward',
        label: `${label}, ${scales} scales`,
        tolerance,
        operands: { x: input(x), target: input(target), dY: input(normal(rng, scales)), dX: output(n) },
        run: (backend, at) => backend.pointwiseLossBackward(kind, at('x'), at('target'), at('dY'), at('dX'), 0.7),
      });
      return [
        {
          kernel: 'pointwiseLoss',
          label,
          tolerance,
          operands: { x: input(x), target: input(target), y: output(n, { perElement: true, magnitude }) },
          run: (backend, at) => backend.pointwiseLoss(kind, at('x'), at('target'), at('y'), 0.7),
        },
        backward(1),
        backward(n),
      ];
    }),
  );
}
