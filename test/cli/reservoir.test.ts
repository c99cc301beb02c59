/** Echo state networks on the way from a file of numbers to what comes next, as a user types it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratch, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const series = join(folder, 'wave.txt');
const run = join(folder, 'run');
const model = join(run, 'model.safetensors');
const wave = (t: number) => Math.sin(0.2 * t) + 0.5 * Math.sin(0.31 * t);

beforeAll(async () => {
  writeFileSync(series, Array.from({ length: 700 }, (_, t) => `${wave(t)}\n`).join(''));
  const options = ['--hidden-size', '60', '--search', '6', '--map', join(folder, 'map.svg'), '--out', run, '--json'];
  const { code, stdout, stderr } = await unrolled(['train', 'reservoir', series, ...options]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Search +6 points, 9 trials, 3 folds/);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ task: 'reservoir', steps: 10, reason: 'steps' });
  expect(report.metrics.nrmse).toBeLessThan(0.01);
  expect(existsSync(join(folder, 'map.svg'))).toBe(true);
});

test('predict goes on from the end of the training, or from the rows of a file, as CSV', async () => {
  const { stdout, code } = await unrolled(['predict', model, '--steps', '30']);
  expect(code).toBe(0);
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toBe('step,1');
  expect(lines).toHaveLength(31);
  for (let t = 1; t <= 30; t++) expect(Math.abs(Number(lines[t].split(',')[1]) - wave(699 + t))).toBeLessThan(0.05);

  const out = join(folder, 'next.csv');
  const { stdout: said } = await unrolled(['predict', model, series, '--steps', '5', '--out', out]);
  expect(said).toBe(`5 rows written to ${out}.\n`);
  expect(readFileSync(out, 'utf8').split('\n')).toHaveLength(7);
  const { stdout: json } = await unrolled(['predict', model, '--steps', '2', '--json']);
  expect(JSON.parse(json).predictions).toHaveLength(2);
});

test('evaluate says nrmse, of the next step or of a free run', async () => {
  const { stdout } = await unrolled(['evaluate', model, series, '--free-run', '50', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'reservoir', samples: 50 });
  expect(JSON.parse(stdout).metrics.nrmse).toBeLessThan(0.1);
  expect((await unrolled(['evaluate', model, series])).stdout).toMatch(/^nrmse +0\.0\d+\nrmse/);
});

test('inspect says what it is made of', async () => {
  const { stdout } = await unrolled(['inspect', model]);
  expect(stdout).toMatch(/Reservoir +60 units, density 0\.1/);
  expect(stdout).toMatch(/reservoir\.weight_hh_l0\.values +360/);
});

test('resume of a training that has ended ends in the same model', async () => {
  const before = readFileSync(model);
  const { code, stderr } = await unrolled(['train', 'reservoir', '--out', run, '--resume']);
  expect(code, stderr).toBe(0);
  expect(readFileSync(model)).toEqual(before);
});

test('wrong requests are refused with their place', async () => {
  const broken = join(folder, 'broken.csv');
  writeFileSync(broken, 'load\n1\n\n2\nx\n');
  const malformed = await unrolled(['train', 'reservoir', broken, '--out', join(folder, 'none')]);
  expect(malformed.code).toBe(2);
  expect(malformed.stderr).toContain('broken.csv, line 5, column 1: expected a number in column "load", received "x"');
  const option = await unrolled(['train', 'reservoir', series, '--leak-rate', '2', '--out', join(folder, 'none')]);
  expect(option.code).toBe(2);
  expect(option.stderr).toContain('--leak-rate: expected at most 1, received 2');
  const steps = await unrolled(['predict', model, '--steps', '0']);
  expect(steps.code).toBe(2);
});
