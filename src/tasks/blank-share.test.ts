import { expect, it } from 'vitest';
import { blankShareOf } from './blank-share.ts';

it('is the share of frames that are left where each symbol is said in one', () => {
  expect(blankShareOf([21, 19], [2, 2], 3)).toBe(1 - 3 / (6 + 5));
  expect(blankShareOf([100], [1], 25)).toBe(0.75);
});

it('is never extreme', () => {
  expect(blankShareOf([10], [1], 9)).toBe(0.5);
  expect(blankShareOf([10_000], [1], 1)).toBe(0.99);
});
