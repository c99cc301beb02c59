import { expect, it } from 'vitest';
import { pattern } from './pattern.ts';

it('is made once, as it is written, and finds what a literal finds', () => {
  const words = pattern('gu')`[\p{L}\p{M}]+(?:['’-]\p{L}+)*|\\|\ufffe`;
  expect(words()).toBe(words());
  const text = 'Don’t panic: naïve 42 \\ \ufffe über-all';
  expect(text.match(words())).toEqual(text.match(/[\p{L}\p{M}]+(?:['’-]\p{L}+)*|\\|\ufffe/gu));
  expect(text.match(words())).toEqual(['Don’t', 'panic', 'naïve', '\\', '\ufffe', 'über-all']);
});
