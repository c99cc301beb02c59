import { describe, expect, it } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { readItemFeatures } from './item-features.ts';

const names = ['pen', 'ink', 'cap', 'mug'];
const catalogue = { size: names.length, id: (name: string) => names.indexOf(name) };
const read = (text: string, itemColumn?: string) => readItemFeatures(textOf(text, 'items.csv'), catalogue, itemColumn);

describe('features of items', () => {
  it('are classes by text; an item without one has class 0', async () => {
    const [kind, colour] = await read('item,kind,colour\ncap,wear,red\npen,write,\nother,write,red\nink,write,blue\n');
    expect(kind).toEqual({ name: 'kind', classes: ['write', 'wear'], ofItem: [1, 1, 2, 0] });
    expect(colour).toEqual({ name: 'colour', classes: ['blue', 'red'], ofItem: [0, 1, 2, 0] });
  });

  it('stand beside a column of items wherever it is', async () => {
    expect(await read('kind,id\nwrite,pen\nwear,cap\n', 'id')).toEqual([
      { name: 'kind', classes: ['wear', 'write'], ofItem: [2, 0, 1, 0] },
    ]);
  });

  it('that are many numbers are cut where as many items lie below as above', async () => {
    const many = { size: 160, id: (name: string) => Number(name) };
    const rows = Array.from({ length: 159 }, (_, i) => `${i},${i * i}`);
    const [price] = await readItemFeatures(textOf(`item,price\n${rows.join('\n')}\n`), many);
    expect(price.classes.length).toBe(16);
    expect(price.classes[0]).toBe('below 81');
    expect(price.ofItem[159]).toBe(0);
    // 159 items in 16 classes: 9 or 10 in each.
    const sizes = Array.from({ length: 16 }, (_, c) => price.ofItem.filter((id) => id === c + 1).length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(9);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    expect([...price.ofItem.slice(0, 159)]).toEqual([...price.ofItem.slice(0, 159)].sort((a, b) => a - b));
  });

  it.each([
    ['an empty file', '', 1, 1, 'received an empty file'],
    ['one column', 'item\npen\n', 1, 1, 'expected a column of items and columns of features'],
    ['an item twice', 'item,kind\npen,write\ncap,wear\npen,wear\n', 4, 1, 'received "pen" again, which stands in line 2'],
    ['an item without a name', 'kind,item\nwrite,\n', 2, 7, 'expected the name of an item', 'item'],
    ['a row that is short', 'item,kind,colour\npen,write\n', 2, 10, 'expected 3 fields'],
    ['a row that is long', 'item,kind\npen,write,red\n', 2, 11, 'expected 2 fields'],
    ['a quote that is not closed', 'item,kind\npen,"write\n', 2, 5, 'the quote is not closed'],
    ['text behind a quote', 'item,kind\npen,"write"s\n', 2, 5, 'text follows its closing quote'],
    ['a column twice', 'item,kind,kind\npen,a,b\n', 1, 11, 'received "kind" as column 2 and 3'],
    [
      'a short row far below',
      `item,kind\n${Array.from({ length: 50 }, (_, i) => `x${i},a`).join('\n')}\npen\n`,
      52,
      4,
      'expected 2 fields',
    ],
  ] as const)('%s is told with line and column', async (_, text, line, column, message, itemColumn?: string) => {
    const error = await read(text, itemColumn).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location).toMatchObject({ file: 'items.csv', line, column });
    expect((error as Error).message).toContain(message);
  });

  it('of other items are refused', async () => {
    await expect(read('item,kind\nfoo,a\n')).rejects.toThrow(
      'expected a feature of the items that there are interactions with, received none in "kind"',
    );
  });
});
