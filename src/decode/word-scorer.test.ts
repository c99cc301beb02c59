import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { CtcBeamSearch } from './ctc-beam-search.ts';
import { logSoftmaxRows, logSum } from './log-probabilities.ts';
import { type WordModel, type WordScorerOptions, wordScorer } from './word-scorer.ts';

const symbols = ['', ' ', 'a', 'b'];
const known = ['a', 'b', 'ab', 'ba'];

/** Bigrams of the known words; the state is the word before. */
function wordModel(): WordModel<string> & { calls: number } {
  const rng = new Random(3);
  const logP = new Map<string, number>();
  for (const before of ['', ...known]) for (const word of [...known, '.']) logP.set(`${before} ${word}`, -0.2 - 2 * rng.uniform());
  return {
    calls: 0,
    idOf: (word) => known.indexOf(word),
    start: () => '',
    score: (state, word) => logP.get(`${state} ${known[word]}`)!,
    end: (state) => logP.get(`${state} .`)!,
    advance(states, words) {
      this.calls++;
      return states.map((_, i) => known[words[i]]);
    },
  };
}

/** What a text is worth by the rules, without the scorer. */
function worth(
  text: string,
  { lexicon, languageModel, weight = 1, wordBonus = 0, unknownScore = -10 }: Partial<WordScorerOptions<string>>,
) {
  const words = text.split(' ');
  if (lexicon) {
    const all = [...lexicon];
    const isOpen = words.at(-1) === ''; // ends with a separator, or is empty
    if (!words.every((word, i) => all.includes(word) || (isOpen && i === words.length - 1))) return Number.NEGATIVE_INFINITY;
  }
  let total = 0;
  let state = languageModel?.start() ?? '';
  for (const word of words) {
    if (word === '') continue;
    const id = languageModel?.idOf(word) ?? 0;
    total += wordBonus;
    if (!languageModel) continue;
    if (id < 0) total += unknownScore;
    else {
      total += weight * languageModel.score(state, id);
      [state] = languageModel.advance([state], [id]);
    }
  }
  return total + (languageModel ? weight * languageModel.end(state) : 0);
}

/** log P of every text that some path of the frames spells. */
function everyText(logits: Float64Array): Map<string, number> {
  const V = symbols.length;
  const n = logits.length / V;
  const logP = logSoftmaxRows(logits, V);
  const texts = new Map<string, number>();
  for (let code = 0; code < V ** n; code++) {
    const path = Array.from({ length: n }, (_, t) => Math.floor(code / V ** t) % V);
    const text = path.map((v, t) => (v !== path[t - 1] ? symbols[v] : '')).join('');
    const score = path.reduce((total, v, t) => total + logP[t * V + v], 0);
    texts.set(text, logSum(texts.get(text) ?? Number.NEGATIVE_INFINITY, score));
  }
  return texts;
}

describe.each<[string, Partial<WordScorerOptions<string>>]>([
  ['a lexicon', { lexicon: ['a', 'ba', 'bb'] }],
  ['a language model', { languageModel: wordModel(), weight: 0.6, unknownScore: -3 }],
  ['both and a bonus', { lexicon: ['a', 'b', 'ba', 'bbb'], languageModel: wordModel(), weight: 1.3, wordBonus: 0.9 }],
  ['a bonus alone', { wordBonus: 1.5 }],
])('with %s', (_, options) => {
  it('the search ranks every text by its words', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 5 }), (seed, n) => {
        const logits = new Random(seed).fillNormal(new Float64Array(n * symbols.length), 0, 2);
        const scorer = wordScorer({ symbols, separator: 1, ...options });
        const search = new CtcBeamSearch(4, { scorer, beamWidth: 2000, beamThreshold: 1e9, symbolThreshold: Number.NEGATIVE_INFINITY });
        search.push(logits);
        const expected = [...everyText(logits)]
          .map(([text, logP]) => ({ text, score: logP + worth(text, options) }))
          .filter(({ text, score }) => score > Number.NEGATIVE_INFINITY && !(options.lexicon && /^ | {2}/.test(text)))
          .sort((a, b) => b.score - a.score);
        const found = search.finish(5000).map(({ symbols: path, score }) => ({ text: path.map((v) => symbols[v]).join(''), score }));
        expect(found).toHaveLength(expected.length);
        const scores = new Map(expected.map(({ text, score }) => [text, score]));
        for (const { text, score } of found) expect(score, text).toBeCloseTo(scores.get(text)!, 9);
      }),
      { numRuns: 12, seed: 5 },
    );
  });
});

it('asks the language model once for all words that end in a frame', () => {
  const languageModel = wordModel();
  const scorer = wordScorer({ symbols, separator: 1, languageModel });
  const search = new CtcBeamSearch(4, { scorer, beamWidth: 12 });
  search.push(new Random(6).fillNormal(new Float64Array(4 * 80), 0, 2));
  expect(languageModel.calls).toBeLessThanOrEqual(80);
});

it('reads symbols of several characters as long as they go', () => {
  const scorer = wordScorer({ symbols: ['', '|', 'c', 'h', 'ch', 'i'], separator: 1, lexicon: ['chi', 'hi'] });
  const [state] = scorer.advance([scorer.start()], [4]);
  expect(scorer.score(state, 5)).toBe(0);
  expect(scorer.score(scorer.start(), 2)).toBe(Number.NEGATIVE_INFINITY);
  expect(scorer.end(state)).toBe(Number.NEGATIVE_INFINITY);
});

it('refuses what cannot be', () => {
  const refuses = (options: Partial<WordScorerOptions<string>>, message: RegExp) => {
    expect(() => wordScorer({ symbols, separator: 1, ...options })).toThrow(ConfigError);
    expect(() => wordScorer({ symbols, separator: 1, ...options })).toThrow(message);
  };
  refuses({ separator: 4 }, /separator in 0…3, received 4/);
  refuses({ lexicon: ['ab', 'abc'] }, /the word "abc" of the lexicon cannot be written: "c" is not among the symbols/);
  refuses({ lexicon: [] }, /at least one word in the lexicon, received none/);
  refuses({ weight: -1 }, /weight of at least 0 and a wordBonus, received -1 and 0/);
  refuses({ wordBonus: Number.NaN }, /received 1 and NaN/);
});
