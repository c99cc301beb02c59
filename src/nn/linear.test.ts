import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { add, mul } from '../autograd/ops/binary.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { scope } from '../autograd/scope.ts';
import { backward } from '../autograd/tape.ts';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Embedding } from './embedding.ts';
import { Linear } from './linear.ts';

beforeAll(() => {
  setBackend('reference');
});

describe('Linear', () => {
  it('starts as PyTorch: uniform in ±1/√I, weight and bias', () => {
    const layer = new Linear({ inputSize: 25, outputSize: 400, rng: new Random(1) });
    for (const { values, bound } of [
      { values: [...layer.weight.dataSync()], bound: 0.2 },
      { values: [...layer.bias!.dataSync()], bound: 0.2 },
    ]) {
      expect(Math.max(...values)).toBeLessThan(bound);
      expect(Math.min(...values)).toBeGreaterThan(-bound);
      const variance = values.reduce((total, v) => total + v * v, 0) / values.length;
      expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 0.5);
    }
  });

  it('is x Wᵀ + b, with gradients for x and parameters', () => {
    const layer = new Linear({ inputSize: 3, outputSize: 2, rng: new Random(2) });
    layer.weight.assign([1, 2, 3, 4, 5, 6]);
    layer.bias!.assign([10, 20]);
    expect(
      layer
        .forward(
          tensor([
            [1, 1, 1],
            [0, 1, 2],
          ]),
        )
        .toArray(),
    ).toEqual([
      [16, 35],
      [18, 37],
    ]);
    checkGradients((x) => layer.forward(x), [randomNormal([2, 4, 3], new Random(3)), ...layer.parameters()]);
  });

  it('shares a weight: tied to an embedding, both add to one gradient', () => {
    const embedding = new Embedding({ vocabularySize: 5, embeddingSize: 3, rng: new Random(4) });
    const readout = new Linear({ inputSize: 3, outputSize: 5, weight: embedding.weight, bias: false });
    expect(readout.weight).toBe(embedding.weight);
    const ids = tensor(
      [
        [1, 4],
        [0, 1],
      ],
      { dtype: 'int32' },
    );
    checkGradients(() => readout.forward(embedding.forward(ids)), [embedding.weight]);
  });

  it('gives the same weights for the same seed', () => {
    const values = () => [...new Linear({ inputSize: 3, outputSize: 2, rng: new Random(5) }).stateDict().values()].map((p) => p.values);
    expect(values()).toEqual(values());
  });

  it('refuses wrong sizes and shapes, saying what to do', () => {
    expect(() => new Linear({ inputSize: 0, outputSize: 2 })).toThrow(
      /\[Linear\] expected inputSize to be an integer of at least 1, received 0/,
    );
    expect(() => new Linear({ inputSize: 3, outputSize: 2.5 })).toThrow(ConfigError);
    const layer = new Linear({ inputSize: 28, outputSize: 2 });
    expect(() => layer.forward(randomNormal([4, 27], new Random(6)))).toThrow(
      '[Linear] expected x of shape [..., 28] (inputSize 28), received [4, 27]. Check the feature axis of the input, or build the layer with inputSize: 27.',
    );
    const other = new Embedding({ vocabularySize: 5, embeddingSize: 4 });
    expect(() => new Linear({ inputSize: 3, outputSize: 5, weight: other.weight })).toThrow(ShapeError);
  });

  it('keeps its parameters in the backend: a second call uploads only its input', () => {
    const layer = new Linear({ inputSize: 30, outputSize: 20 });
    const x = randomNormal([1, 30], new Random(7));
    layer.forward(x);
    const { backend } = layer;
    backend.resetPeak();
    const before = backend.memory.bytes;
    scope(() => backward(sum(add(mul(layer.forward(x), 1), 0))));
    layer.forward(x);
    expect(layer.weight.storage.persistent).toBe(true);
    expect(before).toBeGreaterThanOrEqual(8 * layer.parameterCount);
    expectClose(layer.bias!.grad!, new Array(20).fill(1));
  });
});
