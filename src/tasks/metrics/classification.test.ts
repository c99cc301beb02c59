import { describe, expect, test } from 'vitest';
import { ConfusionMatrix, MultiLabelScores } from './classification.ts';

/** Expected cat: 5 cat, 1 dog. Expected dog: 2 cat, 6 dog, 2 fish. Expected fish: 4 fish. "eel" never occurs. */
function pets(): ConfusionMatrix {
  const matrix = new ConfusionMatrix(['cat', 'dog', 'fish', 'eel']);
  matrix.add(0, 0, 5);
  matrix.add(0, 1);
  matrix.add(1, 0, 2);
  matrix.add(1, 1, 6);
  for (let i = 0; i < 2; i++) matrix.add(1, 2);
  matrix.add(2, 2, 4);
  return matrix;
}

describe('a confusion matrix', () => {
  test('gives accuracy, and precision, recall and F1 by class', () => {
    const matrix = pets();
    expect(matrix.total).toBe(20);
    expect(matrix.accuracy).toBe(15 / 20);
    const [cat, dog, fish, eel] = matrix.classes;
    expect(cat).toEqual({ label: 'cat', precision: 5 / 7, recall: 5 / 6, f1: 10 / 13, support: 6 });
    expect(dog).toEqual({ label: 'dog', precision: 6 / 7, recall: 6 / 10, f1: 12 / 17, support: 10 });
    expect(fish).toEqual({ label: 'fish', precision: 4 / 6, recall: 1, f1: 8 / 10, support: 4 });
    expect(eel).toEqual({ label: 'eel', precision: 0, recall: 0, f1: 0, support: 0 });
  });

  test('leaves out of the macro mean what neither occurs nor is predicted', () => {
    expect(pets().f1Macro).toBeCloseTo((10 / 13 + 12 / 17 + 8 / 10) / 3, 12);
    const matrix = pets();
    matrix.add(0, 3); // now eel is predicted, and wrong
    expect(matrix.f1Macro).toBeCloseTo((10 / 14 + 12 / 17 + 8 / 10 + 0) / 4, 12);
  });

  test('of nothing has zeros', () => {
    const matrix = new ConfusionMatrix(['a', 'b']);
    expect([matrix.accuracy, matrix.f1Macro, matrix.total]).toEqual([0, 0, 0]);
  });

  test('knows what is confused most', () => {
    expect(pets().confusions(2)).toEqual([
      { expected: 'dog', predicted: 'cat', count: 2 },
      { expected: 'dog', predicted: 'fish', count: 2 },
    ]);
    expect(pets().confusions()).toHaveLength(3);
  });

  test('reads on a screen', () => {
    expect(pets().report()).toBe(`\
        precision  recall     F1  number
  cat       0.714   0.833  0.769       6
  dog       0.857   0.600  0.706      10
  fish      0.667   1.000  0.800       4
  eel       0.000   0.000  0.000       0

Confusion matrix (rows: expected, columns: predicted)
        cat  dog  fish  eel
  cat     5    1     ·    ·
  dog     2    6     2    ·
  fish    ·    ·     4    ·
  eel     ·    ·     ·    ·

Most often confused (expected → predicted)
  dog  →  cat   2
  dog  →  fish  2
  cat  →  dog   1
`);
  });

  test('of many classes or long names stays within 100 columns', () => {
    const matrix = new ConfusionMatrix(Array.from({ length: 30 }, (_, k) => `${k} ${'very '.repeat(12)}long`));
    matrix.add(3, 4);
    const lines = matrix.report().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(matrix.report()).not.toContain('Confusion matrix');
  });

  test('as JSON has labels, counts and scores', () => {
    const { labels, matrix, classes } = JSON.parse(JSON.stringify(pets()));
    expect(labels).toEqual(['cat', 'dog', 'fish', 'eel']);
    expect(matrix).toEqual([
      [5, 1, 0, 0],
      [2, 6, 2, 0],
      [0, 0, 4, 0],
      [0, 0, 0, 0],
    ]);
    expect(classes[1].recall).toBe(0.6);
  });

  test('refuses a class that is none', () => {
    expect(() => pets().add(0, 4)).toThrow('[ConfusionMatrix] expected a class in 0…3, received 4.');
    expect(() => pets().add(-1, 0)).toThrow('received -1');
  });
});

describe('scores of several labels', () => {
  /** Items: {a, b} as {a, b}; {a} as {a, c}; {} as {}; {b, c} as {a}. */
  function scores(): MultiLabelScores {
    const scores = new MultiLabelScores(['a', 'b', 'c', 'never']);
    scores.add([0, 1], [1, 0]);
    scores.add([0], [0, 2]);
    scores.add([], []);
    scores.add([1, 2], [0]);
    return scores;
  }

  test('by hand', () => {
    const { total, accuracy, f1Micro, f1Macro, classes } = scores();
    expect([total, accuracy]).toEqual([4, 2 / 4]);
    // a: 2 right of 2 expected and 3 predicted; b: 1 of 2 and 1; c: 0 of 1 and 1.
    expect(f1Micro).toBe((2 * 3) / (5 + 5));
    expect(f1Macro).toBeCloseTo((4 / 5 + 2 / 3 + 0) / 3, 12);
    expect(classes[0]).toEqual({ label: 'a', precision: 2 / 3, recall: 1, f1: 4 / 5, support: 2 });
  });

  test('read on a screen', () => {
    expect(scores().report()).toContain('  a          0.667   1.000  0.800       2\n');
  });
});
