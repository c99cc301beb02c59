import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { slice } from '../autograd/ops/shape.ts';
import { randomNormal, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { logSoftmaxRows } from '../decode/log-probabilities.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { transducerLoss } from './transducer.ts';

beforeAll(() => {
  setBackend('reference');
});

/** −log of the summed probability of every order in which n blanks and the symbols can come, a blank last. */
function bruteForce(logits: Tensor, b: number, n: number, target: readonly number[], blank: number): number {
  const [, T, places, V] = logits.shape;
  const logP = logSoftmaxRows(logits.dataSync(), V);
  const at = (t: number, u: number, v: number) => logP[((b * T + t) * places + u) * V + v];
  const walk = (t: number, u: number): number => {
    if (t === n) return u === target.length ? 1 : 0;
    const waiting = Math.exp(at(t, u, blank)) * walk(t + 1, u);
    return waiting + (u < target.length ? Math.exp(at(t, u, target[u])) * walk(t, u + 1) : 0);
  };
  return -Math.log(walk(0, 0));
}

it('equals the sum over all alignments', () => {
  const drawn = fc.record({
    targets: fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 4 }), { minLength: 2, maxLength: 2 }),
    lengths: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 2 }),
    blank: fc.integer({ min: 0, max: 3 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  });
  fc.assert(
    fc.property(drawn, ({ targets, lengths, blank, seed }) => {
      const logits = randomNormal([2, 5, 5, 4], new Random(seed));
      const numbered = targets.map((row) => row.map((v) => (v >= blank ? v + 1 : v)));
      const losses = transducerLoss(logits, numbered, { inputLengths: lengths, blank, reduction: 'none' });
      expectClose(
        losses,
        lengths.map((n, b) => bruteForce(logits, b, n, numbered[b], blank)),
      );
    }),
    { numRuns: 60, seed: 4 },
  );
});

describe.each(Object.entries(layouts))('logits lying %s', (_, make) => {
  it('have the gradient that differences have', () => {
    const { leaf, view } = make([3, 4, 4, 3], new Random(5));
    const targets = [[1, 1], [], [2, 2, 1]];
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      checkGradients((x) => transducerLoss(view(x), targets, { inputLengths: [4, 2, 3], reduction }), [leaf], { maxElements: 60 });
    }
  });
});

it('is the same in a batch, alone, and with more padding', () => {
  const logits = randomNormal([3, 6, 5, 4], new Random(6));
  const targets = [[1, 2, 3], [], [2, 2]];
  const inputLengths = [6, 2, 4];
  const losses = transducerLoss(logits, targets, { inputLengths, reduction: 'none' }).dataSync();
  inputLengths.forEach((n, b) => {
    const alone = slice(slice(slice(logits, 0, b, b + 1), 1, 0, n), 2, 0, targets[b].length + 1);
    expect(transducerLoss(alone, [targets[b]], { reduction: 'sum' }).item()).toBe(losses[b]);
  });
  expect(transducerLoss(logits, targets, { inputLengths }).item()).toBeCloseTo((losses[0] + losses[1] + losses[2]) / 3, 12);
});

it('keeps its numbers over hundreds of frames', () => {
  const [T, V] = [500, 20];
  const uniform = tensor(new Float64Array(T * 2 * V), { shape: [1, T, 2, V] });
  // T blanks and a symbol, each of probability 1/V; T places for the symbol.
  expect(transducerLoss(uniform, [[7]]).item()).toBeCloseTo((T + 1) * Math.log(V) - Math.log(T), 8);
});

it('refuses what does not fit', () => {
  const logits = randomNormal([2, 3, 3, 4], new Random(8));
  const refuses = (call: () => unknown, kind: new (message: string) => Error, message: RegExp) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  };
  refuses(
    () => transducerLoss(randomNormal([2, 3, 4], new Random(8)), [[1], [1]]),
    ShapeError,
    /\[B, T, U \+ 1, V\].*received \[2, 3, 4\]/,
  );
  refuses(() => transducerLoss(logits, [[1, 1, 1], []]), ShapeError, /U at least the longest target's 3 symbols, received U \+ 1 = 3/);
  refuses(() => transducerLoss(logits, [[1], [4]]), ShapeError, /targets in 0…3 \(V 4\), received 4 at symbol 0 of sequence 1/);
  refuses(() => transducerLoss(logits, [[1], [0]]), ConfigError, /without the blank \(0\)/);
  refuses(() => transducerLoss(logits, [[1], [2]], { inputLengths: [3] }), ShapeError, /expected 2 lengths/);
  refuses(() => transducerLoss(logits, [[1], [2]], { blank: -1 }), ConfigError, /blank in 0…3/);
});
