/** BLEU and chrF: values that sacreBLEU's own documentation and tests state, and those of an independent program (see golden). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { corpusBleu, tokenize13a } from './bleu.ts';
import { corpusChrf } from './chrf.ts';

/** The example of sacreBLEU's README. */
const hypotheses = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.'];
const references = [
  ['The dog bit the man.', 'The dog had bit the man.'],
  ['It was not unexpected.', 'No one was surprised.'],
  ['The man bit him first.', 'The man had bitten the dog.'],
];

describe('BLEU', () => {
  test("sacreBLEU's example: BLEU = 48.53 82.4/50.0/45.5/37.5 (BP = 0.943 ratio = 0.944 hyp_len = 17 ref_len = 18)", () => {
    const { score, precisions, brevityPenalty, hypothesisLength, referenceLength, upTo } = corpusBleu(hypotheses, references);
    expect(score).toBeCloseTo(48.530827, 6);
    expect(precisions.map((p) => p.toFixed(1))).toEqual(['82.4', '50.0', '45.5', '37.5']);
    expect(brevityPenalty.toFixed(3)).toBe('0.943');
    expect([hypothesisLength, referenceLength]).toEqual([17, 18]);
    expect(upTo[3]).toBe(score);
    expect(upTo[0]).toBeCloseTo(brevityPenalty * precisions[0], 10);
  });

  test("sacreBLEU's tests: without tokenisation, without smoothing, of nothing", () => {
    expect(corpusBleu(hypotheses, references, { tokenizer: 'none' }).score).toBeCloseTo(49.1919566, 6);
    expect(corpusBleu(hypotheses, references, { smoothing: 'none' }).score).toBeCloseTo(48.530827, 6);
    expect(corpusBleu(['', '', ''], references).score).toBe(0);
  });

  test('a text against itself is 100; precisions of 0 are smoothed', () => {
    expect(corpusBleu(['a b c d e'], [['a b c d e']]).score).toBeCloseTo(100, 10);
    // p = 3/4, 2/3, 1/2·1/2, 1/4·1/1
    const { precisions } = corpusBleu(['this is a fest'], [['this is a test']]);
    expect(precisions.map((p) => Math.round(p * 100) / 100)).toEqual([75, 66.67, 50, 50]);
    expect(corpusBleu(['a b x d'], [['a b c d']]).precisions.map((p) => Math.round(p * 100) / 100)).toEqual([75, 33.33, 25, 25]);
    expect(corpusBleu(['a b x d'], [['a b c d']], { smoothing: 'none' }).score).toBe(0);
  });

  test.each([
    ['Hello, world!', 'Hello , world !'],
    ['3,000.50 a-b 10-20 (c)', '3,000.50 a-b 10 - 20 ( c )'],
    ['"Don\'t" &quot;go&quot; &amp; x/y', '" Don\'t " " go " & x / y'],
    ['U.S. 1. x', 'U . S . 1 . x'],
  ])('mteval-v13a: %s', (text, tokens) => {
    expect(tokenize13a(text)).toBe(tokens);
  });

  test('what does not fit is refused', () => {
    expect(() => corpusBleu(['a'], [])).toThrow('[corpusBleu] expected references for 1 sentences, received 0.');
    expect(() => corpusBleu(['a'], [[]])).toThrow('received none for sentence 0');
    expect(() => corpusBleu(['a'], [['a']], { tokenizer: '13' as '13a' })).toThrow('unknown tokenizer "13"; did you mean "13a"?');
    expect(() => corpusChrf(['a'], [['a']], { characterOrder: 0 })).toThrow(
      'characterOrder: expected a whole number of at least 1, received 0.',
    );
  });
});

describe('chrF', () => {
  test("sacreBLEU's example: chrF2 = 59.73", () => {
    expect(corpusChrf(hypotheses, references).toFixed(2)).toBe('59.73');
  });

  test.each([
    [['a'], ['a'], 100],
    [[''], ['reference'], 0],
    [['a b c'], ['abc'], 100],
    [['a', 'b'], ['a', 'c'], 50],
    [['aa'], ['ab'], 25],
  ])("sacreBLEU's tests, β = 3: %j against %j", (given, expected, score) => {
    expect(
      corpusChrf(
        given,
        expected.map((reference) => [reference]),
        { beta: 3 },
      ),
    ).toBeCloseTo(score, 4);
  });
});

test('BLEU, chrF2 and chrF2++ of whole corpora equal the recorded ones', () => {
  const { cases } = JSON.parse(readFileSync(new URL('../../../test/golden/translation-metrics.json', import.meta.url), 'utf8')) as {
    cases: { hypotheses: string[]; references: string[][]; bleu13a: number; bleuNone: number; chrf: number; chrfPlusPlus: number }[];
  };
  expect(cases.length).toBeGreaterThan(3);
  for (const { hypotheses: given, references: expected, ...scores } of cases) {
    expect(corpusBleu(given, expected).score).toBeCloseTo(scores.bleu13a, 8);
    expect(corpusBleu(given, expected, { tokenizer: 'none' }).score).toBeCloseTo(scores.bleuNone, 8);
    expect(corpusChrf(given, expected)).toBeCloseTo(scores.chrf, 8);
    expect(corpusChrf(given, expected, { wordOrder: 2 })).toBeCloseTo(scores.chrfPlusPlus, 8);
  }
});
