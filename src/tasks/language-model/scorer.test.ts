import { describe, expect, it } from 'vitest';
import { onEveryBackend } from '../../../test/backends/every.ts';
import { randomNormal } from '../../autograd/tensor.ts';
import { CharTokenizer } from '../../data/text/char-tokenizer.ts';
import { ctcBeamSearch } from '../../decode/ctc-beam-search.ts';
import { logSoftmaxRows } from '../../decode/log-probabilities.ts';
import { withSymbols } from '../../decode/sequence-scorer.ts';
import { Random } from '../../tensor/random.ts';
import { LanguageModel } from './model.ts';
import { LanguageModelScorer } from './scorer.ts';

const characters = ['\n', ' ', ...'abcdef'];
const tokenizer = new CharTokenizer(characters);

function modelOf(cell: 'lstm' | 'gru' | 'rnn', softmax: 'full' | 'adaptive' = 'full') {
  return new LanguageModel({
    cell,
    vocabularySize: tokenizer.size,
    embeddingSize: 5,
    hiddenSize: 7,
    numLayers: 2,
    dropout: 0.3,
    embeddingDropout: 0,
    tieWeights: false,
    softmax,
    samples: 4,
    cutoffs: [4],
    rng: new Random(1),
  });
}

onEveryBackend((backend) => {
  const digits = backend.float === 'float64' ? 10 : 4;

  describe.each([
    ['lstm', 'full'],
    ['gru', 'full'],
    ['rnn', 'adaptive'],
  ] as const)('%s, %s softmax', (cell, softmax) => {
    it('expects of each of many texts what the model expects of it alone', () => {
      const model = modelOf(cell, softmax);
      const scorer = new LanguageModelScorer(model, tokenizer);
      const texts = ['abcd', 'fade', 'bead'];
      let states = texts.map(() => scorer.start());
      const streams = texts.map(() => model.stream());
      let expected = streams.map((stream) => stream.step(scorer.idOf('\n')));
      for (let i = 0; ; i++) {
        states.forEach((state, k) => {
          const logP = logSoftmaxRows(expected[k], tokenizer.size);
          for (let token = 0; token < tokenizer.size; token++) expect(scorer.score(state, token)).toBeCloseTo(logP[token], digits);
          expect(scorer.end(state)).toBeCloseTo(logP[scorer.idOf('\n')], digits);
        });
        if (i === 4) break;
        const tokens = texts.map((text) => scorer.idOf(text[i]));
        states = scorer.advance(states, tokens);
        expected = streams.map((stream, k) => stream.step(tokens[k]));
      }
    });
  });

  it('has states that are values: a fork goes on as the first did', () => {
    const scorer = new LanguageModelScorer(modelOf('gru'), tokenizer);
    const [a] = scorer.advance([scorer.start()], [scorer.idOf('a')]);
    const [once] = scorer.advance([a], [scorer.idOf('b')]);
    scorer.advance([once, a], [4, 5]);
    const [, again] = scorer.advance([once, a], [3, scorer.idOf('b')]);
    expect([...again.logProbabilities].map((x) => x.toFixed(5))).toEqual([...once.logProbabilities].map((x) => x.toFixed(5)));
  });

  it('takes part in a beam search', () => {
    const letters = new LanguageModelScorer(modelOf('lstm'), tokenizer);
    const scorer = withSymbols(
      letters,
      ['', ...'abcdef'].map((character) => letters.idOf(character)),
    );
    const logits = randomNormal([1, 12, 7], new Random(2), { backend });
    const [hypotheses] = ctcBeamSearch(logits, { scorer, scorerWeight: 0.5, nBest: 4, beamWidth: 6 });
    for (const { symbols, logProbability, score } of hypotheses) {
      let [state, total] = [scorer.start(), 0];
      for (const symbol of symbols) {
        total += scorer.score(state, symbol);
        [state] = scorer.advance([state], [symbol]);
      }
      expect(score).toBeCloseTo(logProbability + 0.5 * (total + scorer.end(state)), 4);
    }
  });
});

it('knows tokens by their text, and costs nothing to end where the model has no boundary', () => {
  const scorer = new LanguageModelScorer(modelOf('rnn'), tokenizer);
  expect(scorer.idOf('c')).toBe(5);
  expect(scorer.idOf('x')).toBe(tokenizer.unknownId);
  expect(scorer.idOf('ab')).toBe(-1);
  expect(new LanguageModelScorer(modelOf('rnn'), tokenizer, '$').end(scorer.start())).toBe(0);
});
