import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankingScores, rankOf, topOf } from './ranking.ts';

describe('metrics of ranks', () => {
  it('are the formulas, worked by hand', () => {
    const scores = new RankingScores([1, 5]);
    for (const rank of [1, 3, 6, Number.POSITIVE_INFINITY]) scores.add(rank);
    expect(scores.count).toBe(4);
    // Ranks 1 and 3 are within 5: gains 1 / log₂ 2 = 1 and 1 / log₂ 4 = 1/2; reciprocals 1 and 1/3.
    expect(scores.metrics()).toEqual({
      'hr@1': 1 / 4,
      'ndcg@1': 1 / 4,
      'mrr@1': 1 / 4,
      'hr@5': 2 / 4,
      'ndcg@5': 1.5 / 4,
      'mrr@5': (1 + 1 / 3) / 4,
    });
  });

  it('of nothing are no numbers', () => {
    expect(new RankingScores([10]).metrics()['hr@10']).toBeNaN();
  });
});

describe('a rank', () => {
  it('counts equals as above', () => {
    expect(rankOf([0.5, 0.9, 0.1], 0)).toBe(2);
    expect(rankOf([0.5, 0.5, 0.5], 0)).toBe(3);
    expect(rankOf([0.5, 0.5, 0.5], 0, [2])).toBe(2);
    expect(rankOf([0.5, 0.9, 0.1], 0, [1, 0])).toBe(1);
  });

  it('is the worst where scores are no numbers', () => {
    expect(rankOf([Number.NaN, 1, 2], 0)).toBe(3);
    expect(rankOf([1, Number.NaN, 0], 0)).toBe(2);
  });

  it('is what sorting says', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 }), fc.nat(), fc.nat(1e6), (scores, at, bits) => {
        const target = at % scores.length;
        const seen = scores.flatMap((_, i) => ((bits >> (i % 20)) & 1 ? [i] : []));
        const others = scores.filter((_, i) => i !== target && !seen.includes(i));
        expect(rankOf(scores, target, seen)).toBe(1 + others.filter((score) => score >= scores[target]).length);
      }),
    );
  });
});

it('the top is what sorting says', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 50 }), fc.nat(12), (scores, k) => {
      const isOdd = (i: number): boolean => i % 2 === 1;
      const sorted = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
      expect([...topOf(scores, k)]).toEqual(sorted.slice(0, k));
      expect([...topOf(scores, k, isOdd)]).toEqual(sorted.filter((i) => !isOdd(i)).slice(0, k));
    }),
  );
});
