/** What a search asks of a language model, or of anything else that prefers some sequences of symbols to others. */

/**
 * Scores sequences symbol by symbol. A state stands for what came before; it is a value that nobody changes, so that a search may
 * keep, share and drop states as it likes.
 *
 * Language models give logarithms of probabilities, in nats; −∞ forbids. An n-gram model is one (`NgramModel`), `wordScorer` makes one
 * out of words, `languageModelScorer` out of a trained model.
 */
export interface SequenceScorer<State> {
  /** Before the first symbol. */
  start(): State;
  /** What this symbol adds after that state: log P(symbol | state). Asked often. */
  score(state: State, symbol: number): number;
  /** What it adds that the sequence ends there: log P(end | state). */
  end(state: State): number;
  /** The states after one more symbol each: state i, then symbol i. One call for all that a search needs at a time. */
  advance(states: readonly State[], symbols: readonly number[]): State[];
  /** The most that `score` ever is. 0 when absent, as of logarithms of probabilities. */
  readonly most?: number;
}

/**
 * A scorer over other numbers of the same symbols: symbol v here is `ids[v]` there; −1 forbids it. What a CTC model's classes are to
 * a language model with a vocabulary of its own.
 *
 * @example
 * const scorer = withSymbols(ngrams, characters.map((character) => ngrams.idOf(character)));
 */
export function withSymbols<State>(scorer: SequenceScorer<State>, ids: ArrayLike<number>): SequenceScorer<State> {
  return {
    most: scorer.most,
    start: () => scorer.start(),
    score: (state, symbol) => (ids[symbol] >= 0 ? scorer.score(state, ids[symbol]) : Number.NEGATIVE_INFINITY),
    end: (state) => scorer.end(state),
    advance: (states, symbols) =>
      scorer.advance(
        states,
        symbols.map((symbol) => ids[symbol]),
      ),
  };
}
