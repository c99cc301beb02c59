/** The transducer's loss against a plain loop over the lattice in PyTorch: each row, and the gradient. */
import { test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { scope } from '../../src/autograd/scope.ts';
import { backward } from '../../src/autograd/tape.ts';
import { transducerLoss } from '../../src/losses/transducer.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, type Recorded, readFixture, tensorOf } from './fixture.ts';

const { cases } = readFixture<{
  cases: {
    blank: number;
    logits: Recorded;
    targets: number[][];
    inputLengths: number[];
    scales: Recorded;
    losses: Recorded;
    gradient: Recorded;
  }[];
}>('transducer');

onEveryBackend((backend) => {
  test.each(cases.map((recorded, i) => ({ ...recorded, i })))('case $i', ({ blank, targets, inputLengths, ...recorded }) => {
    const logits = tensorOf(recorded.logits, backend, { requiresGrad: true });
    scope(() => {
      const losses = transducerLoss(logits, targets, { inputLengths, blank, reduction: 'none' });
      expectClose(losses, recorded.losses, 'losses');
      backward(sum(mul(losses, tensorOf(recorded.scales, backend))));
    });
    expectClose(logits.grad!, recorded.gradient, 'gradient');
  });
});
