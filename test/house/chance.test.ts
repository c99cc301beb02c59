/** Chance in tests is the same each time: a test that fails fails again, and one that passes does not fail tomorrow. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../src/tensor/random.ts';

const root = join(import.meta.dirname, '../..');
const files = ['src', 'studio/src', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') || (folder === 'test' && file.endsWith('.ts')))
    .map((file) => relative(root, join(root, folder, file))),
);

test('properties and layers without an rng draw from one seed', () => {
  const seed = fc.readConfigureGlobal()?.seed;
  expect(seed).toBeTypeOf('number');
  expect(Random.fromEntropy().state).toEqual(new Random(seed!).fork('stream 0').state);
  expect(Random.fromEntropy().state).toEqual(new Random(seed!).fork('stream 1').state);
});

test('no test draws numbers from anywhere else, or asks what day it is', () => {
  const chance = /Math\.random\(|Date\.now\(|new Date\(\)|getRandomValues|randomUUID/;
  const found = files.filter(
    (file) => file !== relative(root, import.meta.filename) && chance.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(found).toEqual([]);
});
