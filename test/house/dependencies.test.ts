/** Dependencies point one way (docs/architecture.md): a file may import from its own level or from a lower one. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const source = resolve(import.meta.dirname, '../../src');

/** Lowest first. What stands in one row may not import each other, except where `beside` says so. */
const levels: readonly (readonly string[])[] = [
  ['tensor'],
  ['backend'],
  ['autograd'],
  ['nn', 'losses', 'optim', 'interop'],
  ['data', 'decode', 'training'],
  ['tasks', 'reservoir', 'insight'],
  ['cli', 'server'],
];
/** Imports within a row that the house allows: [from, to]. */
const beside: readonly (readonly [string, string])[] = [
  ['losses', 'nn'],
  ['optim', 'nn'],
  ['interop', 'nn'],
  ['training', 'data'],
  ['tasks', 'insight'],
  ['cli', 'server'],
  ['tasks', 'reservoir'], // the task of that name trains and saves them
];

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const levelOf = (folder: string) => levels.findIndex((level) => level.includes(folder));

function imports(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => relative(source, resolve(source, dirname(file), match[1])));
}

describe('the house', () => {
  test('every folder of src has its level', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
    expect([...folders].filter((folder) => levelOf(folder) < 0)).toEqual([]);
  });

  test('no import points up', () => {
    const wrong = files.flatMap((file) => {
      const from = file.split('/')[0];
      if (!file.includes('/') || file.endsWith('.test.ts')) return [];
      return imports(file)
        .filter((target) => {
          const to = target.split('/')[0];
          if (!target.includes('/')) return true; // a file of src itself: the public face
          if (from === to || levelOf(to) < levelOf(from)) return false;
          return !beside.some(([a, b]) => a === from && b === to);
        })
        .map((target) => `${file} → ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test('inside src the file itself is imported, not an index', () => {
    const wrong = files.filter(
      (file) => file !== 'index.ts' && !file.startsWith('cli/') && imports(file).some((target) => target.endsWith('/index.ts')),
    );
    expect(wrong).toEqual([]);
  });

  test('no file is named for nothing in particular', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc|shared)\.ts$/.test(file))).toEqual([]);
  });
});
