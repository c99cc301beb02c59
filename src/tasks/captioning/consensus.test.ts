import { expect, test } from 'vitest';
import { byConsensus } from './consensus.ts';

const said = (entries: [string, number][]) => entries.map(([caption, probability]) => ({ caption, probability }));
const order = (entries: [string, number][], exponent = 1) => byConsensus(said(entries), exponent).map(({ caption }) => caption);

test('what several captions share outweighs one that stands alone', () => {
  const captions: [string, number][] = [
    ['a gem', 0.3],
    ['a cloud with rain', 0.2],
    ['a cloud with snow', 0.2],
    ['a cloud', 0.1],
  ];
  expect(order(captions)[0]).toBe('a cloud with rain');
  expect(order([['a gem', 0.9], ...captions.slice(1)])[0]).toBe('a gem');
});

test('agreement is F1 of words and the mean cosine of n-grams, half each', () => {
  // Both of two words: F1 1/2 and cosines 1/2, 0, 0, 0, so 5/16; each with itself 1 and 1, 1, 0, 0, so 3/4. Of one word with itself: 1 and
  // 1, 0, 0, 0, so 5/8; with the pair F1 2/3 and cosine 1/√2, so 0.4217.
  // Agreements, where P(red fox) = 0.4, P(red) = p, P(red hen) = 0.2, divided alike: red 0.6 · 0.4217 + p · 0.625, red fox 0.4 · 0.75 +
  // p · 0.4217 + 0.2 · 0.3125, which are equal at p = 0.5385.
  const at = (p: number) =>
    order([
      ['red fox', 0.4],
      ['red', p],
      ['red hen', 0.2],
    ])[0];
  expect(at(0.53)).toBe('red fox');
  expect(at(0.55)).toBe('red');
});

test('a larger exponent trusts the likeliest, 0 all alike; equals stay in their order', () => {
  const captions: [string, number][] = [
    ['one two', 0.4],
    ['three four', 0.3],
    ['three five', 0.25],
  ];
  expect(order(captions, 8)[0]).toBe('one two');
  expect(order(captions, 0)[0]).toBe('three four');
  expect(
    order([
      ['x', 0.5],
      ['y', 0.5],
    ]),
  ).toEqual(['x', 'y']);
});
