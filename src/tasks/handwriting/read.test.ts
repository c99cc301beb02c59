import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import jpeg from 'jpeg-js';
import { afterAll, describe, expect, test } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import type { Handwriting, Ink, LineImage } from './ink.ts';
import type { ReadingOptions } from './options.ts';
import { readHandwriting } from './read.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-handwriting-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(text: string, name: string, options: ReadingOptions = {}): Promise<Handwriting[]> {
  const lines: Handwriting[] = [];
  for await (const line of readHandwriting(textOf(text, name), options)) lines.push(line);
  return lines;
}

async function inks(text: string, name: string, options: ReadingOptions = {}): Promise<Ink[]> {
  return (await read(text, name, options)) as Ink[];
}

/** Strokes as pairs. */
function pairs({ strokes }: Ink): number[][][] {
  return strokes.map(({ x, y }) => Array.from(x, (value, i) => [value, y[i]].map((v) => Math.round(v * 1e6) / 1e6)));
}

describe('InkML', () => {
  test('is traces and the text of the whole', async () => {
    const [ink] = await inks(
      `<?xml version="1.0"?>
<ink xmlns="http://www.w3.org/2003/InkML">
  <annotation type="writer">w7</annotation>
  <annotation type="truth">  so
    far </annotation>
  <trace id="t0">10 0, 9 14, 8 28</trace>
  <trace type="penUp">8 28, 20 0</trace>
  <trace id="t1">130.5 155,-1e1 .5</trace>
</ink>`,
      'note.inkml',
    );
    expect(ink).toMatchObject({ kind: 'ink', text: 'so far', file: 'note.inkml', line: 2 });
    expect(pairs(ink)).toEqual([
      [
        [10, 0],
        [9, 14],
        [8, 28],
      ],
      [
        [130.5, 155],
        [-10, 0.5],
      ],
    ]);
    expect(ink.strokes[0].t).toBeNull();
  });

  test('takes channels in any order, times by their units, forces, and intermittent channels', async () => {
    const [ink] = await inks(
      `<ink><traceFormat>
        <channel name="T" type="integer" units="ms"/><channel name="Y"/><channel name="X"/><channel name="F"/><channel name="B" type="boolean"/>
        <intermittentChannels><channel name="OTx"/></intermittentChannels>
      </traceFormat><trace>0 2 1 0.5 T, 1500 4 3 * F 12</trace></ink>`,
      'note.inkml',
    );
    expect(pairs(ink)).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    expect([...ink.strokes[0].t!]).toEqual([0, 1.5]);
    expect([...ink.strokes[0].force!]).toEqual([0.5, 0.5]);
  });

  test('follows differences and differences of differences, as in the standard’s example', async () => {
    // InkML, section 3.2: "1125 18432,'23'43,\"7\"-8,3 -5,7 -3,6 2,6 8,3 6 T,2 4*T,3 6,3-6 F F"
    const [ink] = await inks(
      `<ink><traceFormat><channel name="X"/><channel name="Y"/><intermittentChannels>
        <channel name="B1" type="boolean"/><channel name="B2" type="boolean"/></intermittentChannels></traceFormat>
      <trace>1125 18432,'23'43,"7"-8,3-5,7 -3,6 2,6 8,3 6 T,2 4*T,3 6,3-6 F F</trace></ink>`,
      'note.inkml',
    );
    expect(pairs(ink)[0]).toEqual([
      [1125, 18432],
      [1148, 18475],
      [1178, 18510],
      [1211, 18540],
      [1251, 18567],
      [1297, 18596],
      [1349, 18633],
      [1404, 18676],
      [1461, 18723],
      [1521, 18776],
      [1584, 18823],
    ]);
  });

  test('finds formats by context, and traces by reference', async () => {
    const text = `<ink>
      <definitions>
        <inkSource xml:id="pen"><traceFormat><channel name="Y"/><channel name="X"/></traceFormat></inkSource>
        <context xml:id="c" inkSourceRef="#pen"/>
        <trace xml:id="t">1 2</trace>
      </definitions>
      <trace contextRef="#c">3 4</trace>
      <traceView traceDataRef="#t"/>
    </ink>`;
    expect(pairs((await inks(text, 'note.inkml'))[0])).toEqual([[[4, 3]], [[1, 2]]]);
  });

  test('is an ink a group where groups have texts, and by the annotation that is asked for', async () => {
    const group = (label: string, x: number) =>
      `<traceGroup><annotation type="truth">${label}</annotation><annotation type="style">s${x}</annotation><traceGroup><trace>${x} 0</trace></traceGroup></traceGroup>`;
    const text = `<ink>\n<traceGroup>${group('one', 1)}\n${group('two', 2)}</traceGroup></ink>`;
    const found = await inks(text, 'notes.inkml');
    expect(found.map((ink) => [ink.text, ink.line, pairs(ink)])).toEqual([
      ['one', 2, [[[1, 0]]]],
      ['two', 3, [[[2, 0]]]],
    ]);
    expect((await inks(text, 'notes.inkml', { annotation: 'style' })).map((ink) => ink.text)).toEqual(['s1', 's2']);
  });

  test.each([
    ['<ink><trace>1 2</ink>', 'f.inkml, line 1, column 16: not XML'],
    ['<ink>\n<trace>1 2, 3</trace></ink>', 'f.inkml, line 2, column 13: expected 2 values a point (X Y), found 1.'],
    ['<ink>\n<trace>1 2, 3 4 5</trace></ink>', 'line 2, column 13: expected 2 values a point (X Y), found 3.'],
    ['<ink>\n<trace>1 2,\n 3 x4</trace></ink>', 'line 3, column 4: expected a number such as'],
    ['<ink>\n<trace>1 2,,3 4</trace></ink>', 'line 2, column 12: expected 2 values a point (X Y), found none.'],
    ['<ink>\n<trace></trace></ink>', 'line 2, column 8: expected 2 values a point (X Y), found none.'],
    ["<ink>\n<trace>'1 '2</trace></ink>", 'line 2, column 8: X is given as a difference, but there is no value before it.'],
    ['<ink>\n<trace>1 ?</trace></ink>', 'line 2, column 8: expected X and Y of every point, found one without.'],
    ['<ink>\n<trace>1 T</trace></ink>', 'line 2, column 10: expected a number as Y, found "T".'],
    ['<ink>\n<traceFormat><channel name="X"/></traceFormat><trace>1</trace></ink>', 'line 2, column 1: expected the channels X and Y'],
    ['<ink>\n <trace contextRef="#none">1 2</trace></ink>', 'line 2, column 2: expected an element of the id "#none", found none.'],
    ['<ink>\n<traceView traceDataRef="#t9"/></ink>', 'line 2, column 1: expected an element of the id "#t9"'],
    ['<ink>\n</ink>', 'line 1, column 1: expected traces in <ink>, found none.'],
    [
      '<ink><trace>1 2</trace>\n<annotation type="truth"> </annotation></ink>',
      'line 2, column 1: expected a text in the annotation "truth"',
    ],
    ['<html><p/></html>', 'f.inkml, line 1, column 1: expected <ink>, found <html>.'],
  ])('says what is wrong with %j', async (text, message) => {
    await expect(read(text, 'f.inkml')).rejects.toThrow(message);
  });
});

