/** What must never be in the repository: paths of one machine, registry hosts, tests left alone. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => /\.(ts|mjs|js|cc|h|json|md|py|svelte|html)$/.test(file));

function filesWith(pattern: RegExp, among = tracked): string[] {
  return among.filter((file) => {
    try {
      return pattern.test(readFileSync(join(root, file), 'utf8'));
    } catch {
      return false; // deleted in the working tree
    }
  });
}

test('no lock file carries a registry host', () => {
  expect(
    filesWith(
      /"resolved": "http/,
      tracked.filter((file) => file.endsWith('package-lock.json')),
    ),
  ).toEqual([]);
});

test('no test stands alone', () => {
  expect(filesWith(/\b(test|it|describe)\.only\(/)).toEqual([]);
});
