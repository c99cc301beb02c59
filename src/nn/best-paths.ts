/** The best paths through a chain of tags, of one sequence at a time: Viterbi's algorithm with k survivors instead of one. */

/** A sequence of tags and its score. */
export interface ScoredPath {
  readonly tags: Int32Array;
  readonly score: number;
}

export interface Chain {
  /** Steps. */
  readonly n: number;
  /** Tags. */
  readonly C: number;
  readonly emission: (t: number, j: number) => number;
  readonly transitions: ArrayLike<number>; // [C, C]: from, to
  readonly start: ArrayLike<number>; // [C]
  readonly end: ArrayLike<number>; // [C]
}

/**
 * The k paths of the largest scores, best first; fewer where there are not so many that are not −∞. Of equal scores the one that
 * is first when read from its end comes first.
 *
 * @see Seshadri & Sundberg (1994), List Viterbi decoding algorithms, doi:10.1109/26.275240 (the parallel form)
 */
export function bestPaths({ n, C, emission, transitions, start, end }: Chain, k: number): ScoredPath[] {
  if (n === 0) return [{ tags: new Int32Array(), score: 0 }];
  let survivors = Array.from({ length: C }, (_, j) => new Survivors(k).offer(start[j] + emission(0, j), -1));
  const steps = [survivors];
  for (let t = 1; t < n; t++) {
    const before = survivors;
    survivors = before.map((_, j) => arriving(before, k, (i) => transitions[i * C + j] + emission(t, j)));
    steps.push(survivors);
  }
  const last = arriving(survivors, k, (j) => end[j]);
  return Array.from({ length: last.count }, (_, rank) => {
    const tags = new Int32Array(n);
    for (let t = n - 1, at = last.from[rank]; t >= 0; t--) {
      tags[t] = Math.floor(at / k);
      at = steps[t][tags[t]].from[at % k];
    }
    return { tags, score: last.scores[rank] };
  });
}

/** The best of what goes on from each tag's survivors, at the cost of `more(tag)`. */
function arriving(before: readonly Survivors[], k: number, more: (i: number) => number): Survivors {
  const best = new Survivors(k);
  before.forEach(({ scores, count }, i) => {
    const added = more(i);
    for (let rank = 0; rank < count; rank++) best.offer(scores[rank] + added, i * k + rank);
  });
  return best;
}

/** The k best ways to one tag, best first. */
class Survivors {
  count = 0;
  readonly scores: Float64Array;
  /** Where each came from: tag · k + rank there. */
  readonly from: Int32Array;

  constructor(k: number) {
    this.scores = new Float64Array(k);
    this.from = new Int32Array(k);
  }

  /** Takes a way in if it is possible and among the best; after those of equal score. */
  offer(score: number, from: number): this {
    const k = this.scores.length;
    if (score === Number.NEGATIVE_INFINITY || (this.count === k && score <= this.scores[k - 1])) return this;
    let at = this.count === k ? k - 1 : this.count++;
    for (; at > 0 && this.scores[at - 1] < score; at--) {
      this.scores[at] = this.scores[at - 1];
      this.from[at] = this.from[at - 1];
    }
    this.scores[at] = score;
    this.from[at] = from;
    return this;
  }
}
