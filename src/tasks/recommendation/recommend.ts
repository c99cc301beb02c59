/** What to recommend after histories that come as text: a line of items each, or a table of interactions. */
import { linesIn, type TextSource } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { firstLine, namesItems, readInteractions, wordsOf } from './interactions.ts';
import type { RecommendOptions } from './options.ts';
import type { SavedRecommender } from './saved.ts';
import { type Recommendation, type RecommendationEvent, RecommendationStream } from './stream.ts';

/** What is recommended after one history. */
export interface Recommended {
  /** null: the history has no name. */
  readonly user: string | null;
  readonly history: readonly string[];
  /** Of the history: items that the model does not know. They are passed over. */
  readonly unknown: readonly string[];
  /** Whether nothing of the history is known: what is popular is recommended. */
  readonly isCold: boolean;
  readonly items: readonly RankedItem[];
}

/** A recommendation, and how sure the model is of it. */
export interface RankedItem extends Recommendation {
  /** That it is the next, by a model that was trained with cross entropy; of all items, also those that are left out. */
  readonly probability?: number;
}

/**
 * Recommendations, history by history as they come. A table is told by a column of items in its first line; any other text is
 * lines of items, in the order in which they were taken.
 *
 * @throws FormatError naming file, line and column of what is malformed
 */
export async function* recommend(
  { model, catalogue, config }: SavedRecommender,
  source: TextSource,
  options: RecommendOptions = {},
): AsyncGenerator<Recommended> {
  const { k = 10, excludeSeen = false, withUsers = false } = options;
  const stream = new RecommendationStream(model, catalogue);
  const isSoftmax = config.data.loss.endsWith('cross-entropy');
  for await (const { user, events } of historiesIn(source, config.data, withUsers)) {
    stream.reset();
    const unknown = events.filter((event) => !stream.step(event)).map(({ item }) => item);
    const best = stream.top(k, { excludeSeen });
    const total = isSoftmax ? logSumExp(stream.scores()) : 0;
    yield {
      user,
      history: events.map(({ item }) => item),
      unknown: [...new Set(unknown)],
      isCold: stream.isCold,
      items: isSoftmax ? best.map((entry) => ({ ...entry, probability: Math.exp(entry.score - total) })) : best,
    };
  }
}

interface History {
  readonly user: string | null;
  readonly events: readonly RecommendationEvent[];
}

/** Histories, one after another as they come. @param withUsers whether lines begin with a user */
export async function* historiesIn(
  source: TextSource,
  data: SavedRecommender['config']['data'],
  withUsers: boolean,
): AsyncGenerator<History> {
  const { first, whole } = await firstLine(source);
  if (first === null) throw new FormatError('expected items, received nothing. Give a history: "item1 item2 …".', { file: source.name });
  if (!namesItems(first, data)) {
    yield* lineHistories(whole, withUsers);
    return;
  }
  const { users, items, starts, events, times } = await readInteractions([whole], { ...data, format: 'table' });
  for (let u = 0; u < users.length; u++) {
    const own = Array.from(events.subarray(starts[u], starts[u + 1]), (item, i) => ({ item: items[item], time: times?.[starts[u] + i] }));
    yield { user: users[u], events: own };
  }
}

async function* lineHistories(source: TextSource, withUsers: boolean): AsyncGenerator<History> {
  let line = 0;
  for await (const text of linesIn(source)) {
    line++;
    const words = wordsOf(text);
    if (words.length === 0) continue;
    const user = withUsers ? words.shift()! : null;
    if (words.length === 0) {
      throw new FormatError(`expected items after the user "${user}", received none.`, {
        file: source.name,
        line,
        column: text.trimEnd().length + 1,
      });
    }
    yield { user, events: words.map((item) => ({ item })) };
  }
}

function logSumExp(scores: ArrayLike<number>): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) if (scores[i] > top) top = scores[i];
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += Math.exp(scores[i] - top);
  return top + Math.log(sum);
}
