import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { type ColumnOptions, type ColumnSentence, conlluColumns, openColumns, withField, wordColumn } from './column-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-columns-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(text: string, options?: ColumnOptions, name = 'data'): Promise<ColumnSentence[]> {
  const { sentences } = await openColumns(textOf(text, name), options);
  const all: ColumnSentence[] = [];
  for await (const sentence of sentences) all.push(sentence);
  return all;
}

/** Words of each sentence. */
async function words(text: string, options?: ColumnOptions, name?: string): Promise<string[]> {
  const { columns } = await openColumns(textOf(text, name), options);
  const sentences = await read(text, options, name);
  return sentences.map(({ tokens }) => tokens.map(({ fields }) => fields[wordColumn(columns)]).join(' '));
}

const row = (id: string, form: string, upos = 'X'): string => `${id}\t${form}\t${form}\t${upos}\t_\t_\t_\t_\t_\t_\n`;
const multiword = `# sent_id = 1\n${row('1-2', "don't")}${row('1', 'do')}${row('2', "n't")}${row('2.1', 'say')}${row('3', 'so')}\n`;

describe('CoNLL-U', () => {
  it('has words; multiword tokens, empty nodes and comments stand beside them', async () => {
    const [sentence, ...others] = await read(multiword);
    expect(others).toEqual([]);
    expect(sentence.tokens.map(({ line, place, fields }) => [line, place, fields[0], fields[1]])).toEqual([
      [3, 2, '1', 'do'],
      [4, 3, '2', "n't"],
      [6, 5, '3', 'so'],
    ]);
  });

  it('is told by its name, or by its first token', async () => {
    expect((await openColumns(textOf(multiword))).format).toBe('conllu');
    expect((await openColumns(textOf('# hello\n1\ta\tb\n'))).format).toBe('columns');
    await expect(read('Paris\tLOC\n', {}, 'data.conllu')).rejects.toThrow('expected 10 columns');
  });

  it('has names of its own: others are refused', async () => {
    await expect(read(multiword, { columns: ['word', 'tag'] }, 'dev.txt')).rejects.toThrow(
      'columns: expected none for dev.txt, which is CoNLL-U and has columns of its own (id, form, lemma, upos, xpos, feats, head, deprel, deps, misc), received word, tag. Leave them out, or give format: columns.',
    );
    expect(await read(multiword, { columns: [...conlluColumns] })).toHaveLength(1);
  });

  it('may have blanks in words, an empty node before the first word, and no empty line at its end', async () => {
    expect(await words(row('0.1', 'elided') + row('1', '10 000') + row('2', 'x').trimEnd())).toEqual(['10 000 x']);
  });
});

describe('columns', () => {
  it('stand between tabs or blanks', async () => {
    expect(await words('EU NNP B-ORG\nrejects  VBZ \t O\n\nPeter NNP B-PER\n')).toEqual(['EU rejects', 'Peter']);
    expect(await words('New York\tB-LOC\n#tag\tO\n')).toEqual(['New York #tag']);
  });

  it('have names: given, or word … tag', async () => {
    expect((await openColumns(textOf('a b c d\n'))).columns).toEqual(['word', 'column2', 'column3', 'tag']);
    expect((await openColumns(textOf('a\n'))).columns).toEqual(['word']);
    expect(await words('1 a X\n2 b X\n', { columns: ['id', 'form', 'pos'] })).toEqual(['a b']);
  });

  it('are cut at empty lines and at -DOCSTART-, which is no token', async () => {
    const text = '-DOCSTART- -X- O\n\nEU NNP B-ORG\n\n\n-DOCSTART- -X- O\nPeter NNP B-PER\n-DOCSTART- -X- O\nParis NNP B-LOC\n';
    expect(await words(text)).toEqual(['EU', 'Peter', 'Paris']);
    expect(await words('a\tX\n \t\nb\tX\n\n\n')).toEqual(['a', 'b']);
  });

  it('may lack the one that a prediction fills in', async () => {
    const options: ColumnOptions = { columns: ['word', 'pos', 'tag'], mayLack: 'tag' };
    expect(await words('a X\nb X O\n', options)).toEqual(['a b']);
    await expect(read('a X\nb\n', options)).rejects.toThrow('expected 3 columns');
  });
});

describe.each([
  ['CoNLL-U', `${multiword}\n# newdoc\n${row('1', 'a')}\n\n# the end\n`],
  ['columns', '-DOCSTART- O\n\na O\nb  B-X\n\n\n-DOCSTART- O\nc O\n'],
])('%s', (_, text) => {
  it('keeps every line', async () => {
    const sentences = await read(text);
    expect(sentences.flatMap(({ lines }) => lines.map((line) => `${line}\n`)).join('')).toBe(text);
    for (const { tokens, lines } of sentences) for (const { place, fields } of tokens) expect(lines[place]).toContain(fields[1]);
  });

  it('is read the same with a byte-order mark, and with the line ends of Windows', async () => {
    const path = join(folder, 'windows.txt');
    writeFileSync(path, `\ufeff${text.replaceAll('\n', '\r\n')}`);
    const { sentences } = await openColumns(textFile(path));
    const all: ColumnSentence[] = [];
    for await (const sentence of sentences) all.push(sentence);
    expect(all.map(({ lines }) => lines)).toEqual((await read(text)).map(({ lines }) => lines));
  });
});

