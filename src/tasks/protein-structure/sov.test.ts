import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { segmentOverlap, sov } from './sov.ts';

/** Numbers of the letters' places in an alphabet. */
const encode = (letters: string, alphabet = 'HEC'): number[] => [...letters].map((letter) => alphabet.indexOf(letter));

describe("SOV'99", () => {
  it('is 28.0 for strands in figure 1 of Zemla et al.: 1/(6+6+3) · ((1+1)/10 · 6 + (2+1)/6 · 6)', () => {
    const { overlap, length } = segmentOverlap(encode('CCEEECCCCCCEEEEEECCC'), encode('CCCCCCCEEEEECCCEECCC'), 1);
    expect(length).toBe(15);
    expect(overlap).toBeCloseTo(1.2 + 3, 12);
  });

  // Zemla et al. (1999), table I, and Liu & Wang (2018), doi:10.1186/s13029-018-0068-7, table 1: SOV'99 of all states
  test.each([
    ['CHCHCHCHCHCC', 0.125],
    ['CCCHHHHHCCCC', 0.632],
    ['CHHHCHHHCHHC', 0.406],
    ['CHHCCHHHHHCC', 0.523],
    ['CCCHHHHHHCCC', 0.806],
    ['CCCHHHHCCCCC', 0.544],
    ['CCCHHHHHHHCC', 0.903],
    ['CCCHHHHHHHHC', 0.944],
    ['CHHHHHHHHHHC', 1],
  ])('of %s against CHHHHHHHHHHC is %d', (predicted, expected) => {
    expect(sov(encode('CHHHHHHHHHHC'), encode(predicted), 3)).toBeCloseTo(expected, 3);
  });

  // Liu & Wang (2018), table 2
  test.each([
    ['AAAAABBBCCCDDDDD', 0.65],
    ['AAAABBBBCCCCDDDD', 0.938],
    ['AAABBBBBCCCCCDDD', 1],
    ['AABBBBBBCCCCCDDD', 1],
  ])('of four states, %s against AABBBBBBCCCCCCDD, is %d', (predicted, expected) => {
    expect(sov(encode('AABBBBBBCCCCCCDD', 'ABCD'), encode(predicted, 'ABCD'), 4)).toBeCloseTo(expected, 3);
  });

  it('ends segments where a residue does not count', () => {
    // H H – H H: two helices of two; the prediction covers the first: overlap 2/2 · 2 of a length of 4.
    expect(sov([0, 0, 255, 0, 0], [0, 0, 255, 2, 2], 3)).toBeCloseTo(2 / 4, 12);
    expect(sov([255, 255], [255, 255], 3)).toBeNaN();
  });

  it('is what the definition says, pair by pair', () => {
    const chain = (length: number) => fc.array(fc.integer({ min: 0, max: 2 }), { minLength: length, maxLength: length });
    const chains = fc.integer({ min: 1, max: 24 }).chain((length) => fc.tuple(chain(length), chain(length)));
    fc.assert(
      fc.property(chains, ([observed, predicted]) => {
        expect(sov(observed, predicted, 3)).toBeCloseTo(byDefinition(observed, predicted, 3), 10);
      }),
    );
  });
});

/** Every pair of segments, as sets of positions. */
function byDefinition(observed: readonly number[], predicted: readonly number[], states: number): number {
  let score = 0;
  let N = 0;
  for (let state = 0; state < states; state++) {
    for (const s1 of segments(observed, state)) {
      const partners = segments(predicted, state).filter((s2) => s2.some((t) => s1.includes(t)));
      for (const s2 of partners) {
        const minov = s1.filter((t) => s2.includes(t)).length;
        const maxov = new Set([...s1, ...s2]).size;
        const delta = Math.min(maxov - minov, minov, Math.floor(s1.length / 2), Math.floor(s2.length / 2));
        score += ((minov + delta) / maxov) * s1.length;
        N += s1.length;
      }
      if (partners.length === 0) N += s1.length;
    }
  }
  return score / N;
}

function segments(chain: readonly number[], state: number): number[][] {
  const found: number[][] = [];
  chain.forEach((s, t) => {
    if (s !== state) return;
    if (t > 0 && chain[t - 1] === state) found.at(-1)!.push(t);
    else found.push([t]);
  });
  return found;
}
