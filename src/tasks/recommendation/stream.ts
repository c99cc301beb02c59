/** Recommendations that evolve: one event after another, and at any time what comes next. */

import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { Floats, RecurrentStream } from '../../nn/recurrent-stream.ts';
import { FormatError } from '../../tensor/errors.ts';
import { topOf } from '../metrics/ranking.ts';
import type { Catalogue } from './catalogue.ts';
import type { Recommender } from './model.ts';
import { gapClass } from './time-gaps.ts';

/** An item was taken. */
export interface RecommendationEvent {
  /** Its name. */
  readonly item: string;
  /** Seconds since 1970, for models that read time gaps; absent: not known. */
  readonly time?: number;
}

/** An item and its score. */
export interface Recommendation {
  readonly item: string;
  /** Higher is likelier. Scores of one moment can be compared, those of two cannot. */
  readonly score: number;
}

/** All that a stream knows of the past; plain JSON. */
export interface RecommendationState {
  /** Of the recurrent layers: [h], or [h, c]. */
  readonly hidden: readonly (readonly number[])[];
  /** The last known item; null: none yet. */
  readonly last: string | null;
  /** When; null: not known. */
  readonly time: number | null;
  /** Every known item so far, once. */
  readonly seen: readonly string[];
}

/**
 * Follows one user. Memory does not grow but by the list of what was seen; `state` can be stored and set again, so that one
 * stream serves many users in turn.
 *
 * @example
 * const { model, catalogue } = await loadRecommender('runs/shop/model.safetensors');
 * const stream = new RecommendationStream(model, catalogue);
 * stream.step({ item: '4711' });
 * stream.top(5, { excludeSeen: true }); // [{ item, score }, …]
 */
export class RecommendationStream {
  readonly #model: Recommender;
  readonly #catalogue: Catalogue;
  readonly #rnn: RecurrentStream;
  readonly #items: Floats;
  readonly #gaps: Floats | null;
  readonly #features: readonly { readonly table: Floats; readonly ofItem: ArrayLike<number> }[];
  readonly #x: Floats;
  #hidden: Floats;
  #last = -1;
  #time = Number.NaN;
  #seen = new Set<number>();

  constructor(model: Recommender, catalogue: Catalogue) {
    const { embeddingSize, gapSize, featureSize, hiddenSize } = model.architecture;
    this.#model = model.eval();
    this.#catalogue = catalogue;
    this.#rnn = model.rnn.stream();
    this.#items = model.items.weight.dataSync() as Floats;
    this.#gaps = model.gaps === null ? null : (model.gaps.weight.dataSync() as Floats);
    this.#features = model.features.map(({ embedding, ofItem }) => ({ table: embedding.weight.dataSync() as Floats, ofItem }));
    this.#x = new Float64Array(embeddingSize + gapSize + model.features.length * featureSize);
    this.#hidden = new Float64Array(hiddenSize);
  }

  /** Whether no known item has come yet: what is recommended then is what is popular. */
  get isCold(): boolean {
    return this.#last < 0;
  }

  /**
   * Takes an event in.
   *
   * @returns whether the item is in the catalogue; one that is not is passed over
   */
  step({ item, time = Number.NaN }: RecommendationEvent): boolean {
    const id = this.#catalogue.id(item);
    if (id < 0) return false;
    const { embeddingSize: E, gapSize, featureSize } = this.#model.architecture;
    this.#x.set(rowOf(this.#items, id, E));
    let offset = E;
    if (this.#gaps !== null) {
      this.#x.set(rowOf(this.#gaps, gapClass(time - this.#time), gapSize), offset);
      offset += gapSize;
    }
    for (const { table, ofItem } of this.#features) {
      this.#x.set(rowOf(table, ofItem[id], featureSize), offset);
      offset += featureSize;
    }
    this.#hidden = this.#rnn.step(this.#x);
    this.#last = id;
    this.#time = time;
    this.#seen.add(id);
    return true;
  }

  /** Scores of all items of the catalogue as the next, [V]; before the first known one logarithms of their popularity. */
  scores(): Floats {
    if (this.isCold) {
      const { counts } = this.#catalogue;
      const total = counts.reduce((sum, count) => sum + count + 1, 0);
      return Float64Array.from(counts, (count) => Math.log((count + 1) / total));
    }
    const model = this.#model;
    const { backend } = model;
    const { embeddingSize: E, hiddenSize: H } = model.architecture;
    return scope(() =>
      noGrad(() => {
        const hidden = tensor(this.#hidden, { shape: [1, H], backend });
        const query = model.queriesFrom(hidden, () => tensor(rowOf(this.#items, this.#last, E), { shape: [1, E], backend }));
        return model.scores(query).dataSync() as Floats;
      }),
    );
  }

  /** The k items that are likeliest next, the best first; fewer when the catalogue has no more. */
  top(k: number, { excludeSeen = false }: { readonly excludeSeen?: boolean } = {}): Recommendation[] {
    const scores = this.scores();
    const best = topOf(scores, k, excludeSeen ? (item) => this.#seen.has(item) : undefined);
    return Array.from(best, (item) => ({ item: this.#catalogue.name(item), score: scores[item] }));
  }

  /** Back to a user of whom nothing is known. */
  reset(): void {
    this.#rnn.reset();
    this.#hidden = new Float64Array(this.#hidden.length);
    this.#last = -1;
    this.#time = Number.NaN;
    this.#seen = new Set();
  }

  get state(): RecommendationState {
    const name = (item: number): string => this.#catalogue.name(item);
    return {
      hidden: this.#rnn.state.map((values) => [...values]),
      last: this.isCold ? null : name(this.#last),
      time: Number.isNaN(this.#time) ? null : this.#time,
      seen: Array.from(this.#seen, name),
    };
  }

  /** @throws FormatError when it names items that the catalogue does not have, ShapeError when it is another model's */
  set state({ hidden, last, time, seen }: RecommendationState) {
    const id = (name: string): number => {
      const known = this.#catalogue.id(name);
      if (known < 0) throw new FormatError(`state: expected items of the catalogue, received "${name}". Is it another model's state?`);
      return known;
    };
    const lastId = last === null ? -1 : id(last);
    const seenIds = new Set(seen.map(id));
    this.#rnn.state = hidden.map((values) => Float64Array.from(values));
    // The last layer's h is the last H numbers.
    this.#hidden = Float64Array.from(hidden[0].slice(-this.#hidden.length));
    this.#last = lastId;
    this.#time = time ?? Number.NaN;
    this.#seen = seenIds;
  }
}

function rowOf(table: Floats, row: number, width: number): Floats {
  return table.subarray(row * width, (row + 1) * width);
}
