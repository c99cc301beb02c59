import { beforeAll, expect, it } from 'vitest';
import { randomNormal } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { CtcGreedyDecoder, ctcGreedy } from './ctc-greedy.ts';
import { logSoftmaxRows } from './log-probabilities.ts';

beforeAll(() => {
  setBackend('reference');
});

/** Logits of which these classes are the best. */
const framesOf = (path: readonly number[], V: number) => path.flatMap((best) => Array.from({ length: V }, (_, v) => (v === best ? 3 : 0)));

it('merges repeats, then takes the blanks out, and says which frames a symbol is on', () => {
  const decoder = new CtcGreedyDecoder(4, { blank: 1 });
  decoder.push(framesOf([1, 2, 2, 1, 2, 0, 3, 3, 1, 1], 4));
  expect(decoder.result.symbols).toEqual([
    { symbol: 2, start: 1, end: 3 },
    { symbol: 2, start: 4, end: 5 },
    { symbol: 0, start: 5, end: 6 },
    { symbol: 3, start: 6, end: 8 },
  ]);
});

it('is the same in pieces as in one go: a symbol may go on over a cut', () => {
  const frames = framesOf([2, 2, 2, 0, 2, 2, 1], 3);
  const whole = new CtcGreedyDecoder(3);
  whole.push(frames);
  for (let cut = 0; cut <= 7; cut++) {
    const pieces = new CtcGreedyDecoder(3);
    pieces.push(frames.slice(0, cut * 3));
    const early = pieces.result;
    pieces.push(frames.slice(cut * 3));
    expect(pieces.result.symbols).toEqual(whole.result.symbols);
    expect(early.symbols.length).toBeLessThanOrEqual(whole.result.symbols.length); // a result is a value
  }
});

it('gives the best path of each sequence and its probability', () => {
  const logits = randomNormal([3, 9, 5], new Random(1));
  const inputLengths = [9, 0, 4];
  const found = ctcGreedy(logits, { inputLengths, blank: 4 });
  const logP = logSoftmaxRows(logits.dataSync(), 5);
  inputLengths.forEach((n, b) => {
    let expected = 0;
    for (let t = 0; t < n; t++) expected += Math.max(...logP.subarray((b * 9 + t) * 5, (b * 9 + t + 1) * 5));
    expect(found[b].logProbability).toBeCloseTo(expected, 12);
  });
  expect(found[1].symbols).toEqual([]);
});

it('refuses what cannot be', () => {
  expect(() => new CtcGreedyDecoder(4, { blank: -1 })).toThrow(ConfigError);
  expect(() => new CtcGreedyDecoder(4).push([1])).toThrow(ShapeError);
  expect(() => ctcGreedy(randomNormal([2, 3], new Random(2)))).toThrow(/expected logits of shape \[B, T, V\]/);
  expect(() => ctcGreedy(randomNormal([2, 3, 4], new Random(2)), { inputLengths: [3] })).toThrow(/expected 2 input lengths/);
});
