import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { type Interactions, type ReadingOptions, readInteractions } from './interactions.ts';
import { gapClass } from './time-gaps.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-interactions-'));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (text: string, options?: ReadingOptions) => readInteractions([textOf(text, 'clicks.csv')], options);

/** Each user's items by name, as `ann: pen ink`. */
function named({ users, items, starts, events }: Interactions): string[] {
  return users.map((user, u) => `${user}: ${[...events.subarray(starts[u], starts[u + 1])].map((item) => items[item]).join(' ')}`);
}

describe('interactions', () => {
  it('of a table are each user’s events in the order of time, those at one time in the order of rows', async () => {
    const table = 'user_id,item_id,timestamp\nann,ink,30\nbob,pen,10\nann,pen,20\nann,cap,30\nbob,ink,10\n';
    const interactions = await read(table);
    expect(named(interactions)).toEqual(['ann: pen ink cap', 'bob: pen ink']);
    expect([...interactions.times!]).toEqual([20, 30, 30, 10, 10]);
  });

  it.each([
    ['tabs, other names, no times', 'SessionId\tProductID\n1\tpen\n2\tink\n1\tink\n', {}],
    ['semicolons and quotes', 'visitor;"article id"\n1;"pen"\n1;ink\n2;ink\n', {}],
    ['columns that are named', 'a,b,c\npen,1,x\nink,1,x\nink,2,x\n', { itemColumn: 'a', userColumn: 'b' }],
    ['line ends of Windows', 'user,item\r\n1,pen\r\n1,ink\r\n2,ink\r\n', {}],
    ['blank lines', '\nuser,item\n\n1,pen\n1,ink\n\n2,ink\n\n', {}],
    ['lines', '1 pen ink\n2 ink\n', {}],
    ['lines of one user', '1 pen\n\n2 ink\n1   ink  \n', {}],
    ['lines with commas, by format', '1 pen ink\n2 ink', { format: 'lines' }],
    ['no line end at the end', 'user,item\n1,pen\n1,ink\n2,ink', {}],
  ] as const)('can be written with %s', async (_, text, options) => {
    expect(named(await read(text, options))).toEqual(['1: pen ink', '2: ink']);
  });

  it('may have ratings, and be left out by them', async () => {
    const table = 'user,item,rating\n1,pen,5\n1,ink,2.5\n1,cap,1\n';
    expect(named(await read(table))).toEqual(['1: pen ink cap']);
    expect(named(await read(table, { minRating: 2.5 }))).toEqual(['1: pen ink']);
    expect(named(await read('user,item,rating\n1,pen,none\n'))).toEqual(['1: pen']);
  });

  it('come from several files, and from one with a byte-order mark', async () => {
    const path = join(folder, 'mark.csv');
    writeFileSync(path, '\ufeffuser,item\n1,pen\n');
    expect(named(await readInteractions([textFile(path), textOf('1 ink\n2 ink\n')]))).toEqual(['1: pen ink', '2: ink']);
  });

  it('may be many, and on one line', async () => {
    const many = await read(`1 ${Array.from({ length: 300_000 }, (_, i) => `i${i % 1000}`).join(' ')}\n`);
    expect(many.events.length).toBe(300_000);
    expect(many.items.length).toBe(1000);
  });
});

/** What is wrong, the text, where, and what the message says of it. */
const malformed: readonly (readonly [
  name: string,
  text: string,
  line: number,
  column: number,
  message: string,
  options?: ReadingOptions,
])[] = [
  ['an empty file', '', 1, 1, 'received an empty file'],
  ['blanks alone', '  \n\n', 1, 1, 'received an empty file'],
  ['no column of users', 'name,item\n1,pen\n', 1, 1, 'expected a column of users, such as "user", received the columns "name", "item"'],
  ['no column of items', 'user,thing\n1,pen\n', 1, 1, 'expected a column of items, such as "item"'],
  ['no column of ratings', 'user,item\n1,pen\n', 1, 1, 'expected a column of ratings', { minRating: 3 }],
  ['a user without a name', 'user,item\n1,pen\n ,ink\n', 3, 1, 'expected the name of a user, received nothing'],
  ['an item without a name', 'user,item\n1,\n', 2, 3, 'expected the name of an item, received nothing'],
  ['a time that is none', 'user,item,time\n1,pen,10\n1,ink,soon\n', 3, 7, 'received "soon"'],
  ['a date that is none', 'user,item,date\n1,pen,2024-02-30\n', 2, 7, 'expected a date, such as 2016-07-01 13:00, received "2024-02-30"'],
  ['no time', 'user;item;date\n1;pen;\n', 2, 7, 'received ""'],
  ['a rating that is no number', 'user,item,stars\n1,pen,4\n1,ink,good\n', 3, 7, 'received "good"', { minRating: 3 }],
  ['a row that is short', 'user,item,time\n1,pen,10\n1,ink\n', 3, 6, 'expected 3 fields, as in the first row, received 2'],
  ['a row that is long', 'user,item\n1,pen,10\n', 2, 7, 'received 3'],
  ['a quote that is not closed', 'user,item\n1,"pen\n2,ink\n', 2, 3, 'the quote is not closed'],
  ['a column twice', 'user,item,user\n1,pen,2\n', 1, 11, 'received "user" as column 1 and 3'],
  ['a line of a user alone', '1 pen\n2\n3 ink\n', 2, 2, 'expected a user and items, as "user item item …", received "2" alone'],
];

