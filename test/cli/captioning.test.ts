/** Captioning on the way from a folder of images to captions, as a user types it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratch, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);
const at = (...parts: string[]) => join(folder, ...parts);
const model = at('run', 'model.safetensors');
const colours = { red: [220, 30, 30], blue: [30, 50, 220] } as const;

beforeAll(async () => {
  mkdirSync(at('photos'));
  const rows = ['image\tsplit\tcaption'];
  for (let i = 0; i < 32; i++) {
    const name = i % 2 === 0 ? 'red' : 'blue';
    const data = Uint8Array.from({ length: 8 * 8 * 3 }, (_, k) => colours[name][k % 3] + (i % 5));
    writeFileSync(at('photos', `${i}.png`), encode({ width: 8, height: 8, data, channels: 3, depth: 8 }));
    rows.push(`${i}.png\t${i < 24 ? 'train' : i < 28 ? 'val' : 'test'}\tall ${name}`);
  }
  writeFileSync(at('captions.tsv'), rows.join('\n'));
  const sizes = [
    '--image-size',
    '8',
    '--grid-size',
    '4',
    '--channels',
    '4',
    '--hidden-size',
    '8',
    '--embedding-size',
    '8',
    '--attention-size',
    '4',
  ];
  const training = ['--learning-rate', '0.03', '--dropout', '0', '--batch-size', '8', '--max-steps', '60'];
  const data = ['train', 'captioning', at('captions.tsv'), '--images', at('photos')];
  const { code, stdout, stderr } = await unrolled([...data, ...sizes, ...training, '--out', at('run'), '--json']);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Images +24 to learn from, 4 to validate on/);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'captioning', steps: 60, metrics: { exact: 1 } });
});

test('evaluate prints the metrics of the test split, or JSON with every caption', async () => {
  const { stdout, stderr } = await unrolled(['evaluate', model, at('captions.tsv'), '--images', at('photos'), '--json']);
  const report = JSON.parse(stdout);
  expect(report, stderr).toMatchObject({ task: 'captioning', samples: 4 });
  expect(Object.keys(report.metrics)).toEqual(['bleu1', 'bleu2', 'bleu3', 'bleu4', 'cider', 'exact']);
  expect(report.metrics.exact).toBe(1);
  expect(report.details.captions[0]).toMatchObject({ image: '28.png', caption: 'all red', references: ['all red'], isExact: true });
});

test('predict takes an image, draws where it looked, or a folder', async () => {
  const one = await unrolled(['predict', model, at('photos', '29.png'), '--looked', at('looked.svg')]);
  expect(one.stdout).toBe(`all blue\nDrawn into ${at('looked.svg')}.\n`);
  expect(readFileSync(at('looked.svg'), 'utf8')).toContain('data:image/png;base64,');
  const { stdout } = await unrolled(['predict', model, at('photos'), '--json']);
  const { predictions } = JSON.parse(stdout);
  expect(predictions).toHaveLength(32);
  expect(
    predictions.filter(
      ({ image, caption }: { image: string; caption: string }) =>
        caption === (Number(/(\d+)\.png$/.exec(image)![1]) % 2 === 0 ? 'all red' : 'all blue'),
    ),
  ).toHaveLength(32);
});

test('figure shows the decoder on an image, and where it looked', async () => {
  const out = at('work.svg');
  const { code, stderr } = await unrolled(['figure', model, at('photos', '29.png'), '--out', out]);
  expect(code, stderr).toBe(0);
  const svg = readFileSync(out, 'utf8');
  for (const word of ['LSTM (decoder)', 'attention, 0 … ', '>blue<']) expect(svg).toContain(word);
  const text = await unrolled(['figure', model, '-', '--out', out]);
  expect(text.code).toBe(2);
});

test('wrong requests are refused with what to do', async () => {
  const missing = await unrolled(['predict', model, at('nowhere.png')]);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('nowhere.png: there is no such file')]);
  const folderOfNone = await unrolled(['predict', model, at('run')]);
  expect(folderOfNone.code).toBe(2);
  expect(folderOfNone.stderr).toMatch(/expected an image \(PNG or JPEG\), or a folder of them, found a folder with none, of \d+ files/);
  const wrongSplit = await unrolled(['evaluate', model, at('captions.tsv'), '--images', at('photos'), '--split', 'tests']);
  expect(wrongSplit.stderr).toContain('expected captions to evaluate on, found none of the split "tests"; there are train, val, test');
});
