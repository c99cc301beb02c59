/** Translation on the way from two files to translations, as a user types it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome, scratch, start, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const [source, target] = [join(folder, 'train.en'), join(folder, 'train.de')];
const model = join(folder, 'run', 'model.safetensors');
const known = { one: 'eins', two: 'zwei', three: 'drei' };
const sentences = Object.keys(known).flatMap((a) => Object.keys(known).map((b) => [a, b] as (keyof typeof known)[]));
const sizes = ['--embedding-size', '12', '--encoder-size', '12', '--decoder-size', '24', '--dropout', '0', '--embedding-dropout', '0'];
const tiny = [...sizes, '--level', 'word', '--no-joint-vocabulary', '--learning-rate', '0.02', '--max-steps', '120', '--batch-size', '16'];

beforeAll(async () => {
  const many = Array.from({ length: 8 }, () => sentences).flat();
  writeFileSync(source, many.map((words) => `${words.join(' ')}\n`).join(''));
  writeFileSync(target, many.map((words) => `${words.map((word) => known[word]).join(' ')}\n`).join(''));
  const out = join(folder, 'run');
  const { code, stdout, stderr } = await unrolled(['train', 'translation', source, target, ...tiny, '--out', out, '--json']);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Vocabulary +7 and 7 words/);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'translation', steps: 120, metrics: { chrf: 100 } });
});

test('evaluate prints BLEU and what it is made of, or JSON', async () => {
  const shown = await unrolled(['evaluate', model, source, target, '--beam-width', '2']);
  expect(shown.stdout).toContain('= 100.0/100.0/');
  expect(shown.stdout).toContain('tokenizer 13a');
  const { stdout } = await unrolled(['evaluate', model, source, target, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'translation', samples: 72, metrics: { chrf: 100 } });
});

test('predict takes a sentence, a file, or what comes through a pipe; n best; a figure', async () => {
  expect((await unrolled(['predict', model, 'one three'])).stdout).toBe('eins drei\n');
  expect((await unrolled(['predict', model, '--file', source])).stdout.split('\n').slice(0, 2)).toEqual(['eins eins', 'eins zwei']);
  const figure = join(folder, 'attention.svg');
  const best = await unrolled(['predict', model, 'two one', '--n-best', '2', '--figure', figure]);
  expect(best.stdout).toMatch(/^ {2}-0\.\d{3} {2}zwei eins\n {2}-\d\.\d{3} {2}.+\n$/);
  expect(readFileSync(figure, 'utf8')).toContain('>zwei<');
  const child = start(['predict', model, '-', '--json']);
  child.stdin!.end('two three\n\n');
  const { stdout, code } = await outcome(child);
  expect(code).toBe(0);
  const said = JSON.parse(stdout).predictions as { translations: { text: string }[] }[];
  expect(said.map(({ translations }) => translations[0].text)).toEqual(['zwei drei', '']);
});

test('figure and inspect show the decoder, and the encoder before it', async () => {
  const out = join(folder, 'work.svg');
  const drawn = await unrolled(['figure', model, 'two three', '--out', out]);
  expect(drawn.code, drawn.stderr).toBe(0);
  const svg = readFileSync(out, 'utf8');
  for (const word of ['GRU (decoder), layer 1 of 1', 'attention, 0 … ', '>zwei<', '>drei<', '>three<']) expect(svg).toContain(word);
  const { stdout } = await unrolled(['inspect', model, 'two three', '--part', 'encoder', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'translation', cell: 'GRU', steps: 3, tokens: ['two', 'three', '<end>'] });
  const wrong = await unrolled(['inspect', model, 'two', '--part', 'encodr']);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('unknown part "encodr"; did you mean "encoder"?')]);
});

test('files that do not agree are refused with their place, as a wrong request', async () => {
  const short = join(folder, 'short.de');
  writeFileSync(short, 'eins eins\n');
  const { code, stderr } = await unrolled(['evaluate', model, source, short]);
  expect(code).toBe(2);
  expect(stderr).toContain('short.de, line 2, column 1: expected as many lines as');
  const alone = await unrolled(['train', 'translation', source, '--out', join(folder, 'none')]);
  expect(alone.code).toBe(2);
  expect(alone.stderr).toContain('in the file after it, received none');
});
