import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../tensor/errors.ts';
import { formatArpa, readArpa } from './arpa.ts';
import { estimateNgrams } from './kneser-ney.ts';
import { textFile, textOf } from './text-source.ts';

const small = String.raw`made by hand

\data\
ngram 1=5
ngram 2=4
ngram 3=2

\1-grams:
-99	<s>	-0.5
-1.0	</s>
-2.0	<unk>
-0.5	a	-0.3
-0.7	b	-0.2

\2-grams:
-0.2	<s> a	-0.1
-0.4	a b	-0.6
-0.3	b a
-0.9	b </s>

\3-grams:
-0.05	<s> a b
-0.15	a b a

\end\
`;

const read = (text: string) => readArpa(textOf(text, 'lm.arpa'));
const inLog10 = (x: number) => x / Math.LN10;

describe('a model', () => {
  it('says of n-grams what the file says, and backs off where it has none', async () => {
    const model = await read(small);
    expect(model.order).toBe(3);
    expect(model.counts).toEqual([5, 4, 2]);
    const p = (context: string[], word: string) => {
      let [state] = [model.start()];
      for (const before of context) [state] = model.advance([state], [model.idOf(before)]);
      return inLog10(word === '</s>' ? model.end(state) : model.score(state, model.idOf(word)));
    };
    expect(p([], 'a')).toBeCloseTo(-0.2, 12); // <s> a
    expect(p([], 'b')).toBeCloseTo(-0.5 - 0.7, 12); // back-off of <s>
    expect(p(['a'], 'b')).toBeCloseTo(-0.05, 12); // <s> a b
    expect(p(['a'], 'a')).toBeCloseTo(-0.1 - 0.3 - 0.5, 12); // of <s> a, then of a
    expect(p(['a', 'b'], 'a')).toBeCloseTo(-0.15, 12); // a b a
    expect(p(['a', 'b'], '</s>')).toBeCloseTo(-0.6 - 0.9, 12); // of a b, then b </s>
    expect(p(['a', 'b', 'a'], 'b')).toBeCloseTo(-0.4, 12); // b a has no back-off weight: 1
    expect(p(['x'], 'a')).toBeCloseTo(-0.5, 12); // after an unknown word
    expect(p(['a'], 'x')).toBeCloseTo(-0.1 - 0.3 - 2, 12); // <unk>
    expect(inLog10(model.logProbabilityOf(['a', 'b']))).toBeCloseTo(-0.2 - 0.05 - 0.6 - 0.9, 12);
    expect(model.perplexity([['a', 'b']])).toBeCloseTo(10 ** ((0.2 + 0.05 + 0.6 + 0.9) / 3), 10);
  });

  it('is the same compressed, with spaces for tabs and with other line ends', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'unrolled-arpa-'));
    try {
      const file = join(folder, 'lm.arpa.gz');
      await writeFile(file, gzipSync(small.replaceAll('\t', '  ').replaceAll('\n', '\r\n')));
      expect(formatArpa(await readArpa(textFile(file)))).toBe(formatArpa(await read(small)));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is written as it was read', async () => {
    const written = formatArpa(await read(small));
    expect(formatArpa(await read(written))).toBe(written);
    expect(written).toContain('-0.4\ta b\t-0.6\n');
    expect(written).toContain('-99\t<s>\t-0.5\n');
  });

  it('may have words alone', async () => {
    const model = await read('\\data\\\nngram 1=2\n\\1-grams:\n-0.3 a\n-inf b\n\\end\\\nanything');
    expect(inLog10(model.logProbabilityOf(['a', 'a']))).toBeCloseTo(-0.6, 12);
    expect(model.logProbabilityOf(['b'])).toBe(Number.NEGATIVE_INFINITY);
    expect(model.logProbabilityOf(['c'])).toBe(Number.NEGATIVE_INFINITY);
    expect(model.idOf('c')).toBe(-1);
  });

  it('of characters knows the space, and refuses to write what the format cannot hold', async () => {
    const model = estimateNgrams(
      ['a b', 'b a'].map((line) => Array.from(line)),
      { order: 3 },
    );
    const written = formatArpa(model);
    expect(written).toContain('a <space> b');
    const back = await read(written);
    expect(back.words).toEqual(model.words);
    expect(back.logProbabilityOf(['a', ' ', 'b'])).toBeCloseTo(model.logProbabilityOf(['a', ' ', 'b']), 5);
    expect(() => formatArpa(estimateNgrams([['a', '\t']]))).toThrow(FormatError);
    expect(() => formatArpa(estimateNgrams([['a', 'b c']]))).toThrow(/words without spaces, as ARPA files have them, received "b c"/);
  });

  it('knows words that begin with a backslash', async () => {
    const model = await read('\\data\\\nngram 1=1\n\\1-grams:\n-0.3 \\n\n\\end\\');
    expect(model.words).toEqual(['\\n']);
  });
});

