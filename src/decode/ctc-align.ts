/** Where a known target lies in the frames: the best path through a CTC model's output (Viterbi), on the host in float64. */
import type { Tensor } from '../autograd/tensor.ts';
import { type AlignmentTargets, targetsOf } from '../losses/alignment-targets.ts';
import { type CtcLossOptions, requireFrames } from '../losses/ctc.ts';
import { eachSequence } from './ctc-frames.ts';
import { logSoftmaxRows } from './log-probabilities.ts';

/** A symbol on frames start … end − 1. */
export interface AlignedSymbol {
  readonly symbol: number;
  readonly start: number;
  readonly end: number;
}

/** The most probable of the paths that spell a target. */
export interface CtcAlignment {
  /** The class of each frame, blanks among them. */
  readonly path: Int32Array;
  /** The target's symbols, in order, and the frames that each is on. */
  readonly symbols: readonly AlignedSymbol[];
  /** log P(path), in nats. */
  readonly logProbability: number;
}

/** As of the loss. */
export type CtcAlignOptions = Pick<CtcLossOptions, 'inputLengths' | 'targetLengths' | 'blank'>;

/**
 * The best alignment of each target to its frames; null where none exists (fewer frames than the target needs). Of paths that are
 * equally probable the one that moves on later.
 *
 * @param logits   [B, T, V], as `ctcLoss` takes them
 * @param targets  as `ctcLoss` takes them
 * @example
 * const [alignment] = ctcAlign(logits, [[8, 9]]);
 * for (const { symbol, start, end } of alignment?.symbols ?? []) console.log(symbol, `${start * 0.01} to ${end * 0.01} s`);
 * @throws ShapeError, ConfigError  as `ctcLoss`
 */
export function ctcAlign(logits: Tensor, targets: AlignmentTargets, options: CtcAlignOptions = {}): (CtcAlignment | null)[] {
  const { blank = 0, inputLengths, targetLengths } = options;
  const { B, V } = requireFrames('ctcAlign', logits);
  const { U, symbols, lengths } = targetsOf('ctcAlign', targets, targetLengths, { B, V, blank });
  return eachSequence('ctcAlign', logits, inputLengths, (frames, _, b) =>
    align(logSoftmaxRows(frames, V), frames.length / V, V, symbols.subarray(b * U, b * U + lengths[b]), blank),
  );
}

/** States s = 0 … 2U: blank, symbol 1, blank, …, as textbooks have them; best_t[s] = max over s, s − 1 and (a symbol unlike the last) s − 2. */
function align(logP: Float64Array, n: number, V: number, target: Int32Array, blank: number): CtcAlignment | null {
  const states = 2 * target.length + 1;
  if (n === 0) return target.length === 0 ? { path: new Int32Array(0), symbols: [], logProbability: 0 } : null;
  const classOf = (s: number) => (s % 2 === 0 ? blank : target[(s - 1) / 2]);
  const maySkip = (s: number) => s % 2 === 1 && s > 1 && classOf(s) !== classOf(s - 2);
  const steps = new Uint8Array(n * states); // how many states forward frame t came by
  let best = new Float64Array(states).fill(Number.NEGATIVE_INFINITY);
  for (let s = 0; s < Math.min(2, states); s++) best[s] = logP[classOf(s)];
  for (let t = 1; t < n; t++) {
    const next = new Float64Array(states);
    for (let s = 0; s < states; s++) {
      let [step, from] = [0, best[s]];
      if (s > 0 && best[s - 1] > from) [step, from] = [1, best[s - 1]];
      if (maySkip(s) && best[s - 2] > from) [step, from] = [2, best[s - 2]];
      steps[t * states + s] = step;
      next[s] = from + logP[t * V + classOf(s)];
    }
    best = next;
  }
  let s = states > 1 && best[states - 2] > best[states - 1] ? states - 2 : states - 1;
  const logProbability = best[s];
  if (logProbability === Number.NEGATIVE_INFINITY || Number.isNaN(logProbability)) return null;
  const path = new Int32Array(n);
  const places: number[] = new Array(n);
  for (let t = n - 1; t >= 0; t--) {
    path[t] = classOf(s);
    places[t] = s;
    s -= steps[t * states + s];
  }
  const symbols = Array.from(target, (symbol, u) => ({
    symbol,
    start: places.indexOf(2 * u + 1),
    end: places.lastIndexOf(2 * u + 1) + 1,
  }));
  return { path, symbols, logProbability };
}
