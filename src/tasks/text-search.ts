/**
 * Searching for text with a language model and a lexicon: options that recognisers share, and what becomes of the files that they name.
 * A model of characters is asked at each symbol, one of words at each word's end.
 */
import * as v from 'valibot';
import { readArpa } from '../data/text/arpa.ts';
import type { NgramModel } from '../data/text/ngram-model.ts';
import { linesIn, textFile } from '../data/text/text-source.ts';
import { type SequenceScorer, withSymbols } from '../decode/sequence-scorer.ts';
import { type WordModel, wordScorer } from '../decode/word-scorer.ts';
import { ConfigError, FormatError } from '../tensor/errors.ts';
import { loadLanguageModel } from './language-model/saved.ts';
import { LanguageModelScorer } from './language-model/scorer.ts';
import { path, whole } from './schema.ts';

const bonus = (description: string) => v.pipe(v.number(), v.minValue(-100), v.maxValue(100), v.description(description));

/** Entries for the schemas of `evaluate` and `predict`. */
export const searchEntries = () => ({
  beamWidth: v.optional(whole('follow so many texts at a time; 1: greedily (default 1, with a language model or a lexicon 16)', 1, 10_000)),
  languageModel: v.optional(
    path(
      'search together with a language model: one that Unrolled trained (model.safetensors), or n-grams (ARPA), of characters or of words',
    ),
  ),
  lmWeight: v.optional(
    v.pipe(v.number(), v.minValue(0), v.maxValue(100), v.description("what the language model's log-probabilities count (default 0.5)")),
  ),
  lexicon: v.optional(path('allow only the words in this file, one a line')),
  wordBonus: v.optional(bonus('added for each word, to make up for models that prefer few (default 0)')),
  insertionBonus: v.optional(bonus('added for each symbol (default 0)')),
});

/** As a user writes them. */
export type SearchFlags = v.InferInput<v.StrictObjectSchema<ReturnType<typeof searchEntries>, undefined>>;

/** What a recogniser's classes write. */
export interface ClassTexts {
  /** Of each class, that of the blank left empty. */
  readonly symbols: readonly string[];
  /** Whether symbols are characters that make words up, and not words or phonemes themselves. */
  readonly areCharacters: boolean;
  /** How a text is written before it is compared: a lexicon's words are too. */
  readonly spell?: (text: string) => string;
}

/** What a search is given. */
export interface TextSearch {
  readonly beamWidth: number;
  readonly scorer: SequenceScorer<unknown> | null;
  readonly insertionBonus: number;
}

/**
 * Reads what the options name.
 *
 * @throws ConfigError where options contradict one another, FileError, FormatError where a file cannot be read
 */
export async function textSearch(classes: ClassTexts, flags: SearchFlags): Promise<TextSearch> {
  const { languageModel, lexicon, lmWeight = 0.5, wordBonus = 0, insertionBonus = 0 } = flags;
  if (languageModel === undefined && flags.lmWeight !== undefined) {
    throw new ConfigError('lmWeight: expected a languageModel with it, received none.');
  }
  if (!classes.areCharacters && (lexicon !== undefined || wordBonus !== 0)) {
    throw new ConfigError(
      `${lexicon === undefined ? 'wordBonus' : 'lexicon'}: expected a recogniser of characters, received one whose symbols are words or phonemes.`,
    );
  }
  const model = languageModel === undefined ? null : await readLanguageModel(languageModel);
  const parts: SequenceScorer<unknown>[] = [];
  const isOfWords = model !== null && classes.areCharacters && !model.areCharacters;
  if (model !== null && !isOfWords) parts.push(scaled(withSymbols(model.scorer, idsOf(model, classes, languageModel!)), lmWeight));
  if (isOfWords || lexicon !== undefined || wordBonus !== 0) {
    const separator = classes.symbols.indexOf(' ');
    if (separator < 0) throw new ConfigError('lexicon: expected a recogniser that knows blanks between words; its training data had none.');
    parts.push(
      wordScorer({
        symbols: classes.symbols,
        separator,
        lexicon: lexicon === undefined ? null : await readLexicon(lexicon, classes),
        languageModel: isOfWords ? model.scorer : null,
        weight: lmWeight,
        wordBonus,
      }) as SequenceScorer<unknown>,
    );
  }
  const scorer = parts.length === 2 ? together(parts[0], parts[1]) : (parts[0] ?? null);
  return { beamWidth: flags.beamWidth ?? (scorer === null ? 1 : 16), scorer, insertionBonus };
}

