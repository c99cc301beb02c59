/** How high a recommender ranks what was taken next, among all items of its catalogue. */

import { slice } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { bufferOf, empty, type Tensor, tensor } from '../../autograd/tensor.ts';
import { Breath } from '../../training/breath.ts';
import type { Catalogue, Histories } from './catalogue.ts';
import type { HistoryBatch, Recommender, RecommenderState } from './model.ts';
import { gapClass } from './time-gaps.ts';

/** Ranks of the events that were to be foretold. */
export interface Ranks {
  /** From 1; Infinity where the catalogue does not have the item. */
  readonly model: Float64Array;
  /** The same, of a ranking by popularity in the training data. */
  readonly popularity: Float64Array;
  /** Known items that each was foretold from. */
  readonly historyLengths: Int32Array;
  /** The items, −1 where the catalogue does not have it. */
  readonly targets: Int32Array;
  /** Events that were left out: no item before them is in the catalogue. */
  readonly withoutHistory: number;
}

/** What is ranked. */
export interface RankOptions {
  /** Items of the history are not recommended. Default false. */
  readonly excludeSeen?: boolean;
  /** Called between forwards: lets the host's other work run. */
  readonly pause?: () => Promise<void>;
}

/** A user's known events, and what is asked of them. */
interface Job {
  readonly items: Int32Array;
  readonly gaps: Int32Array | null;
  readonly asks: readonly Ask[];
}

interface Ask {
  /** The last event that is known. */
  readonly step: number;
  readonly target: number;
  /** Where the rank goes. */
  readonly place: number;
}

/** An ask within a window. */
interface Asked {
  readonly target: number;
  readonly place: number;
  /** What is not recommended. */
  readonly seen: Iterable<number>;
}

const nothing: Iterable<number> = [];

/** Histories side by side. */
const batchSize = 256;
/** Steps of one forward; states are carried to the next. */
const windowLength = 64;
/** Scores that exist at a time: 16 MB of float32. */
const chunkElements = 2 ** 22;

/**
 * Ranks among all items. Each history is read from its beginning, whatever its length, as `RecommendationStream` reads it. Of equal
 * scores the right item counts as the last. Items that the catalogue does not have are passed over in histories.
 *
 * @param at  the events to foretell: positions in `histories.items`, in their order
 */
export async function rankEvents(
  model: Recommender,
  catalogue: Catalogue,
  histories: Histories,
  at: Int32Array,
  options: RankOptions = {},
): Promise<Ranks> {
  const { excludeSeen = false, pause = pauseNow() } = options;
  const { jobs, targets, historyLengths } = jobsOf(model, histories, at);
  const ranks = new Float64Array(targets.length).fill(Number.POSITIVE_INFINITY);
  const popularity = new Float64Array(targets.length).fill(Number.POSITIVE_INFINITY);
  const byPopularity = popularityRanks(catalogue);
  for (const { items, asks } of jobs) {
    for (const { step, target, place } of asks) {
      if (target >= 0) popularity[place] = byPopularity(target, excludeSeen ? seenUpTo(items, step) : nothing);
    }
  }
  jobs.sort((a, b) => b.items.length - a.items.length);
  const wasTraining = model.isTraining;
  model.eval();
  try {
    for (let first = 0; first < jobs.length; first += batchSize) {
      const batch = jobs.slice(first, first + batchSize);
      let state: RecommenderState | null = null;
      for (let begin = 0; begin < batch[0].items.length; begin += windowLength) {
        const given: RecommenderState | null = state;
        state = scope(() => noGrad(() => rankWindow(model, batch, begin, given, excludeSeen, ranks)));
        await pause();
      }
    }
  } finally {
    model.train(wasTraining);
  }
  return { model: ranks, popularity, historyLengths, targets, withoutHistory: at.length - targets.length };
}

function jobsOf(model: Recommender, { starts, items, times }: Histories, at: Int32Array) {
  const jobs: Job[] = [];
  const targets: number[] = [];
  const historyLengths: number[] = [];
  let user = 0;
  for (let k = 0; k < at.length; ) {
    while (starts[user + 1] <= at[k]) user++;
    const known: number[] = [];
    const gaps: number[] | null = model.gaps === null || times === null ? null : [];
    const asks: Ask[] = [];
    let time = Number.NaN;
    let event = starts[user];
    for (; k < at.length && at[k] < starts[user + 1]; k++) {
      for (; event < at[k]; event++) {
        if (items[event] < 0) continue;
        known.push(items[event]);
        gaps?.push(gapClass(times![event] - time));
        time = times?.[event] ?? Number.NaN;
      }
      if (known.length === 0) continue;
      asks.push({ step: known.length - 1, target: items[at[k]], place: targets.length });
      targets.push(items[at[k]]);
      historyLengths.push(known.length);
    }
    if (asks.length > 0) jobs.push({ items: new Int32Array(known), gaps: gaps === null ? null : new Int32Array(gaps), asks });
  }
  return { jobs, targets: new Int32Array(targets), historyLengths: new Int32Array(historyLengths) };
}

