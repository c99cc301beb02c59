/**
 * Beam search over whatever gives a next token's probabilities: a batch of sentences at a time, all live hypotheses of all of them
 * in one call of the model a step.
 */
import { ConfigError } from '../tensor/errors.ts';

/** What a step asks a model: one row for each live hypothesis. */
export interface BeamStep<State> {
  /** int32 [R]: the last token of each. */
  readonly tokens: Int32Array;
  /** int32 [R]: the row of `state` that each goes on from. */
  readonly parents: Int32Array;
  /** int32 [R]: the sentence that each belongs to, ascending. */
  readonly sentences: Int32Array;
  /** What the step before returned; at first what `start` did. */
  readonly state: State;
}

/** What a model answers. */
export interface BeamAnswer<State> {
  /** [R, V] row-major: logarithms of probabilities of the next token, none above 0; −∞ forbids. */
  readonly logProbabilities: Float32Array | Float64Array;
  /** Of R rows. */
  readonly state: State;
  /** [R, S] row-major: where each row looked. Needed for a coverage penalty, else kept for the result alone. */
  readonly attention?: Float32Array | Float64Array;
}

/** A model that says a sentence token by token. `State` is its own business: usually tensors with a row for each hypothesis. */
export interface BeamModel<State> {
  /** The state before the first token: row n is sentence n's. */
  start(): State;
  /** What may follow each hypothesis. */
  step(step: BeamStep<State>): BeamAnswer<State>;
}

/** How to search, and what the hypotheses are worth. */
export interface BeamSearchOptions {
  /** How many sentences `start` gives states for. */
  readonly sentences: number;
  /** What stands before a sentence. */
  readonly startToken: number;
  /** What ends it. It is no part of a result's tokens. */
  readonly endToken: number;
  /** Hypotheses kept a sentence. Default 5; 1 is greedy search. */
  readonly width?: number;
  /** Hypotheses returned a sentence, at most `width`. Default 1. */
  readonly nBest?: number;
  /** Most tokens of a sentence, its end included: one number for all, or one for each. */
  readonly maxLength: number | ArrayLike<number>;
  /** Fewest tokens before the end. Default 0. */
  readonly minLength?: number;
  /** α ≥ 0 of the division by ((5 + length) / 6)^α. Default 0: scores are logarithms of probabilities, which favours short sentences. */
  readonly lengthPenalty?: number;
  /** β ≥ 0 of β · Σ_s log min(1, Σ_t attention_ts), for what was not looked at. Default 0. */
  readonly coveragePenalty?: number;
  /** How many positions each sentence's memory has, for the coverage. Default: all S. */
  readonly memoryLengths?: ArrayLike<number>;
  /** Tokens that are never said. */
  readonly forbidden?: readonly number[];
}

/** A sentence that a search found. */
export interface BeamHypothesis {
  /** Without the end. */
  readonly tokens: Int32Array;
  /** log P / ((5 + length) / 6)^α + coverage penalty; the length counts the end. */
  readonly score: number;
  /** Of all its tokens, the end included. */
  readonly logProbability: number;
  /** Whether it ended by itself, and not by maxLength. */
  readonly isComplete: boolean;
  /** Where it looked for each token, the end included: [S] each; null when the model does not say. */
  readonly attention: readonly (Float32Array | Float64Array)[] | null;
}

/** A hypothesis as a list from its last token back. */
interface Node {
  readonly token: number;
  readonly before: Node | null;
  readonly attention: Float32Array | Float64Array | null;
}

interface Live {
  readonly node: Node | null;
  readonly logProbability: number;
  readonly length: number;
  /** Σ_t of where it looked; null without a coverage penalty. */
  readonly coverage: Float64Array | null;
  /** Row of the model's last answer. */
  readonly row: number;
}

interface Sentence {
  readonly maxLength: number;
  live: Live[];
  readonly ended: BeamHypothesis[];
}

interface Candidate {
  readonly score: number;
  readonly from: Live;
  readonly token: number;
}

