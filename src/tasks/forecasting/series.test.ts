import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { type ColumnRoles, readSeries } from './series.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-series-'));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (text: string, roles: ColumnRoles = {}) => readSeries([textOf(text, 'data.csv')], roles);
const numbers = (values: ArrayLike<number>): (number | null)[] => Array.from(values, (x) => (Number.isNaN(x) ? null : x));

describe('a wide table', () => {
  it('has a series in each column', async () => {
    const { series, columns, frequency } = await read('date,a,b\n2016-07-01 00:00,1,10\n2016-07-01 01:00,2,20\n2016-07-01 02:00,3,30\n');
    expect(columns).toMatchObject({ date: 'date', series: null, targets: ['a', 'b'] });
    expect(frequency).toEqual({ unit: 'millisecond', count: 3_600_000 });
    expect(series.map(({ name, values }) => [name, [...values]])).toEqual([
      ['a', [1, 2, 3]],
      ['b', [10, 20, 30]],
    ]);
    expect(series[0].start).toBe(Date.UTC(2016, 6, 1));
  });

  it('has gaps where rows or numbers are missing, and tells of them', async () => {
    const { series, gaps } = await read('ds,y\n2016-07-01,1\n2016-07-02,NA\n2016-07-03,3\n2016-07-06,6\n2016-07-07,\n');
    expect(numbers(series[0].values)).toEqual([1, null, 3, null, null, 6, null]);
    expect(series[0].length).toBe(6);
    expect(gaps).toEqual({ steps: 2, places: 1, first: '2016-07-04', missing: 3 });
  });

  it('keeps what is known beyond the last value', async () => {
    const { series } = await read('date,y,holiday,rain\n2016-07-01,1,0,5\n2016-07-02,2,1,6\n2016-07-03,,true,\n', {
      known: ['holiday'],
      past: ['rain'],
    });
    expect(series).toHaveLength(1);
    expect(series[0].length).toBe(2);
    expect([...series[0].known]).toEqual([0, 1, 1]);
    expect(numbers(series[0].past)).toEqual([5, 6, null]);
  });

  it('may be in any order, and in several files', async () => {
    const { series } = await readSeries([
      textOf('date,y\n2016-07-04,4\n2016-07-02,2\n', 'b.csv'),
      textOf('date,y\n2016-07-03,3\n2016-07-01,1\n', 'a.csv'),
    ]);
    expect([...series[0].values]).toEqual([1, 2, 3, 4]);
  });
});

describe('a long table', () => {
  const text =
    'day;shop;region;sold\n01.07.2016;A;north;1,5\n01.07.2016;B;south;7\n02.07.2016;A;north;2\n02.07.2016;B;south;8\n03.07.2016;B;south;9\n';

  it('has a series for each name, with static features', async () => {
    const { series } = await read(text, { series: 'shop', statics: ['region'] });
    expect(series.map(({ name, values, statics }) => [name, [...values], statics])).toEqual([
      ['A', [1.5, 2], ['north']],
      ['B', [7, 8, 9], ['south']],
    ]);
  });

  it('with several targets has a series for each of both', async () => {
    const { series } = await read('date,id,x,y\n2016-07-01,A,1,2\n2016-07-02,A,3,4\n', { series: 'id' });
    expect(series.map(({ name }) => name)).toEqual(['A/x', 'A/y']);
  });
});

describe('dates of one column', () => {
  it('are day first where one of them must be', async () => {
    const { series } = await read('date,y\n12/01/2016,1\n13/01/2016,2\n14/01/2016,3\n');
    expect(series[0].start).toBe(Date.UTC(2016, 0, 12));
  });

  it('are read as told', async () => {
    const { frequency } = await read('date,y\n01/02/2016,1\n01/03/2016,2\n01/04/2016,3\n', { dateOrder: 'day-first' });
    expect(frequency).toEqual({ unit: 'month', count: 1 });
  });
});

/** What is wrong, where, and what is said. */
const malformed: [name: string, text: string, line: number, column: number, message: string, roles?: ColumnRoles][] = [
  ['no date', 'date,y\n2016-07-01,1\nsoon,2\n', 3, 1, 'expected a date, such as 2016-07-01 13:00, received "soon".'],
  ['a date that does not exist', 'y,date\n1,2016-07-01\n22,2016-07-32\n', 3, 4, 'received "2016-07-32"'],
  ['no number', 'date,y\n2016-07-01,1\n2016-07-02,many\n', 3, 12, 'expected a number in column "y", received "many".'],
  ['an infinite number', 'date,a,b\n2016-07-01,1,Infinity\n', 2, 14, 'received "Infinity"'],
  ['a decimal comma between commas', 'date,y\n2016-07-01,"1,5"\n', 2, 12, 'received "1,5"'],
  ['a ragged row', 'date,y\n2016-07-01,1\n2016-07-02\n', 3, 11, 'expected 2 fields, as in the first row, received 1.'],
  ['an open quote', 'date,y\n2016-07-01,"1\n', 2, 12, 'the quote is not closed'],
  ['a column twice', 'date,y,y\n2016-07-01,1,2\n', 1, 8, 'received "y" as column 2 and 3'],
  [
    'a date twice',
    'y,date\n1,2016-07-01\n2,2016-07-02\n33,2016-07-02\n',
    4,
    4,
    'expected each date once, received 2016-07-02 again; it is in line 3 too.',
  ],
  [
    'steps that do not fit',
    'date,y\n2016-07-01,1\n2016-07-02,2\n2016-07-03 06:00,3\n2016-07-04,3\n2016-07-05,3\n2016-07-06,3\n',
    4,
    1,
    'expected steps of 1 day, received 30 hours after 2016-07-02',
  ],
  ['a slip in a year', 'date,y\n2016-07-01,1\n2016-07-02,2\n2216-07-03,3\n', 4, 1, 'Is the date right?'],
  ['days and months both ways', 'date,y\n13/01/2016,1\n01/14/2016,2\n', 3, 1, 'which is month-first; line 2 is day-first.'],
  ['days or months', 'date,y\n01/02/2016,1\n02/02/2016,2\n', 2, 1, 'Say which: dateOrder.'],
  [
    'no name of a series',
    'date,id,y\n2016-07-01,A,1\n2016-07-02,,1\n',
    3,
    12,
    "expected the series' name, received nothing.",
    { series: 'id' },
  ],
  [
    'a static feature that changes',
    'date,id,size,y\n2016-07-01,A,big,1\n2016-07-02,A,small,1\n',
    3,
    14,
    'expected "big", as in the other rows of series "A", received "small".',
    { series: 'id', statics: ['size'] },
  ],
  ['one date', 'date,y\n2016-07-01,1\n', 2, 1, 'expected at least two dates of a series, received one.'],
  ['nothing', '', 1, 1, 'expected a table, received an empty file.'],
];

