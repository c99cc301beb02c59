import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../../../test/laws/close.ts';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { linear } from '../../autograd/ops/matmul.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { randomNormal, tensor } from '../../autograd/tensor.ts';
import { getBackend, setBackend } from '../../backend/select.ts';
import { Vocabulary } from '../../data/text/vocabulary.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { Random } from '../../tensor/random.ts';
import { rankOf } from '../metrics/ranking.ts';
import { Catalogue, type Histories } from './catalogue.ts';
import type { Architecture } from './config.ts';
import { rankEvents, ranksOf } from './evaluate.ts';
import { queryLoss } from './loss.ts';
import { Recommender } from './model.ts';
import { losses } from './options.ts';
import { RecommendationStream } from './stream.ts';

const usual = getBackend().name;
beforeAll(() => setBackend('reference'));
afterAll(() => setBackend(usual));

const V = 7;
const names = Array.from({ length: V }, (_, i) => `item${i}`);
const architecture: Architecture = {
  ...{ cell: 'gru', itemCount: V, embeddingSize: 3, hiddenSize: 4, numLayers: 1, tieWeights: true, shortcut: true },
  ...{ gapSize: 2, featureClasses: [3, 2], featureSize: 2, dropout: 0, embeddingDropout: 0 },
};
const itemFeatures = [
  [0, 1, 2, 0, 1, 2, 0],
  [1, 1, 0, 0, 1, 0, 1],
];

function recommender(changes: Partial<Architecture> = {}): Recommender {
  const complete = { ...architecture, ...changes };
  const options = { ...complete, itemFeatures: itemFeatures.slice(0, complete.featureClasses.length), rng: new Random(3) };
  return new Recommender(options).eval();
}

const batch = {
  items: Int32Array.from([1, 4, 2, 5, 3, 0]),
  gaps: Int32Array.from([0, 7, 1, 0, 2, 0]),
  lengths: Int32Array.from([3, 2]),
  ...{ batchSize: 2, length: 3 },
};
/** Steps 0 … 2 of the first row, 0 and 1 of the second. */
const at = Int32Array.from([0, 2, 4, 1, 3]);
const targets = Int32Array.from([4, 2, 6, 3, 4]);
const counts = [9, 5, 4, 3, 2, 1, 0];
const lossOptions = { samples: 6, sampleAlpha: 0.5, regularization: 0.5, labelSmoothing: 0 };

describe('a recommender', () => {
  it.each([
    ['all it can read, a shortcut', {}],
    ['scores by other vectors, two layers of LSTM', { cell: 'lstm', numLayers: 2, tieWeights: false, shortcut: false }],
    ['items alone, H = E', { hiddenSize: 3, shortcut: false, gapSize: 0, featureClasses: [] }],
  ] as const)('has its gradients with %s', (_, changes) => {
    const model = recommender(changes as Partial<Architecture>);
    const state = model.forward(batch, at).state.map(({ shape }) => randomNormal(shape, new Random(4)));
    checkGradients(() => {
      const { queries, state: last } = model.forward(batch, at, state);
      return [model.scores(queries), ...last];
    }, model.parameters());
  });

  it.each(losses)('learns by %s: gradients through the whole', (loss) => {
    const model = recommender();
    // The same negatives at each call.
    const lossAt = () => queryLoss({ ...lossOptions, loss }, counts, new Random(5))(model, model.forward(batch, at).queries, targets);
    checkGradients(lossAt, model.parameters());
  });

  it('reads a history in two parts as in one', () => {
    const model = recommender();
    const part = (from: number, to: number) => ({
      items: Int32Array.from([1, 4, 2, 5].slice(from, to)),
      gaps: Int32Array.from([0, 7, 1, 3].slice(from, to)),
      lengths: Int32Array.from([to - from]),
      batchSize: 1,
      length: to - from,
    });
    const [whole, halves] = scope(() =>
      noGrad(() => {
        const first = model.forward(part(0, 2), Int32Array.from([1]));
        const second = model.forward(part(2, 4), Int32Array.from([1]), first.state);
        return [model.forward(part(0, 4), Int32Array.from([3])).queries, second.queries];
      }),
    );
    expectClose(halves, whole.dataSync());
  });
});

