/** How well classes are told apart: counts, the scores that follow from them, and both for a screen. */

/** Scores of one class; 0 where there is nothing to divide by. */
export interface ClassScores {
  readonly label: string;
  /** Of those predicted, the share that is right. */
  readonly precision: number;
  /** Of those expected, the share that is found. */
  readonly recall: number;
  /** Harmonic mean of the two. */
  readonly f1: number;
  /** How many were expected. */
  readonly support: number;
}

/** Two classes that are taken for one another: so often the first for the second. */
export interface Confusion {
  readonly expected: string;
  readonly predicted: string;
  readonly count: number;
}

/** A confusion matrix and its scores as JSON. */
export interface ConfusionJson {
  readonly labels: readonly string[];
  /** Rows: expected; columns: predicted. */
  readonly matrix: readonly (readonly number[])[];
  readonly classes: readonly ClassScores[];
}

/**
 * How often each class is taken for each.
 *
 * @example
 * const matrix = new ConfusionMatrix(['ham', 'spam']);
 * matrix.add(1, 0); // a spam that was taken for ham
 */
export class ConfusionMatrix {
  readonly labels: readonly string[];
  readonly #counts: Float64Array; // [K, K]: expected, predicted

  constructor(labels: readonly string[]) {
    this.labels = labels;
    this.#counts = new Float64Array(labels.length ** 2);
  }

  /** One more, or `count` more, of class `expected` that was taken for `predicted`; both are indices of labels. */
  add(expected: number, predicted: number, count = 1): void {
    const K = this.labels.length;
    for (const index of [expected, predicted]) {
      if (!(Number.isInteger(index) && index >= 0 && index < K)) {
        throw new RangeError(`[ConfusionMatrix] expected a class in 0…${K - 1}, received ${index}.`);
      }
    }
    this.#counts[expected * K + predicted] += count;
  }

  /** How often `expected` was taken for `predicted`. */
  count(expected: number, predicted: number): number {
    return this.#counts[expected * this.labels.length + predicted];
  }

  /** How many were judged. */
  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Share of those that are right. */
  get accuracy(): number {
    return ratio(
      this.labels.reduce((sum, _, k) => sum + this.count(k, k), 0),
      this.total,
    );
  }

  /** Mean F1 of the classes that were expected or predicted at all, each counting the same. */
  get f1Macro(): number {
    return macro(this.#cells());
  }

  /** Scores by class, in the order of the labels. */
  get classes(): readonly ClassScores[] {
    return this.#cells().map(scoresOf);
  }

  /** Pairs of classes by how often the first was taken for the second, from often to rarely. */
  confusions(most = Number.POSITIVE_INFINITY): Confusion[] {
    const pairs = this.labels.flatMap((expected, e) =>
      this.labels.map((predicted, p) => ({ expected, predicted, count: e === p ? 0 : this.count(e, p) })),
    );
    return pairs
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, most);
  }

  /** For a screen: scores by class; the matrix, where it fits; what is confused most. Lines of at most 100 columns. */
  report(): string {
    const parts = [scoresTable(this.classes)];
    const matrix = this.#matrixTable();
    if (matrix !== null) parts.push(matrix);
    const confusions = this.confusions(10);
    if (this.labels.length > 2 && confusions.length > 0) {
      const rows = confusions.map(({ expected, predicted, count }) => [cut(expected, 40), '→', cut(predicted, 40), String(count)]);
      parts.push(`Most often confused (expected → predicted)\n${columns(rows, [false, false, false, true])}`);
    }
    return parts.join('\n');
  }

  /** Counts, and scores by class. */
  toJSON(): ConfusionJson {
    return {
      labels: this.labels,
      matrix: this.labels.map((_, e) => this.labels.map((__, p) => this.count(e, p))),
      classes: this.classes,
    };
  }

