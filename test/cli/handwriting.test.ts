/** Handwriting on the way from strokes to text, as a user types it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome, scratch, start, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const model = join(folder, 'run', 'model.safetensors');

/** Words of l (down), v (down and up) and - (to the right), 20 units high. */
function line(text: string, shift: number): string {
  const glyphs: Record<string, number[][]> = {
    l: [
      [0, 0],
      [0, 20],
    ],
    v: [
      [0, 0],
      [5, 20],
      [10, 0],
    ],
    '-': [
      [0, 10],
      [10, 10],
    ],
  };
  const strokes = [...text].map((letter, i) => glyphs[letter].map(([x, y]) => [x + 15 * i + shift, y + ((i + shift) % 3)]));
  return JSON.stringify({ text, strokes });
}

const texts = Array.from({ length: 60 }, (_, i) => ['l', 'v', '-', 'vl', 'l-', '-v', 'lv-', 'vvl', '-lv', 'l-l'][i % 10]);
const inks = join(folder, 'inks.jsonl');
const flags = '--hidden-size 16 --num-layers 1 --spacing 0.25 --dropout 0 --learning-rate 0.03 --max-steps 220 --batch-size 16 --seed 1';

beforeAll(async () => {
  writeFileSync(inks, `${texts.map((text, i) => line(text, i)).join('\n')}\n`);
  const { code, stdout, stderr } = await unrolled([
    'train',
    'handwriting',
    inks,
    ...flags.split(' '),
    '--out',
    join(folder, 'run'),
    '--json',
  ]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Characters +3: - l v/);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'handwriting', steps: 220, metrics: { cer: 0, exact: 1 } });
});

test('evaluate prints error rates and what is confused, or JSON', async () => {
  const shown = await unrolled(['evaluate', model, inks]);
  expect(shown.stdout).toMatch(/^cer +0\.00000\nwer +0\.00000\nexact +1\.00000\n/);
  expect(shown.stdout).toContain('0.00 % of 126 characters wrong');
  const { stdout } = await unrolled(['evaluate', model, inks, '--json', '--beam-width', '4']);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'handwriting', samples: 60, metrics: { cer: 0 }, details: { characters: { rate: 0 } } });
});

test('predict takes JSON, a file of any kind by its name, or what comes through a pipe', async () => {
  expect((await unrolled(['predict', model, line('v-', 3)])).stdout).toBe('v-\n');
  const inkml = join(folder, 'note.inkml');
  writeFileSync(inkml, '<ink><trace>0 0, 0 20</trace><trace>15 0, 20 20, 25 0</trace></ink>');
  const svg = join(folder, 'note.svg');
  const { stdout } = await unrolled(['predict', model, inkml, '--svg', svg, '--json']);
  expect(JSON.parse(stdout).predictions).toMatchObject([
    { text: 'lv', characters: [{ character: 'l', strokes: [{ stroke: 0, first: 0, last: 1 }] }, { character: 'v' }] },
  ]);
  expect(existsSync(svg) && readFileSync(svg, 'utf8')).toContain('aria-label="Ink that reads: lv"');
  const child = start(['predict', model, '-']);
  child.stdin!.end(`${line('l', 1)}\n${line('-v', 2)}\n`);
  expect(await outcome(child)).toMatchObject({ code: 0, stdout: 'l\n-v\n' });
});

test.each([
  ['bad.jsonl', '{"text": "l", "strokes": [[[0, 0], [0]]]}\n', 'bad.jsonl, line 1, column 1: strokes[0][1]: expected a point'],
  ['bad.inkml', '<ink>\n<trace>1 2, 3 b</trace></ink>', 'bad.inkml, line 2, column 15: expected a number'],
  ['bad.txt', '.PEN_DOWN\n1 b\n', 'bad.txt, line 2, column 3: expected a number as Y, found "b".'],
])('malformed ink is refused with its place, as a wrong request: %s', async (name, content, message) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  const { code, stderr } = await unrolled(['evaluate', model, path]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
