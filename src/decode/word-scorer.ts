/** Words for a search through characters: a lexicon that they must come from, a language model of words, or both. */
import { ConfigError } from '../tensor/errors.ts';
import type { SequenceScorer } from './sequence-scorer.ts';

/** A scorer whose symbols are words. */
export interface WordModel<State> extends SequenceScorer<State> {
  /** The number of a word, −1 where the model does not know it. */
  idOf(word: string): number;
}

/** Which words there are, and what each is worth. */
export interface WordScorerOptions<State> {
  /** What each class of the search writes; that of the blank counts for nothing. */
  readonly symbols: readonly string[];
  /** The class between words. */
  readonly separator: number;
  /** The words that may occur; any when absent. */
  readonly lexicon?: Iterable<string> | null;
  /** Scores words after words, and the end. */
  readonly languageModel?: WordModel<State> | null;
  /** What the language model's log-probabilities are multiplied by. Default 1. */
  readonly weight?: number;
  /** Added for every word. Default 0. */
  readonly wordBonus?: number;
  /** In place of the weighted log-probability of a word that the language model does not know. Default −10. */
  readonly unknownScore?: number;
}

/** Where a prefix stands: the words before, and the beginning of one. */
export interface WordScorerState<State> {
  /** Of the language model, after the words before; null without one. */
  readonly words: State | null;
  /** The beginning of the word that is being written. */
  readonly begun: string;
  /** The same in the lexicon; null without one. */
  readonly node: LexiconNode | null;
}

/** A beginning of words. */
export interface LexiconNode {
  /** By class. */
  readonly next: Map<number, LexiconNode>;
  isWord: boolean;
}

/**
 * Scores sequences of characters by their words. A word is judged when it ends, at a separator or at the end of the sequence:
 *
 *   weight · log P(word | words before) + wordBonus
 *
 * With a lexicon only its words can be written, one separator between two. Without, any can, also ones that the language model does
 * not know; separators then cost nothing by themselves.
 *
 * @example
 * const scorer = wordScorer({ symbols: [' ', 'a', 'b', …], separator: 1, lexicon: words, languageModel: await readArpa(file), weight: 0.8 });
 * const search = new CtcBeamSearch(V, { scorer, beamWidth: 20 });
 * @throws ConfigError when a word of the lexicon cannot be written with the symbols, or an option is out of range
 */
export function wordScorer<State>(options: WordScorerOptions<State>): SequenceScorer<WordScorerState<State>> {
  const { symbols, separator, languageModel = null, weight = 1, wordBonus = 0, unknownScore = -10 } = options;
  if (!Number.isInteger(separator) || separator < 0 || separator >= symbols.length) {
    throw new ConfigError(`[wordScorer] expected separator in 0…${symbols.length - 1}, received ${separator}.`);
  }
  if (!(weight >= 0) || !Number.isFinite(weight + wordBonus)) {
    throw new ConfigError(`[wordScorer] expected weight of at least 0 and a wordBonus, received ${weight} and ${wordBonus}.`);
  }
  const lexicon = options.lexicon ? lexiconOf(options.lexicon, symbols, separator) : null;

  const isWord = ({ begun, node }: WordScorerState<State>) => (node === null ? begun !== '' : node.isWord);
  const wordScore = ({ words, begun }: WordScorerState<State>): number => {
    if (languageModel === null) return wordBonus;
    const id = languageModel.idOf(begun);
    return (id < 0 ? unknownScore : weight === 0 ? 0 : weight * languageModel.score(words as State, id)) + wordBonus;
  };
  /** After the words that end there; those that the model does not know leave its state as it was. */
  const afterWords = (states: readonly WordScorerState<State>[]): (State | null)[] => {
    const after = states.map(({ words }) => words);
    if (languageModel === null) return after;
    const ids = states.map(({ begun }) => (begun === '' ? -1 : languageModel.idOf(begun)));
    const known = ids.flatMap((id, i) => (id >= 0 ? [i] : []));
    if (known.length === 0) return after;
    const advanced = languageModel.advance(
      known.map((i) => after[i] as State),
      known.map((i) => ids[i]),
    );
    known.forEach((i, k) => {
      after[i] = advanced[k];
    });
    return after;
  };
  const begin = (words: State | null): WordScorerState<State> => ({ words, begun: '', node: lexicon });

  return {
    most: Math.max(0, wordBonus, unknownScore + wordBonus),
    start: () => begin(languageModel?.start() ?? null),
    score(state, symbol) {
      if (symbol === separator) {
        if (isWord(state)) return wordScore(state);
        return state.node === null ? 0 : Number.NEGATIVE_INFINITY;
      }
      return state.node === null || state.node.next.has(symbol) ? 0 : Number.NEGATIVE_INFINITY;
    },
    end(state) {
      const last = (words: State | null): number =>
        languageModel === null || weight === 0 ? 0 : weight * languageModel.end(words as State);
      if (state.begun === '') return last(state.words);
      return isWord(state) ? wordScore(state) + last(afterWords([state])[0]) : Number.NEGATIVE_INFINITY;
    },
    advance(states, advancing) {
      const ended = states.filter((_, i) => advancing[i] === separator);
      const words = afterWords(ended);
      let k = 0;
      return states.map((state, i) => {
        if (advancing[i] === separator) return begin(words[k++]);
        const { begun, node, words: before } = state;
        return { words: before, begun: begun + symbols[advancing[i]], node: node?.next.get(advancing[i]) ?? null };
      });
    },
  };
}

/** The words as a tree of classes. Symbols of several characters are taken as long as they go, as a reader would. */
function lexiconOf(words: Iterable<string>, symbols: readonly string[], separator: number): LexiconNode {
  const classes = new Map<string, number>();
  symbols.forEach((symbol, v) => {
    if (v !== separator && symbol !== '' && !classes.has(symbol)) classes.set(symbol, v);
  });
  const longest = Math.max(1, ...[...classes.keys()].map((symbol) => symbol.length));
  const root: LexiconNode = { next: new Map(), isWord: false };
  let count = 0;
  for (const word of words) {
    let node = root;
    for (let i = 0; i < word.length; ) {
      let length = Math.min(longest, word.length - i);
      while (length > 0 && !classes.has(word.slice(i, i + length))) length--;
      if (length === 0) {
        throw new ConfigError(
          `[wordScorer] the word "${word}" of the lexicon cannot be written: "${[...word.slice(i)][0]}" is not among the symbols. Leave the word out, or spell it with them.`,
        );
      }
      const v = classes.get(word.slice(i, i + length))!;
      let next = node.next.get(v);
      if (next === undefined) {
        next = { next: new Map(), isWord: false };
        node.next.set(v, next);
      }
      node = next;
      i += length;
    }
    if (node !== root) {
      node.isWord = true;
      count++;
    }
  }
  if (count === 0) throw new ConfigError('[wordScorer] expected at least one word in the lexicon, received none.');
  return root;
}
