import { describe, expect, test } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { type LabelledTextFormat, labelledTexts, unlabelledTexts } from './labelled-texts.ts';

async function read(text: string, format: LabelledTextFormat = {}, file = 'reviews.csv') {
  const texts: [line: number, text: string, ...labels: string[]][] = [];
  for await (const { line, text: own, labels } of labelledTexts(textOf(text, file), format)) texts.push([line, own, ...labels]);
  return texts;
}

async function faultIn(text: string, format: LabelledTextFormat, file: string): Promise<FormatError> {
  const fault = await read(text, format, file).then(
    () => null,
    (error) => error,
  );
  expect(fault).toBeInstanceOf(FormatError);
  return fault;
}

describe('texts and labels', () => {
  test('of a table with names, in any order', async () => {
    expect(await read('id,text,label\n1,"Good, very good",pos\n2,Bad,neg\n')).toEqual([
      [2, 'Good, very good', 'pos'],
      [3, 'Bad', 'neg'],
    ]);
    const named = { textColumn: 'review', labelColumn: 'stars' };
    expect(await read('stars;review\n5;Good\n1;Bad\n', named)).toEqual([
      [2, 'Good', '5'],
      [3, 'Bad', '1'],
    ]);
  });

  test('of label, tab, text', async () => {
    expect(await read('pos\t"Good," she said\nneg\tBad\n', {}, 'reviews.tsv')).toEqual([
      [1, '"Good," she said', 'pos'],
      [2, 'Bad', 'neg'],
    ]);
  });

  test('of a table without names', async () => {
    const format = { columns: ['text', 'source', 'label'], delimiter: '|' };
    expect(await read('Good|web|pos\nBad|letter|neg\n', format)).toEqual([
      [1, 'Good', 'pos'],
      [2, 'Bad', 'neg'],
    ]);
  });

  test('of JSON lines, with labels that are numbers too', async () => {
    const lines = '{"text": "Good", "label": 5, "id": 1}\n\n{"label": true, "text": "Bad"}\n';
    expect(await read(lines, {}, 'reviews.jsonl')).toEqual([
      [1, 'Good', '5'],
      [3, 'Bad', 'true'],
    ]);
  });

  test('with several labels, or none', async () => {
    const format = { labelSeparator: '|' };
    expect(await read('label,text\nsports|politics|sports,One\n,Two\n money ,Three\n', format)).toEqual([
      [2, 'One', 'sports', 'politics'],
      [3, 'Two'],
      [4, 'Three', 'money'],
    ]);
    expect(
      await read('{"label": ["a", 2], "text": "One"}\n{"label": [], "text": "Two"}\n{"label": "a|b", "text": "Three"}', format, 'x.jsonl'),
    ).toEqual([
      [1, 'One', 'a', '2'],
      [2, 'Two'],
      [3, 'Three', 'a', 'b'],
    ]);
  });
});

test('texts without labels, the empty ones too', async () => {
  const texts = async (text: string, format: LabelledTextFormat, file: string) => {
    const all: string[] = [];
    for await (const { text: own } of unlabelledTexts(textOf(text, file), format)) all.push(own);
    return all;
  };
  expect(await texts('id,text\n1,Good\n2,\n', {}, 'new.csv')).toEqual(['Good', '']);
  expect(await texts('pos\tGood\nneg\tBad\n', {}, 'new.tsv')).toEqual(['Good', 'Bad']);
  expect(await texts('Good\nBad\n', {}, 'new.tsv')).toEqual(['Good', 'Bad']);
  expect(await texts('{"review": "Good"}\n', { textColumn: 'review' }, 'new.ndjson')).toEqual(['Good']);
});

