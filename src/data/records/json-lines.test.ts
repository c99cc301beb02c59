import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FormatError } from '../../tensor/errors.ts';
import { textOf } from '../text/text-source.ts';
import { type JsonLine, jsonLines } from './json-lines.ts';

async function linesOf(text: string): Promise<JsonLine[]> {
  const lines: JsonLine[] = [];
  for await (const line of jsonLines(textOf(text, 'reviews.jsonl'))) lines.push(line);
  return lines;
}

async function faultIn(text: string): Promise<FormatError> {
  const fault = await linesOf(text).then(
    () => null,
    (error) => error,
  );
  expect(fault).toBeInstanceOf(FormatError);
  return fault;
}

test('each line is a value; blank ones are none', async () => {
  expect(await linesOf('{"text":"a"}\r\n\n[1, 2]\n"end"')).toEqual([
    { line: 1, value: { text: 'a' } },
    { line: 3, value: [1, 2] },
    { line: 4, value: 'end' },
  ]);
  expect(await linesOf('')).toEqual([]);
});

describe('faults name line and column', () => {
  test.each([
    ['no JSON at all', 'pos\tgreat', 1, 1],
    ['a word for a value', '{"a": yes}', 1, 7],
    ['single quotes', "{'a': 1}", 1, 2],
    ['a comma too many in an object', '{"a": 1,}', 1, 9],
    ['a comma too many in a list', '[1, 2, ]', 1, 8],
    ['a comma too few', '{"a": 1 "b": 2}', 1, 9],
    ['a colon too few', '{"a" 1}', 1, 6],
    ['a string that is not closed', '{"text": "it', 1, 13],
    ['an object that is not closed', '{"é": 1', 1, 8],
    ['a wrong bracket', '{"a": [1, 2}', 1, 12],
    ['a closing bracket alone', ']', 1, 1],
    ['an unknown escape', '{"a": "C:\\dir"}', 1, 10],
    ['a tab in a string', '"a\tb"', 1, 3],
    ['a number with a zero in front', '[01]', 1, 2],
    ['a number that is none', '{"a": 1.}', 1, 7],
    ['NaN', '{"a": 1}\n{"a": NaN}', 2, 7],
    ['two values', '{"a": 1} {"a": 2}', 1, 10],
    ['a value of several lines', '{\n"a": 1\n}', 1, 2],
  ])('%s', async (_, text, line, column) => {
    const fault = await faultIn(text);
    expect(fault.location).toEqual({ file: 'reviews.jsonl', line, column });
    expect(fault.message).toContain('expected one JSON value a line');
  });

  test('what was found is said', async () => {
    expect((await faultIn('{"a": yes}')).message).toContain('found "yes}" where it cannot be');
    expect((await faultIn('{"a": 1')).message).toContain('the line ends where it cannot be');
  });

  test('wherever valid JSON is cut short, the fault is at its end', () =>
    fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 3 }), fc.nat(), async (json, at) => {
        const whole = `[${json}]`;
        const cut = whole.slice(0, 1 + (at % (whole.length - 1)));
        const { column } = (await faultIn(cut)).location;
        // A word or an escape that is cut is at fault from its beginning.
        const partial = /(?:\\[^"]{0,5}|[-\w.+]*)$/.exec(cut)![0].length;
        expect(column).toBeGreaterThan([...cut].length - partial);
        expect(column).toBeLessThanOrEqual([...cut].length + 1);
      }),
      { numRuns: 300 },
    ));
});
