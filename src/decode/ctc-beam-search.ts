/** Prefix beam search through a CTC model's output, alone or together with a language model. */
import type { Tensor } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';
import { eachSequence, requireBlank, requireWholeFrames } from './ctc-frames.ts';
import { logSoftmaxRows, logSum, weighted } from './log-probabilities.ts';
import { commonBeginning, forget, type PrefixNode, symbolsOf } from './prefix-tree.ts';
import type { SequenceScorer } from './sequence-scorer.ts';

/** How wide to search, and what else has a say. */
export interface CtcBeamSearchOptions<State = unknown> {
  /** Prefixes that are kept from one frame to the next. Default 16. */
  readonly beamWidth?: number;
  /** The class that stands for no symbol. Default 0. */
  readonly blank?: number;
  /** A frame's symbols with a log-probability below this are not tried in it. Default −10 (1 in 22,000); −∞ tries all. */
  readonly symbolThreshold?: number;
  /** Prefixes whose score lies further below the best are dropped, however few they are. Default 25; ∞ keeps the beam full. */
  readonly beamThreshold?: number;
  /** Shallow fusion: scores the symbols of each prefix. Symbols are the model's classes. */
  readonly scorer?: SequenceScorer<State> | null;
  /** What the scorer's scores are multiplied by. Default 1. */
  readonly scorerWeight?: number;
  /** Added for every symbol: above 0 it makes up for a language model's preference for short texts. Default 0. */
  readonly insertionBonus?: number;
}

/** A sequence of symbols that was found. */
export interface CtcHypothesis {
  readonly symbols: readonly number[];
  /** For each symbol the frame in which it most probably began; `ctcAlign` gives exact extents. */
  readonly frames: readonly number[];
  /** log P(symbols | frames so far), summed over the paths that the search has kept, in nats. */
  readonly logProbability: number;
  /** What it is ranked by: logProbability + scorerWeight · scores + insertionBonus · symbols. */
  readonly score: number;
}

/** What is known of a prefix after some frames. */
interface Prefix<State> extends PrefixNode<Prefix<State>> {
  readonly state: State | null;
  /** Of all its symbols: weight · scores + bonuses. */
  readonly bias: number;
  /** weight · score of each symbol that may come next, [V], NaN until it is asked for: a prefix stays for many frames. */
  said: Float64Array | null;
  /** log P of the paths that spell it and end on a blank, and on its last symbol. */
  onBlank: number;
  onSymbol: number;
  /** The same after the frame that is being read. */
  nextOnBlank: number;
  nextOnSymbol: number;
  score: number;
  frame: number;
  /** log P of the paths that began its last symbol in `frame`. */
  peak: number;
}

/** A prefix that would be new in the beam. */
interface Extension<State> {
  readonly parent: Prefix<State>;
  readonly symbol: number;
  readonly logP: number;
  readonly bias: number;
  readonly score: number;
}

const never = Number.NEGATIVE_INFINITY;

/**
 * Searches frame by frame: what it knows after some frames does not depend on how they were cut into pieces.
 *
 * With B_t(p) and S_t(p) the probabilities of prefix p after frame t on paths that end with a blank, and with p's last symbol,
 *
 *   B_t(p) = y_t[blank] · (B_{t−1}(p) + S_{t−1}(p))
 *   S_t(p + s) = y_t[s] · (S_{t−1}(p + s) + B_{t−1}(p) + [p does not end with s] S_{t−1}(p))
 *
 * @example
 * const search = new CtcBeamSearch(V, { beamWidth: 10, scorer, scorerWeight: 0.5 });
 * for (const frames of chunks) {
 *   search.push(frames); // [n, V]
 *   show(search.best()[0].symbols, search.stable.length);
 * }
 * const [hypothesis] = search.finish();
 * @see Graves (2012), Hannun et al. (2014), arXiv:1408.2873
 */
export class CtcBeamSearch<State = unknown> {
  readonly #V: number;
  readonly #options: Required<CtcBeamSearchOptions<State>>;
  #beam: Prefix<State>[];
  #frames = 0;

