import { expect, it } from 'vitest';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { formatArpa, readArpa } from './arpa.ts';
import { estimateNgrams } from './kneser-ney.ts';
import { textOf } from './text-source.ts';

/** Sentences of a chain: each letter prefers two others. */
function chain(sentences: number, seed: number): string[][] {
  const rng = new Random(seed);
  const letters = [...'abcdefgh'];
  return Array.from({ length: sentences }, () => {
    const sentence: string[] = [];
    let at = rng.integer(8);
    do {
      sentence.push(letters[at]);
      at = rng.uniform() < 0.7 ? (3 * at + 1 + rng.integer(2)) % 8 : rng.integer(8);
    } while (rng.uniform() > 0.1);
    return sentence;
  });
}

it('is as worked out by hand', () => {
  // Bigrams: <s> a (2), a b (1), b </s> (1), a </s> (1); D = 3 / (3 + 2·1) = 0.6. Words that come before: a: {<s>}, b: {a}, </s>: {a, b};
  // of the order below D = 2 / (2 + 2·1) = 0.5, of 4 in all, 5 words beside <s> (a, b, </s>, <unk>): 4.
  const model = estimateNgrams([['a', 'b'], ['a']], { order: 2 });
  expect(model.words).toEqual(['<s>', '</s>', '<unk>', 'a', 'b']);
  const left = (0.5 * 3) / 4 / 4;
  const [a, b, end] = [0.5 / 4 + left, 0.5 / 4 + left, 1.5 / 4 + left];
  const p = (context: string | null, word: string) => {
    const state = context === null ? model.start() : model.advance([model.start()], [model.idOf(context)])[0];
    return Math.exp(model.score(state, model.idOf(word)));
  };
  expect(p(null, 'a')).toBeCloseTo((2 - 0.6) / 2 + (0.6 / 2) * a, 12);
  expect(p('a', 'b')).toBeCloseTo((1 - 0.6) / 2 + ((0.6 * 2) / 2) * b, 12);
  expect(p('a', '</s>')).toBeCloseTo((1 - 0.6) / 2 + ((0.6 * 2) / 2) * end, 12);
  expect(p('a', 'a')).toBeCloseTo(((0.6 * 2) / 2) * a, 12);
  expect(p('a', 'anything')).toBeCloseTo(((0.6 * 2) / 2) * left, 12);
});

it('gives each context probabilities that sum to 1', () => {
  for (const order of [1, 2, 3, 5]) {
    const model = estimateNgrams(chain(60, 1), { order, minCount: 3 });
    const rng = new Random(2);
    for (let trial = 0; trial < 30; trial++) {
      let [state] = [model.start()];
      for (let i = rng.integer(6); i > 0; i--) [state] = model.advance([state], [2 + rng.integer(model.words.length - 2)]);
      let total = 0;
      for (let word = 0; word < model.words.length; word++) total += Math.exp(model.score(state, word));
      expect(total).toBeCloseTo(1, 10);
    }
  }
});

it('expects new sentences of the same kind better with longer contexts, up to what there is to know', () => {
  const [train, test] = [chain(400, 3), chain(100, 4)];
  const perplexities = [1, 2, 3].map((order) => estimateNgrams(train, { order }).perplexity(test));
  expect(perplexities[1]).toBeLessThan(0.75 * perplexities[0]);
  expect(perplexities[2]).toBeLessThan(1.1 * perplexities[1]); // the chain has a memory of one letter: nothing more to learn
});

it('is the same when it is written and read', async () => {
  const model = estimateNgrams(chain(50, 5), { order: 3 });
  const read = await readArpa(textOf(formatArpa(model)));
  const test = chain(20, 6);
  expect(read.counts).toEqual(model.counts);
  expect(read.perplexity(test)).toBeCloseTo(model.perplexity(test), 4);
});

it('refuses what cannot be', () => {
  expect(() => estimateNgrams([['a']], { order: 0 })).toThrow(ConfigError);
  expect(() => estimateNgrams([['a']], { minCount: 1.5 })).toThrow(/minCount to be an integer of at least 1, received 1.5/);
  expect(() => estimateNgrams([[]])).toThrow(FormatError);
  expect(() => estimateNgrams([])).toThrow(/at least one sentence with a word/);
});
