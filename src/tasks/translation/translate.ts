/** What a trained translator makes of sentences. */
import { scope } from '../../autograd/scope.ts';
import { type PaddedSequences, padSequences } from '../../data/sequence-batches.ts';
import { type BeamHypothesis, beamSearch } from '../../decode/beam-search.ts';
import { Breath } from '../../training/breath.ts';
import type { Translator } from './model.ts';
import type { SavedTranslator } from './saved.ts';
import { endId, paddingId, type SentenceVocabulary, startId } from './vocabulary.ts';

/** How translations are searched for. */
export interface TranslationSearch {
  /** Translations of a sentence that are kept at each step. Default 5; 1: greedy. */
  readonly beamWidth?: number;
  /** Translations returned, at most beamWidth. Default 1. */
  readonly nBest?: number;
  /** α of ((5 + length) / 6)^α. Default 1. */
  readonly lengthPenalty?: number;
  /** β. Default 0. */
  readonly coveragePenalty?: number;
  /** Sentences side by side. Default 32. */
  readonly batchSize?: number;
  /** Called between batches: lets the host's other work run. */
  readonly pause?: () => Promise<void>;
}

/** One translation of a sentence. */
export interface Translation {
  readonly text: string;
  /** Logarithm of its probability over its length's norm; see beamSearch. */
  readonly score: number;
  readonly logProbability: number;
  /** Its pieces, the end last (unless it was cut off). */
  readonly pieces: readonly string[];
  /** For each piece where the decoder looked: a share of each piece of the source; they add up to 1. */
  readonly attention: readonly Float32Array[];
}

/** A sentence and its translations, best first. */
export interface TranslatedSentence {
  readonly source: string;
  /** Its pieces, the end last; none of a blank sentence. */
  readonly pieces: readonly string[];
  /** One at least; a blank sentence has one, which is empty. */
  readonly translations: readonly Translation[];
}

/** Pieces that an output may have for one of the source, and besides. */
const [longestShare, longestRest] = [2, 20];

/**
 * Translates sentences, in their order.
 *
 * @example const [{ translations }] = await translateSentences(translator, ['a man is riding a bike .'], { nBest: 3 });
 */
export async function translateSentences(
  translator: SavedTranslator,
  sentences: readonly string[],
  options: TranslationSearch = {},
): Promise<TranslatedSentence[]> {
  const { model, source, target, config } = translator;
  const { beamWidth, nBest, lengthPenalty, coveragePenalty, batchSize = 32, pause = pauseNow() } = options;
  const encoded = sentences.map((sentence) => encodeSentence(source, config.vocabulary.lowercase ? sentence.toLowerCase() : sentence));
  // Those of about one length are read together.
  const order = encoded.flatMap((ids, i) => (ids.length > 1 ? [i] : [])).sort((a, b) => encoded[a].length - encoded[b].length);
  const results = sentences.map((sentence): TranslatedSentence => ({ source: sentence, pieces: [], translations: [blank] }));
  const wasTraining = model.isTraining;
  model.eval();
  try {
    for (let begin = 0; begin < order.length; begin += batchSize) {
      const members = order.slice(begin, begin + batchSize);
      const batch = padSequences(
        members.map((i) => encoded[i]),
        paddingId,
      );
      const found = searchTranslations(model, batch, { beamWidth, nBest, lengthPenalty, coveragePenalty });
      members.forEach((i, b) => {
        const pieces = source.show(encoded[i]);
        const translations = found[b].map(({ tokens, score, logProbability, attention, isComplete }): Translation => {
          const looked = attention!.map((weights) => Float32Array.from(weights.subarray(0, pieces.length)));
          const shown = target.show(isComplete ? [...tokens, endId] : tokens);
          return { text: textOf(target, tokens, looked, pieces), score, logProbability, pieces: shown, attention: looked };
        });
        results[i] = { source: sentences[i], pieces, translations };
      });
      await pause();
    }
  } finally {
    model.train(wasTraining);
  }
  return results;
}

/** The best translations of sentences as numbers, best first. @param batch with their ends, none of them blank */
export function searchTranslations(
  model: Translator,
  batch: PaddedSequences,
  { beamWidth = 5, nBest = 1, lengthPenalty = 1, coveragePenalty = 0 }: Omit<TranslationSearch, 'batchSize' | 'pause'> = {},
): BeamHypothesis[][] {
  return scope(() =>
    beamSearch(model.searchable(batch), {
      sentences: batch.batchSize,
      startToken: startId,
      endToken: endId,
      width: beamWidth,
      nBest,
      maxLength: batch.lengths.map((n) => longestShare * n + longestRest),
      lengthPenalty,
      coveragePenalty,
      memoryLengths: batch.lengths,
      forbidden: [paddingId, startId],
    }),
  );
}

const blank: Translation = { text: '', score: 0, logProbability: 0, pieces: [], attention: [] };

/** A sentence's pieces and its end. */
export function encodeSentence(vocabulary: SentenceVocabulary, sentence: string): Int32Array {
  return Int32Array.of(...vocabulary.encode(sentence), endId);
}

/** Words that the vocabulary lacks become the source's words that the decoder looked at the most (Jean et al. 2015). */
function textOf(target: SentenceVocabulary, tokens: Int32Array, looked: readonly Float32Array[], pieces: readonly string[]): string {
  const { unknownId } = target;
  if (unknownId === null || !tokens.includes(unknownId)) return target.decode(tokens);
  return Array.from(tokens, (token, t) => {
    if (token !== unknownId) return target.decode([token]);
    const words = looked[t].subarray(0, -1); // not the end
    return pieces[words.indexOf(Math.max(...words))];
  }).join(' ');
}

function pauseNow(): () => Promise<void> {
  const breath = new Breath();
  return () => breath.pause();
}