describe('UNIPEN', () => {
  test('is segments and the strokes below them; y points up there', async () => {
    const found = await inks(
      '.INCLUDE a.doc\n.LEXICON "4" "8"\n\n.SEGMENT DIGIT 0 ? "8"\n.COMMENT 8 12 224\n.PEN_DOWN\n 10 20\n 11 30\n.PEN_UP\n.DT 100\n.SEGMENT DIGIT 1-2 ? "4"\n.PEN_DOWN\n1 2\n.PEN_UP\n5 6\n.PEN_DOWN\n3 4\n.PEN_UP\n',
      'digits.txt',
    );
    expect(found.map((ink) => [ink.text, ink.line, pairs(ink)])).toEqual([
      [
        '8',
        4,
        [
          [
            [10, -20],
            [11, -30],
          ],
        ],
      ],
      ['4', 11, [[[1, -2]], [[3, -4]]]],
    ]);
    expect(found[0].strokes[0].t).toBeNull();
  });

  test('takes times from coordinates, or from the rate of points and the pauses', async () => {
    const [timed] = await inks('.COORD X Y T P\n.PEN_DOWN\n1 2 500 7\n1 3 750 8\n.PEN_UP\n', 'u.dat');
    expect([timed.text, [...timed.strokes[0].t!], [...timed.strokes[0].force!]]).toEqual([null, [0.5, 0.75], [7, 8]]);
    const [rated] = await inks('.POINTS_PER_SECOND 10\n.PEN_DOWN\n1 2\n1 3\n.DT 300\n.PEN_UP\n.PEN_DOWN\n4 4\n.PEN_UP\n', 'u.dat');
    expect(rated.strokes.map(({ t }) => Array.from(t!, (value) => Math.round(value * 1e6) / 1e6))).toEqual([[0, 0.1], [0.5]]);
  });

  const apart =
    '.SEGMENT TEXT 0-4 ? "to \\"be\\""\n.SEGMENT WORD 0-2 ? "to"\n.SEGMENT WORD 4 ? "be"\n.PEN_DOWN\n1 1\n.PEN_UP\n.PEN_DOWN\n2 2\n.PEN_UP\n.PEN_DOWN\n3 3\n.PEN_UP\n';

  test('reads the level that is asked for, and strokes by the numbers of components', async () => {
    expect((await inks(apart, 'u.dat')).map((ink) => [ink.text, ink.strokes.length])).toEqual([['to "be"', 3]]);
    const words = await inks(apart, 'u.dat', { level: 'WORD' });
    expect(words.map((ink) => [ink.text, pairs(ink).flat(2)])).toEqual([
      ['to', [1, -1, 2, -2]],
      ['be', [3, -3]],
    ]);
  });

  test.each([
    ['.PEN_DOWN\n1 2\n1 b\n', 'f.dat, line 3, column 3: expected a number as Y, found "b".'],
    ['.PEN_DOWN\n1 2 3\n', 'line 2, column 5: expected 2 numbers (X Y), found 3.'],
    ['.PEN_DOWN\n  1\n', 'line 2, column 3: expected 2 numbers (X Y), found 1.'],
    ['.PEN_DOWN\n.PEN_UP\n', 'line 1, column 1: expected points after .PEN_DOWN, found none: .PEN_UP follows.'],
    ['.COMMENT x\n\n.PEN_DOWN\n', 'line 3, column 1: expected points after .PEN_DOWN, found none: the file ends.'],
    ['.SEGMENT DIGIT 0 ? 8\n', 'line 1, column 1: expected .SEGMENT level delineation quality "label"'],
    ['\n.SEGMENT DIGIT 0 ? ""\n', 'line 2, column 20: expected a label between the quotes, found none.'],
    ['.COORD X Z\n', 'line 1, column 1: .COORD: expected X and Y among the coordinates, once each, found "X Z".'],
    ['.POINTS_PER_SECOND 0\n', 'line 1, column 20: .POINTS_PER_SECOND: expected a number above 0, found "0".'],
    ['.PEN_DOWN\n1 2\n.PEN_UP\n  .DT soon\n', 'line 4, column 7: .DT: expected a time in milliseconds of at least 0, found "soon".'],
    ['.COMMENT nothing\nbut words\n', 'line 2, column 1: expected strokes, .PEN_DOWN … .PEN_UP, found none.'],
    ['.SEGMENT A 0 ? "a"\n.SEGMENT A 9 ? "b"\n.PEN_DOWN\n1 2\n.PEN_UP\n', 'line 2, column 1: "b" names components 9'],
    ['.SEGMENT A x ? "a"\n.SEGMENT A 0 ? "b"\n.PEN_DOWN\n1 2\n.PEN_UP\n', 'line 1, column 1: expected components such as 0-3'],
  ])('says what is wrong with %j', async (text, message) => {
    await expect(read(text, 'f.dat')).rejects.toThrow(message);
  });

  test('names the levels that there are', async () => {
    await expect(read(apart, 'u.dat', { level: 'LETTER' })).rejects.toThrow('expected segments of the level LETTER, found TEXT, WORD.');
  });
});

