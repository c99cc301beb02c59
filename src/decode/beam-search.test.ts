import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../tensor/random.ts';
import { type BeamModel, type BeamSearchOptions, beamSearch } from './beam-search.ts';

const [startToken, endToken, V, S] = [0, 1, 4, 3];

/** What depends on the whole prefix, at random: log-probabilities of V tokens, and attention over S positions. */
function answers(seed: number, sentence: number, prefix: readonly number[]) {
  const rng = new Random(seed).fork(`${sentence}: ${prefix.join(' ')}`);
  const scores = Array.from(rng.fillNormal(new Float64Array(V), 0, 1.5));
  const total = Math.log(scores.reduce((sum, x) => sum + Math.exp(x), 0));
  const raw = Array.from(rng.fillUniform(new Float64Array(S), 0.01, 1));
  const sum = raw.reduce((a, b) => a + b, 0);
  return { logProbabilities: scores.map((x) => x - total), attention: raw.map((x) => x / sum) };
}

/** A state is the prefix of each row. Counts the calls and the rows. */
function tinyModel(seed: number, sentences: number): BeamModel<readonly (readonly number[])[]> & { calls: number; rows: number } {
  return {
    calls: 0,
    rows: 0,
    start: () => Array.from({ length: sentences }, () => []),
    step({ tokens, parents, sentences: of, state }) {
      this.calls++;
      this.rows += tokens.length;
      const prefixes = Array.from(tokens, (token, r) => [...state[parents[r]], token]);
      const all = prefixes.map((prefix, r) => answers(seed, of[r], prefix));
      return {
        logProbabilities: Float64Array.from(all.flatMap(({ logProbabilities }) => logProbabilities)),
        attention: Float64Array.from(all.flatMap(({ attention }) => attention)),
        state: prefixes,
      };
    },
  };
}

type Scoring = Required<Pick<BeamSearchOptions, 'lengthPenalty' | 'coveragePenalty'>>;

/** Every sentence of at most `most` tokens with its end, scored as the paper says. */
function everySentence(seed: number, sentence: number, most: number, { lengthPenalty, coveragePenalty }: Scoring) {
  const found: { tokens: number[]; score: number }[] = [];
  const grow = (prefix: number[], logProbability: number, seen: number[]) => {
    const { logProbabilities, attention } = answers(seed, sentence, prefix);
    const looked = seen.map((x, s) => x + attention[s]);
    for (let token = 0; token < V; token++) {
      const next = logProbability + logProbabilities[token];
      const length = prefix.length;
      if (token === endToken) {
        const coverage = looked.reduce((sum, x) => sum + Math.log(Math.min(x, 1)), 0);
        found.push({ tokens: prefix.slice(1), score: next / ((5 + length) / 6) ** lengthPenalty + coveragePenalty * coverage });
      } else if (length < most) grow([...prefix, token], next, looked);
    }
  };
  grow([startToken], 0, new Array(S).fill(0));
  return found.sort((a, b) => b.score - a.score);
}

const scorings = fc.record({
  lengthPenalty: fc.constantFrom(0, 0.6, 1, 2),
  coveragePenalty: fc.constantFrom(0, 0.2),
  seed: fc.integer({ min: 1, max: 10_000 }),
});

test('with room for all, what it finds is what brute force finds', () => {
  fc.assert(
    fc.property(scorings, ({ seed, ...scoring }) => {
      const found = beamSearch(tinyModel(seed, 2), { sentences: 2, startToken, endToken, width: 400, nBest: 4, maxLength: 4, ...scoring });
      found.forEach((hypotheses, n) => {
        const expected = everySentence(seed, n, 4, scoring).slice(0, 4);
        expect(hypotheses.map(({ tokens }) => [...tokens])).toEqual(expected.map(({ tokens }) => tokens));
        hypotheses.forEach(({ score, isComplete }, i) => {
          expect(score).toBeCloseTo(expected[i].score, 10);
          expect(isComplete).toBe(true);
        });
      });
    }),
    { numRuns: 40 },
  );
});

test('width 1 takes the likeliest token each time', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [[hypothesis]] = beamSearch(tinyModel(seed, 1), { sentences: 1, startToken, endToken, width: 1, maxLength: 6, lengthPenalty: 1 });
    const prefix = [startToken];
    while (prefix.length <= 6) {
      const { logProbabilities } = answers(seed, 0, prefix);
      prefix.push(logProbabilities.indexOf(Math.max(...logProbabilities)));
      if (prefix.at(-1) === endToken) break;
    }
    const isComplete = prefix.at(-1) === endToken;
    expect([...hypothesis.tokens]).toEqual(prefix.slice(1, isComplete ? -1 : undefined));
    expect(hypothesis.isComplete).toBe(isComplete);
  }
});

