/** Convolution, pooling and batch normalisation against PyTorch, with every gradient. */
import { expect, test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { conv2d } from '../../src/autograd/ops/conv2d.ts';
import { avgPool2d, maxPool2d } from '../../src/autograd/ops/pool2d.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { backward } from '../../src/autograd/tape.ts';
import { BatchNorm2d } from '../../src/nn/batch-norm2d.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, type Recorded, readFixture, stateDictOf, tensorOf } from './fixture.ts';

type Pair = [number, number];
interface Applied {
  readonly x: Recorded;
  readonly scales: Recorded;
  readonly output: Recorded;
}

const fixture = readFixture<{
  convolutions: (Applied & {
    stride: Pair;
    padding: Pair;
    dilation: Pair;
    weight: Recorded;
    bias: Recorded | null;
    gradients: { x: Recorded; weight: Recorded; bias: Recorded | null };
  })[];
  maxPools: (Applied & { kernelSize: Pair; stride: Pair; padding: Pair; dilation: Pair; gradient: Recorded })[];
  avgPools: (Applied & { kernelSize: Pair; stride: Pair; padding: Pair; countPadding: boolean; gradient: Recorded })[];
  batchNorm: {
    parameters: Readonly<Record<string, Recorded>>;
    momentum: number;
    steps: (Applied & { gradients: { x: Recorded; weight: Recorded; bias: Recorded } })[];
    after: Readonly<Record<string, Recorded>>;
    evaluation: Applied & { gradients: { x: Recorded; weight: Recorded; bias: Recorded } };
  };
}>('planes');

onEveryBackend((backend) => {
  test.each(fixture.convolutions)('convolution, stride $stride, padding $padding, dilation $dilation', (record) => {
    const leaf = (recorded: Recorded) => tensorOf(recorded, backend, { requiresGrad: true });
    const [x, weight, bias] = [leaf(record.x), leaf(record.weight), record.bias === null ? null : leaf(record.bias)];
    const output = conv2d(x, weight, bias, record);
    backward(sum(mul(output, tensorOf(record.scales, backend))));
    expectClose(output, record.output, 'output');
    expectClose(x.grad!, record.gradients.x, 'gradient of x');
    expectClose(weight.grad!, record.gradients.weight, 'gradient of weight');
    if (bias !== null) expectClose(bias.grad!, record.gradients.bias!, 'gradient of bias');
  });

  test('pooling', () => {
    for (const [records, pool] of [
      [fixture.maxPools, maxPool2d],
      [fixture.avgPools, avgPool2d],
    ] as const) {
      for (const record of records) {
        const x = tensorOf(record.x, backend, { requiresGrad: true });
        const output = pool(x, record.kernelSize, record);
        backward(sum(mul(output, tensorOf(record.scales, backend))));
        expectClose(output, record.output, 'output');
        expectClose(x.grad!, record.gradient, 'gradient of x');
      }
    }
  });

  test('batch normalisation: steps of training, then evaluation', () => {
    const { parameters, momentum, steps, after, evaluation } = fixture.batchNorm;
    const layer = new BatchNorm2d({ numFeatures: 3, momentum });
    layer.loadStateDict(stateDictOf(parameters));
    const check = (record: (typeof steps)[number]) => {
      layer.zeroGrad();
      const x = tensorOf(record.x, backend, { requiresGrad: true });
      const output = layer.forward(x);
      backward(sum(mul(output, tensorOf(record.scales, backend))));
      expectClose(output, record.output, 'output');
      expectClose(x.grad!, record.gradients.x, 'gradient of x');
      expectClose(layer.weight.grad!, record.gradients.weight, 'gradient of weight');
      expectClose(layer.bias.grad!, record.gradients.bias, 'gradient of bias');
    };
    steps.forEach(check);
    expectClose(layer.runningMean, after.running_mean, 'running mean');
    expectClose(layer.runningVariance, after.running_var, 'running variance');
    expect(layer.numBatchesTracked.item()).toBe(steps.length);
    layer.eval();
    check(evaluation);
  });
});
