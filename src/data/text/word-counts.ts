/** How often each string occurs in a text of any length, in bounded memory. */

/** Distinct strings counted at a time; beyond, those seen once so far are dropped. Some 500 MB. */
const mostDistinct = 4_000_000;

export class WordCounts {
  readonly #counts = new Map<string, number>();

  add(word: string): void {
    const count = this.#counts.get(word);
    if (count !== undefined) this.#counts.set(word, count + 1);
    else {
      this.#counts.set(detached(word), 1);
      if (this.#counts.size > mostDistinct) this.#dropRare();
    }
  }

  /** From frequent to rare, equals in code-unit order; at least `minCount` times. */
  ranked(minCount: number): [word: string, count: number][] {
    return [...this.#counts]
      .filter(([, count]) => count >= minCount)
      .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  }

  #dropRare(): void {
    for (const [word, count] of this.#counts) if (count === 1) this.#counts.delete(word);
  }
}

/** V8 keeps the whole text alive behind a substring of 13 characters or more; a copy lets it go. */
function detached(word: string): string {
  return word.length < 13 ? word : (JSON.parse(JSON.stringify(word)) as string);
}
