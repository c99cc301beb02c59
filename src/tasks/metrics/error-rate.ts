/**
 * How far a text is from what it should be: edit distance (Levenshtein 1966), the alignment behind it, and error rates over a
 * corpus by characters, words, or whatever else a text is cut into.
 */

/** One step from what was expected to what was received. */
export type Edit<T> =
  | { readonly kind: 'match' | 'substitution'; readonly expected: T; readonly received: T }
  | { readonly kind: 'deletion'; readonly expected: T; readonly received: null }
  | { readonly kind: 'insertion'; readonly expected: null; readonly received: T };

/**
 * The least number of substitutions, insertions and deletions that turn one sequence into the other.
 *
 * @example editDistance([...'kitten'], [...'sitting']) // 3
 */
export function editDistance<T>(expected: readonly T[], received: readonly T[]): number {
  // D[i, j] = min(D[i−1, j−1] + (a_i ≠ b_j), D[i−1, j] + 1, D[i, j−1] + 1), a row at a time
  const row = Uint32Array.from({ length: received.length + 1 }, (_, j) => j);
  for (let i = 1; i <= expected.length; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= received.length; j++) {
      const substituted = diagonal + (expected[i - 1] === received[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = Math.min(substituted, row[j] + 1, row[j - 1] + 1);
    }
  }
  return row[received.length];
}

/**
 * One of the shortest ways from `expected` to `received`, step by step; of equally short ones the one that, seen from the end,
 * prefers a match or substitution to a deletion, and a deletion to an insertion. Memory grows with the product of the lengths.
 *
 * @example alignSequences([...'cat'], [...'at']).map(({ kind }) => kind) // ['deletion', 'match', 'match']
 */
export function alignSequences<T>(expected: readonly T[], received: readonly T[]): Edit<T>[] {
  const width = received.length + 1;
  const D = new Uint32Array((expected.length + 1) * width);
  for (let j = 1; j < width; j++) D[j] = j;
  for (let i = 1; i <= expected.length; i++) {
    D[i * width] = i;
    for (let j = 1; j < width; j++) {
      const substituted = D[(i - 1) * width + j - 1] + (expected[i - 1] === received[j - 1] ? 0 : 1);
      D[i * width + j] = Math.min(substituted, D[(i - 1) * width + j] + 1, D[i * width + j - 1] + 1);
    }
  }
  const edits: Edit<T>[] = [];
  let [i, j] = [expected.length, received.length];
  while (i > 0 || j > 0) {
    const here = D[i * width + j];
    if (i > 0 && j > 0) {
      const [a, b] = [expected[i - 1], received[j - 1]];
      if (here === D[(i - 1) * width + j - 1] + (a === b ? 0 : 1)) {
        edits.push({ kind: a === b ? 'match' : 'substitution', expected: a, received: b });
        i--;
        j--;
        continue;
      }
    }
    if (i > 0 && here === D[(i - 1) * width + j] + 1) edits.push({ kind: 'deletion', expected: expected[--i], received: null });
    else edits.push({ kind: 'insertion', expected: null, received: received[--j] });
  }
  return edits.reverse();
}

/** A text as the units of a character error rate: its Unicode code points, without a normalisation. */
export function charactersOf(text: string): string[] {
  return [...text];
}

/** A text as the units of a word error rate: what stands between white space. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== '');
}

/**
 * Character error rate of one text: edit distance in code points over the number of those expected. Above 1 where much too much
 * was received; where nothing was expected 0 if nothing was received, else 1.
 */
export function characterErrorRate(expected: string, received: string): number {
  return new ErrorRate().add(charactersOf(expected), charactersOf(received)).rate;
}

/** Word error rate of one text; as `characterErrorRate`, in words. */
export function wordErrorRate(expected: string, received: string): number {
  return new ErrorRate().add(wordsOf(expected), wordsOf(received)).rate;
}

/** An error that came again and again. Null: nothing was expected (an insertion), or nothing received (a deletion). */
export interface FrequentError {
  readonly expected: string | null;
  readonly received: string | null;
  readonly count: number;
}

/** Counts and rates over a corpus, as JSON. */
export interface ErrorRateJson {
  readonly rate: number;
  readonly substitutions: number;
  readonly insertions: number;
  readonly deletions: number;
  /** Units expected in all. */
  readonly length: number;
  /** Share of the sequences without an error. */
  readonly exact: number;
  readonly sequences: number;
  /** The 50 most frequent errors. */
  readonly errors: readonly FrequentError[];
}

/**
 * Error rate over a corpus: all errors over all that was expected, so that long sequences count more than short ones.
 *
 *   rate = (S + I + D) / N
 *
 * @example
 * const cer = new ErrorRate();
 * for (const { text, recognised } of lines) cer.add(charactersOf(text), charactersOf(recognised));
 * cer.rate; // and cer.report('characters')
 */
export class ErrorRate {
  substitutions = 0;
  insertions = 0;
  deletions = 0;
  /** N: units expected. */
  length = 0;
  sequences = 0;
  #exact = 0;
  // By what was expected and received; a unit may be any text, so the key is JSON.
  readonly #errors = new Map<string, { readonly expected: string | null; readonly received: string | null; count: number }>();

  /** One more sequence of units, and what was received for it. */
  add(expected: readonly string[], received: readonly string[]): this {
    let isExact = true;
    for (const edit of alignSequences(expected, received)) {
      if (edit.kind === 'match') continue;
      isExact = false;
      if (edit.kind === 'substitution') this.substitutions++;
      else if (edit.kind === 'insertion') this.insertions++;
      else this.deletions++;
      this.#count(edit.expected, edit.received);
    }
    this.length += expected.length;
    this.sequences++;
    if (isExact) this.#exact++;
    return this;
  }

  /** S + I + D */
  get errors(): number {
    return this.substitutions + this.insertions + this.deletions;
  }

  /** Errors over units expected. Where none were expected: 0 without errors, else 1. */
  get rate(): number {
    return this.length === 0 ? Math.min(1, this.errors) : this.errors / this.length;
  }

  /** Share of the sequences without an error; 0 where there are none. */
  get exact(): number {
    return this.sequences === 0 ? 0 : this.#exact / this.sequences;
  }

  /** What went wrong how often, from often to rarely; equally frequent errors as they first came. */
  frequentErrors(most = Number.POSITIVE_INFINITY): FrequentError[] {
    return [...this.#errors.values()]
      .sort((a, b) => b.count - a.count)
      .slice(0, most)
      .map((error) => ({ ...error }));
  }

  /**
   * For a screen: the counts, and the most frequent errors. Lines of at most 100 characters.
   *
   * @param units what was counted: "characters"
   */
  report(units: string, most = 10): string {
    const { substitutions, insertions, deletions, length, sequences } = this;
    const count = (n: number): string => n.toLocaleString('en-US');
    const lines = [
      `${percent(this.rate)} of ${count(length)} ${units} wrong: ${count(substitutions)} substituted, ${count(deletions)} missing, ${count(insertions)} too many`,
      `${percent(this.exact)} of ${count(sequences)} sequences without an error`,
    ];
    const errors = this.frequentErrors(most).map((error) => [shown(error.expected), shown(error.received), String(error.count)]);
    if (errors.length > 0) {
      const [from, to, times] = [0, 1, 2].map((c) => Math.max(...errors.map((row) => [...row[c]].length)));
      const pad = (text: string, width: number): string => text + ' '.repeat(width - [...text].length);
      lines.push('', `Most frequent errors in ${units} (expected → received)`);
      lines.push(...errors.map(([a, b, n]) => `  ${pad(a, from)}  →  ${pad(b, to)}  ${n.padStart(times)}`));
    }
    return `${lines.join('\n')}\n`;
  }

  /** The rate, its counts, and the 50 most frequent errors. */
  toJSON(): ErrorRateJson {
    const { rate, substitutions, insertions, deletions, length, exact, sequences } = this;
    return { rate, substitutions, insertions, deletions, length, exact, sequences, errors: this.frequentErrors(50) };
  }

  #count(expected: string | null, received: string | null): void {
    const key = JSON.stringify([expected, received]);
    const known = this.#errors.get(key);
    if (known === undefined) this.#errors.set(key, { expected, received, count: 1 });
    else known.count++;
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** A blank would not be seen, and nothing has no sign. */
function shown(unit: string | null): string {
  if (unit === null) return '–';
  const characters = [...unit];
  const cut = characters.length > 40 ? `${characters.slice(0, 39).join('')}…` : unit;
  return /^\s+$/u.test(cut) ? JSON.stringify(cut) : cut;
}