describe('plain numbers', () => {
  it('are years, or what the unit says they are', async () => {
    expect((await read('year,y\n2014,1\n2015,2\n2016,3\n')).frequency).toEqual({ unit: 'month', count: 12 });
    const { series, frequency, reading } = await read('t,y\n0,1\n1,2\n3,4\n', { date: 't', timeUnit: 'hour' });
    expect(frequency).toEqual({ unit: 'millisecond', count: 3_600_000 });
    expect(numbers(series[0].values)).toEqual([1, 2, null, 4]);
    expect(reading).toEqual({ timeUnit: 'hour' });
    expect((await read('t,y\n42552,1\n42553,2\n', { date: 't', timeUnit: 'excel-day' })).series[0].start).toBe(Date.UTC(2016, 6, 1));
  });

  it('of a spreadsheet’s hours lie on whole hours', async () => {
    const rows = Array.from({ length: 48 }, (_, i) => `${(42_552 + i / 24).toFixed(10)},${i}`);
    expect((await read(`t,y\n${rows.join('\n')}\n`, { date: 't', timeUnit: 'excel-day' })).frequency.count).toBe(3_600_000);
  });

  it('that count something are refused, and it is said what to do', async () => {
    await expect(read('index,y\n0,1\n1,2\n')).rejects.toThrow(
      'line 2, column 1: expected a date, such as 2016-07-01 13:00, received "0". If it is a count',
    );
  });
});

describe('a table that will not do', () => {
  it.each(malformed)('%s', async (_, text, line, column, message, roles = {}) => {
    const error = await read(text, roles).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).location).toMatchObject({ file: 'data.csv', line, column });
  });

  it('has names and no rows', async () => {
    await expect(read('date,y\n')).rejects.toThrow('data.csv, line 2: expected rows below the names of the columns, received none.');
  });

  it('is in another encoding', async () => {
    const path = join(folder, 'latin1.csv');
    writeFileSync(path, Buffer.from('date,gr\xf6\xdfe\n2016-07-01,1\n', 'latin1'));
    await expect(readSeries([textFile(path)])).rejects.toThrow(/line 1, byte 7: byte 0xF6 is not valid UTF-8/);
  });

  it('has not the columns', async () => {
    const text = 'date,sales\n2016-07-01,1\n2016-07-02,2\n';
    await expect(read(text, { targets: ['sale'] })).rejects.toThrow('unknown column "sale"; did you mean "sales"?');
    await expect(read(text, { known: ['sales'] })).rejects.toThrow('expected a column to forecast');
    await expect(read(text, { targets: ['sales'], known: ['sales'] })).rejects.toThrow('received "sales" for two');
    await expect(read('a,b\n1,2\n3,4\n')).rejects.toThrow(
      /, line 1, column 1: expected a column of dates, received a, b\. Name it: dateColumn\./,
    );
    await expect(read(text, { statics: ['sales'] })).rejects.toThrow(ConfigError);
  });
});

describe('a table as programs write it', () => {
  it('may have a byte-order mark and carriage returns', async () => {
    const path = join(folder, 'bom.csv');
    writeFileSync(path, '\uFEFFdate,y\r\n2016-07-01,1\r\n2016-07-02,2\r\n');
    const { series } = await readSeries([textFile(path)]);
    expect([...series[0].values]).toEqual([1, 2]);
  });

  it('may have a huge line', async () => {
    const wide = Array.from({ length: 20_000 }, (_, i) => `c${i}`);
    const row = (date: string): string => `${date},${wide.map((_, i) => i).join(',')}`;
    const { series } = await read(`date,${wide.join(',')}\n${row('2016-07-01')}\n${row('2016-07-02')}\n`);
    expect(series).toHaveLength(20_000);
    expect([...series[19_999].values]).toEqual([19_999, 19_999]);
  });

  it('may have very many rows', async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => `${1_467_331_200 + 60 * i},${i % 1440}`);
    const { series, frequency } = await read(`time,y\n${rows.join('\n')}\n`);
    expect(series[0].length).toBe(50_000);
    expect(frequency).toEqual({ unit: 'millisecond', count: 60_000 });
  });
});
