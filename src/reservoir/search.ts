/** A search for a reservoir's options: points all over a space, or many on little data and the best of them on more. */

import { ConfigError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import { Breath } from '../training/breath.ts';
import { checkSearchSpace, defaultSearchSpace, type SearchPoint, type SearchSpace, searchPoints } from './search-space.ts';

/** How a search goes. */
export const searchMethods = ['random', 'halving'] as const;

/** What is tried, and how often. */
export interface SearchOptions {
  readonly space?: SearchSpace;
  /** Points to try. Default 50. */
  readonly trials?: number;
  /** 'random': each point on all data. 'halving' (default): all points on a ninth of the data, the best third of them on a third, the best third of those on all. */
  readonly method?: (typeof searchMethods)[number];
  readonly rng: Random;
  readonly signal?: AbortSignal;
}

/** One point, tried. */
export interface SearchTrial<R = unknown> {
  /** Which point, counted from 0 in the order of the first rung. */
  readonly index: number;
  readonly point: SearchPoint;
  /** Of the data that it was tried on. */
  readonly share: number;
  /** Lower is better; infinite where it failed. */
  readonly score: number;
  /** What the evaluation said besides. */
  readonly result: R | null;
}

/**
 * Tries points, and gives each trial as it is made. The best is that of the lowest score among those with the largest share.
 *
 * @param evaluate  the score of a point on the first `share` of the data: lower is better; a ConfigError is a failure of the point alone
 * @throws ConfigError when the space is empty
 * @see Bergstra & Bengio (2012), Random search for hyper-parameter optimization; Jamieson & Talwalkar (2016), arXiv:1502.07943
 */
export async function* searchReservoir<R extends { readonly score: number }>(
  evaluate: (point: SearchPoint, share: number) => R,
  { space = defaultSearchSpace, trials = 50, method = 'halving', rng, signal }: SearchOptions,
): AsyncGenerator<SearchTrial<R>, void, void> {
  checkSearchSpace(space);
  if (!Number.isInteger(trials) || trials < 1) throw new ConfigError(`[search] expected at least 1 trial, received ${trials}.`);
  const breath = new Breath();
  let points = searchPoints(space, trials, rng).map((point, index) => ({ index, point }));
  for (const share of method === 'random' ? [1] : [1 / 9, 1 / 3, 1]) {
    const scored: (typeof points)[number][] = [];
    const scores = new Map<number, number>();
    for (const { index, point } of points) {
      await breath.pause();
      if (signal?.aborted) return;
      const result = attempt(() => evaluate(point, share));
      const score = result === null || !Number.isFinite(result.score) ? Number.POSITIVE_INFINITY : result.score;
      scores.set(index, score);
      scored.push({ index, point });
      yield { index, point, share, score, result };
    }
    scored.sort((a, b) => scores.get(a.index)! - scores.get(b.index)!);
    points = scored.slice(0, Math.max(1, Math.ceil(scored.length / 3)));
  }
}

/** The best trial so far: the lowest score among those on the most data. null: none has succeeded. */
export function bestTrial<R>(trials: readonly SearchTrial<R>[]): SearchTrial<R> | null {
  return trials.reduce<SearchTrial<R> | null>((best, trial) => {
    if (!Number.isFinite(trial.score)) return best;
    if (best === null || trial.share > best.share) return trial;
    return trial.share === best.share && trial.score < best.score ? trial : best;
  }, null);
}

function attempt<R>(body: () => R): R | null {
  try {
    return body();
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}