/** Steps begin … begin + 63 of a batch of jobs; the longest is the first. */
function rankWindow(
  model: Recommender,
  jobs: readonly Job[],
  begin: number,
  state: RecommenderState | null,
  excludeSeen: boolean,
  ranks: Float64Array,
): RecommenderState {
  const length = Math.min(windowLength, jobs[0].items.length - begin);
  const batch = windowOf(jobs, begin, length);
  const asked: Asked[] = [];
  const at: number[] = [];
  jobs.forEach(({ items, asks }, b) => {
    for (const { step, target, place } of asks) {
      if (step < begin || step >= begin + length || target < 0) continue;
      asked.push({ target, place, seen: excludeSeen ? seenUpTo(items, step) : nothing });
      at.push((step - begin) * jobs.length + b);
    }
  });
  const { queries, state: next } = model.forward(batch, new Int32Array(at), state);
  const rows = Math.max(1, Math.floor(chunkElements / model.architecture.itemCount));
  for (let first = 0; first < asked.length; first += rows) {
    const part = asked.slice(first, first + rows);
    const found = scope(() => ranksOf(model.scores(slice(queries, 0, first, first + part.length)), part));
    part.forEach(({ place }, i) => {
      ranks[place] = found[i];
    });
  }
  return next;
}

function windowOf(jobs: readonly Job[], begin: number, length: number): HistoryBatch {
  const lengths = Int32Array.from(jobs, ({ items }) => Math.max(0, Math.min(length, items.length - begin)));
  const items = new Int32Array(jobs.length * length);
  const gaps = jobs[0].gaps === null ? null : new Int32Array(jobs.length * length);
  jobs.forEach((job, b) => {
    items.set(job.items.subarray(begin, begin + lengths[b]), b * length);
    gaps?.set(job.gaps!.subarray(begin, begin + lengths[b]), b * length);
  });
  return { items, gaps, lengths, batchSize: jobs.length, length };
}

/**
 * The rank of each row's target, as `rankOf` (metrics/ranking.ts) gives it: all that is not below the target is above it,
 * counted by the backend. What was seen is taken off again.
 *
 * @param scores [R, V]
 */
export function ranksOf(scores: Tensor, rows: readonly Pick<Asked, 'target' | 'seen'>[]): number[] {
  const { backend } = scores;
  const [R, V] = scores.shape;
  const targets = tensor(
    Int32Array.from(rows, ({ target }) => target),
    { backend },
  );
  const below = empty(backend, [R], 'int32');
  backend.countBelow(bufferOf(scores), bufferOf(targets), bufferOf(below), R, V);
  const belowTarget = below.dataSync();
  const seenAbove = countSeenAbove(scores, rows);
  return rows.map((_, r) => Math.max(1, V - belowTarget[r] - seenAbove[r]));
}

/** How many other items that were seen are not below each row's target. */
function countSeenAbove(scores: Tensor, rows: readonly Pick<Asked, 'target' | 'seen'>[]): Int32Array {
  const { backend } = scores;
  const V = scores.shape[1];
  const places: number[] = []; // the target's, then those of the others
  const counts = rows.map(({ target, seen }, r) => {
    const before = places.push(r * V + target);
    for (const item of seen) if (item !== target) places.push(r * V + item);
    return places.length - before;
  });
  const above = new Int32Array(rows.length);
  if (places.length === rows.length) return above;
  const picked = empty(backend, [places.length]);
  const ids = tensor(Int32Array.from(places), { backend });
  backend.gatherRows(bufferOf(scores), bufferOf(ids), bufferOf(picked), places.length, 1);
  const found = picked.dataSync();
  let next = 0;
  counts.forEach((count, r) => {
    const own = found[next++];
    for (let i = 0; i < count; i++) if (!(found[next++] < own)) above[r]++;
  });
  return above;
}

/** Ranks by popularity: all that were taken as often or more often stand above. */
function popularityRanks({ counts }: Catalogue): (target: number, seen: Iterable<number>) => number {
  const rare = Int32Array.from(counts).sort();
  const ranks = new Int32Array(counts.length);
  counts.forEach((count, item) => {
    let low = 0; // items taken less often
    for (let high = rare.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (rare[middle] < count) low = middle + 1;
      else high = middle;
    }
    ranks[item] = rare.length - low;
  });
  return (target, seen) => {
    let rank = ranks[target];
    for (const item of seen) if (item !== target && counts[item] >= counts[target]) rank--;
    return rank;
  };
}

function seenUpTo(items: Int32Array, step: number): Set<number> {
  return new Set(items.subarray(0, step + 1));
}

function pauseNow(): () => Promise<void> {
  const breath = new Breath();
  return () => breath.pause();
}
