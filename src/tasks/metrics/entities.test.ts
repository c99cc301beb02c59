import { describe, expect, it } from 'vitest';
import { type Entity, EntityScores, entitiesIn, joinTag, splitTag } from './entities.ts';

/** Random tags and their counts [in data, predicted, correct] by conlleval.py (github spyysalo/conlleval.py, 406d6a0). */
const golden = [
  {
    scheme: 'BIO and what it does not allow',
    expected: [
      'B-A I-A O O O I-B-c',
      'I-B-c I-A',
      'O O I-B-c O',
      'B-B-c I-A B-A',
      'O I-B-c I-B-c',
      'I-B-c O',
      'I-A B-B-c I-A I-B-c I-A B-B-c B-B-c B-A B-A',
      'B-B-c B-A I-A',
      'B-B-c O B-B-c I-B-c I-A I-B-c',
      'B-B-c O I-A O B-B-c O I-A B-B-c',
      'I-A I-B-c B-B-c B-A I-A I-B-c B-B-c O',
      'B-B-c B-B-c O',
    ],
    predicted: [
      'B-A I-A B-A O O I-B-c',
      'I-B-c I-A',
      'O O O O',
      'B-B-c I-A B-A',
      'O I-B-c I-B-c',
      'I-B-c O',
      'I-A B-B-c I-A I-B-c O B-B-c B-B-c B-A B-A',
      'B-B-c O I-B-c',
      'O B-B-c B-B-c I-B-c I-A I-B-c',
      'B-B-c O I-A B-A B-B-c O I-A B-B-c',
      'I-A I-B-c B-A B-A I-A I-B-c B-B-c O',
      'B-B-c B-B-c O',
    ],
    tokens: 57,
    same: 48,
    overall: [38, 38, 33],
    types: { A: [15, 16, 13], 'B-c': [23, 22, 20] },
  },
  {
    scheme: 'IOB1 without B-',
    expected: [
      'I-A O O O O O',
      'O O O I-A O I-B-c',
      'O O O O O O I-B-c O',
      'O I-B-c O',
      'I-B-c I-A I-B-c',
      'O I-A I-A O',
      'I-A I-B-c O I-B-c I-B-c',
      'O',
      'O O',
      'O I-B-c O',
      'I-A I-A',
      'I-A O I-B-c I-A I-A O O O',
    ],
    predicted: [
      'I-A O O O O O',
      'O O O I-A O I-B-c',
      'O O O O O O I-B-c I-B-c',
      'O I-B-c O',
      'I-B-c I-A I-A',
      'O I-A I-A O',
      'I-A I-B-c O I-B-c I-B-c',
      'I-B-c',
      'I-A O',
      'O I-B-c O',
      'O I-A',
      'I-A O I-A I-A I-A O O I-B-c',
    ],
    tokens: 51,
    same: 44,
    overall: [17, 18, 11],
    types: { A: [8, 9, 5], 'B-c': [9, 9, 6] },
  },
  {
    scheme: 'BIOES and what it does not allow',
    expected: [
      'S-B-c E-B-c B-B-c O E-A',
      'S-B-c S-B-c O',
      'B-B-c S-A O',
      'S-B-c S-B-c S-A B-A S-B-c O I-A I-A I-B-c',
      'S-A S-B-c S-B-c S-A S-B-c',
      'S-A E-A B-A I-A E-B-c B-A I-A',
      'B-B-c I-A B-B-c E-B-c S-B-c E-B-c E-A E-B-c',
      'S-B-c B-A B-A I-A B-A',
      'I-B-c E-B-c B-B-c S-B-c S-B-c O S-A',
      'B-A O I-A B-A I-B-c',
      'S-B-c',
      'B-B-c I-B-c',
    ],
    predicted: [
      'O S-B-c B-B-c S-B-c E-A',
      'B-B-c S-B-c B-B-c',
      'B-B-c S-A O',
      'S-B-c S-B-c S-A B-A B-A O I-A I-A I-B-c',
      'S-B-c I-B-c I-A B-B-c S-B-c',
      'S-A B-B-c E-A I-A S-A B-A E-B-c',
      'B-B-c I-A B-B-c E-B-c S-B-c E-B-c E-A E-B-c',
      'S-B-c B-A B-B-c I-A B-A',
      'I-B-c E-B-c B-B-c S-B-c S-B-c O B-A',
      'S-A O E-B-c I-B-c I-B-c',
      'S-B-c',
      'B-B-c I-B-c',
    ],
    tokens: 60,
    same: 41,
    overall: [47, 50, 34],
    types: { A: [20, 19, 12], 'B-c': [27, 31, 22] },
  },
];

