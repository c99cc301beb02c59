/** Greedy decoding of a CTC model's output: the best class of each frame, repeats merged, blanks taken out. */
import type { Tensor } from '../autograd/tensor.ts';
import type { AlignedSymbol } from './ctc-align.ts';
import { eachSequence, requireBlank, requireWholeFrames } from './ctc-frames.ts';
import { logSoftmaxRows } from './log-probabilities.ts';

/** What greedy decoding has found. */
export interface GreedyResult {
  /** In order, each with the frames that it is on. */
  readonly symbols: readonly AlignedSymbol[];
  /** log P of the path, in nats. */
  readonly logProbability: number;
}

/** How greedy decoding reads its frames. */
export interface CtcGreedyOptions {
  /** True lengths in frames, [B]; T when absent. */
  readonly inputLengths?: ArrayLike<number> | null;
  /** The class that stands for no symbol. Default 0. */
  readonly blank?: number;
}

/**
 * Decodes frames as they come: what it has found so far is the same as for all frames in one go.
 *
 * @example
 * const decoder = new CtcGreedyDecoder(V);
 * decoder.push(frames); // [n, V], as often as there are some
 * console.log(decoder.result.symbols.map(({ symbol }) => symbol));
 */
export class CtcGreedyDecoder {
  readonly #V: number;
  readonly #blank: number;
  readonly #symbols: { symbol: number; start: number; end: number }[] = [];
  #frame = 0;
  #before: number;
  #logProbability = 0;

  /**
   * @param V  classes, the blank among them
   * @throws ConfigError when blank is not one of them
   */
  constructor(V: number, { blank = 0 }: Pick<CtcGreedyOptions, 'blank'> = {}) {
    requireBlank('CtcGreedyDecoder', blank, V);
    this.#V = V;
    this.#blank = blank;
    this.#before = blank;
  }

  /** @param frames logits [n, V], row-major @throws ShapeError when they are not whole frames */
  push(frames: ArrayLike<number>): void {
    const V = this.#V;
    requireWholeFrames('CtcGreedyDecoder', frames, V);
    const logP = logSoftmaxRows(frames, V);
    for (let row = 0; row < frames.length; row += V, this.#frame++) {
      let best = 0;
      for (let v = 1; v < V; v++) if (logP[row + v] > logP[row + best]) best = v;
      this.#logProbability += logP[row + best];
      const last = this.#symbols.at(-1);
      if (best !== this.#blank && best === this.#before && last !== undefined) last.end = this.#frame + 1;
      else if (best !== this.#blank) this.#symbols.push({ symbol: best, start: this.#frame, end: this.#frame + 1 });
      this.#before = best;
    }
  }

  /** Of all frames so far. */
  get result(): GreedyResult {
    return { symbols: this.#symbols.map((symbol) => ({ ...symbol })), logProbability: this.#logProbability };
  }
}

/**
 * The best class of each frame, repeats merged and blanks taken out. The most probable path, not the most probable target: a beam
 * search sums over the paths of each.
 *
 * @param logits  [B, T, V], as `ctcLoss` takes them
 * @example const text = ctcGreedy(logits)[0].symbols.map(({ symbol }) => characters[symbol]).join('');
 * @throws ShapeError  when logits or lengths do not fit
 */
export function ctcGreedy(logits: Tensor, { inputLengths, blank = 0 }: CtcGreedyOptions = {}): GreedyResult[] {
  return eachSequence('ctcGreedy', logits, inputLengths, (frames, V) => {
    const decoder = new CtcGreedyDecoder(V, { blank });
    decoder.push(frames);
    return decoder.result;
  });
}
