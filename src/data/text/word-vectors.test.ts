import { describe, expect, test } from 'vitest';
import { FormatError } from '../../tensor/errors.ts';
import { textOf } from './text-source.ts';
import { readWordVectors } from './word-vectors.ts';

const read = (text: string, ...words: string[]) => readWordVectors(textOf(text, 'vectors.txt'), (word) => words.includes(word));

test("GloVe's lines: words, some with spaces, and their numbers", async () => {
  const text = 'the 0.5 -1 2\n. . . .25 1e-3 -2\n. 1 2 3\nat name@domain.com 4 5 6\nother 7 8 9\nthe 0 0 0\n';
  const { size, vectors } = await read(text, 'the', '. . .', '.', 'at name@domain.com', 'absent');
  expect(size).toBe(3);
  expect([...vectors]).toEqual([
    ['the', new Float32Array([0.5, -1, 2])],
    ['. . .', new Float32Array([0.25, 1e-3, -2])],
    ['.', new Float32Array([1, 2, 3])],
    ['at name@domain.com', new Float32Array([4, 5, 6])],
  ]);
});

test("word2vec's first line, and spaces at line ends", async () => {
  const { size, vectors } = await read('2 2\nthe 0.5 1 \n2 3 4 \n', 'the', '2');
  expect(size).toBe(2);
  expect([...vectors.values()].map((vector) => [...vector])).toEqual([
    [0.5, 1],
    [3, 4],
  ]);
});

describe('faults name line and column', () => {
  test.each([
    ['nothing', '', 1, 1, 'received none'],
    ['only word2vec’s first line', '400000 100\n', 2, 1, 'received none'],
    ['no numbers', 'the\nof\n', 1, 1, 'a word and its numbers'],
    ['words instead of numbers', 'the cat sat\n', 1, 1, 'a word and its numbers'],
    ['tabs', 'the\t1\t2\n', 1, 1, 'received "the\\t1\\t2"'],
    ['a JSON file', '{"the": [1, 2]}\n', 1, 1, 'as GloVe and word2vec write them'],
    ['a number too few', 'of 1 2 3\nthe 1 2\n', 2, 8, 'expected a word and 3 numbers, received 2'],
    ['fewer than the first line says', '9 3\nthe 1 2\n', 2, 8, 'expected a word and 3 numbers, received 2'],
    ['no number', 'of 1 2\nthe 1 x\n', 2, 7, 'expected a number, received "x"'],
    ['no number in front', 'of 1 2\nthe x 2\n', 2, 5, 'expected a number, received "x"'],
    ['infinity', 'of 1 2\nthe 1 Infinity\n', 2, 7, 'received "Infinity"'],
    ['two spaces', 'of 1 2\nthe  2\n', 2, 5, 'received ""'],
    ['no spaces', 'of 1 2\nxyz\n', 2, 4, 'expected a word and 2 numbers'],
  ])('%s', async (_, text, line, column, message) => {
    const fault = (await read(text, 'the').catch((error) => error)) as FormatError;
    expect(fault).toBeInstanceOf(FormatError);
    expect(fault.message).toContain(message);
    expect(fault.location).toEqual({ file: 'vectors.txt', line, column });
  });
});