/** The same search without stopping early and one sentence at a time: as plain as can be. */
function plainSearch(seed: number, sentence: number, width: number, most: number, scoring: Scoring) {
  let live = [{ prefix: [startToken], logProbability: 0 }];
  const ended: { tokens: number[]; score: number; isComplete: boolean }[] = [];
  while (live.length > 0) {
    const all = live.flatMap(({ prefix, logProbability }) =>
      answers(seed, sentence, prefix).logProbabilities.map((x, token) => ({
        prefix: [...prefix, token],
        logProbability: logProbability + x,
      })),
    );
    const kept = all.sort((a, b) => b.logProbability - a.logProbability).slice(0, width - ended.length);
    live = [];
    for (const one of kept) {
      const isComplete = one.prefix.at(-1) === endToken;
      const length = one.prefix.length - 1;
      if (!isComplete && length < most) live.push(one);
      else {
        const score = one.logProbability / ((5 + length) / 6) ** scoring.lengthPenalty;
        ended.push({ tokens: one.prefix.slice(1, isComplete ? -1 : undefined), score, isComplete });
      }
    }
  }
  return ended.sort((a, b) => Number(b.isComplete) - Number(a.isComplete) || b.score - a.score);
}

test('stopping early, and many sentences at once, change nothing but the work', () => {
  let saved = 0;
  fc.assert(
    fc.property(scorings, fc.integer({ min: 1, max: 5 }), ({ seed, lengthPenalty }, width) => {
      const scoring = { lengthPenalty, coveragePenalty: 0 };
      const model = tinyModel(seed, 3);
      const maxLength = [7, 3, 9];
      const found = beamSearch(model, { sentences: 3, startToken, endToken, width, maxLength, ...scoring });
      found.forEach((hypotheses, n) => {
        const [expected] = plainSearch(seed, n, width, maxLength[n], scoring);
        expect([...hypotheses[0].tokens]).toEqual(expected.tokens);
        expect(hypotheses[0].score).toBeCloseTo(expected.score, 10);
        expect(hypotheses[0].isComplete).toBe(expected.isComplete);
      });
      expect(model.calls).toBeLessThanOrEqual(9);
      saved += 9 - model.calls;
    }),
    { numRuns: 60 },
  );
  expect(saved).toBeGreaterThan(0);
});

test('attention of every token, the end included; fewest tokens; forbidden ones', () => {
  const options = { sentences: 1, startToken, endToken, width: 3, nBest: 3, maxLength: 8, minLength: 4, forbidden: [2] };
  const [hypotheses] = beamSearch(tinyModel(5, 1), options);
  for (const { tokens, attention, isComplete, score, logProbability } of hypotheses) {
    expect(tokens.length).toBeGreaterThanOrEqual(4);
    expect([...tokens]).not.toContain(2);
    expect(attention).toHaveLength(tokens.length + (isComplete ? 1 : 0));
    const prefix = [startToken, ...tokens.slice(0, 2)];
    expect([...attention![2]]).toEqual(answers(5, 0, prefix).attention);
    expect(score).toBe(logProbability);
  }
});

describe('what is refused', () => {
  const search = (options: Partial<BeamSearchOptions>) => () =>
    beamSearch(tinyModel(1, 1), { sentences: 1, startToken, endToken, maxLength: 5, ...options });

  test.each([
    [{ width: 0 }, '[beamSearch] width: expected a whole number of at least 1, received 0.'],
    [{ nBest: 6 }, '[beamSearch] nBest: expected at most the width, 5, received 6.'],
    [{ maxLength: 0 }, '[beamSearch] maxLength: expected a whole number of at least 1, received 0.'],
    [{ lengthPenalty: -1 }, '[beamSearch] lengthPenalty: expected 0 or more, received -1.'],
    [{ coveragePenalty: Number.NaN }, '[beamSearch] coveragePenalty: expected 0 or more, received NaN.'],
    [{ endToken: 4 }, 'expected log-probabilities of 1 rows of more than 4 tokens, received 4 numbers.'],
  ])('%o', (options, message) => {
    expect(search(options)).toThrow(message);
  });

  test('coverage without attention', () => {
    const blind: BeamModel<null> = { start: () => null, step: () => ({ logProbabilities: new Float32Array(4).fill(-1), state: null }) };
    const options = { sentences: 1, startToken, endToken, maxLength: 5, coveragePenalty: 0.2 };
    expect(() => beamSearch(blind, options)).toThrow('its step gave no attention');
  });
});
