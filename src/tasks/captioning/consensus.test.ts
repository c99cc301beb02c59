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
