/** The pictures of README.md and docs/figure.md are those that the command draws now. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readResult } from '../../bench/circumstances.ts';
import { longMemoryFigure, longMemoryPicture } from '../../bench/quality/long-memory/figure.ts';
import type { LongMemory } from '../../bench/quality/long-memory/results.ts';
import { drawn, images, pictures } from '../../scripts/figures.ts';

test.each(Object.entries(pictures))('docs/images/%s is up to date (npx tsx scripts/figures.ts)', (file, options) => {
  expect(readFileSync(join(images, file), 'utf8') === drawn(options)).toBe(true);
});

test('docs/images/long-memory.svg is drawn from the raw results (npx tsx bench/tables.ts)', () => {
  const result = readResult<LongMemory>('long-memory');
  expect(result === null || readFileSync(longMemoryPicture, 'utf8') === longMemoryFigure(result)).toBe(true);
});
