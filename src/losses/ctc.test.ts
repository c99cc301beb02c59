import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { slice } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { backward } from '../autograd/tape.ts';
import { randomNormal, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { ctcLoss } from './ctc.ts';

beforeAll(() => {
  setBackend('reference');
});

/** −log of the summed probability of all V^n paths that spell the target. */
function bruteForce(logits: Tensor, b: number, n: number, target: readonly number[], blank: number): number {
  const [, T, V] = logits.shape;
  const x = logits.dataSync();
  const p = (t: number, v: number) => {
    const frame = Array.from({ length: V }, (_, w) => Math.exp(x[(b * T + t) * V + w]));
    return frame[v] / frame.reduce((a, c) => a + c, 0);
  };
  let total = 0;
  for (let code = 0; code < V ** n; code++) {
    const path = Array.from({ length: n }, (_, t) => Math.floor(code / V ** t) % V);
    const spelt = path.filter((v, t) => v !== blank && v !== path[t - 1]);
    if (spelt.join() === target.join()) total += path.reduce((product, v, t) => product * p(t, v), 1);
  }
  return -Math.log(total);
}

it('equals the sum over all paths', () => {
  const symbols = fc.integer({ min: 0, max: 1 });
  const target = fc.array(symbols, { maxLength: 4 });
  const drawn = fc.record({
    targets: fc.array(target, { minLength: 2, maxLength: 2 }),
    lengths: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 2, maxLength: 2 }),
    blank: fc.integer({ min: 0, max: 2 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  });
  fc.assert(
    fc.property(drawn, ({ targets, lengths, blank, seed }) => {
      const logits = randomNormal([2, 6, 3], new Random(seed));
      const numbered = targets.map((row) => row.map((v) => (v >= blank ? v + 1 : v)));
      const losses = ctcLoss(logits, numbered, { inputLengths: lengths, blank, reduction: 'none' });
      expectClose(
        losses,
        lengths.map((n, b) => bruteForce(logits, b, n, numbered[b], blank)),
      );
    }),
    { numRuns: 40, seed: 4 },
  );
});

describe.each(Object.entries(layouts))('logits lying %s', (_, make) => {
  it('have the gradient that differences have', () => {
    const { leaf, view } = make([3, 5, 4], new Random(5));
    const targets = [[1, 1], [], [3, 2, 1]];
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      checkGradients((x) => ctcLoss(view(x), targets, { inputLengths: [5, 3, 4], reduction }), [leaf]);
    }
  });
});

it('is the same in a batch, alone, and with more padding', () => {
  const rng = new Random(6);
  const logits = randomNormal([3, 9, 5], rng);
  const targets = [[1, 2, 3], [4], [2, 2]];
  const inputLengths = [9, 4, 6];
  const losses = ctcLoss(logits, targets, { inputLengths, reduction: 'none' }).dataSync();
  inputLengths.forEach((n, b) => {
    const alone = slice(slice(logits, 0, b, b + 1), 1, 0, n);
    expect(ctcLoss(alone, [targets[b]], { reduction: 'sum' }).item()).toBe(losses[b]);
  });
});

it('keeps its numbers over thousands of frames', () => {
  const T = 3000;
  const uniform = tensor(new Float64Array(T * 30), { shape: [1, T, 30] });
  // Every path has probability 30^−T; there are C(T + 1, 2) that spell one symbol.
  const expected = T * Math.log(30) - Math.log(((T + 1) * T) / 2);
  expect(ctcLoss(uniform, [[7]], { reduction: 'sum' }).item()).toBeCloseTo(expected, 7);
});

it('gives nothing where a target does not fit, with zeroInfinity', () => {
  const logits = randomNormal([2, 3, 4], new Random(7), { requiresGrad: true });
  scope(() => {
    const losses = ctcLoss(logits, [[1, 1, 2], [3]], { zeroInfinity: true, reduction: 'none' });
    expect(losses.dataSync()[0]).toBe(0);
    expect(losses.dataSync()[1]).toBeGreaterThan(0);
    backward(losses, tensor([1, 1]));
  });
  const gradient = [...logits.grad!.dataSync()];
  expect(gradient.slice(0, 12).every((x) => x === 0)).toBe(true);
  expect(gradient.slice(12).every((x) => x !== 0)).toBe(true);
  expect(ctcLoss(logits, [[1, 1, 2], [3]], { reduction: 'sum' }).item()).toBe(Number.POSITIVE_INFINITY);
});

it('refuses what does not fit', () => {
  const logits = randomNormal([2, 3, 4], new Random(8));
  const refuses = (call: () => unknown, kind: new (message: string) => Error, message: RegExp) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  };
  refuses(() => ctcLoss(randomNormal([2, 4], new Random(8)), [[1], [1]]), ShapeError, /logits of shape \[B, T, V\].*received \[2, 4\]/);
  refuses(() => ctcLoss(logits, [[1]]), ShapeError, /expected 2 targets, one a sequence, received 1/);
  refuses(() => ctcLoss(logits, [[1], [4]]), ShapeError, /targets in 0…3 \(V 4\), received 4 at symbol 0 of sequence 1/);
  refuses(() => ctcLoss(logits, [[1], [2, 0]]), ConfigError, /without the blank \(0\), received it at symbol 1 of sequence 1/);
  refuses(() => ctcLoss(logits, [[1], [2]], { blank: 4 }), ConfigError, /blank in 0…3 \(V 4\), received 4/);
  refuses(() => ctcLoss(logits, [[1], [2]], { inputLengths: [3, 4] }), ShapeError, /lengths in 0…3 \(T\), received 4 for sequence 1/);
  refuses(() => ctcLoss(logits, [[1], [2]], { targetLengths: [1, 2] }), ShapeError, /target lengths in 0…1, received 2 for sequence 1/);
  refuses(() => ctcLoss(logits, [[1], [2]], { targetLengths: [1] }), ShapeError, /expected 2 target lengths/);
  refuses(() => ctcLoss(logits, tensor([[1], [2]])), ShapeError, /int32 targets of shape \[2, U\], received float64/);
  refuses(() => ctcLoss(logits, [[1], [2]], { reduction: 'max' as 'mean' }), ConfigError, /reduction/);
});
