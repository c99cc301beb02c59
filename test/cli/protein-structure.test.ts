/** Protein structure from files to predictions, as a user goes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { outcome, scratch, start, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const file = (name: string): string => join(folder, name);
const run = file('run');
const model = join(run, 'model.safetensors');

beforeAll(async () => {
  const records = (letters: string): string => Array.from({ length: 12 }, (_, i) => `>p${i}\n${letters.repeat(2 + (i % 3))}\n`).join('');
  writeFileSync(file('sequences.fasta'), records('AELLAEGNPVIYVI'));
  writeFileSync(file('structures.fasta'), records('HHHHHHCCCEEEEE'));
  writeFileSync(file('mask.fasta'), '>p0\n0111111111111111111111111110\n');
  writeFileSync(file('broken.fasta'), '>p0\nAELL\n>p0\nHHH\n');
  const flags = ['--hidden-size', '6', '--layers', '1', '--window', '3', '--projection-size', '8', '--max-steps', '8', '--out', run];
  const data = ['sequences', 'structures', 'mask'].map((name) => file(`${name}.fasta`));
  const { code, stderr } = await unrolled(['train', 'protein-structure', ...data, ...flags]);
  expect(stderr).toMatch(/Proteins +11 to learn from \(\d+ residues that count\), 1 to validate on/);
  expect(stderr).toMatch(/Q3 \d+\.\d %, SOV \d+\.\d % on held-out proteins/);
  expect(code).toBe(0);
});

it('evaluates with the metrics of the field', async () => {
  const { stdout } = await unrolled(['evaluate', model, file('sequences.fasta'), file('structures.fasta'), '--json']);
  const { metrics, samples, details } = JSON.parse(stdout);
  expect(Object.keys(metrics)).toEqual(['q3', 'sov']);
  expect(samples).toBe(12 * 3 * 14);
  expect(details.three.matrix.flat().reduce((sum: number, n: number) => sum + n)).toBe(samples);
});

it('predicts a sequence, a file, and what comes through a pipe', async () => {
  const { stdout } = await unrolled(['predict', model, 'AELLGNPVIY']);
  expect(stdout).toMatch(/^>sequence {2}10 residues: .*\n\n {7}1 {2}AELLGNPVIY {2}10\n {3}state {2}[HEC]{10}\n {4}sure {2}\d{10}\n$/);
  const piped = start(['predict', model, '-']);
  piped.stdin!.end('AELLGN\nPVIY\n');
  expect((await outcome(piped)).stdout).toBe(stdout);
  const { predictions } = JSON.parse((await unrolled(['predict', model, '--file', file('sequences.fasta'), '--json'])).stdout);
  expect(predictions.map(({ name }: { name: string }) => name)).toEqual(Array.from({ length: 12 }, (_, i) => `p${i}`));
  expect(predictions[0].structure).toHaveLength(28);
  const table = await unrolled(['predict', model, '--file', file('sequences.fasta'), '--probabilities']);
  expect(table.stdout.split('\n')[0]).toBe('protein\tposition\tresidue\tstate\tH\tE\tC');
  expect(table.stdout.trimEnd().split('\n')).toHaveLength(1 + 12 * 3 * 14);
});

it('says where a file is wrong', async () => {
  const { code, stderr } = await unrolled(['evaluate', model, file('broken.fasta')]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/broken\.fasta, line 4, column 3: expected secondary structure of 4 letters, .* found 3/);
});