/**
 * The likeliest sentences, best first.
 *
 * At each step the best `width` continuations of a sentence's hypotheses are kept; one that ends leaves the beam with its place, so
 * that `width` hypotheses end in all. A sentence is done early when nothing that is still open could reach its n best: an open
 * hypothesis is worth at most log P / ((5 + maxLength) / 6)^α, as probabilities only fall. Equal scores: the earlier hypothesis, then
 * the smaller token.
 *
 * Run it in a `scope`: states then stay in the backend's memory from step to step.
 *
 * @returns for each sentence its hypotheses, at most nBest; those that ended by themselves first
 * @throws ConfigError when an option is out of range, or the model's answer is not [R, V]
 * @example
 * const [best] = scope(() => beamSearch(model, { sentences: 8, startToken: 1, endToken: 2, maxLength: 50, lengthPenalty: 1 }))[0];
 * @see Wu et al. (2016), arXiv:1609.08144, equation 14: length normalisation and coverage
 */
export function beamSearch<State>(model: BeamModel<State>, options: BeamSearchOptions): BeamHypothesis[][] {
  const search = checked(options);
  const { width, nBest, startToken, coveragePenalty } = search;
  const sentences = Array.from({ length: options.sentences }, (_, n): Sentence => {
    const coverage = coveragePenalty > 0 ? new Float64Array(0) : null;
    return { maxLength: search.maxLengthOf(n), live: [{ node: null, logProbability: 0, length: 0, coverage, row: n }], ended: [] };
  });
  let state = model.start();
  for (;;) {
    const open = sentences.flatMap(({ live }, n) => live.map((from) => ({ from, n })));
    if (open.length === 0) break;
    const answer = model.step({
      tokens: Int32Array.from(open, ({ from }) => from.node?.token ?? startToken),
      parents: Int32Array.from(open, ({ from }) => from.row),
      sentences: Int32Array.from(open, ({ n }) => n),
      state,
    });
    const R = open.length;
    const V = answer.logProbabilities.length / R;
    if (!Number.isInteger(V) || V <= search.endToken) {
      throw new ConfigError(
        `[beamSearch] expected log-probabilities of ${R} rows of more than ${search.endToken} tokens, received ${answer.logProbabilities.length} numbers.`,
      );
    }
    if (coveragePenalty > 0 && answer.attention === undefined) {
      throw new ConfigError('[beamSearch] a coverage penalty needs to know where the model looked; its step gave no attention.');
    }
    state = answer.state;
    let row = 0;
    sentences.forEach((sentence, n) => {
      if (sentence.live.length === 0) return;
      const rows = sentence.live.map((live) => ({ ...live, row: row++ }));
      advance(sentence, n, rows, answer, V);
    });
  }
  return sentences.map(({ ended }) => ended.sort(byWorth).slice(0, nBest));

  /** The best continuations of a sentence's hypotheses, whose rows are now those of `answer`. */
  function advance(
    sentence: Sentence,
    n: number,
    rows: readonly Live[],
    { logProbabilities, attention }: BeamAnswer<State>,
    V: number,
  ): void {
    const { maxLength, ended } = sentence;
    const candidates = bestOf(rows, logProbabilities, V, width - ended.length, search);
    sentence.live = [];
    for (const { from, token, score } of candidates) {
      const S = attention === undefined ? 0 : attention.length / (logProbabilities.length / V);
      const looked = attention === undefined ? null : attention.slice(from.row * S, (from.row + 1) * S);
      const coverage = from.coverage === null ? null : Float64Array.from(looked!, (x, s) => x + (from.coverage![s] ?? 0));
      const next = {
        node: { token, before: from.node, attention: looked },
        logProbability: score,
        length: from.length + 1,
        coverage,
        row: from.row,
      };
      const isEnd = token === search.endToken;
      if (isEnd || next.length === maxLength) ended.push(search.hypothesis(next, n, isEnd));
      else sentence.live.push(next);
    }
    const complete = ended.filter(({ isComplete }) => isComplete).map(({ score }) => score);
    if (complete.length < nBest) return;
    const worst = complete.sort((a, b) => b - a)[nBest - 1];
    const reachable = Math.max(...sentence.live.map(({ logProbability }) => logProbability / lengthNorm(maxLength, search.lengthPenalty)));
    if (reachable <= worst) sentence.live = [];
  }
}

