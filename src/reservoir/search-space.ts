/** Which options of a reservoir a search tries, and between what. */
import { ConfigError, unknownName } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';

/** Options that a search can vary. */
export const searchable = ['spectralRadius', 'leakRate', 'inputScaling', 'biasScaling', 'feedbackScaling', 'density', 'noise'] as const;
/** An option that a search can vary. */
export type Searchable = (typeof searchable)[number];

/** Between what an option is tried; `log`: each decade as often as another. */
export interface SearchRange {
  readonly low: number;
  readonly high: number;
  readonly scale: 'linear' | 'log';
}

/** What is varied. Options that are not in it stay as they are. */
export type SearchSpace = Readonly<Partial<Record<Searchable, SearchRange>>>;

/** A point of a space. */
export type SearchPoint = Readonly<Partial<Record<Searchable, number>>>;

/** What matters most for most tasks (Lukoševičius 2012): radius, leak, and how strongly the input drives. */
export const defaultSearchSpace: SearchSpace = {
  spectralRadius: { low: 0.2, high: 1.5, scale: 'linear' },
  leakRate: { low: 0.05, high: 1, scale: 'log' },
  inputScaling: { low: 0.05, high: 5, scale: 'log' },
  biasScaling: { low: 0, high: 1, scale: 'linear' },
};

/** @throws ConfigError when an option is unknown, or its range empty */
export function checkSearchSpace(space: SearchSpace): void {
  for (const [name, range] of Object.entries(space)) {
    if (!(searchable as readonly string[]).includes(name)) throw new ConfigError(`[search] ${unknownName('option', name, searchable)}`);
    const { low, high, scale } = range;
    if (!(low < high) || (scale === 'log' && low <= 0)) {
      throw new ConfigError(
        `[search] expected ${name} between a low and a higher number${scale === 'log' ? ', both above 0' : ''}, received ${low} … ${high}.`,
      );
    }
  }
  if (Object.keys(space).length === 0) throw new ConfigError('[search] expected at least one option to vary, received none.');
}

/**
 * Random points of a space that cover each option evenly (a Latin hypercube): of its range in as many equal parts as there are points,
 * each part has one.
 *
 * @see McKay, Beckman & Conover (1979), doi:10.2307/1268522
 */
export function searchPoints(space: SearchSpace, count: number, rng: Random): SearchPoint[] {
  const names = Object.keys(space) as Searchable[];
  const parts = names.map(() => rng.permutation(count));
  return Array.from({ length: count }, (_, n) =>
    Object.fromEntries(names.map((name, d) => [name, placed(space[name]!, (parts[d][n] + rng.uniform()) / count)])),
  );
}

function placed({ low, high, scale }: SearchRange, at: number): number {
  return scale === 'log' ? low * (high / low) ** at : low + (high - low) * at;
}

/** Where a value lies in its range, in [0, 1]. */
export function positionIn({ low, high, scale }: SearchRange, value: number): number {
  return scale === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}