describe('sampled cross entropy', () => {
  it('is the formula, written out', () => {
    // Two rows with the targets 1 and 0; no further samples: each is the other's only negative, expected 2·p times a batch.
    const model = recommender();
    const queries = randomNormal([2, 3], new Random(6));
    const right = Int32Array.from([1, 0]);
    const loss = queryLoss({ ...lossOptions, samples: 0, loss: 'sampled-cross-entropy' }, counts, new Random(7))(model, queries, right);
    const s = scope(() => model.scores(queries)).dataSync();
    const share = (item: number) => Math.max(1, counts[item]) / 25;
    const row = (r: number, y: number, other: number) =>
      Math.log(Math.exp(s[r * V + y]) + Math.exp(s[r * V + other]) / (2 * share(other))) - s[r * V + y];
    // The corrections are float32: 24 bits of numbers about 1.
    expectClose(loss, [(row(0, 1, 0) + row(1, 0, 1)) / 2], 6);
  });

  it('comes to the whole softmax with many samples', () => {
    const model = recommender();
    const queries = randomNormal([2, 3], new Random(8));
    const right = Int32Array.from([3, 6]);
    const sampled = queryLoss({ ...lossOptions, samples: 100_000, loss: 'sampled-cross-entropy' }, counts, new Random(9));
    const whole = crossEntropy(linear(queries, model.output.weight, model.output.bias), tensor(right));
    // The denominator's relative deviation is about 1/√100,000.
    expectClose(sampled(model, queries, right), whole.dataSync(), 1.7);
  });
});

describe('ranks', () => {
  const rng = new Random(10);
  /** Few different values, so that many are equal. */
  const values = Float64Array.from({ length: 6 * V }, () => rng.integer(4));
  const rows = [0, 3, 6, 2, 2, 5].map((target, r) => ({ target, seen: new Set([r, 6 - r]) }));

  it('are those that counting one by one gives, equals and what was seen included', () => {
    const found = scope(() => ranksOf(tensor(values, { shape: [6, V] }), rows));
    expect(found).toEqual(rows.map(({ target, seen }, r) => rankOf(values.subarray(r * V, (r + 1) * V), target, seen)));
  });

  it('are the worst where scores are no numbers', () => {
    const broken = tensor(
      values.map((value, i) => (i < V ? Number.NaN : value)),
      { shape: [6, V] },
    );
    expect(
      scope(() =>
        ranksOf(
          broken,
          rows.map(({ target }) => ({ target, seen: [] })),
        ),
      )[0],
    ).toBe(V);
  });

  it('of histories are what a stream sees, item by item', async () => {
    const model = recommender().eval();
    const catalogue = new Catalogue(Vocabulary.of(new Map(names.map((name, i) => [name, 10 - i]))), Int32Array.from(counts));
    // 70 events: more than a window. One is of an item that is not known (−1), and one target is.
    const items = Int32Array.from({ length: 80 }, (_, n) => (n === 20 || n === 79 ? -1 : (n * 5 + (n >> 3)) % V));
    const times = Float64Array.from({ length: 80 }, (_, n) => n * n * 30);
    const histories: Histories = { users: ['a', 'b', 'c'], starts: Int32Array.from([0, 70, 77, 80]), items, times };
    const asked = Int32Array.from([1, 40, 69, 71, 76, 79]);
    for (const excludeSeen of [false, true]) {
      const ranks = await rankEvents(model, catalogue, histories, asked, { excludeSeen });
      const expected = [...asked].map((event) => {
        const begin = event < 70 ? 0 : event < 77 ? 70 : 77;
        const stream = new RecommendationStream(model, catalogue);
        const seen = new Set<number>();
        for (let n = begin; n < event; n++) {
          if (items[n] < 0) continue;
          stream.step({ item: names[items[n]], time: times[n] });
          seen.add(items[n]);
        }
        return items[event] < 0 ? Number.POSITIVE_INFINITY : rankOf(stream.scores(), items[event], excludeSeen ? seen : []);
      });
      expect([...ranks.model]).toEqual(expected);
      expect([...ranks.historyLengths]).toEqual([1, 39, 68, 1, 6, 2]);
      const taken = excludeSeen
        ? null
        : [...asked].map((event) => (items[event] < 0 ? Number.POSITIVE_INFINITY : rankOf(counts, items[event])));
      if (taken !== null) expect([...ranks.popularity]).toEqual(taken);
    }
  });

  it('leave out what no known item comes before', async () => {
    const model = recommender();
    const catalogue = new Catalogue(Vocabulary.of(new Map(names.map((name) => [name, 1]))), Int32Array.from(counts));
    const histories: Histories = { users: ['a'], starts: Int32Array.from([0, 3]), items: Int32Array.from([-1, 2, 3]), times: null };
    const ranks = await rankEvents(model, catalogue, histories, Int32Array.from([1, 2]));
    expect(ranks.withoutHistory).toBe(1);
    expect(ranks.model.length).toBe(1);
    expect(ranks.model[0]).toBeGreaterThanOrEqual(1);
  });
});
