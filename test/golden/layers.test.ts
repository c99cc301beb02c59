/** Layers without recurrence against PyTorch, with every gradient. */
import { expect, test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { layerNorm } from '../../src/autograd/ops/layer-norm.ts';
import { linear } from '../../src/autograd/ops/matmul.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { backward } from '../../src/autograd/tape.ts';
import type { Tensor } from '../../src/autograd/tensor.ts';
import { Embedding } from '../../src/nn/embedding.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, type Recorded, readFixture, tensorOf, valuesOf } from './fixture.ts';

interface Affine {
  readonly x: Recorded;
  readonly weight: Recorded;
  readonly bias: Recorded;
  readonly scales: Recorded;
  readonly output: Recorded;
  readonly gradients: Readonly<Record<'x' | 'weight' | 'bias', Recorded>>;
}

const fixture = readFixture<{
  layerNorm: Affine;
  linear: Affine;
  embedding: { paddingIndex: number; ids: Recorded; weight: Recorded; scales: Recorded; output: Recorded; gradients: { weight: Recorded } };
}>('layers');

onEveryBackend((backend) => {
  const affine = { layerNorm: (x: Tensor, weight: Tensor, bias: Tensor) => layerNorm(x, weight, bias, 1e-5), linear };

  test.each(['layerNorm', 'linear'] as const)('%s', (name) => {
    const record = fixture[name];
    const [x, weight, bias] = [record.x, record.weight, record.bias].map((leaf) => tensorOf(leaf, backend, { requiresGrad: true }));
    const output = affine[name](x, weight, bias);
    backward(sum(mul(output, tensorOf(record.scales, backend))));
    expectClose(output, record.output, 'output');
    expectClose(x.grad!, record.gradients.x, 'gradient of x');
    expectClose(weight.grad!, record.gradients.weight, 'gradient of weight');
    expectClose(bias.grad!, record.gradients.bias, 'gradient of bias');
  });

  test('embedding with a padding index', () => {
    const record = fixture.embedding;
    const [vocabularySize, embeddingSize] = record.weight.shape;
    const table = new Embedding({ vocabularySize, embeddingSize, paddingIndex: record.paddingIndex });
    table.weight.assign(valuesOf(record.weight));
    const output = table.forward(tensorOf(record.ids, backend));
    backward(sum(mul(output, tensorOf(record.scales, backend))));
    expectClose(output, record.output, 'output');
    expectClose(table.weight.grad!, record.gradients.weight, 'gradient of weight');
    const row = record.paddingIndex * embeddingSize;
    expect([...table.weight.grad!.dataSync().slice(row, row + embeddingSize)]).toEqual(new Array(embeddingSize).fill(0));
  });
});