describe('what is malformed is told with line and column', () => {
  it.each(malformed.map(([name, ...rest]) => [name, rest] as const))('%s', async (_, [text, line, column, message, options]) => {
    const error = await read(text, options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location).toMatchObject({ file: 'clicks.csv', line, column });
    expect((error as Error).message).toContain(message);
  });

  it.each([
    ['names alone', 'user,item\n', {}, 'expected at least one interaction, received none.'],
    ['ratings below the least', 'user,item,rating\n1,pen,2\n', { minRating: 4 }, 'Is minRating 4 above every rating?'],
  ] as const)('%s', async (_, text, options, message) => {
    await expect(read(text, options)).rejects.toThrow(message);
  });

  it('another encoding, at its byte', async () => {
    const path = join(folder, 'latin1.csv');
    writeFileSync(path, Buffer.from('user,item\n1,caf\xe9\n', 'latin1'));
    await expect(readInteractions([textFile(path)])).rejects.toThrow('line 2, byte 15: byte 0xE9 is not valid UTF-8');
  });

  it('a column that is not there, and times in some files only', async () => {
    await expect(read('user,item,when\n1,pen,3\n', { timeColumn: 'wen' })).rejects.toThrow('unknown column "wen"; did you mean "when"?');
    const mixed = readInteractions([textOf('user,item,time\n1,pen,3\n'), textOf('1 pen\n')]);
    await expect(mixed).rejects.toThrow('expected times in all files or in none');
  });
});

describe('a time', () => {
  const times = async (cells: readonly string[], options?: ReadingOptions) =>
    (await read(`user,item,time\n${cells.map((cell) => `ann,pen,${cell}\n`).join('')}`, options)).times!;

  // Seconds by Python: datetime.fromisoformat(…).timestamp() in UTC.
  it.each([
    ['2024-03-01', 1709251200],
    ['2024-03-01 12:30', 1709296200],
    ['2024-03-01T12:30:15Z', 1709296215],
    ['2024-03-01T12:30:15.250', 1709296215.25],
    ['2024-03-01T12:30:15+01:00', 1709292615],
    ['2024-03-01T12:30:15-0530', 1709316015],
    ['1965-01-01', -157766400],
    ['1709296215', 1709296215],
    ['1709296215.5', 1709296215.5],
    ['1709296215250', 1709296215.25],
    ['1709296215250000', 1709296215.25],
    ['1709296215250000000', 1709296215.25],
    [' 17 ', 17],
    ['01.03.2024', 1709251200],
    ['2024', 1704067200],
    ['20240301', 1709251200],
  ])('%s', async (text, seconds) => {
    expect((await times([text]))[0]).toBeCloseTo(seconds, 6);
  });

  it.each(['', 'soon', '2024-13-01', '2023-02-29', '2024-03-01T25:00', '1e999', '0x10'])('not %j', async (text) => {
    await expect(times([text])).rejects.toThrow('line 2, column 9: expected a date');
  });

  it('is a count where one of the numbers is no date, and as told', async () => {
    expect([...(await times(['1', '1600', '1601', '3000']))]).toEqual([1, 1600, 1601, 3000]);
    expect([...(await times(['2015', '2016']))]).toEqual([1420070400, 1451606400]);
    expect([...(await times(['2015', '2016'], { timeUnit: 'second' }))]).toEqual([2015, 2016]);
    expect((await times(['03/04/2024'], { dateOrder: 'day-first' }))[0]).toBe(1712102400);
  });
});

it('a gap’s class doubles from one to the next', () => {
  expect([Number.NaN, -5, 0, 0.9, 1, 2.9, 3, 6.9, 7, 86400, 1e12].map(gapClass)).toEqual([0, 1, 1, 1, 2, 2, 3, 3, 4, 17, 32]);
});
