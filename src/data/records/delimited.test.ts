import fc from 'fast-check';
import Papa from 'papaparse';
import { describe, expect, test } from 'vitest';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { type TextSource, textOf, textStream } from '../text/text-source.ts';
import { columnOf, fieldFault, openTable, readTable, type TableOptions, tableRows } from './delimited.ts';

const source = (text: string) => textOf(text, 'people.csv');

/** A source whose pieces are as small as they can be. */
const trickle = (text: string): TextSource => ({
  name: 'people.csv',
  async *chunks() {
    yield* text;
  },
});

async function fields(text: string, options?: TableOptions): Promise<(readonly string[])[]> {
  return (await readTable(source(text), options)).rows.map((row) => row.fields);
}

async function faultIn(text: string, options?: TableOptions): Promise<FormatError> {
  const fault = await readTable(source(text), options).then(
    () => null,
    (error) => error,
  );
  expect(fault).toBeInstanceOf(FormatError);
  return fault;
}

describe('a table', () => {
  test('has columns and rows, and knows the lines where rows begin', async () => {
    const { columns, rows, name } = await readTable(source('name,age\nAda,36\n"Grace ""Amazing""\nHopper",85\n\nAlan,41'));
    expect([name, columns]).toEqual(['people.csv', ['name', 'age']]);
    expect(rows.map(({ line, fields }) => [line, ...fields])).toEqual([
      [2, 'Ada', '36'],
      [3, 'Grace "Amazing"\nHopper', '85'],
      [6, 'Alan', '41'],
    ]);
  });

  test('is separated by what its first line shows, or by what is asked for', async () => {
    expect(await fields('a\tb\nx, y\tz\n')).toEqual([['x, y', 'z']]);
    expect(await fields('\n\tb\nx, y\tz\n', { header: false })).toEqual([
      ['', 'b'],
      ['x, y', 'z'],
    ]);
    expect(await fields('a;b\n1,5;2\n')).toEqual([['1,5', '2']]);
    expect(await fields('"a;b;c",d\n1;2,3\n')).toEqual([['1;2', '3']]);
    expect(await fields('a|b\n1|2\n', { delimiter: '|' })).toEqual([['1', '2']]);
    expect(await fields('text\none column\n')).toEqual([['one column']]);
  });

  test('between tabs, quotes are characters; unless they are asked for', async () => {
    expect(await fields('label\ttext\npos\t"Wow" she said\n')).toEqual([['pos', '"Wow" she said']]);
    expect(await fields('label\ttext\npos\t"a\tb"\n', { quotes: true })).toEqual([['pos', 'a\tb']]);
    expect(await fields('a,b\n",c\n', { quotes: false })).toEqual([['"', 'c']]);
  });

  test('without a header has columns 1, 2, …', async () => {
    const table = await readTable(source('Ada,36\nAlan,41\n'), { header: false });
    expect([table.columns, table.rows.map(({ fields }) => fields)]).toEqual([
      ['1', '2'],
      [
        ['Ada', '36'],
        ['Alan', '41'],
      ],
    ]);
    expect(columnOf(table, '2')).toBe(1);
  });

  test('may have one row, end without a line end, have empty fields, CRLF and a byte-order mark', async () => {
    expect(await fields('a,b\r\n"1\r\n2",\r\n')).toEqual([['1\n2', '']]);
    expect(await fields('a,b\n1,2')).toEqual([['1', '2']]);
    const bytes = new TextEncoder().encode('\uFEFFname,age\nAda,36\n');
    async function* pieces() {
      yield bytes.subarray(0, 2);
      yield bytes.subarray(2);
    }
    // Standard input is read once.
    expect((await readTable(textStream(pieces(), 'standard input'))).columns).toEqual(['name', 'age']);
  });

  test('comes in pieces of any size: what papaparse makes of the whole', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é') }), fc.string()), {
          minLength: 1,
          maxLength: 6,
        }),
        async (rows) => {
          const text = Papa.unparse([['x', 'y'], ...rows.map(([a, b]) => [`a${a}`, b.replace(/\r/g, '')])], { newline: '\n' });
          const expected = rows.map(([a, b]) => [`a${a}`, b.replace(/\r/g, '')]);
          expect((await readTable(trickle(text))).rows.map(({ fields }) => fields)).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    ));

  test('with a field of three million characters takes linear time', async () => {
    const long = 'word "" \n'.repeat(330_000);
    const [[, field]] = await fields(`id,text\n1,"${long}"\n`);
    expect(field.length).toBe(long.length - 330_000);
  });

  test('is read row by row, and let go of when its reader stops', async () => {
    let isClosed = false;
    const endless: TextSource = {
      name: 'endless.csv',
      async *chunks() {
        try {
          yield 'n\n';
          for (let n = 0; ; n++) yield `${n}\n`;
        } finally {
          isClosed = true;
        }
      },
    };
    const { rows } = await openTable(endless);
    for await (const row of rows) if (row.fields[0] === '1000') break;
    expect(isClosed).toBe(true);
  });

  test('tableRows gives every row, names too', async () => {
    const rows: (readonly string[])[] = [];
    for await (const row of tableRows(source('a,b\n1,2\n'))) rows.push(row.fields);
    expect(rows).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
  });
});