interface ReadModel {
  readonly scorer: WordModel<unknown>;
  /** Whether its tokens are characters. */
  readonly areCharacters: boolean;
  /** Whether it knows a symbol, and not only that there are unknown ones. */
  readonly knows: (symbol: string) => boolean;
}

async function readLanguageModel(file: string): Promise<ReadModel> {
  if (/\.safetensors$/i.test(file)) {
    const { model, tokenizer } = await loadLanguageModel(file);
    if (tokenizer.level === 'bpe') {
      throw new FormatError('expected a language model of characters or words, found one of byte pairs. Train one with --level char.', {
        file,
      });
    }
    const scorer = new LanguageModelScorer(model, tokenizer);
    const knows = (symbol: string): boolean => ![-1, tokenizer.unknownId].includes(scorer.idOf(symbol));
    return { scorer: scorer as WordModel<unknown>, areCharacters: tokenizer.level === 'char', knows };
  }
  const ngrams: NgramModel = await readArpa(textFile(file));
  const idOf = (word: string): number => ngrams.idOf(nameIn(ngrams, word));
  const scorer: WordModel<number> = {
    start: () => ngrams.start(),
    score: (state, word) => ngrams.score(state, word),
    end: (state) => ngrams.end(state),
    advance: (states, words) => ngrams.advance(states, words),
    idOf,
  };
  return {
    scorer: scorer as WordModel<unknown>,
    areCharacters: ngrams.words.every((word) => [...word].length === 1 || special.includes(word)),
    knows: (symbol) => ngrams.has(nameIn(ngrams, symbol)),
  };
}

/** ARPA files cannot hold a blank: models of characters write it so. */
const blanks = ['<space>', '▁', '|', '_'];
const special = [...blanks, '<s>', '</s>', '<unk>', '<UNK>'];

function nameIn(ngrams: NgramModel, symbol: string): string {
  return symbol === ' ' ? (blanks.find((name) => ngrams.has(name)) ?? symbol) : symbol;
}

function idsOf({ scorer, knows, areCharacters }: ReadModel, { symbols }: ClassTexts, file: string): Int32Array {
  if (areCharacters && symbols.includes(' ') && !knows(' ')) {
    throw new FormatError('expected a model of characters to know the blank between words (<space>, ▁ or |), found one that does not.', {
      file,
    });
  }
  if (!symbols.some((symbol) => symbol !== '' && knows(symbol))) {
    throw new FormatError(
      `expected a language model over the recogniser's symbols (${symbols
        .filter((s) => s !== '')
        .slice(0, 8)
        .join(' ')} …), found one that knows none of them.`,
      { file },
    );
  }
  return Int32Array.from(symbols, (symbol) => (symbol === '' ? -1 : scorer.idOf(symbol)));
}

/** Words, the first thing in each line. */
async function readLexicon(file: string, { spell = (text) => text }: ClassTexts): Promise<Set<string>> {
  const words = new Set<string>();
  for await (const line of linesIn(textFile(file))) {
    for (const word of spell(line.trim().split(/\t/)[0]).split(/\s+/)) if (word !== '') words.add(word);
  }
  if (words.size === 0) throw new FormatError('expected words, one a line, found none.', { file, line: 1 });
  return words;
}

function scaled<State>(scorer: SequenceScorer<State>, weight: number): SequenceScorer<State> {
  const times = (x: number): number => (weight === 0 ? 0 : weight * x);
  return {
    most: times(scorer.most ?? 0),
    start: () => scorer.start(),
    score: (state, symbol) => times(scorer.score(state, symbol)),
    end: (state) => times(scorer.end(state)),
    advance: (states, symbols) => scorer.advance(states, symbols),
  };
}

/** Both say what they think; their scores add up. */
function together(a: SequenceScorer<unknown>, b: SequenceScorer<unknown>): SequenceScorer<unknown> {
  type Pair = readonly [unknown, unknown];
  return {
    most: (a.most ?? 0) + (b.most ?? 0),
    start: () => [a.start(), b.start()],
    score: (state, symbol) => {
      const [first, second] = state as Pair;
      // The second forbids more often, and costs less.
      const said = b.score(second, symbol);
      return said === Number.NEGATIVE_INFINITY ? said : said + a.score(first, symbol);
    },
    end: (state) => a.end((state as Pair)[0]) + b.end((state as Pair)[1]),
    advance: (states, symbols) => {
      const [first, second] = [0, 1].map((i) =>
        (i === 0 ? a : b).advance(
          states.map((state) => (state as Pair)[i]),
          symbols,
        ),
      );
      return first.map((state, i) => [state, second[i]]);
    },
  };
}
