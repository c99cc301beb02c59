/** Decoding of a transducer's output while it comes: greedily, and by beam search with a language model. */
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { logSoftmaxRows, logSum, weighted } from './log-probabilities.ts';
import { commonBeginning, forget, type PrefixNode, symbolsOf } from './prefix-tree.ts';
import type { SequenceScorer } from './sequence-scorer.ts';

/**
 * What decoding asks of a transducer: a prediction network, which reads the symbols that were written, and a joint network over one
 * frame of the encoder and what was predicted. States are values. `Transducer.decoder()` is one.
 */
export interface TransducerModel<State> {
  /** Classes, V. */
  readonly vocabularySize: number;
  /** The class that goes on to the next frame. */
  readonly blank: number;
  /** Numbers in a frame of the encoder, E. */
  readonly frameSize: number;
  /** Nothing written. */
  start(): State;
  /** The states after one more symbol each, in one call. */
  advance(states: readonly State[], symbols: readonly number[]): State[];
  /** Logits [n, V] of what to write in this frame [E] after each of n states. */
  joint(frame: ArrayLike<number>, states: readonly State[]): ArrayLike<number>;
}

/** A symbol, and the frame in which it was written. */
export interface WrittenSymbol {
  readonly symbol: number;
  readonly frame: number;
}

/** What greedy decoding of a transducer does at most. */
export interface TransducerGreedyOptions {
  /** Symbols written in one frame, at most. Default 10. */
  readonly maxSymbols?: number;
}

/**
 * Writes the best class of each frame until that is a blank. What it has written does not depend on how the frames were cut.
 *
 * @example
 * const decoder = new TransducerGreedyDecoder(transducer.decoder());
 * for (const frames of encodedChunks) decoder.push(frames); // [n, E]
 * console.log(decoder.symbols.map(({ symbol }) => alphabet[symbol]).join(''));
 */
export class TransducerGreedyDecoder<State> {
  readonly #model: TransducerModel<State>;
  readonly #maxSymbols: number;
  readonly #symbols: WrittenSymbol[] = [];
  #state: State;
  #frame = 0;

  constructor(model: TransducerModel<State>, { maxSymbols = 10 }: TransducerGreedyOptions = {}) {
    requirePositive('TransducerGreedyDecoder', { maxSymbols });
    this.#model = model;
    this.#maxSymbols = maxSymbols;
    this.#state = model.start();
  }

