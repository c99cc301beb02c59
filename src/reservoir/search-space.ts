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
 * Points of a space that cover it evenly from the first on, shifted at random: a Kronecker sequence, whose steps are the powers of
 * one number, so that no two options move together.
 *
 * @see Roberts (2018), The unreasonable effectiveness of quasirandom sequences
 */
export function searchPoints(space: SearchSpace, count: number, rng: Random): SearchPoint[] {
  const names = Object.keys(space) as Searchable[];
  // The positive root of x^(d+1) = x + 1; its inverse powers are the steps.
  let root = 1.5;
  for (let i = 0; i < 60; i++) root = (1 + root) ** (1 / (names.length + 1));
  const start = names.map(() => rng.uniform());
  return Array.from({ length: count }, (_, n) =>
    Object.fromEntries(names.map((name, d) => [name, placed(space[name]!, (start[d] + (n + 1) * root ** -(d + 1)) % 1)])),
  );
}

function placed({ low, high, scale }: SearchRange, at: number): number {
  return scale === 'log' ? low * (high / low) ** at : low + (high - low) * at;
}

/** Where a value lies in its range, in [0, 1]. */
export function positionIn({ low, high, scale }: SearchRange, value: number): number {
  return scale === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}
