import { describe, expect, it } from 'vitest';
import { Random } from '../tensor/random.ts';
import { sample } from './sampling.ts';

const logits = [1, 3, 2, 0];

function shares(options: Parameters<typeof sample>[1], draws = 20_000): number[] {
  const rng = new Random(7);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < draws; i++) counts[sample(logits, options, rng)]++;
  return counts.map((count) => count / draws);
}

function softmax(scores: readonly number[]): number[] {
  const weights = scores.map(Math.exp);
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

/** Four standard deviations of a share of 20,000 draws. */
const tolerance = 4 * Math.sqrt(0.25 / 20_000);

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  actual.forEach((share, i) => {
    expect(Math.abs(share - expected[i])).toBeLessThan(tolerance);
  });
}

describe('sample', () => {
  it('draws with the probabilities of softmax', () => expectClose(shares({}), softmax(logits)));

  it('sharpens with a low temperature, and takes the likeliest at 0', () => {
    expectClose(shares({ temperature: 0.5 }), softmax(logits.map((x) => x / 0.5)));
    expect(sample(logits, { temperature: 0 }, new Random(1))).toBe(1);
    expect(sample([5, 5, 1], { temperature: 0 }, new Random(1))).toBe(0);
  });

  it('keeps the k likeliest', () => expectClose(shares({ topK: 2 }), [0, ...softmax([3, 2]), 0]));

  it('keeps the fewest that hold the share p', () => {
    // Probabilities 0.087, 0.644, 0.237, 0.032: two tokens hold 0.8, three hold 0.9.
    expectClose(shares({ topP: 0.8 }), [0, ...softmax([3, 2]), 0]);
    expectClose(shares({ topP: 0.9 }), [...softmax([1, 3, 2]), 0]);
    expectClose(shares({ topP: 1e-9 }), [0, 1, 0, 0]);
  });

  it('never draws what is forbidden', () => {
    expectClose(shares({ forbidden: [1] }), [softmax([1, 2, 0])[0], 0, ...softmax([1, 2, 0]).slice(1)]);
    expect(sample(logits, { temperature: 0, forbidden: [1] }, new Random(1))).toBe(2);
  });

  it('gives the same draws for the same seed', () => {
    const run = (): number[] => {
      const rng = new Random(3);
      return Array.from({ length: 20 }, () => sample(logits, { topP: 0.95, topK: 3 }, rng));
    };
    expect(run()).toEqual(run());
  });

  it('says what is out of range', () => {
    const rng = new Random(1);
    expect(() => sample(logits, { temperature: -1 }, rng)).toThrow('temperature: expected 0 or more, received -1.');
    expect(() => sample(logits, { topK: 1.5 }, rng)).toThrow('topK');
    expect(() => sample(logits, { topP: 0 }, rng)).toThrow('topP');
  });
});
