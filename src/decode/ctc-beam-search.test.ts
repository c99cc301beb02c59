import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { CtcBeamSearch, type CtcBeamSearchOptions, ctcBeamSearch } from './ctc-beam-search.ts';
import { ctcGreedy } from './ctc-greedy.ts';
import { logSoftmaxRows } from './log-probabilities.ts';
import { type SequenceScorer, withSymbols } from './sequence-scorer.ts';

beforeAll(() => {
  setBackend('reference');
});

/** log P of every sequence of symbols that some path of n frames spells. */
function everySequence(logits: ArrayLike<number>, V: number, blank: number): Map<string, number> {
  const n = logits.length / V;
  const logP = logSoftmaxRows(logits, V);
  const found = new Map<string, number>();
  for (let code = 0; code < V ** n; code++) {
    const path = Array.from({ length: n }, (_, t) => Math.floor(code / V ** t) % V);
    const spelt = path.filter((v, t) => v !== blank && v !== path[t - 1]).join();
    const p = Math.exp(path.reduce((total, v, t) => total + logP[t * V + v], 0));
    found.set(spelt, (found.get(spelt) ?? 0) + p);
  }
  return new Map([...found].map(([symbols, p]) => [symbols, Math.log(p)]));
}

/** Log-probabilities of symbol after symbol, and of the end; the state is what came before. Counts its calls. */
function bigrams(V: number, seed: number): SequenceScorer<string> & { calls: number } {
  const table = new Random(seed).fillNormal(new Float64Array((V + 1) * (V + 1)), -1.5, 0.5).map((x) => Math.min(x, 0));
  const at = (state: string, symbol: number) => table[(state === '' ? V : Number(state.split(',').at(-1))) * (V + 1) + symbol];
  return {
    calls: 0,
    start: () => '',
    score: at,
    end: (state) => at(state, V),
    advance(states, symbols) {
      this.calls++;
      return states.map((state, i) => (state === '' ? `${symbols[i]}` : `${state},${symbols[i]}`));
    },
  };
}

function scoreOf(scorer: SequenceScorer<string>, symbols: readonly number[], isEnd: boolean): number {
  let [state, total] = [scorer.start(), 0];
  for (const symbol of symbols) {
    total += scorer.score(state, symbol);
    [state] = scorer.advance([state], [symbol]);
  }
  return total + (isEnd ? scorer.end(state) : 0);
}

const exhaustive: CtcBeamSearchOptions<string> = { beamWidth: 1000, symbolThreshold: Number.NEGATIVE_INFINITY, beamThreshold: 1e9 };

