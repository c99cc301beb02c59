/** What layers are seen to read leads to what the recommender says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { slice } from '../../autograd/ops/shape.ts';
import { setBackend } from '../../backend/select.ts';
import { textOf } from '../../data/text/text-source.ts';
import { observe } from './observe.ts';
import type { RecommendationOptions } from './options.ts';
import { loadRecommender } from './saved.ts';
import { RecommendationStream } from './stream.ts';
import { prepareRecommendation } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-observe-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  setBackend('reference');
});
afterEach(() => setBackend('native'));

const start = Date.UTC(2024, 2, 1, 12, 30) / 1000;
const clicks = `user,item,timestamp\n${Array.from({ length: 60 }, (_, i) => `u${i % 6},i${(i * 7) % 11},${start + 90 * i}\n`).join('')}`;

async function saved(options: RecommendationOptions) {
  const out = mkdtempSync(join(folder, 'run-'));
  const training = await prepareRecommendation(
    { train: [textOf(clicks, 'clicks.csv')] },
    { hiddenSize: 8, embeddingSize: 6, epochs: 1, seed: 3, ...options },
    out,
  );
  for await (const _ of training.run()) {
    // to the end
  }
  return loadRecommender(join(out, 'model.safetensors'));
}

/** −log softmax of a stream's scores for an item, and the likeliest. */
function lossOf(scores: ArrayLike<number>, item: number): number {
  const all = Array.from(scores);
  return Math.log(all.reduce((sum, score) => sum + Math.exp(score), 0)) - all[item];
}

it.each<[string, RecommendationOptions]>([
  ['a GRU', {}],
  ['an LSTM of two layers with time gaps', { cell: 'lstm', numLayers: 2, timeGaps: true }],
  ['a shortcut from the item, trained by BPR-max', { shortcut: true, loss: 'bpr-max' }],
])('reads items, says the next, and knows the loss of those that came: %s', async (_, options) => {
  const recommender = await saved(options);
  const { model, catalogue } = recommender;
  const taken = ['i3', 'i1', 'i10', 'i1', 'i4'];
  const rows = taken.map((item, i) => `u,${item},${start + 500 * i ** 2}\n`);
  // One item is unknown: it is passed over.
  const table = `user,item,timestamp\n${rows.slice(0, 2).join('')}u,i99,${start + 900}\n${rows.slice(2).join('')}`;
  const { layers, x, tokens, times, outputs, losses } = await observe(recommender, textOf(table, 'me.csv'));
  expect(tokens).toEqual(taken);
  expect(times).toEqual(['12:30', '12:38', '13:03', '13:45', '14:43'].map((time) => `2024-03-01 ${time}`));

  const stream = new RecommendationStream(model, catalogue);
  const said: string[] = [];
  const expected = taken.map((item, i) => {
    stream.step({ item, time: start + 500 * i ** 2 });
    said.push(stream.top(1)[0].item);
    return i + 1 < taken.length ? lossOf(stream.scores(), catalogue.id(taken[i + 1])) : Number.NaN;
  });
  expect(outputs).toEqual(said);
  const { output } = (layers as typeof model.rnn).forward(x);
  const found = losses!(output, 0).dataSync();
  expect(found).toHaveLength(4);
  for (let i = 0; i < 4; i++) expect(found[i]).toBeCloseTo(expected[i], 9);
  expect(losses!(slice(output, 1, 2), 2).dataSync()[1]).toBeCloseTo(expected[3], 9);
});

it('of items as words there are no times, and of one item there is no loss', async () => {
  const recommender = await saved({});
  const { tokens, times, losses } = await observe(recommender, textOf('i5\n'));
  expect(tokens).toEqual(['i5']);
  expect(times).toBeUndefined();
  expect(losses).toBeUndefined();
});

it('a history of which nothing is known is refused', async () => {
  await expect(observe(await saved({}), textOf('x y\n', 'me.txt'))).rejects.toThrow(
    'me.txt: expected a history with items that the model knows',
  );
});
