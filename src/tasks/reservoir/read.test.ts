import { describe, expect, test } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { type ColumnRoles, readSequences } from './read.ts';

const read = (text: string, roles: ColumnRoles = {}, needs?: { targets: boolean; label: boolean }) =>
  readSequences([textOf(text, 'data.csv')], roles, needs);

describe('tables as sequences', () => {
  test('one number a line, no name: column 1, which foretells itself', async () => {
    const { columns, sequences } = await read('86\n141\n95.5\n-4e1\n');
    expect(columns).toEqual({ inputs: ['1'], targets: ['1'], sequence: null, label: null });
    expect(sequences).toHaveLength(1);
    expect([...sequences[0].inputs]).toEqual([86, 141, 95.5, -40]);
  });

  test('names, semicolons and decimal commas; dates are no targets', async () => {
    const { columns, sequences } = await read('date;load;temperature\n2020-01-01;1,5;3\n2020-01-02;2,5;4\n');
    expect(columns.targets).toEqual(['load', 'temperature']);
    expect([...sequences[0].targets!]).toEqual([1.5, 3, 2.5, 4]);
  });

  test('inputs and targets', async () => {
    const { columns, sequences } = await read('u,v,y\n1,2,3\n4,5,6\n', { inputs: ['u'], targets: ['y'] });
    expect(columns).toMatchObject({ inputs: ['u'], targets: ['y'] });
    expect([...sequences[0].inputs, ...sequences[0].targets!]).toEqual([1, 4, 3, 6]);
  });

  test('sequences and their classes', async () => {
    const { sequences } = await read('id,class,x\na,up,1\na,up,2\nb,down,3\n', { sequence: 'id', label: 'class' });
    expect(sequences.map(({ name, label, inputs }) => [name, label, [...inputs]])).toEqual([
      ['a', 'up', [1, 2]],
      ['b', 'down', [3]],
    ]);
  });

  test('each file is a sequence where no column names one', async () => {
    const { sequences } = await readSequences([textOf('1\n2\n', 'runs/a.txt'), textOf('3\n4\n', 'runs/b.txt')], {});
    expect(sequences.map(({ name }) => name)).toEqual(['a.txt', 'b.txt']);
  });

  test('targets may be missing where they are to be told', async () => {
    const { sequences } = await read('u\n1\n2\n', { inputs: ['u'], targets: ['y'] }, { targets: false, label: false });
    expect(sequences[0].targets).toBeNull();
  });
});

const malformed: [what: string, text: string, roles: ColumnRoles, message: string][] = [
  ['an empty file', '', {}, 'data.csv, line 1, column 1: expected a table, received an empty file'],
  ['names alone', 'a,b\n', {}, 'data.csv, line 2: expected rows of numbers below the names of the columns'],
  ['a word among numbers', '1\n2\nthree\n', {}, 'data.csv, line 3, column 1: expected a number in column "1", received "three"'],
  [
    'a gap',
    'a,b\n1,2\n3,\n',
    {},
    'data.csv, line 3, column 3: expected a number in column "b", received nothing. A reservoir needs every step',
  ],
  ['a NaN', 'a\n1\nNaN\n', {}, 'data.csv, line 3, column 1: expected a number in column "a", received "NaN". A reservoir needs every step'],
  ['an infinity', 'a\n1\n1e999\n', {}, 'data.csv, line 3, column 1: expected a number in column "a", received "1e999"'],
  ['a row too short', 'a,b\n1,2\n3\n', {}, 'data.csv, line 3, column 2: expected 2 fields, as in the first row, received 1'],
  ['a row too long', '1,2\n3,4,5\n', {}, 'data.csv, line 2, column 5: expected 2 fields, as in the first row, received 3'],
  ['a column twice', 'a,a\n1,2\n', {}, 'data.csv, line 1, column 3: expected columns of different names, received "a" as column 1 and 2'],
  ['a column without a name', 'a,\n1,2\n', {}, 'data.csv, line 1, column 3: expected a name for column 2, received nothing'],
  ['an open quote', 'a,b\n1,"2\n3,4\n', {}, 'data.csv, line 2, column 3: a field begins with a quote here, and the quote is not closed'],
  [
    'a sequence in two places',
    'id,x\na,1\nb,2\na,3\n',
    { sequence: 'id' },
    'data.csv, line 4, column 1: expected the rows of a sequence one after another, received "a" again after "b"',
  ],
  [
    'a sequence without a name',
    'id,x\na,1\n,2\n',
    { sequence: 'id' },
    "data.csv, line 3, column 1: expected the sequence's name, received nothing",
  ],
  [
    'a class that changes',
    'id,class,x\na,up,1\na,down,2\n',
    { sequence: 'id', label: 'class' },
    'data.csv, line 3, column 3: expected "up", as in the other rows of sequence "a", received "down". A sequence has one class',
  ],
  [
    'no class',
    'id,class,x\na,,1\n',
    { sequence: 'id', label: 'class' },
    'data.csv, line 2, column 3: expected the class of the sequence, received nothing',
  ],
];

describe('malformed tables', () => {
  test.each(malformed)('%s', async (_, text, roles, message) => {
    const error = await read(text, roles).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toContain(message);
  });

  test('columns that are not there, or have two roles, or are no numbers', async () => {
    await expect(read('a,b\n1,2\n', { targets: ['c'] })).rejects.toThrow(ConfigError);
    await expect(read('load,b\n1,2\n', { targets: ['lood'] })).rejects.toThrow('data.csv: unknown column "lood"; did you mean "load"?');
    await expect(read('a,b\n1,2\n', { inputs: ['a'], targets: ['a'] })).rejects.toThrow(
      'expected each column to have one role, received "a" for two',
    );
    await expect(read('a,b\nx,y\n')).rejects.toThrow('expected a column of numbers, received a, b');
  });
});
