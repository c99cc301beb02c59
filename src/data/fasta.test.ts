import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuTime } from '../../test/laws/cpu-time.ts';
import { FormatError } from '../tensor/errors.ts';
import { type FastaRecord, fastaRecords } from './fasta.ts';
import { type TextSource, textOf } from './text/text-source.ts';

async function read(source: string | TextSource): Promise<FastaRecord[]> {
  const records: FastaRecord[] = [];
  for await (const record of fastaRecords(typeof source === 'string' ? textOf(source, 'x.fasta') : source)) records.push(record);
  return records;
}

/** The text in pieces of a given length, as a file may come. */
function inPieces(text: string, length: number): TextSource {
  return {
    name: 'x.fasta',
    async *chunks() {
      for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length);
    },
  };
}

describe('fastaRecords', () => {
  it('gives names, descriptions and sequences over several lines', async () => {
    const records = await read('>1abc chain A\nMKT AYI\nAKQ\n\n; a comment\n>2xyz\nGG*\n');
    expect(records.map(({ name, description, sequence }) => [name, description, sequence])).toEqual([
      ['1abc', 'chain A', 'MKTAYIAKQ'],
      ['2xyz', '', 'GG*'],
    ]);
  });

  it('reads a byte-order mark, carriage returns, and no line end at the end', async () => {
    expect((await read('\ufeff>a\r\nMK\r\nTA')).map(({ name, sequence }) => [name, sequence])).toEqual([['a', 'MKTA']]);
  });

  it('knows where each letter stands', async () => {
    const [record] = await read('>a\nMK TA\n\n  YI\n');
    const places = Array.from({ length: 6 }, (_, t) => record.fault('', t).location);
    expect(places.map(({ line, column }) => [line, column])).toEqual([
      [2, 1],
      [2, 2],
      [2, 4],
      [2, 5],
      [4, 3],
      [4, 4],
    ]);
    expect(record.fault('odd').message).toBe('x.fasta, line 1, column 1: odd');
  });

  it('gives the same whatever the pieces are', async () => {
    const letters = fc.stringMatching(/^[A-Z]{1,12}$/);
    const records = fc.array(fc.tuple(fc.stringMatching(/^[a-z0-9]{1,8}$/), fc.array(letters, { minLength: 1, maxLength: 4 })), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(records, fc.integer({ min: 1, max: 9 }), async (given, length) => {
        const text = given.map(([name, lines]) => `>${name}\n${lines.join('\n')}\n`).join('');
        const read_ = await read(inPieces(text, length));
        expect(read_.map(({ name, sequence }) => [name, sequence])).toEqual(given.map(([name, lines]) => [name, lines.join('')]));
      }),
      { numRuns: 50 },
    );
  });

  it('reads a line of ten million letters in linear time', async () => {
    const begun = cpuTime();
    const [{ sequence }] = await read(inPieces(`>titin\n${'MKTAYIAKQR'.repeat(1e6)}\n`, 4096));
    expect(sequence).toHaveLength(1e7);
    expect(cpuTime() - begun).toBeLessThan(5000);
  });

  it.each([
    ['nothing', '', 1, 1, /expected at least one record/],
    ['blank lines alone', '\n\n  \n', 1, 1, /expected at least one record/],
    ['a comment alone', '; none\n', 1, 1, /expected at least one record/],
    ['a sequence without a header', 'MKTAYI\n>a\nMK\n', 1, 1, /before the first sequence, found "MKTAYI"/],
    ['a table', 'name,sequence\na,MKT\n', 1, 1, /found "name,sequence". Is this FASTA/],
    ['a header below a blank line and text', '\nhello world, this is a long line of text\n', 2, 1, /found "hello world, this is a …"/],
    ['a header without a name', '>a\nMK\n>\nMK\n', 3, 2, /expected a name after ">"/],
    ['a header of blanks', '>  \nMK\n', 1, 2, /expected a name/],
    ['a record without a sequence', '>a\nMK\n>b\n>c\nMK\n', 3, 3, /expected a sequence under ">b"/],
    ['a last record without a sequence', '>a\nMK\n>b\n\n', 3, 3, /expected a sequence under ">b"/],
    ['lines that end in carriage returns alone', '>a\rMKT\r>b\rMK\r', 1, 3, /carriage return alone/],
  ])('refuses %s', async (_, text, line, column, message) => {
    const error = await read(text).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).location).toEqual({ file: 'x.fasta', line, column });
    expect((error as FormatError).message).toMatch(message);
  });
});
