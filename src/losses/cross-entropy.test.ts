import { describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { scope } from '../autograd/scope.ts';
import { tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { crossEntropy } from './cross-entropy.ts';

setBackend('reference');
const rng = new Random(21);
const ids = (values: number[][]) => tensor(values, { dtype: 'int32' });
const targets = ids([
  [2, 0, -100],
  [1, 3, 3],
]);

describe.each(Object.entries(layouts))('logits lying %s', (_, make) => {
  const { leaf, view } = make([2, 3, 4], rng);
  const classWeights = tensor([0.5, 2, 1, 0.25]);

  it.each(['mean', 'sum', 'none'] as const)('has its gradient, reduction %s', (reduction) => {
    checkGradients((x) => crossEntropy(view(x), targets, { reduction }), [leaf]);
    const whole = ids([
      [2, 0, 1],
      [1, 3, 3],
    ]);
    checkGradients((x) => crossEntropy(view(x), whole, { reduction, labelSmoothing: 0.2, classWeights, ignoreIndex: 3 }), [leaf]);
  });

  it('gives each row its own loss', () => {
    const x = view(leaf);
    const z = [...x.dataSync()];
    const expected = [...targets.dataSync()].map((y, r) => {
      const row = z.slice(r * 4, r * 4 + 4);
      return y === -100 ? 0 : Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - row[y];
    });
    expectClose(crossEntropy(x, targets, { reduction: 'none' }), expected);
    expectClose(crossEntropy(x, targets), [expected.reduce((a, b) => a + b, 0) / 5]);
  });
});

it('permutes the small targets, not the logits', () => {
  const { leaf, view } = layouts['time-major']([8, 9, 50], rng);
  const { backend } = leaf;
  const wanted = tensor(new Int32Array(72), { shape: [8, 9] });
  backend.resetPeak();
  const before = backend.memory.bytes;
  scope(() => crossEntropy(view(leaf), wanted));
  expect(backend.memory.peakBytes - before).toBeLessThan(8 * leaf.size * 1.2);
});

it('is NaN when every row is ignored, as PyTorch', () => {
  expect(crossEntropy(tensor([[1, 2]]), tensor([-100], { dtype: 'int32' })).item()).toBeNaN();
});

it('refuses what does not fit', () => {
  const logits = tensor([[1, 2, 3]]);
  expect(() => crossEntropy(logits, ids([[1]]))).toThrow(
    /expected logits of shape \[..., C\] and targets of shape \[...\], received \[1, 3\] and \[1, 1\]/,
  );
  expect(() => crossEntropy(logits, tensor([3], { dtype: 'int32' }))).toThrow(/expected indices in 0…2, received 3/);
  expect(() => crossEntropy(logits, tensor([1]))).toThrow(ShapeError);
  const one = tensor([1], { dtype: 'int32' });
  expect(() => crossEntropy(logits, one, { labelSmoothing: 1 })).toThrow(ConfigError);
  expect(() => crossEntropy(logits, one, { reduction: 'men' as 'mean' })).toThrow(/unknown reduction "men"; did you mean "mean"\?/);
  expect(() => crossEntropy(logits, one, { classWeights: tensor([1, 2]) })).toThrow(
    /expected class weights of shape \[3\], received \[2\]/,
  );
});