describe('faults name the place', () => {
  test.each([
    ['nothing', '', {}, 1, 1, 'an empty file'],
    ['blank lines only', '\n \n', {}, 1, 1, 'an empty file'],
    ['names only', 'a,b\n', {}, 2, undefined, 'received none'],
    ['a field too many', 'a,b\n1,2\n1,2,3\n', {}, 3, 5, 'expected 2 fields, as in the first row, received 3'],
    ['a field too few', 'a,b,c\n1,é\n', {}, 2, 4, 'expected 3 fields, as in the first row, received 2'],
    ['a row too long after a field of two lines', 'a,b\n"x\ny",2\n1,2,3\n', {}, 4, 5, 'received 3'],
    ['a field too many behind one of two lines', 'a,b\n"x\ny",2,3\n', {}, 3, 6, 'received 3'],
    ['a quote that is not closed', 'a,b\n1,2\n3,"x\n4,5\n', {}, 3, 3, 'the quote is not closed'],
    ['text behind a closing quote', 'a,b\n1,"x"y\n3,"4"\n', {}, 2, 3, 'text follows its closing quote'],
    ['a column twice', 'a,b,a\n1,2,3\n', {}, 1, 5, 'received "a" as column 1 and 3'],
    ['a column twice but for spaces', 'a, a\n1,2\n', {}, 1, 3, 'received "a" as column 1 and 2'],
    ['another delimiter further down', 'a;b\n1;2\n1,2\n', {}, 3, 4, 'separated by ";"'],
    ['a tab too many', 'pos\tgood\nneg\tbad\tvery\n', { header: false }, 2, 9, 'separated by "\\t".'],
    ['a comma without quotes', 'text\nonly one\nHello, world\n', { delimiter: ',' }, 3, 7, 'stands in quotes'],
  ] as const)('%s', async (_, text, options, line, column, message) => {
    const fault = await faultIn(text, options);
    expect([fault.location.file, fault.location.line, fault.location.column]).toEqual(['people.csv', line, column]);
    expect(fault.message).toContain(message);
  });

  test('bytes that are not UTF-8', async () => {
    async function* pieces() {
      yield new Uint8Array([97, 44, 98, 10, 49, 44, 0xe9, 10]);
    }
    await expect(readTable(textStream(pieces(), 'latin.csv'))).rejects.toThrow('latin.csv, line 2, byte 6: byte 0xE9');
  });

  test('a field that a reader finds wrong', async () => {
    const table = await readTable(source('name,age,city\n"Böll, H.\nK.",x,Köln\n'));
    const [row] = table.rows;
    const placeOf = (index: number) => fieldFault(table, row, index, 'wrong').location;
    expect(placeOf(0)).toEqual({ file: 'people.csv', line: 2, column: 1 });
    expect(placeOf(1)).toEqual({ file: 'people.csv', line: 3, column: 5 });
    expect(placeOf(2)).toEqual({ file: 'people.csv', line: 3, column: 7 });
    expect(placeOf(3)).toEqual({ file: 'people.csv', line: 3, column: 11 });
    expect(fieldFault(table, row, 1, 'expected a number.').message).toBe('people.csv, line 3, column 5: expected a number.');
  });

  test('a column that is not there, with the nearest; a delimiter that is none', async () => {
    const table = await readTable(source('label,text\na,b\n'));
    expect(() => columnOf(table, 'lable')).toThrow('unknown column "lable"; did you mean "label"? Known: label, text.');
    expect(() => columnOf(table, 'lable')).toThrow(ConfigError);
    await expect(readTable(source('a,b\n1,2\n'), { delimiter: '::' })).rejects.toThrow('expected one character');
  });
});
