/** Layers without recurrence against PyTorch, with every gradient. */
import { expect, test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { layerNorm } from '../../src/autograd/ops/layer-norm.ts';
import { linear } from '../../src/autograd/ops/matmul.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { backward } from '../../src/autograd/tape.ts';
import type { Tensor } from '../../src/autograd/tensor.ts';
import { AdaptiveSoftmax } from '../../src/losses/adaptive-softmax.ts';
import { Embedding } from '../../src/nn/embedding.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, expectNumbersClose, type Recorded, readFixture, stateDictOf, tensorOf, tolerances, valuesOf } from './fixture.ts';

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
  adaptiveLogSoftmax: {
    inFeatures: number;
    numClasses: number;
    cutoffs: number[];
    divValue: number;
    parameters: Readonly<Record<string, Recorded>>;
    x: Recorded;
    targets: Recorded;
    output: Recorded;
    loss: number;
    logProb: Recorded;
    predict: Recorded;
    gradients: { x: Recorded; parameters: Readonly<Record<string, Recorded>> };
  };
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

  test('adaptive softmax', () => {
    const record = fixture.adaptiveLogSoftmax;
    const { inFeatures: inputSize, numClasses: vocabularySize, cutoffs, divValue } = record;
    const softmax = new AdaptiveSoftmax({ inputSize, vocabularySize, cutoffs, divValue });
    softmax.loadStateDict(stateDictOf(record.parameters));
    const x = tensorOf(record.x, backend, { requiresGrad: true });
    const { output, loss } = softmax.forward(x, tensorOf(record.targets, backend));
    backward(loss);
    expectClose(output, record.output, 'log probability of the targets');
    expectNumbersClose([loss.item()], [record.loss], 'loss', tolerances[backend.float]);
    expectClose(softmax.logProbabilities(x), record.logProb, 'log probabilities');
    expect([...softmax.predict(x).dataSync()]).toEqual([...valuesOf(record.predict)]);
    expectClose(x.grad!, record.gradients.x, 'gradient of x');
    for (const [name, p] of softmax.namedParameters()) expectClose(p.grad!, record.gradients.parameters[name], `gradient of ${name}`);
  });
});
