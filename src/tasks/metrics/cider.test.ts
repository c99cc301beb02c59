import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { captionWords } from './caption-words.ts';
import { cider } from './cider.ts';

const golden = JSON.parse(readFileSync(new URL('../../../test/golden/cider.json', import.meta.url), 'utf8')) as {
  candidates: string[][];
  references: string[][][];
  scores: number[];
};

test('equals the definition, written down apart', () => {
  const { score, each } = cider(golden.candidates, golden.references);
  each.forEach((value, i) => {
    expect(value).toBeCloseTo(golden.scores[i], 10);
  });
  expect(score).toBeCloseTo(golden.scores.reduce((a, b) => a + b, 0) / golden.scores.length, 10);
});

test('a caption that is its only reference scores 10, of two words 5; what all images say counts nothing', () => {
  const captions = [
    ['a', 'b', 'c', 'd'],
    ['x', 'y'],
    ['a', 'z', 'z', 'z'],
  ];
  const { each } = cider(
    captions,
    captions.map((own) => [own]),
  );
  expect(each[0]).toBeCloseTo(10);
  expect(each[1]).toBeCloseTo(5);
  expect(cider([['a']], [[['a']]]).score).toBe(0);
});

test('refuses captions without references', () => {
  expect(() => cider([['a']], [[]])).toThrow('[cider] expected at least one reference a caption, received none for caption 0');
  expect(() => cider([['a'], ['b']], [[['a']]])).toThrow('expected references for 2 captions, received 1');
});

test('words of captions', () => {
  expect(captionWords('Woman juggling: medium-light skin tone')).toEqual(['woman', 'juggling', 'medium-light', 'skin', 'tone']);
  expect(captionWords('keycap: # & “eight o’clock” (St. Ives)!')).toEqual(['keycap', '#', '&', 'eight', 'o’clock', 'st', 'ives']);
});
