import { describe, expect, it } from 'vitest';
import { FormatError } from '../../tensor/errors.ts';
import { textOf } from '../text/text-source.ts';
import { openTable } from './delimited.ts';
import { TimeColumn } from './time-column.ts';
import type { TimeReading } from './times.ts';

/** The cells of one column, as a file of two. */
async function read(cells: readonly string[], given?: TimeReading, allowsCounts = false) {
  const column = new TimeColumn(given, { allowsCounts });
  const { rows, ...head } = await openTable(textOf(`id,when\n${cells.map((cell) => `7,${cell}\n`).join('')}`, 'log.csv'));
  for await (const row of rows) column.add(head, row, 1);
  const { instants, reading } = column.finish();
  return { seconds: Array.from(instants, (instant) => instant / 1000), reading };
}
const counts = (cells: readonly string[], given?: TimeReading) => read(cells, given, true);
const utc = (year: number, month = 1, day = 1): number => Date.UTC(year, month - 1, day) / 1000;

describe('days and months', () => {
  it('have the order that one date proves, before it and after it', async () => {
    expect(await read(['03/04/2016', '13/04/2016', '05/06/2016'])).toEqual({
      seconds: [utc(2016, 4, 3), utc(2016, 4, 13), utc(2016, 6, 5)],
      reading: { dateOrder: 'day-first' },
    });
    expect((await read(['03/04/2016', '04/13/2016', '05/06/2016'])).seconds).toEqual([utc(2016, 3, 4), utc(2016, 4, 13), utc(2016, 5, 6)]);
  });

  it('have the order that is given, or one that makes no difference', async () => {
    expect((await read(['03/04/2016'], { dateOrder: 'day-first' })).seconds).toEqual([utc(2016, 4, 3)]);
    expect((await read(['04/04/2016', '2016-05-01'])).seconds).toEqual([utc(2016, 4, 4), utc(2016, 5)]);
  });
});

describe('numbers of a column', () => {
  it('are years, days or since 1970, and may stand between dates', async () => {
    expect((await read(['2015', '2016', '2016-07-01', '20160702', '1467504000'])).seconds).toEqual([
      utc(2015),
      utc(2016),
      utc(2016, 7, 1),
      utc(2016, 7, 2),
      utc(2016, 7, 3),
    ]);
  });

  it('are the same where an order is enough, as long as each may be a date', async () => {
    expect(await counts(['2015', '2016', '20160702', '1467504000'])).toEqual({
      seconds: [utc(2015), utc(2016), utc(2016, 7, 2), utc(2016, 7, 3)],
      reading: {},
    });
  });

  it('are all counts there when one of them can be nothing else', async () => {
    const cells = Array.from({ length: 3000 }, (_, i) => String(i));
    expect(await counts(cells)).toEqual({ seconds: cells.map(Number), reading: { timeUnit: 'since-1970' } });
    const long = Array.from({ length: 5000 }, (_, k) => (k % 7 === 3 ? '2016-07-01' : String(1500 + (k % 700))));
    const asCounts = long.map((cell) => (cell.includes('-') ? utc(2016, 7, 1) : Number(cell)));
    expect((await counts([...long, '17'])).seconds).toEqual([...asCounts, 17]);
    expect((await counts(['2016', '20160701', '2016-07-01', '17', '2017'])).seconds).toEqual([2016, 20160701, utc(2016, 7, 1), 17, 2017]);
  });

  it('are what the unit says', async () => {
    expect((await counts(['2015', '2016'], { timeUnit: 'second' })).seconds).toEqual([2015, 2016]);
    expect((await read(['0', '1', '2'], { timeUnit: 'hour' })).seconds).toEqual([0, 3600, 7200]);
  });
});

describe('is refused with its place', () => {
  it.each([
    ['no date', ['2016-07-01', 'soon'], {}, 3, 'expected a date, such as 2016-07-01 13:00, received "soon".'],
    ['an impossible day', ['2016-02-30'], {}, 2, 'received "2016-02-30".'],
    ['an impossible number', ['20160701', '20160732'], {}, 3, 'received "20160732".'],
    ['a small number', ['2016', '17'], {}, 3, 'received "17". If it is a count, say of what: timeUnit (--time-unit).'],
    ['a number that the unit does not allow', ['2016', '2016.5'], { timeUnit: 'year' }, 3, 'received "2016.5".'],
    ['an order', ['13/01/2016', '01/14/2016'], {}, 3, 'received "01/14/2016", which is month-first; line 2 is day-first.'],
    ['no order', ['2016-01-01', '01/02/2016', '02/02/2016'], {}, 3, 'Say which: dateOrder.'],
  ] as const)('%s', async (_, cells, given, line, message) => {
    const error = await read(cells, given).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).location).toEqual({ file: 'log.csv', line, column: 3 });
  });

  it('an impossible day among days, where counts would do', async () => {
    await expect(counts(['20160701', '20160732'])).rejects.toThrow(
      'log.csv, line 3, column 3: expected a day, as the numbers before, received "20160732".',
    );
    expect((await counts(['20160732', '20160801'])).seconds).toEqual([20160732, 20160801]);
  });
});