/** What is wrong, the text, its options, line and column, and a part of the message. */
const malformed: readonly (readonly [string, string, ColumnOptions, number | undefined, number | undefined, string])[] = [
  ['an empty file', '', {}, undefined, undefined, 'expected sentences'],
  ['comments alone', '# a\n\n', { format: 'conllu' }, undefined, undefined, 'found none'],
  ['CoNLL-U with nine columns', `${row('1', 'a')}2\tb\tb\tX\t_\t_\t_\t_\t_\n`, {}, 2, 18, 'expected 10 columns between tabs'],
  ['CoNLL-U with eleven columns', `${row('1', 'a').trimEnd()}\tmore\n`, { format: 'conllu' }, 1, 21, 'Take "more" away'],
  ['CoNLL-U with blanks', `${row('1', 'a')}2 b b X _ _ _ _ _ _\n`, {}, 2, 20, 'stand between blanks; use tabs'],
  ['an id that is no number', `${row('1', 'a')}${row('b', 'c')}`, {}, 2, 1, 'found "b"'],
  ['ids with a gap', `${row('1', 'a')}${row('3', 'c')}`, {}, 2, 1, 'expected word 2, found "3"'],
  ['a sentence that begins at 2', row('2', 'a'), {}, 1, 1, 'expected word 1, found "2"'],
  ['two sentences without an empty line', `${row('1', 'a')}${row('1', 'b')}`, {}, 2, 1, 'end it with an empty line'],
  ['a range backwards', `${row('1', 'a')}${row('2-1', 'b')}`, {}, 2, 1, 'a range that ends after it begins'],
  ['a range elsewhere', `${row('1', 'a')}${row('1-2', 'b')}`, {}, 2, 1, 'expected word 2'],
  ['a range within a range', `${row('1-3', 'a')}${row('1', 'b')}${row('2-3', 'c')}`, {}, 3, 1, 'expected a word of 1-3'],
  ['a range past the end', `${row('1-2', 'a')}${row('1', 'b')}\n`, {}, 1, 1, 'has words up to 2, and the sentence ends after word 1'],
  ['a range past the end of the file', `${row('1-2', 'a')}${row('1', 'b')}`, {}, 1, 1, 'the file ends after word 1'],
  ['an empty node elsewhere', `${row('1', 'a')}${row('2.1', 'b')}`, {}, 2, 1, 'expected an empty node 1.1 or word 2'],
  ['empty nodes with a gap', `${row('1', 'a')}${row('1.2', 'b')}`, {}, 2, 1, 'expected an empty node 1.1'],
  ['a comment within a sentence', `${row('1', 'a')}# b\n`, {}, 2, 1, 'a comment stands within a sentence'],
  ['no lemma', row('1', 'a').replace('a\ta', 'a\t'), {}, 1, 5, 'expected a value for lemma'],
  ['no word', `a\tX\n\tY\n`, {}, 2, 1, 'expected a value for word'],
  ['no tag', `a\tX\nbb\t\n`, {}, 2, 4, 'expected a value for tag'],
  ['a word alone', 'a X\nb\n', {}, 2, 2, 'expected 2 columns between blanks (word, tag), found 1'],
  ['one column too many', 'a X\nb X Y\n', {}, 2, 5, 'Take "Y" away'],
  ['blanks in a file with tabs', 'a\tX\nb X\n', {}, 2, 4, 'use tabs in the whole file'],
  ['fewer columns than there are names', '\na X\n', { columns: ['word', 'pos', 'tag'] }, 2, 4, 'word, pos, tag'],
  ['a huge line', `a\tX\n${'b'.repeat(3_000_000)}\n`, {}, 2, 3_000_001, 'found 1'],
];

describe('malformed:', () => {
  it.each(malformed)('%s', async (_, text, options, line, column, message) => {
    const error = (await read(text, options).then(
      () => null,
      (thrown: unknown) => thrown,
    )) as FormatError;
    expect(error).toBeInstanceOf(FormatError);
    expect(error.location).toEqual({ file: 'data', ...(line === undefined ? {} : { line, column }) });
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(300);
  });

  it.each([
    ['another encoding', Buffer.from('a\tX\ncaf\xe9\tY\n', 'latin1'), 'line 2, byte 7: byte 0xE9 is not valid UTF-8'],
    ['UTF-16', Buffer.from('a\tX\n', 'utf16le'), 'line 1, byte 1: a NUL byte'],
  ])('%s', async (_, bytes, message) => {
    const path = join(folder, 'bytes.txt');
    writeFileSync(path, bytes);
    await expect(openColumns(textFile(path))).rejects.toThrow(message);
  });
});

describe('withField', () => {
  it('changes one field and nothing else', () => {
    expect(withField('a\tb c\t_', 1, 'X', 'tab')).toBe('a\tX\t_');
    expect(withField('a  b\t c', 1, 'X', 'blanks')).toBe('a  X\t c');
    expect(withField('a b', 2, 'X', 'blanks')).toBe('a b X');
    expect(withField('a\tb', 2, 'X', 'tab')).toBe('a\tb\tX');
  });
});