describe('JSON lines', () => {
  test('are points, with times in milliseconds', async () => {
    const [ink] = await inks('{"text": "a\\u0308 b", "strokes": [[[0, 1, 0], [2, 3, 40]], [[4, 5]]]}\n', 'notes.jsonl');
    // Composed: ä is one character.
    expect([ink.text, ink.text!.length]).toEqual(['ä b', 3]);
    expect(pairs(ink)).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
      [[4, 5]],
    ]);
    expect([[...ink.strokes[0].t!], ink.strokes[1].t]).toEqual([[0, 0.04], null]);
  });

  test.each([
    ['under drawing', '{"word": "cat", "drawing": [[[1, 2], [3, 4], [0, 50]]]}'],
    ['as objects', '{"label": "cat", "strokes": [{"x": [1, 2], "y": [3, 4], "t": [0, 50]}]}'],
  ])('are columns %s', async (_, text) => {
    const [ink] = await inks(text, 'notes.jsonl');
    expect([ink.text, pairs(ink), [...ink.strokes[0].t!]]).toEqual([
      'cat',
      [
        [
          [1, 3],
          [2, 4],
        ],
      ],
      [0, 0.05],
    ]);
  });

  test('are columns where they can be nothing else', async () => {
    const [ink] = await inks('{"strokes": [[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]]}', 'notes.jsonl');
    expect([ink.text, pairs(ink)[0][4]]).toEqual([null, [5, 10]]);
  });

  test.each([
    ['{"strokes": [[[0, 1]]}', 'f.jsonl, line 1, column 22: expected one JSON value a line'],
    ['\n[[[0, 1]]]', 'f.jsonl, line 2, column 1: expected an object such as'],
    ['{"text": "a"}', 'line 1, column 1: expected "strokes" (or "drawing"), received a record of text.'],
    ['{"text": "a", "strokes": []}', '"strokes": expected a list of strokes, received [].'],
    ['{"text": "a", "strokes": [[]]}', 'strokes[0]: expected a list of points, received [].'],
    ['{"text": "a", "strokes": [[[0, 1], [2]]]}', 'strokes[0][1]: expected a point [x, y] or [x, y, t], received [2].'],
    ['{"text": "a", "strokes": [[[0, "1"]]]}', 'strokes[0][0][1]: expected a number, received "1".'],
    ['{"text": "a", "strokes": [[[0, null]]]}', 'strokes[0][0][1]: expected a number, received null.'],
    ['{"text": 7, "strokes": [[[0, 1]]]}', '"text": expected a text, received 7.'],
    ['{"text": " ", "strokes": [[[0, 1]]]}', '"text": expected a text, received " ".'],
    ['{"drawing": [[[0, 1], [2]]]}', 'drawing[0]: expected lists of one length, received 2, 1 numbers.'],
    ['{"drawing": [[[0, 1]]]}', 'drawing[0]: expected the lists of x, y and, if known, t, received 1 lists.'],
    ['{"strokes": [{"x": [1]}]}', 'strokes[0], y: expected a list of numbers, received nothing.'],
    ['{"strokes": 3}', '"strokes": expected a list of strokes, received 3.'],
  ])('say what is wrong with %j', async (text, message) => {
    await expect(read(text, 'f.jsonl')).rejects.toThrow(message);
  });
});