/** The best `count` of all continuations, from good to less. */
function bestOf(rows: readonly Live[], logProbabilities: ArrayLike<number>, V: number, count: number, search: Search): Candidate[] {
  const best: Candidate[] = [];
  for (const from of rows) {
    const begin = from.row * V;
    const mayEnd = from.length >= search.minLength;
    for (let token = 0; token < V; token++) {
      const score = from.logProbability + logProbabilities[begin + token];
      if (best.length === count && !(score > best[count - 1].score)) continue;
      if (score === Number.NEGATIVE_INFINITY || Number.isNaN(score) || search.forbidden.has(token)) continue;
      if (token === search.endToken && !mayEnd) continue;
      let at = best.length;
      while (at > 0 && score > best[at - 1].score) at--;
      best.splice(at, 0, { score, from, token });
      if (best.length > count) best.pop();
    }
  }
  return best;
}

function lengthNorm(length: number, alpha: number): number {
  return ((5 + length) / 6) ** alpha;
}

/** Those that ended first, then by score; a stable sort keeps the order of ending among equals. */
function byWorth(a: BeamHypothesis, b: BeamHypothesis): number {
  return Number(b.isComplete) - Number(a.isComplete) || b.score - a.score;
}

type Search = ReturnType<typeof checked>;

/** Least coverage of a position: what was never looked at costs so much and not everything. */
const leastCoverage = 1e-6;

function checked(options: BeamSearchOptions) {
  const { sentences, startToken, endToken, width = 5, nBest = 1, minLength = 0, lengthPenalty = 0, coveragePenalty = 0 } = options;
  const { maxLength, memoryLengths, forbidden = [] } = options;
  const whole = (name: string, value: number, least: number) => {
    if (!Number.isInteger(value) || value < least) {
      throw new ConfigError(`[beamSearch] ${name}: expected a whole number of at least ${least}, received ${value}.`);
    }
  };
  whole('sentences', sentences, 0);
  whole('startToken', startToken, 0);
  whole('endToken', endToken, 0);
  whole('width', width, 1);
  whole('nBest', nBest, 1);
  whole('minLength', minLength, 0);
  if (nBest > width) throw new ConfigError(`[beamSearch] nBest: expected at most the width, ${width}, received ${nBest}.`);
  for (const [name, value] of Object.entries({ lengthPenalty, coveragePenalty })) {
    if (!(value >= 0 && Number.isFinite(value))) throw new ConfigError(`[beamSearch] ${name}: expected 0 or more, received ${value}.`);
  }
  const maxLengthOf = (n: number) => (typeof maxLength === 'number' ? maxLength : maxLength[n]);
  for (let n = 0; n < sentences; n++) whole('maxLength', maxLengthOf(n), 1);

  return {
    width,
    nBest,
    startToken,
    endToken,
    minLength,
    lengthPenalty,
    coveragePenalty,
    forbidden: new Set(forbidden),
    maxLengthOf,
    hypothesis({ node, logProbability, length, coverage }: Live, n: number, isComplete: boolean): BeamHypothesis {
      const nodes: Node[] = [];
      for (let at = node; at !== null; at = at.before) nodes.push(at);
      nodes.reverse();
      const seen = coverage === null ? [] : [...coverage].slice(0, memoryLengths?.[n] ?? coverage.length);
      const penalty = seen.reduce((sum, x) => sum + Math.log(Math.min(1, Math.max(x, leastCoverage))), 0);
      return {
        tokens: Int32Array.from(isComplete ? nodes.slice(0, -1) : nodes, ({ token }) => token),
        score: logProbability / lengthNorm(length, lengthPenalty) + coveragePenalty * penalty,
        logProbability,
        isComplete,
        attention: nodes[0].attention === null ? null : nodes.map(({ attention }) => attention!),
      };
    },
  };
}
