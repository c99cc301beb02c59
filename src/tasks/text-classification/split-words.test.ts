import { expect, test } from 'vitest';
import { splitWords } from './split-words.ts';

test.each([
  ["What's the U.S. capital?", ["What's", 'the', 'U.S.', 'capital', '?']],
  ['It cost $3,000.50 at 10:30 -- really!!!', ['It', 'cost', '$', '3,000.50', 'at', '10:30', '--', 'really', '!!!']],
  ["Russia 's ``well-known'' (1990s) co-op", ['Russia', "'s", '``', 'well-known', "''", '(', '1990s', ')', 'co-op']],
  ['Übermäßig naïve e\u0301te\u0301', ['Übermäßig', 'naïve', 'e\u0301te\u0301']],
  ['東京は tokyo😀😀', ['東', '京', 'は', 'tokyo', '😀😀']],
  [' \n\t', ['']],
])('%s', (text, words) => {
  expect(splitWords(text, 100)).toEqual(words);
});

test('no more than asked for', () => {
  expect(splitWords('a b c d', 2)).toEqual(['a', 'b']);
});
