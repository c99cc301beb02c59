/** How well a tagger tags. */
import { Breath } from '../../training/breath.ts';
import { ConfusionMatrix } from '../metrics/classification.ts';
import { EntityScores } from '../metrics/entities.ts';
import type { Tagger } from './model.ts';
import type { SentenceEncoder } from './sentence-encoder.ts';
import type { FeatureTokens } from './token-features.ts';

/** A sentence with its tags as the data have them. */
export interface TaggedSentence extends FeatureTokens {
  readonly tags: readonly string[];
}

/** Each in [0, 1]. */
export interface TaggingMetrics extends Readonly<Record<string, number>> {
  /** Share of words with the right tag. */
  readonly accuracy: number;
  /** Likewise of the words that the training data do not have, nor frozen vectors; 0 where there are none. */
  readonly unknownAccuracy: number;
}

/** Metrics, and what they are made of. For entities: entityPrecision, entityRecall and entityF1 as conlleval's, too. */
export interface TaggingResult {
  readonly metrics: TaggingMetrics;
  /** Words. */
  readonly words: number;
  /** Words that the training data do not have, nor frozen vectors. */
  readonly unknownWords: number;
  /** null: the tags are not entities. */
  readonly entities: EntityScores | null;
  /** Of the most frequent tags; the others are one. */
  readonly confusion: ConfusionMatrix;
}

/** Sentences of one forward. */
const batchSize = 64;
/** Tags that the confusion matrix tells apart. */
const mostTags = 20;

/**
 * How well a model tags sentences: accuracy, that on unknown words, and where tags are of entities their scores as conlleval's.
 *
 * @param options.pause called between forwards: lets the host's other work run
 */
export async function evaluateTagger(
  model: Tagger,
  encoder: SentenceEncoder,
  sentences: readonly TaggedSentence[],
  options: { readonly pause?: () => Promise<void> } = {},
): Promise<TaggingResult> {
  const breath = new Breath();
  const pause = options.pause ?? (() => breath.pause());
  const { scheme } = encoder.vocabulary;
  const entities = scheme === null ? null : new EntityScores();
  const confusion = new TagConfusion();
  let [words, correct, unknown, correctUnknown] = [0, 0, 0, 0];
  const byLength = sentences.toSorted((a, b) => a.words.length - b.words.length);
  for (let begin = 0; begin < byLength.length; begin += batchSize) {
    const batch = byLength.slice(begin, begin + batchSize);
    const predictions = tagSentences(model, encoder, batch);
    batch.forEach(({ tags, words: written }, s) => {
      const predicted = predictions[s];
      entities?.add(tags, predicted);
      tags.forEach((tag, t) => {
        const isRight = tag === predicted[t];
        const isUnknown = !encoder.words.knows(written[t]);
        confusion.add(tag, predicted[t]);
        words++;
        if (isRight) correct++;
        if (isUnknown) unknown++;
        if (isRight && isUnknown) correctUnknown++;
      });
    });
    await pause();
  }
  const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
  const ofEntities: Record<string, number> =
    entities === null
      ? {}
      : { entityPrecision: entities.overall.precision, entityRecall: entities.overall.recall, entityF1: entities.overall.f1 };
  return {
    metrics: { accuracy: share(correct, words), ...ofEntities, unknownAccuracy: share(correctUnknown, unknown) },
    words,
    unknownWords: unknown,
    entities,
    confusion: confusion.matrix(),
  };
}

/** The most probable tags of sentences, as the data write them. The model is in evaluation mode for it. */
export function tagSentences(model: Tagger, encoder: SentenceEncoder, sentences: readonly FeatureTokens[]): string[][] {
  const wasTraining = model.isTraining;
  model.eval();
  try {
    return model.tag(encoder.collate(encoder.encode(sentences))).map((ids) => encoder.decodeTags(ids));
  } finally {
    model.train(wasTraining);
  }
}

/** How often each tag was taken for each; the most frequent ones are told apart, all others count as one. */
class TagConfusion {
  readonly #counts = new Map<string, Map<string, number>>();

  add(expected: string, predicted: string): void {
    const row = this.#counts.get(expected) ?? new Map<string, number>();
    this.#counts.set(expected, row);
    row.set(predicted, (row.get(predicted) ?? 0) + 1);
  }

  matrix(): ConfusionMatrix {
    const totals = new Map<string, number>();
    for (const [expected, row] of this.#counts) {
      for (const [predicted, count] of row) {
        totals.set(expected, (totals.get(expected) ?? 0) + count);
        totals.set(predicted, totals.get(predicted) ?? 0);
      }
    }
    const frequent = [...totals].sort(([, a], [, b]) => b - a).map(([tag]) => tag);
    const labels = frequent.length <= mostTags ? frequent : [...frequent.slice(0, mostTags - 1), '(others)'];
    const ids = new Map(labels.map((tag, id) => [tag, id]));
    const matrix = new ConfusionMatrix(labels);
    const idOf = (tag: string): number => ids.get(tag) ?? labels.length - 1;
    for (const [expected, row] of this.#counts) for (const [predicted, count] of row) matrix.add(idOf(expected), idOf(predicted), count);
    return matrix;
  }
}

/** Where the tagger errs, for a screen. */
export function reportOf({ entities, confusion, metrics, words, unknownWords }: TaggingResult): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const unknown = `${unknownWords} of ${words} words are not in the training data; ${percent(metrics.unknownAccuracy)} of them are right.`;
  return `${(entities === null ? confusion.report() : entities.report()).trimEnd()}\n\n${unknown}`;
}
