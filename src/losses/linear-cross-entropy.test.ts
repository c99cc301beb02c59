import { describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { mul } from '../autograd/ops/binary.ts';
import { linear } from '../autograd/ops/matmul.ts';
import { scope } from '../autograd/scope.ts';
import { backward } from '../autograd/tape.ts';
import { randomNormal, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { crossEntropy } from './cross-entropy.ts';
import { linearCrossEntropy } from './linear-cross-entropy.ts';

setBackend('reference');
const rng = new Random(23);
const [H, V] = [3, 7];
const weight = randomNormal([V, H], rng);
const bias = randomNormal([V], rng);
const targets = tensor(
  [
    [2, 6, -100],
    [1, 3, 0],
  ],
  { dtype: 'int32' },
);

describe.each(Object.entries(layouts))('hidden states lying %s', (_, make) => {
  const { leaf, view } = make([2, 3, H], rng);
  const classWeights = tensor([0.5, 2, 1, 0.25, 1, 1, 3]);

  it.each(['mean', 'sum'] as const)('is a linear layer and its cross entropy, %s', (reduction) => {
    for (const options of [{ reduction }, { reduction, labelSmoothing: 0.1, classWeights }]) {
      const whole = crossEntropy(linear(view(leaf), weight, bias), targets, options);
      expectClose(linearCrossEntropy(view(leaf), weight, bias, targets, options), whole.dataSync());
      checkGradients((h, w, b) => linearCrossEntropy(view(h), w, b, targets, options), [leaf, weight, bias]);
      checkGradients((h, w) => mul(linearCrossEntropy(view(h), w, null, targets, options), 3), [leaf, weight]);
    }
  });
});

describe('chunks', () => {
  const [R, classes] = [50, 90];
  const w = randomNormal([classes, H], rng);
  const ids = tensor(Int32Array.from({ length: R }, (_, r) => (r % 9 === 0 ? -100 : (r * 7) % classes)));

  it.each([1, 90, 7 * 90 + 5, 50 * 90, 1e6])('of %i logits give the same', (chunkElements) => {
    const run = (loss: (hidden: Tensor, weight: Tensor) => Tensor): number[] => {
      const hidden = tensor(rowValues, { shape: [R, H], requiresGrad: true });
      const weights = tensor(w.dataSync(), { shape: [classes, H], requiresGrad: true });
      const value = scope(() => {
        const result = loss(hidden, weights);
        backward(result);
        return result.detach();
      });
      return [value.item(), ...hidden.grad!.dataSync(), ...weights.grad!.dataSync()];
    };
    const rowValues = new Random(1).fillNormal(new Float64Array(R * H));
    expectClose(
      run((h, v) => linearCrossEntropy(h, v, null, ids, { chunkElements })),
      run((h, v) => crossEntropy(linear(h, v), ids)),
    );
  });

  it('are all there ever is of the logits', () => {
    const hidden = randomNormal([R, H], rng, { requiresGrad: true });
    const { backend } = hidden;
    backend.resetPeak();
    const before = backend.memory.bytes;
    scope(() => backward(linearCrossEntropy(hidden, w, null, ids, { chunkElements: 5 * classes })));
    expect(backend.memory.peakBytes - before).toBeLessThan(8 * (5 * classes + classes * H + 12 * R));
  });
});

it('refuses what does not fit', () => {
  const hidden = randomNormal([2, 3, H], rng);
  expect(() => linearCrossEntropy(hidden, randomNormal([V, H + 1], rng), null, targets)).toThrow(ShapeError);
  expect(() => linearCrossEntropy(hidden, weight, tensor([1]), targets)).toThrow(/received \[2, 3, 3\], \[7, 3\], \[1\], \[2, 3\]/);
  expect(() => linearCrossEntropy(hidden, weight, null, tensor([[1, 2, 3]], { dtype: 'int32' }))).toThrow(ShapeError);
  expect(() => linearCrossEntropy(hidden, weight, null, targets, { reduction: 'none' as 'sum' })).toThrow(
    /unknown reduction "none".*Known: mean, sum/,
  );
});