describe('with room for everything it finds every sequence with its probability', () => {
  const drawn = fc.record({
    seed: fc.integer({ min: 0, max: 1e6 }),
    n: fc.integer({ min: 0, max: 6 }),
    blank: fc.integer({ min: 0, max: 2 }),
  });

  it('alone', () => {
    fc.assert(
      fc.property(drawn, ({ seed, n, blank }) => {
        const logits = new Random(seed).fillNormal(new Float64Array(n * 3), 0, 2);
        const search = new CtcBeamSearch(3, { ...exhaustive, blank });
        search.push(logits);
        const expected = everySequence(logits, 3, blank);
        const found = search.finish(2000);
        expect(found).toHaveLength(expected.size);
        for (const { symbols, logProbability, score } of found) {
          expect(logProbability).toBeCloseTo(expected.get(symbols.join())!, 9);
          expect(score).toBe(logProbability);
        }
        const scores = found.map(({ score }) => score);
        expect(scores).toEqual([...scores].sort((a, b) => b - a));
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  it('with a scorer, its weight and a bonus', () => {
    fc.assert(
      fc.property(drawn, ({ seed, n, blank }) => {
        const logits = new Random(seed).fillNormal(new Float64Array(n * 3), 0, 2);
        const scorer = bigrams(3, seed + 1);
        const search = new CtcBeamSearch(3, { ...exhaustive, blank, scorer, scorerWeight: 0.7, insertionBonus: 0.4 });
        search.push(logits);
        const expected = everySequence(logits, 3, blank);
        for (const isEnd of [false, true]) {
          const found = isEnd ? search.finish(2000) : search.best(2000);
          expect(found).toHaveLength(expected.size);
          for (const { symbols, score } of found) {
            const whole = expected.get(symbols.join())! + 0.7 * scoreOf(scorer, symbols, isEnd) + 0.4 * symbols.length;
            expect(score).toBeCloseTo(whole, 9);
          }
        }
      }),
      { numRuns: 40, seed: 2 },
    );
  });
});

it('asks the scorer for new states once a frame', () => {
  const scorer = bigrams(6, 3);
  const search = new CtcBeamSearch(6, { scorer, beamWidth: 8 });
  search.push(new Random(4).fillNormal(new Float64Array(6 * 50), 0, 2));
  expect(scorer.calls).toBeLessThanOrEqual(50);
});

it('keeps the best of the beam when new prefixes compete: pruned before they are made, or after, is the same', () => {
  // Without a bound below, all extensions are ranked; `most` far above every score switches the bound off.
  for (let seed = 0; seed < 20; seed++) {
    const logits = new Random(seed).fillNormal(new Float64Array(5 * 40), 0, 3);
    const scorer = bigrams(5, seed);
    const run = (most?: number) => {
      const search = new CtcBeamSearch(5, { scorer: { ...bigrams(5, seed), most }, beamWidth: 4, insertionBonus: 0.5 });
      search.push(logits);
      return search.finish(4);
    };
    expect(run()).toEqual(run(1e6));
    expect(run()[0].symbols.length).toBeGreaterThan(0);
    expect(scorer.calls).toBe(0);
  }
});

it('is the same in pieces as in one go, at any time, and never takes back what is stable', () => {
  const V = 8;
  const logits = new Random(5).fillNormal(new Float64Array(V * 60), 0, 3);
  const pieces = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(pieces, (lengths) => {
      const options = { scorer: bigrams(V, 6), beamWidth: 5 };
      const search = new CtcBeamSearch(V, options);
      let stable: number[] = [];
      for (const length of lengths) {
        search.push(logits.subarray(search.frames * V, (search.frames + length) * V));
        const whole = new CtcBeamSearch(V, options);
        whole.push(logits.subarray(0, search.frames * V));
        expect(search.best(5)).toEqual(whole.best(5));
        expect(search.finish(5)).toEqual(whole.finish(5));
        expect(search.stable.slice(0, stable.length)).toEqual(stable);
        expect(search.best()[0].symbols.slice(0, search.stable.length)).toEqual(search.stable);
        stable = search.stable;
      }
    }),
    { numRuns: 15, seed: 7 },
  );
});

it('sums over alignments where greedy decoding does not', () => {
  // The best path is all blanks, the best sequence is [1]: 0.36 against 0.64 (Graves 2012, figure 2.1).
  const logits = tensor([0.6, 0.4, 0.6, 0.4].map(Math.log), { shape: [1, 2, 2] });
  expect(ctcGreedy(logits)[0].symbols).toEqual([]);
  expect(ctcGreedy(logits)[0].logProbability).toBeCloseTo(Math.log(0.36), 12);
  const [[best, second]] = ctcBeamSearch(logits, { nBest: 2 });
  expect([best.symbols, second.symbols]).toEqual([[1], []]);
  expect([best, second].map(({ logProbability }) => Math.exp(logProbability))).toEqual([
    expect.closeTo(0.64, 12),
    expect.closeTo(0.36, 12),
  ]);
});

it('says when each symbol began', () => {
  const path = [0, 2, 2, 0, 2, 1, 1, 0];
  const logits = tensor(
    path.flatMap((v) => [0, 1, 2].map((w) => (w === v ? 8 : 0))),
    { shape: [1, 8, 3] },
  );
  const [[{ symbols, frames }]] = ctcBeamSearch(logits);
  expect({ symbols, frames }).toEqual({ symbols: [2, 2, 1], frames: [1, 4, 5] });
});

it('treats each sequence of a batch for itself, up to its length', () => {
  const logits = randomNormal([3, 12, 5], new Random(8));
  const inputLengths = [12, 0, 7];
  const together = ctcBeamSearch(logits, { inputLengths, nBest: 3 });
  const values = logits.dataSync();
  inputLengths.forEach((n, b) => {
    const search = new CtcBeamSearch(5);
    search.push(values.subarray(b * 60, b * 60 + n * 5));
    expect(together[b]).toEqual(search.finish(3));
  });
  expect(together[1]).toEqual([{ symbols: [], frames: [], logProbability: 0, score: 0 }]);
});

it('obeys a scorer that forbids', () => {
  const base = bigrams(3, 9);
  const scorer = { ...base, score: (_: string, symbol: number) => (symbol === 1 ? Number.NEGATIVE_INFINITY : 0), end: () => 0 };
  const logits = new Random(10).fillNormal(new Float64Array(3 * 20), 0, 2);
  const search = new CtcBeamSearch(3, { scorer });
  search.push(logits);
  for (const { symbols } of search.finish(16)) expect(symbols).not.toContain(1);
  const none = new CtcBeamSearch(3, { scorer: { ...scorer, end: () => Number.NEGATIVE_INFINITY } });
  none.push(logits);
  expect(none.finish()).toEqual([]);
  expect(none.best()).toHaveLength(1);
});

it('numbers symbols for a scorer as it knows them', () => {
  const inner = bigrams(3, 11);
  const outer = withSymbols(inner, [-1, 2, 0]);
  const [state] = outer.advance([outer.start()], [1]);
  expect(state).toBe('2');
  expect(outer.score(state, 2)).toBe(inner.score('2', 0));
  expect(outer.score(state, 0)).toBe(Number.NEGATIVE_INFINITY);
  expect(outer.end(state)).toBe(inner.end('2'));
});

it('refuses what cannot be', () => {
  const refuses = (options: CtcBeamSearchOptions, message: RegExp) => {
    expect(() => new CtcBeamSearch(4, options)).toThrow(ConfigError);
    expect(() => new CtcBeamSearch(4, options)).toThrow(message);
  };
  refuses({ beamWidth: 0 }, /beamWidth to be an integer of at least 1, received 0/);
  refuses({ blank: 4 }, /received V 4 and blank 4/);
  refuses({ symbolThreshold: 1 }, /symbolThreshold to be a log-probability, at most 0, received 1/);
  refuses({ beamThreshold: -1 }, /beamThreshold of at least 0, received -1/);
  refuses({ scorerWeight: Number.NaN }, /scorerWeight of at least 0, received NaN/);
  refuses({ insertionBonus: Number.POSITIVE_INFINITY }, /insertionBonus to be a number, received Infinity/);
  expect(() => new CtcBeamSearch(4).push([1, 2, 3])).toThrow(ShapeError);
  expect(() => new CtcBeamSearch(4).push([1, 2, 3])).toThrow(/frames of 4 classes, received 3 numbers/);
  expect(() => ctcBeamSearch(tensor([[[1, 2]]]), { inputLengths: [2] })).toThrow(/input lengths in 0…1 \(T\), received 2/);
});
