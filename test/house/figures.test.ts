/** The pictures of README.md and docs/figure.md are those that the command draws now. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { drawn, images, pictures } from '../../scripts/figures.ts';

test.each(Object.entries(pictures))('docs/images/%s is up to date (npx tsx scripts/figures.ts)', (file, options) => {
  expect(readFileSync(join(images, file), 'utf8') === drawn(options)).toBe(true);
});
