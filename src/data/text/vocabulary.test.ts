import { describe, expect, test } from 'vitest';
import { FormatError } from '../../tensor/errors.ts';
import { Vocabulary } from './vocabulary.ts';

const counts = new Map([
  ['rare', 1],
  ['the', 5],
  ['b', 2],
  ['a', 2],
]);

describe('a vocabulary', () => {
  test('numbers symbols from frequent to rare, equals by their code points', () => {
    const vocabulary = Vocabulary.of(counts);
    expect([vocabulary.size, vocabulary.symbols]).toEqual([4, ['the', 'a', 'b', 'rare']]);
    expect(['the', 'a', 'b', 'rare', 'new'].map((symbol) => vocabulary.id(symbol))).toEqual([0, 1, 2, 3, -1]);
    expect([vocabulary.paddingId, vocabulary.unknownId]).toEqual([null, null]);
    // In code units 😀 (D83D …) would come before U+FB01.
    const more = Vocabulary.of(new Map(['😀', 'ﬁ', 'a😁', 'a😀', 'a'].map((symbol) => [symbol, 1])));
    expect(more.symbols).toEqual(['a', 'a😀', 'a😁', 'ﬁ', '😀']);
  });

  test('has numbers for padding and the unknown where they are wanted', () => {
    const both = Vocabulary.of(counts, { padding: true, unknown: true, minCount: 2 });
    expect([both.size, both.paddingId, both.unknownId]).toEqual([5, 0, 1]);
    expect(['the', 'rare'].map((symbol) => both.id(symbol))).toEqual([2, 1]);
    expect([0, 1, 2, 4].map((id) => both.symbol(id))).toEqual(['<padding>', '<unknown>', 'the', 'b']);
    const unknown = Vocabulary.of(counts, { unknown: true, maxSize: 1 });
    expect([unknown.size, unknown.paddingId, unknown.unknownId, unknown.id('the'), unknown.id('a')]).toEqual([2, null, 0, 1, 0]);
    expect([both.has('the'), both.has('rare'), both.has('<padding>')]).toEqual([true, false, false]);
    expect(() => both.symbol(5)).toThrow('expected a number in 0…4, received 5');
  });

  test('survives JSON', () => {
    const vocabulary = Vocabulary.of(counts, { padding: true, unknown: true });
    const again = Vocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)));
    expect(again.toJSON()).toEqual({ symbols: ['the', 'a', 'b', 'rare'], padding: true, unknown: true });
    expect(again.id('b')).toBe(4);
  });

  test.each([null, {}, { symbols: [1], padding: true, unknown: true }, { symbols: ['a', 'a'], padding: true, unknown: true }])(
    'is not made of %j',
    (json) => {
      expect(() => Vocabulary.fromJSON(json)).toThrow(FormatError);
    },
  );
});