const shown = (tags: string): string[] => entitiesIn(tags.split(' ')).map(({ start, end, type }: Entity) => `${start}-${end} ${type}`);

describe('entities', () => {
  it('are read from BIO, IOB1 and BIOES alike', () => {
    expect(shown('B-P I-P B-P O B-L')).toEqual(['0-2 P', '2-3 P', '4-5 L']);
    expect(shown('I-P I-P B-P O I-L')).toEqual(['0-2 P', '2-3 P', '4-5 L']);
    expect(shown('B-P E-P S-P O S-L')).toEqual(['0-2 P', '2-3 P', '4-5 L']);
    expect(shown('O O')).toEqual([]);
    expect(entitiesIn([])).toEqual([]);
  });

  it('begin with another type, whatever the prefix', () => {
    expect(shown('B-P I-L I-L')).toEqual(['0-1 P', '1-3 L']);
    expect(shown('O I-P E-P I-P')).toEqual(['1-3 P', '3-4 P']);
  });

  it('have types with hyphens', () => {
    expect(splitTag('B-creative-work')).toEqual({ prefix: 'B', type: 'creative-work' });
    expect(splitTag('O')).toEqual({ prefix: 'O', type: '' });
    expect(joinTag('B', 'creative-work')).toBe('B-creative-work');
    expect(shown('B-creative-work I-creative-work')).toEqual(['0-2 creative-work']);
  });

  it('may have none, and are then of one', () => {
    expect(splitTag('B')).toEqual({ prefix: 'B', type: '' });
    expect(joinTag('B', '')).toBe('B');
    expect(shown('B I B O B')).toEqual(['0-2 ', '2-3 ', '4-5 ']);
    expect(shown('I I B O I')).toEqual(['0-2 ', '2-3 ', '4-5 ']);
    expect(shown('B E S O S')).toEqual(['0-2 ', '2-3 ', '4-5 ']);
  });
});

describe('entity scores', () => {
  it.each(golden)('are those of conlleval: $scheme', ({ expected, predicted, tokens, same, overall, types }) => {
    const scores = new EntityScores();
    expected.forEach((tags, i) => {
      scores.add(tags.split(' '), predicted[i].split(' '));
    });
    const counts = ({ expected: inData, predicted: found, correct }: { expected: number; predicted: number; correct: number }) => [
      inData,
      found,
      correct,
    ];
    expect(scores.accuracy).toBeCloseTo(same / tokens, 12);
    expect(counts(scores.overall)).toEqual(overall);
    expect(Object.fromEntries([...scores.byType].map(([type, score]) => [type, counts(score)]))).toEqual(types);
    const [inData, found, correct] = overall;
    expect(scores.overall.precision).toBeCloseTo(correct / found, 12);
    expect(scores.overall.recall).toBeCloseTo(correct / inData, 12);
    expect(scores.overall.f1).toBeCloseTo((2 * correct) / (found + inData), 12);
  });

  it('are 0, not NaN, where there is nothing', () => {
    const scores = new EntityScores();
    scores.add(['O', 'O'], ['O', 'O']);
    expect(scores.overall).toEqual({ expected: 0, predicted: 0, correct: 0, precision: 0, recall: 0, f1: 0 });
    expect(scores.accuracy).toBe(1);
  });

  it('are shown by type', () => {
    const scores = new EntityScores();
    scores.add(['B-PER', 'I-PER', 'O', 'B-LOC'], ['B-PER', 'I-PER', 'O', 'O']);
    expect(scores.report().split('\n')).toEqual([
      'entity precision    recall        F1   in data predicted',
      'LOC         0.00      0.00      0.00         1         0',
      'PER       100.00    100.00    100.00         1         1',
      'all       100.00     50.00     66.67         2         1',
    ]);
  });

  it('of entities without types are those of one type, named where they are shown', () => {
    const scores = new EntityScores();
    scores.add(['B', 'I', 'O', 'B'], ['B', 'I', 'O', 'O']);
    expect(scores.report().split('\n')).toEqual([
      'entity    precision    recall        F1   in data predicted',
      '(no type)    100.00     50.00     66.67         2         1',
      'all          100.00     50.00     66.67         2         1',
    ]);
    expect(scores.toJSON().byType).toEqual({ '': scores.overall });
  });

  it('refuse sentences of two lengths', () => {
    expect(() => new EntityScores().add(['O', 'O'], ['O'])).toThrow('expected 2 predicted tags, one a token, received 1');
  });
});
