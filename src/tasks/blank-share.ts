/** How frequent CTC's blank is in what is learnt from, for an output that begins with it so (`initializers.blankBias`). */

/**
 * Share of the frames that are blank where each symbol is said in one. Few sequences, or very short ones, do not make it extreme.
 *
 * @param lengths  of the sequences, in steps of an encoder's input
 * @param factors  of an encoder: how many steps of each layer's input become one
 * @param symbols  in all targets together
 */
export function blankShareOf(lengths: ArrayLike<number>, factors: readonly number[], symbols: number): number {
  const factor = factors.reduce((product, each) => product * each, 1);
  const frames = Array.from(lengths).reduce((sum, steps) => sum + Math.ceil(steps / factor), 0);
  return Math.min(0.99, Math.max(0.5, 1 - symbols / frames));
}
