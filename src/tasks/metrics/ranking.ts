/** How near the top a ranking has the item that was right: hit rate, discounted gain, reciprocal rank. One right item a ranking. */

/** `hr@10`, `ndcg@10`, `mrr@10`, and for every other k. */
export type RankingMetrics = Readonly<Record<string, number>>;

/** Usual places to cut a ranking. */
export const usualCutoffs: readonly number[] = [5, 10, 20];

/**
 * Counts ranks as they come.
 *
 *   hr@k = share of ranks ≤ k, which is Recall@k with one right item;
 *   ndcg@k = mean of 1 / log₂(1 + rank), mrr@k = mean of 1 / rank, both 0 beyond k
 *
 * @example
 * const scores = new RankingScores([10]);
 * scores.add(rankOf(row, target));
 * scores.metrics(); // { 'hr@10': …, 'ndcg@10': …, 'mrr@10': … }
 */
export class RankingScores {
  readonly cutoffs: readonly number[];
  /** Rankings counted. */
  count = 0;
  readonly #hits: Float64Array;
  readonly #gains: Float64Array;
  readonly #reciprocals: Float64Array;

  constructor(cutoffs: readonly number[] = usualCutoffs) {
    this.cutoffs = cutoffs;
    this.#hits = new Float64Array(cutoffs.length);
    this.#gains = new Float64Array(cutoffs.length);
    this.#reciprocals = new Float64Array(cutoffs.length);
  }

  /** One right item more. @param rank from 1; Infinity where the right item is not ranked at all */
  add(rank: number): void {
    this.count++;
    for (let i = 0; i < this.cutoffs.length; i++) {
      if (!(rank <= this.cutoffs[i])) continue;
      this.#hits[i]++;
      this.#gains[i] += 1 / Math.log2(1 + rank);
      this.#reciprocals[i] += 1 / rank;
    }
  }

  /** Means over what was counted; NaN when that is nothing. */
  metrics(): RankingMetrics {
    const { count } = this;
    return Object.fromEntries(
      this.cutoffs.flatMap((k, i) => [
        [`hr@${k}`, this.#hits[i] / count],
        [`ndcg@${k}`, this.#gains[i] / count],
        [`mrr@${k}`, this.#reciprocals[i] / count],
      ]),
    );
  }
}

/**
 * The rank of one item, from 1. Of equal scores it is the last, and what is no number counts as above it: a model that
 * gives all items one score gets no credit for it.
 *
 * @param scores  of all items
 * @param target  the right item
 * @param seen    items that are not recommended; the target itself always is. Each at most once.
 */
export function rankOf(scores: ArrayLike<number>, target: number, seen?: Iterable<number>): number {
  const own = scores[target];
  let rank = 0;
  // Not "≥": a comparison with NaN is false, and must count.
  for (let i = 0; i < scores.length; i++) if (!(scores[i] < own)) rank++;
  if (seen !== undefined) for (const item of seen) if (item !== target && !(scores[item] < own)) rank--;
  return Math.max(1, rank);
}

/** The k items of the highest scores, the best first; of equal ones that with the smaller number. */
export function topOf(scores: ArrayLike<number>, k: number, isLeftOut: (item: number) => boolean = () => false): Int32Array {
  // A heap of the k best so far, the worst of them at its root.
  const heap: number[] = [];
  const isWorse = (a: number, b: number): boolean => scores[a] < scores[b] || (scores[a] === scores[b] && a > b);
  const sink = (): void => {
    for (let at = 0; ; ) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && isWorse(heap[child], heap[worst])) worst = child;
      if (worst === at) return;
      [heap[at], heap[worst]] = [heap[worst], heap[at]];
      at = worst;
    }
  };
  // The score to beat. An equal one does not: its item has the larger number.
  let floor = Number.NEGATIVE_INFINITY;
  for (let item = 0; item < scores.length && k > 0; item++) {
    const score = scores[item];
    const isFull = heap.length === k;
    if ((isFull ? !(score > floor) : Number.isNaN(score)) || isLeftOut(item)) continue;
    if (isFull) {
      heap[0] = item;
      sink();
    } else {
      heap.push(item);
      for (let at = heap.length - 1, above = (at - 1) >> 1; at > 0 && isWorse(heap[at], heap[above]); at = above, above = (at - 1) >> 1) {
        [heap[at], heap[above]] = [heap[above], heap[at]];
      }
    }
    if (heap.length === k) floor = scores[heap[0]];
  }
  return Int32Array.from(heap.sort((a, b) => (isWorse(a, b) ? 1 : -1)));
}
