import { describe, expect, it } from 'vitest';
import { checkGradients } from '../autograd/check-gradients.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { backward } from '../autograd/tape.ts';
import { tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Embedding } from './embedding.ts';

setBackend('reference');

const ids = tensor(
  [
    [1, 0, 2],
    [2, 2, 0],
  ],
  { dtype: 'int32' },
);

describe('Embedding', () => {
  it('starts standard normal, with zeros for padding', () => {
    const layer = new Embedding({ vocabularySize: 50, embeddingSize: 100, paddingIndex: 2, rng: new Random(1) });
    const values = layer.weight.dataSync();
    expect([...values.slice(200, 300)]).toEqual(new Array(100).fill(0));
    const rest = [...values.slice(0, 200), ...values.slice(300)];
    const n = rest.length;
    expect(Math.abs(rest.reduce((a, b) => a + b, 0) / n)).toBeLessThan(4 / Math.sqrt(n)); // 4 deviations
    expect(Math.abs(rest.reduce((a, b) => a + b * b, 0) / n - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  });

  it('looks up, and learns all but the padding', () => {
    const layer = new Embedding({ vocabularySize: 3, embeddingSize: 2, paddingIndex: 2, rng: new Random(2) });
    layer.weight.assign([1, 2, 3, 4, 0, 0]);
    const y = layer.forward(ids);
    expect(y.toArray()).toEqual([
      [
        [3, 4],
        [1, 2],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 0],
        [1, 2],
      ],
    ]);
    backward(sum(y));
    expect(layer.weight.grad!.toArray()).toEqual([
      [2, 2],
      [1, 1],
      [0, 0],
    ]);
  });

  it('has its gradient', () => {
    const layer = new Embedding({ vocabularySize: 4, embeddingSize: 3, rng: new Random(3) });
    checkGradients(() => layer.forward(ids), [layer.weight]);
  });

  it('is the same looked up later', () => {
    const layer = new Embedding({ vocabularySize: 3, embeddingSize: 2, paddingIndex: 0, rng: new Random(4) });
    const deferred = layer.deferred(ids);
    expect(deferred.shape).toEqual([2, 3, 2]);
    expect(deferred.table).toBe(layer.weight);
    expect(deferred.materialize().toArray()).toEqual(layer.forward(ids).toArray());
    backward(sum(deferred.materialize()));
    expect(layer.weight.grad!.toArray()).toEqual([
      [0, 0],
      [1, 1],
      [3, 3],
    ]);
  });

  it('refuses what is out of range', () => {
    const options = { vocabularySize: 3, embeddingSize: 2 };
    expect(() => new Embedding({ ...options, paddingIndex: 3 })).toThrow(/\[Embedding\] expected paddingIndex in 0…2, received 3/);
    expect(() => new Embedding({ ...options, embeddingSize: -1 })).toThrow(ConfigError);
    const layer = new Embedding(options);
    const wrong = tensor([[0, 3]], { dtype: 'int32' });
    expect(() => layer.forward(wrong)).toThrow(/expected indices in 0…2, received 3 at element 1 of \[1, 2\]/);
    expect(() => layer.deferred(wrong)).toThrow(ShapeError);
    expect(() => layer.forward(tensor([1]))).toThrow(/expected int32 indices/);
  });
});