describe('faults name file, line and column', () => {
  const edited = (from: string, to: string) => {
    expect(small).toContain(from);
    return small.replace(from, to);
  };
  it.each([
    ['an empty file', '', 1, undefined, 'expected a line "\\data\\"'],
    ['another text', 'the whale\n', 1, undefined, 'Is this an n-gram model?'],
    ['no counts', '\\data\\\n\\1-grams:\n', 2, 1, 'expected "ngram 1=COUNT" after "\\data\\"'],
    ['a count that is none', edited('ngram 2=4', 'ngram 2=many'), 5, 1, 'expected "ngram N=COUNT", received "ngram 2=many"'],
    ['an order left out', edited('ngram 2=4\n', ''), 5, 1, 'expected the number of 2-grams here, received that of 3-grams'],
    ['no 1-grams', '\\data\\\nngram 1=0\n\\1-grams:\n\\end\\\n', 3, 1, 'expected at least one 1-gram'],
    ['a section left out', edited('\\2-grams:', '\\3-grams:'), 15, 1, 'expected "\\2-grams:", received "\\3-grams:"'],
    ['a heading misspelt', edited('\\3-grams:', '\\trigrams:'), 21, 1, 'expected "\\3-grams:", received "\\trigrams:"'],
    ['too few', edited('-0.9	b </s>\n', ''), 20, 1, 'expected 4 2-grams, as "ngram 2=" says, received 3 before "\\3-grams:"'],
    ['too many', edited('-0.05	<s> a b\n', '-0.05	<s> a b\n-1	b a b\n'), 24, 1, 'expected 2 3-grams, as "ngram 3=" says, received more'],
    ['no number', edited('-0.4	a b', 'x	a b'), 17, 1, 'expected a log-probability, received "x"'],
    ['a probability above 1', edited('-0.4	a b', '0.4	a b'), 17, 1, 'expected a log-probability of at most 0, received 0.4'],
    ['no number behind', edited('a b	-0.6', 'a b	much'), 17, 10, 'expected the logarithm of a back-off weight, received "much"'],
    [
      'a word too few',
      edited('-0.9	b </s>', '-0.9	b'),
      19,
      1,
      'expected a log-probability, 2 words and perhaps a back-off weight, received 2 fields',
    ],
    ['a word too many', edited('-0.7	b	-0.2', '-0.7	b c -0.2'), 13, 1, 'a word and perhaps a back-off weight, received 4 fields'],
    ['an unknown word', edited('-0.3	b a', '-0.3	b c'), 18, 8, '"c" is not among the 1-grams'],
    ['no context', edited('-0.15	a b a', '-0.15	a a b'), 23, 7, '"a a b" has no context: "a a" is not among the 2-grams'],
    ['twice', edited('-0.3	b a', '-0.3	a b'), 18, 6, '"a b" stands here for the second time'],
    ['a word twice', edited('-0.7	b	-0.2', '-0.7	a'), 13, 6, '"a" stands here for the second time'],
    ['an early end', edited('\\end\\\n', ''), 25, 1, 'expected a line "\\end\\": the file ends early'],
    ['an end too early', edited('\\3-grams:', '\\end\\'), 21, 1, 'expected "\\3-grams:", received "\\end\\"'],
  ])('%s', async (_, text, line, column, message) => {
    const fault = (await read(text).catch((error) => error)) as FormatError;
    expect(fault).toBeInstanceOf(FormatError);
    expect(fault.message).toContain(message);
    expect(fault.location).toEqual({ file: 'lm.arpa', line, ...(column === undefined ? {} : { column }) });
  });
});