  /**
   * @param V  classes, the blank among them
   * @throws ConfigError when an option is out of range
   */
  constructor(V: number, options: CtcBeamSearchOptions<State> = {}) {
    const { beamWidth = 16, blank = 0, symbolThreshold = -10, beamThreshold = 25 } = options;
    const { scorer = null, scorerWeight = 1, insertionBonus = 0 } = options;
    requireBlank('CtcBeamSearch', blank, V);
    if (!Number.isInteger(beamWidth) || beamWidth < 1) {
      throw new ConfigError(`[CtcBeamSearch] expected beamWidth to be an integer of at least 1, received ${beamWidth}.`);
    }
    if (!(symbolThreshold <= 0)) {
      throw new ConfigError(`[CtcBeamSearch] expected symbolThreshold to be a log-probability, at most 0, received ${symbolThreshold}.`);
    }
    if (!(beamThreshold >= 0)) throw new ConfigError(`[CtcBeamSearch] expected beamThreshold of at least 0, received ${beamThreshold}.`);
    if (!(scorerWeight >= 0 && scorerWeight < Number.POSITIVE_INFINITY)) {
      throw new ConfigError(`[CtcBeamSearch] expected scorerWeight of at least 0, received ${scorerWeight}.`);
    }
    if (!Number.isFinite(insertionBonus)) {
      throw new ConfigError(`[CtcBeamSearch] expected insertionBonus to be a number, received ${insertionBonus}.`);
    }
    this.#V = V;
    this.#options = { beamWidth, blank, symbolThreshold, beamThreshold, scorer, scorerWeight, insertionBonus };
    const root = prefixOf<State>(null, -1, scorer?.start() ?? null, 0);
    this.#beam = [{ ...root, onBlank: 0, score: 0, isInBeam: true }];
  }

  /** How many frames it has read. */
  get frames(): number {
    return this.#frames;
  }

