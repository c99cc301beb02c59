/** How well sentences are translated whose translations are known. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type BleuScore, type BleuTokenizer, corpusBleu } from '../metrics/bleu.ts';
import { corpusChrf } from '../metrics/chrf.ts';
import type { SavedTranslator } from './saved.ts';
import type { SentencePair } from './sentence-pairs.ts';
import { collatePairs, type EncodedPair } from './training-pairs.ts';
import { type TranslatedSentence, type TranslationSearch, translateSentences } from './translate.ts';

/** In 0…100, as sacreBLEU's. */
export interface TranslationMetrics extends Readonly<Record<string, number>> {
  readonly bleu: number;
  /** chrF2 */
  readonly chrf: number;
}

/** Metrics, and where they come from. */
export interface TranslationEvaluation {
  readonly metrics: TranslationMetrics;
  readonly bleu: BleuScore;
  readonly translated: readonly TranslatedSentence[];
}

/** How sentences are translated, and how BLEU cuts them. */
export interface EvaluateTranslatorOptions extends TranslationSearch {
  /** Default: as the training's validation. */
  readonly bleuTokenizer?: BleuTokenizer;
}

/** Translates sources and compares with their translations. */
export async function evaluateTranslator(
  translator: SavedTranslator,
  pairs: readonly Pick<SentencePair, 'source' | 'target'>[],
  { bleuTokenizer, ...search }: EvaluateTranslatorOptions = {},
): Promise<TranslationEvaluation> {
  const { format, vocabulary } = translator.config;
  const translated = await translateSentences(
    translator,
    pairs.map(({ source }) => source),
    search,
  );
  const hypotheses = translated.map(({ translations }) => translations[0].text);
  const references = pairs.map(({ target }) => [vocabulary.lowercase ? target.toLowerCase() : target]);
  const bleu = corpusBleu(hypotheses, references, { tokenizer: bleuTokenizer ?? format.bleuTokenizer });
  return { metrics: { bleu: bleu.score, chrf: corpusChrf(hypotheses, references) }, bleu, translated };
}

/** Mean −ln P of a piece, of pairs in batches. */
export async function lossOf(
  { model }: Pick<SavedTranslator, 'model'>,
  pairs: readonly EncodedPair[],
  pause: () => Promise<void>,
): Promise<number> {
  const wasTraining = model.isTraining;
  model.eval();
  try {
    let total = 0;
    let pieces = 0;
    const order = [...pairs].sort((a, b) => a.target.length - b.target.length);
    for (let begin = 0; begin < order.length; begin += 64) {
      const batch = collatePairs(order.slice(begin, begin + 64));
      const count = batch.inputs.lengths.reduce((sum, n) => sum + n, 0);
      total += count * scope(() => noGrad(() => model.loss(batch).item()));
      pieces += count;
      await pause();
    }
    return total / pieces;
  } finally {
    model.train(wasTraining);
  }
}