describe('faults name file, line and column:', () => {
  test.each([
    ['an empty file', '', {}, 1, 1, 'an empty file'],
    [
      'names that are not looked for',
      'stars,review\n5,Good\n',
      {},
      1,
      1,
      'expected columns "label" and "text", received a first row of "stars", "review"',
    ],
    ['one of the names', 'label,review\n5,Good\n', {}, 1, 1, 'Name them with textColumn and labelColumn'],
    ['no names, and three columns', 'pos\tGood\tweb\n', {}, 1, 1, 'received a first row of "pos", "Good", "web"'],
    ['a name that is given but not there', 'pos\tGood\n', { textColumn: 'review' }, 1, 1, 'expected columns "label" and "review"'],
    ['a column twice', 'label,text,text\na,b,c\n', {}, 1, 12, 'expected one column "text", received "label", "text", "text"'],
    [
      'too few columns for their names',
      'pos,Good\n',
      { columns: ['label', 'id', 'text'] },
      1,
      1,
      'expected 3 columns (label, id, text), received 2',
    ],
    ['names without the text', 'pos,Good\n', { columns: ['label', 'body'] }, 1, 1, 'expected one column "text", received "label", "body"'],
    ['a field too few', 'label,text\npos,Good\nneg\n', {}, 3, 4, 'expected 2 fields'],
    ['a comma in a text', 'label,text\npos,Good, very good\n', {}, 2, 10, 'expected 2 fields'],
    ['a quote that is not closed', 'label,text\npos,"Good\nneg,Bad\n', {}, 2, 5, 'the quote is not closed'],
    ['an empty text', 'label,text\npos,Good\nneg,\n', {}, 3, 5, 'expected a text, received an empty one'],
    ['a blank text', 'label\ttext\npos\t \nneg\tBad\n', {}, 2, 5, 'expected a text, received an empty one'],
    ['an empty label', 'text,label\nGood,\n', {}, 2, 6, 'expected a label, received none'],
  ] as const)('a table with %s', async (_, text, format, line, column, message) => {
    const fault = await faultIn(text, format, 'reviews.csv');
    expect(fault.message).toContain(message);
    expect(fault.location).toEqual({ file: 'reviews.csv', line, column });
  });

  test.each([
    ['reviews.csv', 'text,label\nGood,pos\n"So,\nso",mid\n', {}, 4, 5, 'unknown label "mid"; did you mean "nil"?'],
    ['tags.csv', 'label,text\npos|neg,Both\nneg|mid,So\n', { labelSeparator: '|' }, 3, 1, 'unknown label "mid"'],
    ['reviews.jsonl', '{"text": "Good", "label": "pos"}\n{"text": "So", "label": "mid"}\n', {}, 2, 1, '"label": unknown label "mid"'],
  ] as const)('labels beside the known ones: %s', async (name, text, format, line, column, message) => {
    const all = async () => {
      for await (const _ of labelledTexts(textOf(text, name), format, ['pos', 'neg', 'nil'])) {
        // to the fault
      }
    };
    const fault: FormatError = await all().then(
      () => null,
      (error) => error,
    );
    expect(fault).toBeInstanceOf(FormatError);
    expect(fault.message).toContain(message);
    expect(fault.message).toContain('The training data have no text with it.');
    expect(fault.location).toEqual({ file: name, line, column });
  });

  const good = '{"label": "pos", "text": "Good"}\n';
  test.each([
    ['a table', 'label,text\npos,Good\n', 1, 1, 'expected one JSON value a line'],
    ['a line that is cut', `${good}{"label": "neg", "te\n`, 2, 21, 'the line ends where it cannot be'],
    ['a comma too few', `${good}{"label": "neg" "text": "Bad"}`, 2, 17, 'found "\\"text\\"'],
    ['a list of objects', `[${good.trim()}]`, 1, 1, 'expected an object such as'],
    ['a string', `${good}"Bad"`, 2, 1, 'received "Bad"'],
    ['null', 'null', 1, 1, 'received null'],
    [
      'no text',
      '{"label": "pos", "review": "Good"}',
      1,
      1,
      'expected a text as "text", received a record without it (it has label, review)',
    ],
    ['a text that is none', `${good}{"label": "pos", "text": 7}`, 2, 1, 'expected a text as "text", received 7'],
    ['an empty text', '{"label": "pos", "text": " "}', 1, 1, 'expected a text, received an empty one'],
    ['no label', '{"text": "Good"}', 1, 1, 'expected a label as "label", received a record without it (it has text)'],
    ['null as label', `${good}{"label": null, "text": "Bad"}`, 2, 1, 'expected a label as "label", received null'],
    ['an empty label', '{"label": "", "text": "Bad"}', 1, 1, 'expected a label, received none'],
    ['a list of labels', '{"label": ["a", "b"], "text": "Bad"}', 1, 1, 'received the list ["a","b"]. Give labelSeparator'],
    ['an object as label', '{"label": {"a": 1}, "text": "Bad"}', 1, 1, 'received {"a":1}'],
  ] as const)('JSON lines with %s', async (_, text, line, column, message) => {
    const fault = await faultIn(text, {}, 'reviews.jsonl');
    expect(fault.message).toContain(message);
    expect(fault.location).toEqual({ file: 'reviews.jsonl', line, column });
  });
});