  /** @param frames  of the encoder, [n, E] row-major @returns the symbols that they added @throws ShapeError when they are not whole */
  push(frames: ArrayLike<number>): WrittenSymbol[] {
    const before = this.#symbols.length;
    for (const frame of framesOf('TransducerGreedyDecoder', frames, this.#model)) {
      for (let k = 0; k < this.#maxSymbols; k++) {
        const symbol = largest(this.#model.joint(frame, [this.#state]));
        if (symbol === this.#model.blank) break;
        this.#symbols.push({ symbol, frame: this.#frame });
        [this.#state] = this.#model.advance([this.#state], [symbol]);
      }
      this.#frame++;
    }
    return this.#symbols.slice(before);
  }

  /** All that is written so far. */
  get symbols(): readonly WrittenSymbol[] {
    return this.#symbols.slice();
  }
}

/** How wide to search, and what else has a say. */
export interface TransducerBeamSearchOptions<State = unknown> extends TransducerGreedyOptions {
  /** Prefixes that are kept from one frame to the next. Default 8. */
  readonly beamWidth?: number;
  /** Prefixes whose score lies further below the best are dropped, however few they are. Default 15; ∞ keeps the beam full. */
  readonly beamThreshold?: number;
  /** Shallow fusion: scores the symbols of each prefix. Symbols are the model's classes. */
  readonly scorer?: SequenceScorer<State> | null;
  /** What the scorer's scores are multiplied by. Default 1. */
  readonly scorerWeight?: number;
  /** Added for every symbol. Default 0. */
  readonly insertionBonus?: number;
}

/** A sequence of symbols that was found. */
export interface TransducerHypothesis {
  readonly symbols: readonly number[];
  /** The frame in which each symbol was most probably written. */
  readonly frames: readonly number[];
  /** log P(symbols | frames so far), summed over the alignments that the search has kept, in nats. */
  readonly logProbability: number;
  /** What it is ranked by: logProbability + scorerWeight · scores + insertionBonus · symbols. */
  readonly score: number;
}

interface Prefix<State, ScorerState> extends PrefixNode<Prefix<State, ScorerState>> {
  readonly state: State;
  readonly scorerState: ScorerState | null;
  /** Of all its symbols: weight · scores + bonuses. */
  readonly bias: number;
}

/** A prefix with the alignments that have come to it in one way. */
interface Hypothesis<State, ScorerState> {
  readonly prefix: Prefix<State, ScorerState>;
  logP: number;
  frames: FrameList | null;
}

/** The frames of a prefix's symbols, the last first. */
interface FrameList {
  readonly frame: number;
  readonly before: FrameList | null;
}

interface Extension<State, ScorerState> {
  readonly from: Hypothesis<State, ScorerState>;
  readonly symbol: number;
  readonly logP: number;
  readonly bias: number;
}

/**
 * Searches frame by frame (time-synchronous decoding): in each frame every prefix of the beam may write up to `maxSymbols` symbols before
 * it goes on by a blank, and prefixes that are then equal are one, with the sum of their probabilities. The prediction network is asked
 * once for all prefixes that are new, the joint network once for all that write.
 *
 * @example
 * const search = new TransducerBeamSearch(transducer.decoder(), { beamWidth: 5, scorer, scorerWeight: 0.3 });
 * search.push(frames); // [n, E]
 * const [best] = search.finish();
 * @see Graves (2012), arXiv:1211.3711; Saon, Tüske & Audhkhasi (2020), doi:10.1109/ICASSP40776.2020.9053040
 */
export class TransducerBeamSearch<State, ScorerState = unknown> {
  readonly #model: TransducerModel<State>;
  readonly #options: Required<TransducerBeamSearchOptions<ScorerState>>;
  #beam: Hypothesis<State, ScorerState>[];
  #frames = 0;

  /** @throws ConfigError when an option is out of range */
  constructor(model: TransducerModel<State>, options: TransducerBeamSearchOptions<ScorerState> = {}) {
    const { beamWidth = 8, maxSymbols = 10, beamThreshold = 15, scorer = null, scorerWeight = 1, insertionBonus = 0 } = options;
    requirePositive('TransducerBeamSearch', { beamWidth, maxSymbols });
    if (!(beamThreshold >= 0 && scorerWeight >= 0 && Number.isFinite(scorerWeight + insertionBonus))) {
      throw new ConfigError(
        `[TransducerBeamSearch] expected beamThreshold and scorerWeight of at least 0 and an insertionBonus, received ${beamThreshold}, ${scorerWeight} and ${insertionBonus}.`,
      );
    }
    this.#model = model;
    this.#options = { beamWidth, maxSymbols, beamThreshold, scorer, scorerWeight, insertionBonus };
    const root: Prefix<State, ScorerState> = {
      parent: null,
      symbol: -1,
      children: new Map(),
      isInBeam: true,
      state: model.start(),
      scorerState: scorer?.start() ?? null,
      bias: 0,
    };
    this.#beam = [{ prefix: root, logP: 0, frames: null }];
  }

  /** How many frames it has read. */
  get frames(): number {
    return this.#frames;
  }

  /** @param frames of the encoder, [n, E] row-major, the next ones @throws ShapeError when they are not whole frames */
  push(frames: ArrayLike<number>): void {
    for (const frame of framesOf('TransducerBeamSearch', frames, this.#model)) this.#read(frame);
  }

  /** The best prefixes so far, at most n, the best first; the sequence may go on. */
  best(n = 1): TransducerHypothesis[] {
    return this.#beam.slice(0, n).map((hypothesis) => found(hypothesis, scoreOf(hypothesis)));
  }

  /** The best sequences if no frame follows, the scorer's say on their ends included; none where it forbids every one. */
  finish(n = 1): TransducerHypothesis[] {
    const { scorer, scorerWeight } = this.#options;
    const ending = ({ scorerState }: Prefix<State, ScorerState>) =>
      scorer === null ? 0 : weighted(scorerWeight, scorer.end(scorerState as ScorerState));
    return this.#beam
      .map((hypothesis) => ({ hypothesis, score: scoreOf(hypothesis) + ending(hypothesis.prefix) }))
      .filter(({ score }) => score > Number.NEGATIVE_INFINITY)
      .sort((a, b) => b.score - a.score)
      .slice(0, n)
      .map(({ hypothesis, score }) => found(hypothesis, score));
  }

  /** The symbols that all prefixes in the beam begin with: no later frame takes them back. */
  get stable(): number[] {
    return commonBeginning(this.#beam.map(({ prefix }) => prefix));
  }

  #read(frame: ArrayLike<number>): void {
    const { beamWidth, maxSymbols, beamThreshold } = this.#options;
    const { vocabularySize: V, blank } = this.#model;
    const before = this.#beam;
    /** What has gone on to the next frame. */
    const ended = new Map<Prefix<State, ScorerState>, Hypothesis<State, ScorerState>>();
    const made: Prefix<State, ScorerState>[] = [];
    let writing = before;
    for (let k = 0; writing.length > 0; k++) {
      const states = writing.map(({ prefix }) => prefix.state);
      const logP = logSoftmaxRows(this.#model.joint(frame, states), V);
      writing.forEach((hypothesis, i) => {
        arrive(ended, hypothesis, hypothesis.logP + logP[i * V + blank]);
      });
      if (k === maxSymbols) break;
      // A prefix that is worse now than what the beam has place for stays so, unless symbols can add to a score.
      const scores = [...ended.values()].map(scoreOf).sort((a, b) => b - a);
      const { scorer, insertionBonus } = this.#options;
      const mayRise = insertionBonus > 0 || (scorer?.most ?? 0) > 0;
      const floor = mayRise
        ? scores[0] - beamThreshold
        : Math.max(scores[0] - beamThreshold, scores[beamWidth - 1] ?? Number.NEGATIVE_INFINITY);
      const extensions = writing.flatMap((hypothesis, i) => this.#extensions(hypothesis, logP.subarray(i * V, (i + 1) * V), floor));
      extensions.sort((a, b) => b.logP + b.bias - (a.logP + a.bias));
      writing = this.#written(extensions.slice(0, beamWidth), made);
    }
    const ranked = [...ended.values()].filter(({ logP }) => logP > Number.NEGATIVE_INFINITY).sort((a, b) => scoreOf(b) - scoreOf(a));
    if (ranked.length > 0) {
      const lowest = scoreOf(ranked[0]) - beamThreshold;
      this.#beam = ranked.slice(0, beamWidth).filter((hypothesis) => scoreOf(hypothesis) >= lowest);
    }
    for (const { prefix } of before) prefix.isInBeam = false;
    for (const { prefix } of this.#beam) prefix.isInBeam = true;
    // What a prefix of the beam might write next is kept with its states.
    for (const prefix of [...before.map((hypothesis) => hypothesis.prefix), ...made]) {
      for (const node of [...prefix.children.values(), prefix]) if (node.parent?.isInBeam !== true) forget(node);
    }
    this.#frames++;
  }

  #extensions(from: Hypothesis<State, ScorerState>, logP: Float64Array, floor: number): Extension<State, ScorerState>[] {
    const { scorer, scorerWeight, insertionBonus } = this.#options;
    const { prefix } = from;
    const extensions: Extension<State, ScorerState>[] = [];
    const most = prefix.bias + insertionBonus + weighted(scorerWeight, scorer?.most ?? 0);
    for (let symbol = 0; symbol < logP.length; symbol++) {
      const arriving = from.logP + logP[symbol];
      if (symbol === this.#model.blank || !(arriving + most >= floor) || arriving === Number.NEGATIVE_INFINITY) continue;
      const said = scorer === null ? 0 : weighted(scorerWeight, scorer.score(prefix.scorerState as ScorerState, symbol));
      const bias = prefix.bias + said + insertionBonus;
      if (arriving + bias >= floor && bias > Number.NEGATIVE_INFINITY) extensions.push({ from, symbol, logP: arriving, bias });
    }
    return extensions;
  }

  /** The extensions as hypotheses; states of prefixes that are new, in one call each. */
  #written(extensions: readonly Extension<State, ScorerState>[], made: Prefix<State, ScorerState>[]): Hypothesis<State, ScorerState>[] {
    const { scorer } = this.#options;
    const fresh = extensions.filter(({ from, symbol }) => !from.prefix.children.has(symbol));
    if (fresh.length > 0) {
      const symbols = fresh.map(({ symbol }) => symbol);
      const states = this.#model.advance(
        fresh.map(({ from }) => from.prefix.state),
        symbols,
      );
      const scorerStates = scorer?.advance(
        fresh.map(({ from }) => from.prefix.scorerState as ScorerState),
        symbols,
      );
      fresh.forEach(({ from, symbol, bias }, i) => {
        const scorerState = scorerStates?.[i] ?? null;
        const prefix = { parent: from.prefix, symbol, children: new Map(), isInBeam: false, state: states[i], scorerState, bias };
        from.prefix.children.set(symbol, prefix);
        made.push(prefix);
      });
    }
    return extensions.map(({ from, symbol, logP }) => ({
      prefix: from.prefix.children.get(symbol)!,
      logP,
      frames: { frame: this.#frames, before: from.frames },
    }));
  }
}

/** Adds a way to a prefix; its symbols' frames are those of the most probable way. */
function arrive<State, ScorerState>(
  ended: Map<Prefix<State, ScorerState>, Hypothesis<State, ScorerState> & { peak?: number }>,
  { prefix, frames }: Hypothesis<State, ScorerState>,
  logP: number,
): void {
  const known = ended.get(prefix);
  if (known === undefined) {
    ended.set(prefix, { prefix, logP, frames, peak: logP });
    return;
  }
  if (logP > known.peak!) {
    known.peak = logP;
    known.frames = frames;
  }
  known.logP = logSum(known.logP, logP);
}

function scoreOf<State, ScorerState>({ logP, prefix }: Hypothesis<State, ScorerState>): number {
  return logP + prefix.bias;
}

function found<State, ScorerState>({ prefix, logP, frames }: Hypothesis<State, ScorerState>, score: number): TransducerHypothesis {
  const list: number[] = [];
  for (let at = frames; at !== null; at = at.before) list.push(at.frame);
  return { symbols: symbolsOf(prefix), frames: list.reverse(), logProbability: logP, score };
}

function* framesOf<State>(
  operation: string,
  frames: ArrayLike<number>,
  { frameSize: E }: TransducerModel<State>,
): Generator<ArrayLike<number>> {
  if (frames.length % E !== 0) {
    throw new ShapeError(`[${operation}] expected frames of ${E} numbers (the encoder's), received ${frames.length}.`);
  }
  const values = ArrayBuffer.isView(frames) ? (frames as Float64Array) : Float64Array.from(frames);
  for (let row = 0; row < values.length; row += E) yield values.subarray(row, row + E);
}

function largest(x: ArrayLike<number>): number {
  let best = 0;
  for (let v = 1; v < x.length; v++) if (x[v] > x[best]) best = v;
  return best;
}

function requirePositive(operation: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ConfigError(`[${operation}] expected ${name} to be an integer of at least 1, received ${value}.`);
    }
  }
}