describe('SVG', () => {
  test('is a stroke a subpath, with curves in steps and corners as they are', async () => {
    const [ink] = await inks(
      '<svg xmlns="http://www.w3.org/2000/svg"><title>no</title><defs><path d="M9 9"/></defs>\n<path d="M0 0 L10 0 10 20 m 5 5 l 1 1"/><polyline points="1,2 3,4"/><line x1="1" x2="2" y2="3"/><path d="M0,0 Q 50 100 100 0"/></svg>',
      'note.svg',
    );
    expect(ink.text).toBe('no');
    const strokes = pairs(ink);
    expect(strokes).toHaveLength(5);
    expect([strokes[0][0], strokes[0].at(-1)]).toEqual([
      [0, 0],
      [10, 20],
    ]);
    expect(strokes[0].some(([x, y]) => x === 10 && y === 0)).toBe(true);
    // Relative to where the path was: 10 20 + 5 5.
    expect([strokes[1][0], strokes[1].at(-1)]).toEqual([
      [15, 25],
      [16, 26],
    ]);
    expect(strokes.slice(2, 4)).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 0],
        [2, 3],
      ],
    ]);
    // The curve's highest point: y = 50 at x = 50.
    expect(Math.max(...strokes[4].map(([, y]) => y))).toBeCloseTo(50, 1);
  });

  test('applies transforms, the outer ones last', async () => {
    const [ink] = await inks(
      '<svg><g transform="translate(100 0) rotate(90)"><line x1="0" y1="0" x2="10" y2="5" transform="scale(2)"/></g><line x2="1" y2="1" transform="matrix(1 0 0 2 5 6) skewX(45)"/></svg>',
      'note.svg',
    );
    expect(pairs(ink)).toEqual([
      [
        [100, 0],
        [90, 20],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ]);
  });

  test('is an ink a group where groups have titles', async () => {
    const found = await inks(
      '<svg>\n<g transform="translate(1,1)"><g><title>a</title><line x2="1"/></g>\n<g><title>b</title><line x2="2"/></g></g></svg>',
      'notes.svg',
    );
    expect(found.map((ink) => [ink.text, ink.line, pairs(ink)[0][1]])).toEqual([
      ['a', 2, [2, 1]],
      ['b', 3, [3, 1]],
    ]);
  });

  test.each([
    ['<svg><path d="M0 0"></svg>', 'f.svg, line 1, column 21: not XML'],
    ['<svg>\n <path d="L 1 2"/></svg>', 'line 2, column 2: expected path data that begin with M'],
    ['<svg>\n<path d="M 1 2 X 3"/></svg>', 'line 2, column 1: expected path data that begin with M'],
    ['<svg>\n<path d="M 1 2 L 3"/></svg>', 'line 2, column 1: expected path data that can be drawn'],
    ['<svg>\n<path/></svg>', 'line 2, column 1: expected path data as d, found none.'],
    ['<svg>\n<polyline points="1 2 3"/></svg>', 'line 2, column 1: expected pairs of numbers as points, found "1 2 3".'],
    ['<svg>\n<polyline points="1 b"/></svg>', 'line 2, column 1: expected pairs of numbers as points'],
    ['<svg>\n<line x1="a"/></svg>', 'line 2, column 1: expected a number as x1, found "a".'],
    ['<svg>\n<g transform="warp(2)"><line x2="1"/></g></svg>', 'line 2, column 1: transform: expected matrix, translate'],
    ['<svg>\n<g transform="scale(2"><line x2="1"/></g></svg>', 'line 2, column 1: expected a transform such as'],
    ['<svg>\n<g transform="matrix(1 2)"><line x2="1"/></g></svg>', 'line 2, column 1: transform: expected matrix'],
    ['<svg>\n<rect/></svg>', 'line 1, column 1: expected <path>, <polyline> or <line> in <svg>, found none.'],
    ['<svg><line x2="1"/>\n<title> </title></svg>', 'line 2, column 1: expected a text in <title>, found none.'],
  ])('says what is wrong with %j', async (text, message) => {
    await expect(read(text, 'f.svg')).rejects.toThrow(message);
  });
});

