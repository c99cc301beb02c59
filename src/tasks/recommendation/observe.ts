/** A recommender at work on a history, for pictures of its states and for gradients through them. */
import { reshape, slice } from '../../autograd/ops/shape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { inputRead } from '../../insight/observed-input.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { FormatError } from '../../tensor/errors.ts';
import { historiesIn } from './recommend.ts';
import type { SavedRecommender } from './saved.ts';
import { type RecommendationEvent, RecommendationStream } from './stream.ts';
import { gapClass } from './time-gaps.ts';

/**
 * The recurrent layers on the first history of an input, and the item that the model expects after each one. Items that it does not know
 * are passed over. The losses are cross entropies over all items, of those that came, whatever loss the model learnt by.
 *
 * @throws FormatError when there is no item that the model knows
 */
export async function observe({ model, catalogue, config }: SavedRecommender, source: TextSource): Promise<Observation> {
  const events = (await firstHistory(source, config.data)).filter(({ item }) => catalogue.id(item) >= 0);
  if (events.length === 0) {
    throw new FormatError(
      `expected a history with items that the model knows, such as "${catalogue.name(0)}", received none. Are they named as in the training data?`,
      { file: source.name },
    );
  }
  const stream = new RecommendationStream(model, catalogue);
  const outputs = events.map((event) => {
    stream.step(event);
    return stream.top(1)[0].item;
  });
  const T = events.length;
  const items = Int32Array.from(events, ({ item }) => catalogue.id(item));
  const seconds = events.map(({ time = Number.NaN }) => time);
  const gaps = Int32Array.from(seconds, (time, t) => gapClass(time - (seconds[t - 1] ?? Number.NaN)));
  const batch = { items, gaps: model.gaps === null ? null : gaps, lengths: Int32Array.of(T), batchSize: 1, length: T };
  const x = inputRead(model.rnn, () => model.forward(batch, Int32Array.of(T - 1)));
  const { backend } = model;
  const ids = (from: number, to: number): Tensor => tensor(items.slice(from, to), { dtype: 'int32', backend });
  const losses = (output: Tensor, first: number): Tensor => {
    // Of all steps but the last, after which nobody knows what came.
    const hidden = reshape(slice(output, 1, 0, T - 1 - first), [T - 1 - first, -1]);
    const scores = model.scores(model.queriesFrom(hidden, () => model.items.forward(ids(first, T - 1))));
    return crossEntropy(scores, ids(first + 1, T), { reduction: 'none' });
  };
  return {
    layers: model.rnn,
    x,
    tokens: events.map(({ item }) => item),
    outputs,
    isForetold: true,
    ...(seconds.some(Number.isNaN) ? {} : { times: seconds.map(inWords) }),
    ...(T > 1 ? { losses } : {}),
  };
}

async function firstHistory(source: TextSource, data: SavedRecommender['config']['data']): Promise<readonly RecommendationEvent[]> {
  for await (const { events } of historiesIn(source, data, false)) return events;
  return [];
}

/** "2024-03-01 12:30" */
function inWords(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
}
