/** The tables of docs/performance.md and docs/results.md are those that bench/results gives. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { pages, withTables } from '../../bench/tables.ts';

test.each(pages.map((file) => [basename(file), file]))(
  'the tables of %s are made from the raw results (npx tsx bench/tables.ts)',
  (_, file) => {
    const page = readFileSync(file, 'utf8');
    expect(page).toBe(withTables(page));
    expect(page.match(/<!-- table: /g)?.length).toBeGreaterThan(1);
  },
);