describe('images', () => {
  /** A bar of ink on paper, 6 × 4, columns 1 and 2. */
  const isInk = (p: number): boolean => [1, 2].includes(p % 6);
  const save = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const picture = (channels: number, of: (p: number) => readonly number[]) =>
    encode({ width: 6, height: 4, channels, depth: 8, data: Uint8Array.from(Array.from({ length: 24 }, (_, p) => [...of(p)]).flat()) });
  const bar = Array.from({ length: 24 }, (_, p) => Number(isInk(p)));
  const only = async (path: string): Promise<LineImage> => {
    for await (const line of readHandwriting(path)) return line as LineImage;
    throw new Error('none');
  };

  test.each([
    ['grey', 1, (p: number) => [isInk(p) ? 20 : 230]],
    ['light on dark', 1, (p: number) => [isInk(p) ? 250 : 10]],
    ['colour', 3, (p: number) => (isInk(p) ? [0, 0, 180] : [255, 250, 240])],
    ['transparent', 4, (p: number) => (isInk(p) ? [0, 0, 0, 255] : [0, 0, 0, 0])],
  ])('are 0 where there is paper and 1 where there is ink: PNG, %s', async (name, channels, of) => {
    const { pixels, width, height } = await only(save(`${name}.png`, picture(channels, of)));
    expect([width, height]).toEqual([6, 4]);
    expect(Array.from(pixels, (value) => Math.round(value))).toEqual(bar);
  });

  test('are read from JPEG', async () => {
    const data = Uint8Array.from({ length: 24 * 64 * 4 }, (_, i) => {
      const [x] = [Math.floor(i / 4) % 48];
      return i % 4 === 3 ? 255 : x >= 8 && x < 24 ? 0 : 255;
    });
    const path = save('bar.jpg', jpeg.encode({ width: 48, height: 32, data }, 95).data);
    const { pixels, width } = await only(path);
    expect([width, Math.round(pixels[10]), Math.round(pixels[40])]).toEqual([48, 1, 0]);
  });

  test('have their texts in a table, and lie beside it', async () => {
    save(
      'one.png',
      picture(1, (p) => [isInk(p) ? 0 : 255]),
    );
    writeFileSync(join(folder, 'lines.tsv'), 'picture\tsays\none.png\tone  two\n');
    const found: Handwriting[] = [];
    for await (const line of readHandwriting(join(folder, 'lines.tsv'), { imageColumn: 'picture', textColumn: 'says' })) found.push(line);
    expect(found).toMatchObject([{ kind: 'image', text: 'one two', line: 2, width: 6 }]);
  });

  const table = (content: string | Uint8Array, name = 'bad.csv'): Promise<unknown> => {
    writeFileSync(join(folder, name), content);
    return only(join(folder, name));
  };

  test.each([
    ['picture,text\na.png,x\n', 'bad.csv, line 1, column 1: unknown column "image"; did you mean "picture"?'],
    ['image,text\na.gif,x\n', 'bad.csv, line 2, column 1: expected the name of a PNG or JPEG file as image, received "a.gif".'],
    ['image,text\n,x\n', 'line 2, column 1: expected the name of a PNG or JPEG file as image, received "".'],
    ['image,text\none.png,\n', 'line 2, column 1: expected a text as text, received an empty one.'],
    ['image,text\nnone.png,x\n', 'none.png: there is no such file.'],
    ['image,text\none.png,x,y\n', 'bad.csv, line 2'],
    ['image,image\none.png,x\n', 'bad.csv, line 1'],
    ['image,text\n"one.png,x\n', 'bad.csv, line 2'],
  ])('say what is wrong with the table %j', async (text, message) => {
    save(
      'one.png',
      picture(1, (p) => [isInk(p) ? 0 : 255]),
    );
    await expect(table(text)).rejects.toThrow(message.replace('; did you mean "picture"?', ''));
  });

  test.each([
    ['not.png', new Uint8Array([1, 2, 3]), 'not.png, byte 0: expected a PNG or JPEG image, found a file that begins with 01 02 03.'],
    ['empty.png', new Uint8Array(0), 'empty.png, byte 0: expected a PNG or JPEG image, found an empty file.'],
    ['cut.png', picture(1, () => [9]).subarray(0, 40), 'cut.png: this PNG image is damaged or cut off'],
    ['cut.jpg', new Uint8Array([0xff, 0xd8, 0xff, 0xe0]), 'cut.jpg: this JPEG image is damaged or cut off'],
  ])('say what is wrong with %s', async (name, bytes, message) => {
    await expect(table(bytes, name)).rejects.toThrow(message);
  });
});

describe('what kind a source is', () => {
  test('shows in how it begins, whatever its name', async () => {
    expect(await inks('<!-- <svg> --><ink><trace>1 2</trace></ink>', 'standard input')).toHaveLength(1);
    expect(await inks('<?xml version="1.0"?>\n<svg><line x2="1"/></svg>', 'standard input')).toHaveLength(1);
    expect(await inks('{"strokes": [[[1, 2]]]}', 'the input')).toHaveLength(1);
    expect(await inks('\n.PEN_DOWN\n1 2\n', 'the input')).toHaveLength(1);
  });

  test.each([
    ['', 'standard input, line 1, column 1: expected handwriting, found nothing'],
    ['hello', 'standard input, line 1, column 1: expected InkML, SVG, UNIPEN, JSON lines of strokes, or a table'],
  ])('cannot be told from %j', async (text, message) => {
    await expect(read(text, 'standard input')).rejects.toThrow(message);
  });
});