  #cells(): Cells[] {
    return this.labels.map((label, k) => {
      const sumOf = (at: (other: number) => number) => this.labels.reduce((sum, _, other) => sum + at(other), 0);
      return {
        label,
        right: this.count(k, k),
        expected: sumOf((other) => this.count(k, other)),
        predicted: sumOf((other) => this.count(other, k)),
      };
    });
  }

  #matrixTable(): string | null {
    const head = ['', ...this.labels.map((label) => cut(label, 10))];
    const rows = this.labels.map((label, e) => [cut(label, 20), ...this.labels.map((_, p) => String(this.count(e, p) || '·'))]);
    const table = columns([head, ...rows], [false, ...this.labels.map(() => true)]);
    const isNarrow = table.split('\n').every((line) => line.length <= mostColumns);
    return isNarrow ? `Confusion matrix (rows: expected, columns: predicted)\n${table}` : null;
  }
}

/**
 * Scores where each item has any number of labels.
 *
 * @example
 * const scores = new MultiLabelScores(['sports', 'politics', 'money']);
 * scores.add([0, 2], [0]); // sports found, money missed
 */
export class MultiLabelScores {
  readonly labels: readonly string[];
  /** How many were judged. */
  total = 0;
  #exact = 0;
  readonly #cells: { label: string; right: number; expected: number; predicted: number }[];

  constructor(labels: readonly string[]) {
    this.labels = labels;
    this.#cells = labels.map((label) => ({ label, right: 0, expected: 0, predicted: 0 }));
  }

  /** One more item: indices of its labels, each once, and of those predicted. */
  add(expected: readonly number[], predicted: readonly number[]): void {
    const right = expected.filter((k) => predicted.includes(k));
    for (const k of right) this.#cells[k].right++;
    for (const k of expected) this.#cells[k].expected++;
    for (const k of predicted) this.#cells[k].predicted++;
    this.total++;
    if (right.length === expected.length && right.length === predicted.length) this.#exact++;
  }

  /** Share of items whose labels are all found, and no others (subset accuracy). */
  get accuracy(): number {
    return ratio(this.#exact, this.total);
  }

  /** F1 over all labels of all items together. */
  get f1Micro(): number {
    const sumOf = (at: (cells: Cells) => number) => this.#cells.reduce((sum, cells) => sum + at(cells), 0);
    return ratio(
      2 * sumOf(({ right }) => right),
      sumOf(({ expected, predicted }) => expected + predicted),
    );
  }

  /** Mean F1 of the labels that were expected or predicted at all, each counting the same. */
  get f1Macro(): number {
    return macro(this.#cells);
  }

  /** Scores by label, in their order. */
  get classes(): readonly ClassScores[] {
    return this.#cells.map(scoresOf);
  }

  /** Scores by label, for a screen. Lines of at most 100 columns. */
  report(): string {
    return scoresTable(this.classes);
  }

  /** Scores by class. */
  toJSON(): { readonly labels: readonly string[]; readonly classes: readonly ClassScores[] } {
    return { labels: this.labels, classes: this.classes };
  }
}

interface Cells {
  readonly label: string;
  readonly right: number;
  readonly expected: number;
  readonly predicted: number;
}

function scoresOf({ label, right, expected, predicted }: Cells): ClassScores {
  return {
    label,
    precision: ratio(right, predicted),
    recall: ratio(right, expected),
    f1: ratio(2 * right, expected + predicted),
    support: expected,
  };
}

function macro(classes: readonly Cells[]): number {
  const seen = classes.filter(({ expected, predicted }) => expected + predicted > 0);
  return ratio(
    seen.reduce((sum, cells) => sum + scoresOf(cells).f1, 0),
    seen.length,
  );
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

// ---- for a screen -----------------------------------------------------------------------------------------------------

const mostColumns = 100;

function scoresTable(classes: readonly ClassScores[]): string {
  const head = ['', 'precision', 'recall', 'F1', 'number'];
  const rows = classes.map(({ label, precision, recall, f1, support }) => [
    cut(label, 40),
    ...[precision, recall, f1].map((share) => share.toFixed(3)),
    String(support),
  ]);
  return columns([head, ...rows], [false, true, true, true, true]);
}

/** Rows as columns of equal width, numbers to the right; each line ends with a line end. */
function columns(rows: readonly (readonly string[])[], isNumber: readonly boolean[]): string {
  const widths = isNumber.map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const lines = rows.map((row) => row.map((cell, c) => (isNumber[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))));
  return lines.map((line) => `  ${line.join('  ').trimEnd()}\n`).join('');
}

function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
