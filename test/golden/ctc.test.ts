/** The CTC loss against PyTorch's: each row, infeasible and empty ones too, every gradient, and the mean. */
import { expect, test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { permute } from '../../src/autograd/ops/shape.ts';
import { scope } from '../../src/autograd/scope.ts';
import { backward } from '../../src/autograd/tape.ts';
import { type Tensor, tensor } from '../../src/autograd/tensor.ts';
import { ctcLoss } from '../../src/losses/ctc.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectNumbersClose, type Recorded, readFixture, tensorOf, tolerances, valuesOf } from './fixture.ts';

const { cases } = readFixture<{
  cases: {
    options: { blank?: number; zero_infinity?: boolean };
    logits: Recorded;
    targets: number[][];
    inputLengths: number[];
    scales: Recorded;
    losses: Recorded;
    gradient: Recorded;
    mean: number | null;
    meanGradient: Recorded;
  }[];
}>('ctc');

onEveryBackend((backend) => {
  const tolerance = tolerances[backend.float];

  test.each(cases.map((recorded, i) => ({ ...recorded, i })))('case $i: $options', (recorded) => {
    const { targets, inputLengths } = recorded;
    const options = { inputLengths, blank: recorded.options.blank, zeroInfinity: recorded.options.zero_infinity };
    const logits = tensorOf(recorded.logits, backend, { requiresGrad: true });
    scope(() => {
      const losses = ctcLoss(logits, targets, { ...options, reduction: 'none' });
      expectEqual(losses.dataSync(), recorded.losses, 'losses', tolerance);
      backward(sum(mul(losses, tensorOf(recorded.scales, backend))));
    });
    // Time steps round one after another: 100 of them to some 3e-5 of the largest gradient.
    expectEqual(logits.grad!.dataSync(), recorded.gradient, 'gradient', 3 * tolerance);
    logits.grad = null;
    scope(() => {
      const mean = ctcLoss(logits, targets, options);
      if (recorded.mean === null) expect(mean.item()).toBe(Number.POSITIVE_INFINITY);
      else expectNumbersClose([mean.item()], [recorded.mean], 'mean', tolerance);
      backward(mean);
    });
    expectEqual(logits.grad!.dataSync(), recorded.meanGradient, 'gradient of the mean', 3 * tolerance);
  });

  test('targets as a tensor, logits that lie time-major, and whatever stands in the padding', () => {
    const recorded = cases[0];
    const [B, T, V] = recorded.logits.shape;
    const { inputLengths } = recorded;
    const targetLengths = recorded.targets.map((target) => target.length);
    const U = Math.max(...targetLengths) + 2;
    const targets = tensor(
      recorded.targets.flatMap((target) => [...target, ...new Array<number>(U - target.length).fill(-7)]),
      { shape: [B, U], dtype: 'int32', backend },
    );
    const values = valuesOf(recorded.logits);
    const arranged = Float64Array.from({ length: T * B * V }, (_, i) => {
      const [t, b, v] = [Math.floor(i / (B * V)), Math.floor(i / V) % B, i % V];
      return t < inputLengths[b] ? values[(b * T + t) * V + v] : Number.NaN;
    });
    const leaf = tensor(arranged, { shape: [T, B, V], backend, requiresGrad: true });
    let logits!: Tensor;
    scope(() => {
      logits = permute(leaf, [1, 0, 2]);
      const losses = ctcLoss(logits, targets, { inputLengths, targetLengths, reduction: 'none' });
      expectEqual(losses.dataSync(), recorded.losses, 'losses', tolerance);
      backward(sum(mul(losses, tensorOf(recorded.scales, backend))));
    });
    expectEqual(permute(leaf.grad!, [1, 0, 2]).dataSync(), recorded.gradient, 'gradient', tolerance);
  });
});

/** As expectNumbersClose, where infinities and NaN must be where PyTorch has them. */
function expectEqual(actual: ArrayLike<number>, recorded: Recorded, what: string, tolerance: number): void {
  const expected = valuesOf(recorded);
  const isNumber = (x: number) => Number.isFinite(x);
  expect(
    Array.from(actual, (x) => (isNumber(x) ? 0 : x)),
    what,
  ).toEqual(Array.from(expected, (x) => (isNumber(x) ? 0 : x)));
  expectNumbersClose(Array.from(actual).filter(isNumber), Array.from(expected).filter(isNumber), what, tolerance);
}
