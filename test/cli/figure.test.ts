/** The command that draws: plain figures and a model at work, as SVG and as PNG, and what it answers to a wrong request. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figure } from '../../src/insight/figure/figure.ts';
import { foreignLetters } from '../../src/insight/figure/text.ts';
import { scratch, tale, tiny, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);
const model = join(folder, 'run', 'model.safetensors');

beforeAll(async () => {
  const book = join(folder, 'book.txt');
  writeFileSync(book, tale);
  const args = [
    'train',
    'language-model',
    book,
    ...tiny,
    '--cell',
    'gru',
    '--layers',
    '2',
    '--max-steps',
    '5',
    '--out',
    join(folder, 'run'),
    '--json',
  ];
  expect((await unrolled(args)).code).toBe(0);
});

/** Width and height, from the header. */
function sizeOfPng(file: string): [number, number] {
  const bytes = readFileSync(file);
  expect([...bytes.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

describe('figure', () => {
  it('prints the SVG that the library makes', async () => {
    const { code, stdout } = await unrolled(['figure', '--panel', 'unrolled', '--steps', '4', '--theme', 'dark', '--fonts', 'system']);
    expect(code).toBe(0);
    expect(stdout).toBe(figure({ panel: 'unrolled', steps: 4, theme: 'dark' }));
  });

  it('writes a PNG as wide as asked for', async () => {
    const out = join(folder, 'cells.png');
    const { code, stdout } = await unrolled(['figure', '--panel', 'cells', '--language', 'zh', '--width', '640', '--out', out, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ out, format: 'png', bytes: readFileSync(out).length });
    const [width, height] = sizeOfPng(out);
    expect(width).toBe(640);
    expect(height).toBeGreaterThan(300);
  });

  it('draws a model at work', async () => {
    const out = join(folder, 'work.svg');
    const { code } = await unrolled(['figure', model, 'the white whale', '--layer', '1', '--at', '9', '--out', out]);
    expect(code).toBe(0);
    const svg = readFileSync(out, 'utf8');
    expect(svg).toContain('GRU, layer 1 of 2');
    expect(svg).toContain('12 units');
    expect(svg).toContain('Step 9 in full');
  });

  it('says which letters a PNG lacks', async () => {
    const out = join(folder, 'plain.png');
    const plain = await unrolled(['figure', '--language', 'zh', '--out', out]);
    expect(plain.stderr).not.toContain('lack');
    const runs = [{ text: 'a鲸é', face: 'sans', size: 12 }] as const;
    expect(foreignLetters(runs)).toEqual(['鲸']);
  });

  it.each([
    [['--cell', 'lsmt'], '--cell: unknown name "lsmt"; did you mean "lstm"?'],
    [['--out', 'x.gif'], '--out: expected a name that ends in .svg or .png, received "x.gif".'],
    [['--steps', '99'], '--steps: expected at most 8, received 99.'],
    [['--at', '3'], '--part, --layer, --at and --file belong to a model'],
    [['--json'], '--json tells of a file that was written'],
    [[model, 'whale', '--cell', 'gru'], '--panel and --cell are of the plain drawing'],
    [[model, 'whale', '--layer', '3'], 'has 2, received 3.'],
    [[model, 'whale', '--at', '6'], 'a step of the input, 1…5, received 6'],
    [[model, ''], 'expected a text to draw the model at work on, received none.'],
  ])('refuses %s with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await unrolled(['figure', ...args]);
    expect(code).toBe(2);
    expect(stderr + stdout).toContain(message);
  });
});
