/** What pairs of sentences may be written as, and what is refused: with file, line and column. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { openSources, type PairFormat, readPairs } from './sentence-pairs.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-pairs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const read = async (files: readonly [name: string, text: string][], format: PairFormat = {}) =>
  (
    await readPairs(
      files.map(([name, text]) => textOf(text, name)),
      format,
    )
  ).map(({ source, target, file: name, line }) => [source, target, name, line]);

describe('what is read', () => {
  test('text files two by two, blank lines left out of both', async () => {
    const files: [string, string][] = [
      ['a.en', 'one\n\ntwo three\r\n'],
      ['a.de', 'eins\n \nzwei drei\n\n\n'],
      ['b.en', 'four'],
      ['b.de', 'vier'],
    ];
    expect(await read(files)).toEqual([
      ['one', 'eins', 'a.en', 1],
      ['two three', 'zwei drei', 'a.en', 3],
      ['four', 'vier', 'b.en', 1],
    ]);
  });

  test('tables: named columns in any order, two columns without names, names that are given', async () => {
    expect(await read([['t.tsv', 'id\ttarget\tsource\n7\teins\tone "1"\n']])).toEqual([['one "1"', 'eins', 't.tsv', 2]]);
    expect(await read([['t.tab', 'one\teins\ntwo\tzwei\n']])).toHaveLength(2);
    const csv: [string, string][] = [['t.csv', 'en;de\n"one; two";eins\n']];
    expect(await read(csv, { sourceColumn: 'en', targetColumn: 'de' })).toEqual([['one; two', 'eins', 't.csv', 2]]);
    expect(await read([['t.csv', '1,one,eins\n']], { columns: ['n', 'source', 'target'] })).toEqual([['one', 'eins', 't.csv', 1]]);
  });

  test('tables and text files together; of a table to translate the sources alone', async () => {
    const files: [string, string][] = [
      ['t.tsv', 'one\teins\n'],
      ['a.en', 'two'],
      ['a.de', 'zwei'],
    ];
    expect(await read(files)).toHaveLength(2);
    const sources: string[] = [];
    for await (const source of openSources(textOf('source\tnote\none\tx\ntwo\ty\n', 't.tsv'), {})) sources.push(source);
    for await (const source of openSources(textOf('three\n', 't.tsv'), {})) sources.push(source);
    expect(sources).toEqual(['one', 'two', 'three']);
  });
});

describe('what is refused', () => {
  const tables: [what: string, name: string, text: string, message: string, format?: PairFormat][] = [
    ['an empty table', 't.tsv', '', 't.tsv, line 1, column 1: expected a table, received an empty file.'],
    ['a header alone', 't.tsv', 'source\ttarget\n', 't.tsv, line 1, column 1: expected sentences, received none.'],
    [
      'columns of other names',
      't.csv',
      'en,de,x\na,b,c\n',
      't.csv, line 1, column 1: expected columns "source" and "target", received a first row of "en", "de", "x".',
    ],
    [
      'a column twice',
      't.csv',
      'source,target,source\na,b,c\n',
      't.csv, line 1, column 15: expected one column "source", received "source", "target", "source".',
    ],
    ['an empty source', 't.tsv', 'source\ttarget\n\tb\n', 't.tsv, line 2, column 1: expected a sentence as source, received an empty one.'],
    [
      'an empty target',
      't.tsv',
      'source\ttarget\na\t \n',
      't.tsv, line 2, column 3: expected a sentence as target, received an empty one.',
    ],
    ['a row that is short', 't.tsv', 'source\ttarget\na\n', 't.tsv, line 2, column 2: expected 2 fields'],
    ['a quote that stays open', 't.csv', 'source,target\n"a,b\n', 't.csv, line 2, column 1: '],
    [
      'fewer columns than named',
      't.tsv',
      'a\tb\n',
      't.tsv, line 1, column 1: expected 3 columns (x, source, target), received 2.',
      { columns: ['x', 'source', 'target'] },
    ],
    [
      'names without the source',
      't.tsv',
      'a\tb\n',
      't.tsv, line 1, column 1: expected one column "source", received "x", "target".',
      { columns: ['x', 'target'] },
    ],
  ];
  test.each(tables)('%s', async (_, name, text, message, format = {}) => {
    await expect(read([[name, text]], format)).rejects.toThrow(message);
  });

  test.each<[what: string, a: string, b: string, message: string]>([
    [
      'a translation too few',
      'a\nb\nc\n',
      'x\ny\n',
      'a.de, line 3, column 1: expected as many lines as a.en has, received 2: line 3 there has no partner.',
    ],
    [
      'a sentence too few',
      'a\n',
      'x\ny\n',
      'a.en, line 2, column 1: expected as many lines as a.de has, received 1: line 2 there has no partner.',
    ],
    [
      'a sentence without translation',
      'a\nb\n',
      'x\n\n',
      'a.de, line 2, column 1: expected a sentence, received an empty line; line 2 of a.en has one.',
    ],
    [
      'a translation of nothing',
      'a\n \nc\n',
      'x\ny\nz\n',
      'a.en, line 2, column 1: expected a sentence, received an empty line; line 2 of a.de has one.',
    ],
    ['files of nothing', '', '', 'a.en, line 1, column 1: expected sentences, received none.'],
    ['files of blank lines', '\n\n', ' \n', 'a.en, line 1, column 1: expected sentences, received none.'],
  ])('text files: %s', async (_, a, b, message) => {
    await expect(read([['a.en', a], ['a.de', b]])).rejects.toThrow(message); // biome-ignore format: a pair
  });

  test('a text file without a partner, alone or before a table', async () => {
    await expect(read([['a.en', 'a']])).rejects.toThrow('expected the translations of a.en in the file after it, received none.');
    await expect(read([['a.en', 'a'], ['t.tsv', 'a\tb']])).rejects.toThrow('received the table t.tsv'); // biome-ignore format: a pair
  });

  test('files that are no text: another encoding, binary, missing', async () => {
    const good = file('good.en', 'Straße\nMann\n');
    const latin = file('latin.de', Uint8Array.from([...Buffer.from('eins\nStra'), 0xdf, ...Buffer.from('e\n')]));
    await expect(readPairs([good, latin])).rejects.toThrow(`${latin}, line 2, byte 9: byte 0xDF is not valid UTF-8 here.`);
    await expect(readPairs([file('utf16.tsv', Uint8Array.of(0x61, 0, 0x09, 0)), good])).rejects.toThrow(
      'a NUL byte: this is a binary file',
    );
    await expect(readPairs([good, join(folder, 'missing.de')])).rejects.toThrow('missing.de');
    await expect(readPairs([good, folder])).rejects.toThrow(folder);
  });
});
