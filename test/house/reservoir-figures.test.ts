/** The pictures of docs/reservoirs.md are those that its numbers give now. */
import { expect, test } from 'vitest';
import { drawn, pictures } from '../../scripts/reservoir-figures.ts';

test.each(pictures)('docs/images/$file.svg is up to date (npx tsx scripts/reservoir-figures.ts)', (picture) => {
  const { kept, now } = drawn(picture);
  expect(now === kept).toBe(true);
});
