/** Time since the event before, as one of a few classes: each twice as long as the one below it. */

/** Classes: 0 for no event before (or no times), then a second or less, 2, 4, … 2³⁰ seconds, 34 years. */
export const gapClasses = 33;

/**
 * @param seconds  since the event before; NaN where that is not known
 * @returns        0 for NaN, else 1 + ⌊log₂(1 + seconds)⌋, at most 32
 */
export function gapClass(seconds: number): number {
  if (Number.isNaN(seconds)) return 0;
  return 1 + Math.min(gapClasses - 2, Math.floor(Math.log2(1 + Math.max(0, seconds))));
}