  /** @param frames logits [n, V], row-major, the next ones @throws ShapeError when they are not whole frames */
  push(frames: ArrayLike<number>): void {
    requireWholeFrames('CtcBeamSearch', frames, this.#V);
    const logP = logSoftmaxRows(frames, this.#V);
    for (let row = 0; row < logP.length; row += this.#V) this.#read(logP.subarray(row, row + this.#V));
  }

  /** The best prefixes so far, at most n, the best first; the sequence may go on. */
  best(n = 1): CtcHypothesis[] {
    return this.#beam.slice(0, n).map((prefix) => hypothesisOf(prefix, prefix.score));
  }

  /**
   * The best sequences if no frame follows, the scorer's say on their ends included: at most n, the best first; none where it
   * forbids every one. The search may go on all the same.
   */
  finish(n = 1): CtcHypothesis[] {
    const { scorer, scorerWeight } = this.#options;
    if (scorer === null) return this.best(n);
    return this.#beam
      .map((prefix) => ({ prefix, score: prefix.score + weighted(scorerWeight, scorer.end(prefix.state as State)) }))
      .filter(({ score }) => score > never)
      .sort((a, b) => b.score - a.score)
      .slice(0, n)
      .map(({ prefix, score }) => hypothesisOf(prefix, score));
  }

  /** The symbols that all prefixes in the beam begin with: no later frame takes them back. */
  get stable(): number[] {
    return commonBeginning(this.#beam);
  }

  /** One frame of log-probabilities. */
  #read(logP: Float64Array): void {
    const { beamWidth, blank, symbolThreshold, beamThreshold } = this.#options;
    const beam = this.#beam;
    let floor = Number.POSITIVE_INFINITY; // what a prefix needs to have a place, if the beam is full
    for (const prefix of beam) {
      prefix.nextOnBlank = logSum(prefix.onBlank, prefix.onSymbol) + logP[blank];
      prefix.nextOnSymbol = prefix.parent === null ? never : prefix.onSymbol + logP[prefix.symbol];
      floor = Math.min(floor, logSum(prefix.nextOnBlank, prefix.nextOnSymbol) + prefix.bias);
    }
    if (beam.length < beamWidth) floor = never;
    const symbols: number[] = [];
    for (let v = 0; v < logP.length; v++) if (v !== blank && logP[v] >= symbolThreshold) symbols.push(v);
    const extensions: Extension<State>[] = [];
    for (const prefix of beam) this.#extend(prefix, symbols, logP, floor, extensions);

    for (const prefix of beam) {
      prefix.onBlank = prefix.nextOnBlank;
      prefix.onSymbol = prefix.nextOnSymbol;
      prefix.score = logSum(prefix.onBlank, prefix.onSymbol) + prefix.bias;
    }
    const ranked: (Prefix<State> | Extension<State>)[] = [...beam, ...extensions];
    ranked.sort((a, b) => b.score - a.score);
    const lowest = Math.max(ranked[0].score - beamThreshold, Number.MIN_SAFE_INTEGER);
    let kept = 1;
    while (kept < ranked.length && kept < beamWidth && ranked[kept].score >= lowest) kept++;
    const isKept = new Set(ranked.slice(0, kept));
    for (const prefix of beam) prefix.isInBeam = isKept.has(prefix);
    this.#beam = this.#entered(ranked.slice(0, kept));
    for (const prefix of beam) forget(prefix);
    this.#frames++;
  }

  /** Adds what goes on from a prefix: to the prefixes of the beam that it becomes, or as new ones that may have a place. */
  #extend(prefix: Prefix<State>, symbols: readonly number[], logP: Float64Array, floor: number, extensions: Extension<State>[]): void {
    const { scorer, scorerWeight, insertionBonus } = this.#options;
    const total = logSum(prefix.onBlank, prefix.onSymbol);
    const most = prefix.bias + weighted(scorerWeight, scorer?.most ?? 0) + insertionBonus;
    for (const symbol of symbols) {
      const arriving = (symbol === prefix.symbol ? prefix.onBlank : total) + logP[symbol];
      if (arriving === never) continue;
      const known = prefix.children.get(symbol);
      if (known?.isInBeam) {
        known.nextOnSymbol = logSum(known.nextOnSymbol, arriving);
        if (arriving > known.peak) {
          known.peak = arriving;
          known.frame = this.#frames;
        }
        continue;
      }
      if (arriving + most < floor) continue;
      const bias = known?.bias ?? prefix.bias + this.#said(prefix, symbol) + insertionBonus;
      const score = arriving + bias;
      if (score >= floor && score > never) extensions.push({ parent: prefix, symbol, logP: arriving, bias, score });
    }
  }

  /** What the scorer says of a symbol after a prefix. */
  #said(prefix: Prefix<State>, symbol: number): number {
    const { scorer, scorerWeight } = this.#options;
    if (scorer === null) return 0;
    prefix.said ??= new Float64Array(this.#V).fill(Number.NaN);
    if (Number.isNaN(prefix.said[symbol])) prefix.said[symbol] = weighted(scorerWeight, scorer.score(prefix.state as State, symbol));
    return prefix.said[symbol];
  }

  /** The new beam: its extensions become prefixes, their states in one call of the scorer. */
  #entered(ranked: readonly (Prefix<State> | Extension<State>)[]): Prefix<State>[] {
    const { scorer } = this.#options;
    const added = ranked.filter((entry): entry is Extension<State> => !('children' in entry));
    const fresh = added.filter(({ parent, symbol }) => !parent.children.has(symbol));
    const states =
      scorer === null || fresh.length === 0
        ? []
        : scorer.advance(
            fresh.map(({ parent }) => parent.state as State),
            fresh.map(({ symbol }) => symbol),
          );
    fresh.forEach(({ parent, symbol, bias }, i) => {
      parent.children.set(symbol, prefixOf(parent, symbol, scorer === null ? null : states[i], bias));
    });
    return ranked.map((entry) => {
      if ('children' in entry) return entry;
      const prefix = entry.parent.children.get(entry.symbol)!;
      prefix.isInBeam = true;
      prefix.onBlank = never;
      prefix.onSymbol = entry.logP;
      prefix.peak = entry.logP;
      prefix.frame = this.#frames;
      prefix.score = entry.score;
      return prefix;
    });
  }
}

/** What `ctcBeamSearch` does beside the search. */
export interface CtcBeamOptions<State = unknown> extends CtcBeamSearchOptions<State> {
  /** True lengths in frames, [B]; T when absent. */
  readonly inputLengths?: ArrayLike<number> | null;
  /** How many hypotheses of each sequence. Default 1. */
  readonly nBest?: number;
}

/**
 * The most probable symbols of each sequence, summed over alignments: at most `nBest` hypotheses each, the best first.
 *
 * @param logits  [B, T, V], as `ctcLoss` takes them
 * @example const [[{ symbols }]] = ctcBeamSearch(logits, { beamWidth: 10, scorer, scorerWeight: 0.5, insertionBonus: 1 });
 * @throws ShapeError   when logits or lengths do not fit
 * @throws ConfigError  when an option is out of range
 */
export function ctcBeamSearch<State>(logits: Tensor, options: CtcBeamOptions<State> = {}): CtcHypothesis[][] {
  const { inputLengths, nBest = 1, ...searchOptions } = options;
  return eachSequence('ctcBeamSearch', logits, inputLengths, (frames, V) => {
    const search = new CtcBeamSearch(V, searchOptions);
    search.push(frames);
    return search.finish(nBest);
  });
}

function prefixOf<State>(parent: Prefix<State> | null, symbol: number, state: State | null, bias: number): Prefix<State> {
  return {
    parent,
    symbol,
    children: new Map(),
    state,
    bias,
    said: null,
    isInBeam: false,
    onBlank: never,
    onSymbol: never,
    nextOnBlank: never,
    nextOnSymbol: never,
    score: never,
    frame: 0,
    peak: never,
  };
}

function hypothesisOf<State>(prefix: Prefix<State>, score: number): CtcHypothesis {
  const symbols = symbolsOf(prefix);
  const frames: number[] = [];
  for (let at = prefix; at.parent !== null; at = at.parent) frames.push(at.frame);
  return { symbols, frames: frames.reverse(), logProbability: logSum(prefix.onBlank, prefix.onSymbol), score };
}
