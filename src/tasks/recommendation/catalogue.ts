/** The items that can be recommended: their names, and how often each was taken in the training data. */
import { Vocabulary } from '../../data/text/vocabulary.ts';
import { FormatError } from '../../tensor/errors.ts';
import type { Interactions } from './interactions.ts';

/** A catalogue in a model's configuration. */
export interface CatalogueJson {
  readonly items: readonly string[];
  readonly counts: readonly number[];
}

/** Items by numbers 0 … V − 1, those of more interactions first. */
export class Catalogue {
  /** [V], interactions in the training data. */
  readonly counts: Int32Array;
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary, counts: Int32Array) {
    this.#vocabulary = vocabulary;
    this.counts = counts;
  }

  /** V */
  get size(): number {
    return this.counts.length;
  }

  /** −1 for what is not in the catalogue. */
  id(name: string): number {
    return this.#vocabulary.id(name);
  }

  /** What the data calls an item. */
  name(id: number): string {
    return this.#vocabulary.symbol(id);
  }

  /** For the model file. */
  toJSON(): CatalogueJson {
    return { items: this.#vocabulary.symbols, counts: [...this.counts] };
  }

  /** @throws FormatError when it is no catalogue */
  static fromJSON(json: unknown): Catalogue {
    const { items, counts } = (json ?? {}) as Partial<CatalogueJson>;
    const vocabulary = Vocabulary.fromJSON({ symbols: items, padding: false, unknown: false });
    if (!Array.isArray(counts) || counts.length !== vocabulary.size || !counts.every((n) => Number.isInteger(n) && n >= 0)) {
      throw new FormatError(`catalogue: expected ${vocabulary.size} counts of items, whole numbers of 0 or more.`);
    }
    return new Catalogue(vocabulary, Int32Array.from(counts));
  }
}

/** Events of users with items by the catalogue's numbers. */
export interface Histories {
  readonly users: readonly string[];
  /** [U + 1], user u has the events starts[u] … starts[u + 1] − 1. */
  readonly starts: Int32Array;
  /** [N]; −1: an item that the catalogue does not have. */
  readonly items: Int32Array;
  /** [N], seconds; null where there are none. */
  readonly times: Float64Array | null;
}

/** The names of all items with their numbers of interactions, as a vocabulary of a catalogue takes them. */
export function vocabularyOf({ items, events }: Interactions): Vocabulary {
  const counts = new Int32Array(items.length);
  for (const item of events) counts[item]++;
  return Vocabulary.of(new Map(items.map((name, i) => [name, counts[i]])));
}

/** Items by their numbers in a vocabulary or a catalogue. */
export function historiesOf({ users, items, starts, events, times }: Interactions, known: { id(name: string): number }): Histories {
  const ids = Int32Array.from(items, (name) => known.id(name));
  return { users, starts, items: events.map((item) => ids[item]), times };
}
