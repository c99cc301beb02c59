/** Losses against PyTorch: every reduction and option, with the gradient. */
import { test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { backward } from '../../src/autograd/tape.ts';
import { crossEntropy } from '../../src/losses/cross-entropy.ts';
import { binaryCrossEntropyWithLogits, huber, mae, mse } from '../../src/losses/pointwise.ts';
import type { Reduction } from '../../src/losses/reduction.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, type Recorded, readFixture, tensorOf } from './fixture.ts';

interface CrossEntropyCase {
  readonly reduction: Reduction;
  readonly labelSmoothing: number;
  readonly weighted: boolean;
  readonly ignoreIndex: number;
  readonly targets: Recorded;
  readonly loss: Recorded;
  readonly dLogits: Recorded;
}

interface PointwiseCase {
  readonly kind: 'mse' | 'mae' | 'huber' | 'bce';
  readonly delta?: number;
  readonly reduction: Reduction;
  readonly target: Recorded;
  readonly loss: Recorded;
  readonly dX: Recorded;
}

const fixture = readFixture<{
  crossEntropy: { logits: Recorded; classWeights: Recorded; scales: Recorded; cases: CrossEntropyCase[] };
  pointwise: { x: Recorded; scales: Recorded; cases: PointwiseCase[] };
}>('losses');

const pointwise = { mse, mae, huber, bce: binaryCrossEntropyWithLogits };

onEveryBackend((backend) => {
  const all = fixture.crossEntropy;
  test.each(all.cases.map((record, i) => [nameOf({ ...record, case: i }), record] as const))('cross entropy %s', (_, record) => {
    const logits = tensorOf(all.logits, backend, { requiresGrad: true });
    const { reduction, labelSmoothing, ignoreIndex } = record;
    const classWeights = record.weighted ? tensorOf(all.classWeights, backend) : null;
    const loss = crossEntropy(logits, tensorOf(record.targets, backend), { reduction, labelSmoothing, ignoreIndex, classWeights });
    backward(reduction === 'none' ? sum(mul(loss, tensorOf(all.scales, backend))) : loss);
    expectClose(loss, record.loss, 'loss');
    expectClose(logits.grad!, record.dLogits, 'gradient of logits');
  });

  test.each(fixture.pointwise.cases.map((record) => [nameOf({ ...record }), record] as const))('%s', (_, record) => {
    const x = tensorOf(fixture.pointwise.x, backend, { requiresGrad: true });
    const { reduction, delta } = record;
    const loss = pointwise[record.kind](x, tensorOf(record.target, backend), { reduction, delta });
    backward(reduction === 'none' ? sum(mul(loss, tensorOf(fixture.pointwise.scales, backend))) : loss);
    expectClose(loss, record.loss, 'loss');
    expectClose(x.grad!, record.dX, 'gradient of x');
  });
});

/** The options, without the recorded arrays. */
function nameOf(record: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(record).filter(([, value]) => typeof value !== 'object')));
}
