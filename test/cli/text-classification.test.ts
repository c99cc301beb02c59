/** Text classification on the way from a table to labels, as a user types it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome, scratch, start, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const table = join(folder, 'mood.tsv');
const model = join(folder, 'run', 'model.safetensors');
const rows = Array.from({ length: 80 }, (_, i) => (i % 2 === 0 ? `glad\tWhat a good day ${i}!\n` : `sad\tSuch a bad day ${i}.\n`));
const tiny = [
  '--hidden-size',
  '8',
  '--embedding-size',
  '8',
  '--character-hidden-size',
  '4',
  '--learning-rate',
  '0.02',
  '--max-steps',
  '40',
];

beforeAll(async () => {
  writeFileSync(table, rows.join(''));
  const { code, stdout, stderr } = await unrolled(['train', 'text-classification', table, ...tiny, '--out', join(folder, 'run'), '--json']);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Labels +2: glad, sad/);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'text-classification', steps: 40, metrics: { accuracy: 1, f1Macro: 1 } });
});

test('evaluate prints metrics and a confusion matrix, or JSON', async () => {
  const shown = await unrolled(['evaluate', model, table]);
  expect(shown.stdout).toMatch(/^accuracy +1\.00000\nf1Macro +1\.00000\n/);
  expect(shown.stdout).toContain('Confusion matrix (rows: expected, columns: predicted)');
  const { stdout } = await unrolled(['evaluate', model, table, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'text-classification', samples: 80, metrics: { accuracy: 1 }, details: { errors: [] } });
});

test('predict takes a text, a file, or what comes through a pipe', async () => {
  expect((await unrolled(['predict', model, 'What a good day!'])).stdout).toMatch(/^glad +\d+\.\d % {2}█+/);
  const child = start(['predict', model, '-', '--json']);
  child.stdin!.end('What a good day 3!\nSuch a bad day 4.\n');
  const { stdout, code } = await outcome(child);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).predictions.map(({ label }: { label: string }) => label)).toEqual(['glad', 'sad']);
  const lines = (await unrolled(['predict', model, '--file', table])).stdout.split('\n');
  expect(lines[1]).toMatch(/^sad \d+\.\d %\tSuch a bad day 1\.$/);
});

test('a malformed table is refused with its place, as a wrong request', async () => {
  const broken = join(folder, 'broken.csv');
  writeFileSync(broken, 'label,text\nglad,Good, very good\n');
  const { code, stderr } = await unrolled(['evaluate', model, broken]);
  expect(code).toBe(2);
  expect(stderr).toContain('broken.csv, line 2, column 11: expected 2 fields, as in the first row, received 3');
});
