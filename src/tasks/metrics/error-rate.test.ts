import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignSequences, characterErrorRate, charactersOf, ErrorRate, editDistance, wordErrorRate, wordsOf } from './error-rate.ts';

const distance = (a: string, b: string): number => editDistance([...a], [...b]);

describe('edit distance', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['', 'ab', 2],
    ['kitten', 'sitting', 3],
    ['saturday', 'sunday', 3],
    ['intention', 'execution', 5],
    ['flaw', 'lawn', 2],
    ['ab', 'ba', 2],
    ['🙂a', 'a🙂', 2],
  ])('of "%s" and "%s" is %i', (a, b, expected) => {
    expect(distance(a, b)).toBe(expected);
    expect(distance(b, a)).toBe(expected);
  });

  test('compares any units, whatever they are', () => {
    expect(editDistance([1, 2, 3], [1, 3])).toBe(1);
    expect(editDistance(['ein', 'Wort'], ['kein', 'Wort'])).toBe(1);
  });

  // Few letters, so that they often meet.
  const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 9 });

  test('is a metric', () => {
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, a)).toBe(0);
        if (a.join('') !== b.join('')) expect(editDistance(a, b)).toBeGreaterThan(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });

  test('lies between the difference of the lengths and the longer one, and ignores what both begin and end with', () => {
    fc.assert(
      fc.property(word, word, word, (a, b, around) => {
        const d = editDistance(a, b);
        expect(d).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(d).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance([...around, ...a, ...around], [...around, ...b, ...around])).toBe(d);
      }),
    );
  });

  test('is what plain recursion says', () => {
    const slow = (a: readonly string[], b: readonly string[]): number => {
      if (a.length === 0 || b.length === 0) return a.length + b.length;
      const [, ...restA] = a;
      const [, ...restB] = b;
      return Math.min(slow(restA, restB) + (a[0] === b[0] ? 0 : 1), slow(restA, b) + 1, slow(a, restB) + 1);
    };
    const short = fc.array(fc.constantFrom('a', 'b'), { maxLength: 5 });
    fc.assert(
      fc.property(short, short, (a, b) => {
        expect(editDistance(a, b)).toBe(slow(a, b));
      }),
    );
  });

  test('is the number of edits in an alignment, which spells both sequences', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const edits = alignSequences(a, b);
        expect(edits.filter(({ kind }) => kind !== 'match')).toHaveLength(editDistance(a, b));
        expect(edits.flatMap(({ expected }) => expected ?? [])).toEqual(a);
        expect(edits.flatMap(({ received }) => received ?? [])).toEqual(b);
        for (const { kind, expected, received } of edits) {
          expect(kind === 'match').toBe(expected === received);
          expect(kind === 'insertion').toBe(expected === null);
          expect(kind === 'deletion').toBe(received === null);
        }
      }),
    );
  });
});

test('an alignment says what became of each unit', () => {
  expect(alignSequences([...'kitten'], [...'sitting'])).toEqual([
    { kind: 'substitution', expected: 'k', received: 's' },
    ...[...'itt'].map((letter) => ({ kind: 'match', expected: letter, received: letter })),
    { kind: 'substitution', expected: 'e', received: 'i' },
    { kind: 'match', expected: 'n', received: 'n' },
    { kind: 'insertion', expected: null, received: 'g' },
  ]);
  expect(alignSequences([...'ab'], [...'b']).map(({ kind }) => kind)).toEqual(['deletion', 'match']);
});

describe('the rate of one text', () => {
  test.each([
    ['abcd', 'abcd', 0],
    ['abcd', 'abxd', 0.25],
    ['ab', 'abcdef', 2],
    ['', '', 0],
    ['', 'ab', 1],
    ['ab', '', 1],
    ['né', 'ne', 0.5],
  ])('of "%s" as "%s" is %d in characters', (expected, received, rate) => {
    expect(characterErrorRate(expected, received)).toBe(rate);
  });

  test('in words is blind to white space around and between', () => {
    expect(wordErrorRate('the  cat\tsat', ' the cat sat ')).toBe(0);
    expect(wordErrorRate('the cat sat on', 'the hat on')).toBe(0.5);
    expect([wordsOf(' a\n b '), charactersOf('a🙂')]).toEqual([
      ['a', 'b'],
      ['a', '🙂'],
    ]);
  });
});

describe('a corpus', () => {
  // 1 substitution; 2 deletions; 1 insertion; none.
  const texts = [
    ['cat', 'cut'],
    ['three', 'tre'],
    ['so', 'sow'],
    ['a', 'a'],
  ];
  const cer = new ErrorRate();
  for (const [expected, received] of texts) cer.add([...expected], [...received]);

  test('counts errors over all that was expected', () => {
    const { substitutions, insertions, deletions, length, sequences, errors, rate, exact } = cer;
    expect({ substitutions, insertions, deletions, length, sequences }).toEqual({
      substitutions: 1,
      insertions: 1,
      deletions: 2,
      length: 11,
      sequences: 4,
    });
    expect([errors, rate, exact]).toEqual([4, 4 / 11, 0.25]);
  });

  test('tells what went wrong most often', () => {
    const rate = new ErrorRate()
      .add([...'1111'], [...'1771'])
      .add([...'17'], [...'7 '])
      .add([], ['7']);
    expect(rate.frequentErrors(2)).toEqual([
      { expected: '1', received: '7', count: 3 },
      { expected: '7', received: ' ', count: 1 },
    ]);
    expect(rate.report('characters')).toBe(
      [
        '83.33 % of 6 characters wrong: 4 substituted, 0 missing, 1 too many',
        '0.00 % of 3 sequences without an error',
        '',
        'Most frequent errors in characters (expected → received)',
        '  1  →  7    3',
        '  7  →  " "  1',
        '  –  →  7    1',
        '',
      ].join('\n'),
    );
    expect(rate.toJSON()).toMatchObject({ rate: 5 / 6, substitutions: 4, sequences: 3, errors: [{ count: 3 }, {}, {}] });
  });

  test('without anything expected is 0, unless something was received', () => {
    expect([new ErrorRate().rate, new ErrorRate().exact]).toEqual([0, 0]);
    expect(new ErrorRate().add([], []).rate).toBe(0);
    expect(new ErrorRate().add([], ['a', 'b']).rate).toBe(1);
  });

  test('does not depend on the order of its texts', () => {
    const backwards = new ErrorRate();
    for (const [expected, received] of texts.toReversed()) backwards.add([...expected], [...received]);
    expect(backwards.rate).toBe(cer.rate);
  });
});
