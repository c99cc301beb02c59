import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { Random } from '../../tensor/random.ts';
import { loadModel } from '../../training/model-file.ts';
import type { Prediction, TaskOptions } from '../task.ts';
import type { RecommendationOptions } from './options.ts';
import { type Recommended, recommend } from './recommend.ts';
import { loadRecommender, recommenderFrom, saveRecommender } from './saved.ts';
import { RecommendationStream } from './stream.ts';
import { recommendation } from './task.ts';
import { prepareRecommendation, type RecommendationTraining, resumeRecommendation } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-recommendation-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Items of a user's kind: half of the users go up through 30 items, half go down; one step in ten is a jump. */
function walks(users: number): string {
  const rng = new Random(7);
  const rows = ['user,item,timestamp'];
  for (let u = 0; u < users; u++) {
    const way = u % 2 === 0 ? 1 : 29;
    let item = rng.integer(30);
    let time = 1_700_000_000 + u;
    for (let n = 5 + rng.integer(8); n > 0; n--) {
      rows.push(`u${u},i${item},${time}`);
      item = rng.integer(10) === 0 ? rng.integer(30) : (item + way) % 30;
      time += 60;
    }
  }
  return `${rows.join('\n')}\n`;
}

const clicks = join(folder, 'clicks.csv');
writeFileSync(clicks, walks(300));
const items = join(folder, 'items.csv');
writeFileSync(items, `item,half\n${Array.from({ length: 30 }, (_, i) => `i${i},${i < 15 ? 'low' : 'high'}`).join('\n')}\n`);
const small: RecommendationOptions = {
  ...{ hiddenSize: 24, embeddingSize: 16, dropout: 0.1, embeddingDropout: 0, learningRate: 0.02, batchSize: 32, seed: 1 },
};

async function toTheEnd(training: RecommendationTraining): Promise<RecommendationTraining> {
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}
const trained = async (options: RecommendationOptions, out?: string) =>
  toTheEnd(await prepareRecommendation({ train: [clicks] }, { ...small, ...options }, out));

describe('training', () => {
  it.each([
    ['the whole softmax', {}],
    ['time gaps and features', { timeGaps: true, itemFeatures: items }],
    ['sampled cross entropy', { loss: 'sampled-cross-entropy', samples: 20 }],
    ['BPR-max', { loss: 'bpr-max', samples: 20, regularization: 0.05 }],
    ['TOP1-max', { loss: 'top1-max', samples: 20 }],
    ['sessions, an LSTM, scores by other vectors', { batching: 'sessions', cell: 'lstm', tieWeights: false, epochs: 12 }],
    ['sessions in steps of four, two layers', { batching: 'sessions', sequenceLength: 4, numLayers: 2, epochs: 12 }],
    ['a split by time', { split: 'time' }],
  ] as const)('learns which way a user goes, by %s', async (_, options) => {
    const { evaluate } = await trained({ epochs: 8, ...options });
    // Nine of ten next items follow from the way, which two items tell. By popularity hr@5 is about 5/30 = 0.17.
    expect((await evaluate())['hr@5']).toBeGreaterThan(0.7);
  });

  it.each([
    ['sequences', { dropout: 0.3, embeddingDropout: 0.2, averageDecay: 0.9 }],
    ['sessions', { batching: 'sessions', loss: 'bpr-max', samples: 8, dropout: 0.2 }],
  ] as const)('in %s that is stopped and resumed ends in the same file, to the byte', async (name, options) => {
    const [whole, parts] = [join(folder, `whole-${name}`), join(folder, `parts-${name}`)];
    const given = { ...small, ...options, maxSteps: 40, evaluateEvery: 15 };
    await toTheEnd(await prepareRecommendation({ train: [clicks] }, given, whole));
    const interrupted = await prepareRecommendation({ train: [clicks] }, given, parts);
    const controller = new AbortController();
    for await (const event of interrupted.run({ signal: controller.signal })) {
      if (event.type === 'step' && event.step === 22) controller.abort();
    }
    await toTheEnd(await resumeRecommendation(parts));
    expect(readFileSync(join(parts, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);
  });

  it('validates on files of its own, and then learns from all of the others', async () => {
    const training = await prepareRecommendation({ train: [textOf('a 1 2 3\nb 2 3 1\n')], valid: [textOf('c 1 2 9\n')] }, small);
    expect(training.learnt).toBe(6);
    expect(training.validationTargets).toBe(1);
    // 9 is no item of the catalogue: nothing ranks it.
    expect((await training.evaluate())['hr@20']).toBe(0);
  });

  it('says what does not go together', async () => {
    const prepare = (text: string, options: RecommendationOptions) => prepareRecommendation({ train: [textOf(text)] }, options);
    const good = 'a 1 2 3\nb 2 3 1\n';
    await expect(prepare(good, { shortcut: true, tieWeights: false })).rejects.toThrow('shortcut: expected tieWeights');
    await expect(prepare(good, { labelSmoothing: 0.1, loss: 'bpr-max' })).rejects.toThrow('labelSmoothing: expected loss cross-entropy');
    // The loss that follows from the number of items has no more use for them than one that is asked for.
    for (const given of [{}, { loss: 'cross-entropy' }] as const) {
      await expect(prepare(good, { ...given, samples: 20 })).rejects.toThrow(
        'samples: expected loss sampled-cross-entropy, bpr-max or top1-max, received cross-entropy, which has no use for it. Leave it out.',
      );
      await expect(prepare(good, { ...given, regularization: 0.1 })).rejects.toThrow('regularization: expected loss bpr-max');
    }
    await expect(prepare(good, { testFraction: 0.2 })).rejects.toThrow('testFraction: expected split time, received last');
    await expect(prepare(good, { gapSize: 4 })).rejects.toThrow('gapSize: expected timeGaps as well');
    await expect(prepare(good, { featureSize: 4 })).rejects.toThrow('featureSize: expected itemFeatures as well');
    await expect(prepare(good, { ratingColumn: 'stars' })).rejects.toThrow('ratingColumn: expected minRating as well');
    await expect(prepare(good, { timeGaps: true })).rejects.toThrow('timeGaps: expected a column of times');
    await expect(prepare(good, { split: 'time' })).rejects.toThrow('split time: expected a column of times');
    await expect(prepare(good, { minItemEvents: 5 })).rejects.toThrow(
      'received none among 6 interactions. Lower minUserEvents or minItemEvents.',
    );
    await expect(prepare('a 1 2\nb 2 1\n', {})).rejects.toThrow('expected users with three interactions or more');
    await expect(prepare('a 1 2 3\n', {})).rejects.toThrow('expected users with two interactions or more to learn from');
    await expect(prepare(good, { loss: 'bprmax' } as never)).rejects.toThrow('unknown name "bprmax"; did you mean "bpr-max"?');
  });

  it('does not go on with interactions that have changed', async () => {
    const path = join(folder, 'changing.txt');
    const out = join(folder, 'changing');
    writeFileSync(path, 'a 1 2 3 4\nb 2 3 1 4\n');
    await prepareRecommendation({ train: [path] }, { ...small, maxSteps: 5 }, out);
    writeFileSync(path, 'a 1 2 3 4\nb 2 3 4 1\n');
    await expect(resumeRecommendation(out)).rejects.toThrow('have changed since it began');
  });
});

describe('a trained recommender', () => {
  const out = join(folder, 'shop');
  const path = join(out, 'model.safetensors');
  beforeAll(async () => {
    await trained({ epochs: 15, timeGaps: true, itemFeatures: items }, out);
  });
  const predicted = async (text: string, options: TaskOptions = {}): Promise<Prediction[]> => {
    const parts: Prediction[] = [];
    const input = { ...textOf(text, 'the input'), path: null };
    for await (const part of recommendation.predict(await loadModel(path), input, options)) parts.push(part);
    return parts;
  };

  it('recommends what goes on from a history, the likeliest first, with probabilities', async () => {
    const [up] = await predicted('i3 i4 i5', { k: 3 });
    const [down] = await predicted('i9 i8 i7', { k: 3 });
    const best = ({ value }: Prediction) => (value as Recommended).items;
    expect(best(up)[0].item).toBe('i6');
    expect(best(down)[0].item).toBe('i6');
    expect(best(up)[0].probability).toBeGreaterThan(0.2);
    expect(best(up)[0].score).toBeGreaterThan(best(up)[1].score);
    expect(up.text).toMatch(/^after i3 i4 i5\n {2}1 {2}i6 +\d+\.\d\d %\n/);
  });

  it('leaves out what was seen where it is told to', async () => {
    const [all] = await predicted('i3 i4 i5 i6 i5', { k: 30 });
    const [fresh] = await predicted('i3 i4 i5 i6 i5', { k: 30, excludeSeen: true });
    expect((all.value as Recommended).items.length).toBe(30);
    expect((fresh.value as Recommended).items.map(({ item }) => item).filter((item) => ['i3', 'i4', 'i5', 'i6'].includes(item))).toEqual(
      [],
    );
    expect((fresh.value as Recommended).items.length).toBe(26);
  });

  it('passes over what it does not know, and says what is popular where it knows nothing', async () => {
    const [known, unknown] = await predicted('i3 foo i4\nbar\n', { k: 2 });
    expect(known.text).toContain('not in the catalogue, passed over: foo');
    expect((known.value as Recommended).items).toEqual(
      (await predicted('i3 i4', { k: 2 })).map(({ value }) => (value as Recommended).items)[0],
    );
    expect(unknown.text).toContain('nothing of this is known; what is popular:');
    expect(unknown.value).toMatchObject({ isCold: true, unknown: ['bar'] });
  });

  it('reads lines with users, and tables', async () => {
    const [ann, bob] = await predicted('ann i3 i4\nbob i9 i8\n', { k: 1, withUsers: true });
    expect([ann, bob].map(({ value }) => (value as { user: string }).user)).toEqual(['ann', 'bob']);
    const rows = await predicted('user,item,timestamp\nann,i4,1700000060\nann,i3,1700000000\n', { k: 1 });
    expect((rows[0].value as Recommended).history).toEqual(['i3', 'i4']);
    await expect(predicted('ann i3\nbob\n', { withUsers: true })).rejects.toThrow(
      'the input, line 2, column 4: expected items after the user "bob"',
    );
    await expect(predicted(' \n')).rejects.toThrow('expected items, received nothing');
    await expect(predicted('user,item,timestamp\nann,i4,late\n')).rejects.toThrow('the input, line 2, column 8: expected a date');
  });

  it('is measured on what it was not trained on, beside popularity', async () => {
    const { metrics, samples, report, details } = await recommendation.evaluate(await loadModel(path), [clicks], { at: [1, 10] });
    expect(Object.keys(metrics)).toEqual(['hr@1', 'ndcg@1', 'mrr@1', 'hr@10', 'ndcg@10', 'mrr@10']);
    expect(samples).toBe(300);
    // Nine of ten could be right, one of thirty by chance.
    expect(metrics['hr@1']).toBeGreaterThan(0.4);
    expect(metrics['hr@1']).toBe(metrics['mrr@1']);
    const { popularity, byHistory } = details as { popularity: Record<string, number>; byHistory: { targets: number }[] };
    expect(popularity['hr@10']).toBeLessThan(0.6);
    expect(byHistory.reduce((sum, { targets }) => sum + targets, 0)).toBe(300);
    expect(report).toContain('popularity');
    expect(Math.max(...report!.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('counts items that it does not know as missed, and says so', async () => {
    const other = join(folder, 'other.txt');
    writeFileSync(other, 'a i3 i4 new\nb i3 i4 i5\nc new newer i3\n');
    const { metrics, samples, report } = await recommendation.evaluate(await loadModel(path), [other], { excludeSeen: true });
    expect(samples).toBe(2);
    expect(metrics['hr@20']).toBe(0.5);
    expect(report).toContain('1 of 2 are items that the model does not know. They count as missed');
    expect(report).toContain('1 more are left out: the model knows no item that came before.');
    const evaluate = async (options: TaskOptions, data = [clicks]) => recommendation.evaluate(await loadModel(path), data, options);
    await expect(evaluate({ from: 'soon' })).rejects.toThrow('from: expected a date');
    await expect(evaluate({ from: '2090-01-01' })).rejects.toThrow('expected users with 3 interactions or more');
    writeFileSync(other, 'a x y z\n');
    await expect(evaluate({}, [other])).rejects.toThrow('Are items named as in the training data?');
    expect((await evaluate({ targets: 'all' })).samples).toBeGreaterThan(1500);
  });

  it('is not measured on histories that were learnt from whole, unless asked to', async () => {
    const short = join(folder, 'short.csv');
    writeFileSync(short, `${walks(300)}w1,i1,1700000000\nw1,i2,1700000060\n`);
    const [last, apart] = [join(folder, 'last'), join(folder, 'apart')];
    const training = await toTheEnd(await prepareRecommendation({ train: [short] }, { ...small, maxSteps: 1 }, last));
    expect(training.split.test).toHaveLength(300);
    const samples = async (out: string, options: TaskOptions = {}) =>
      (await recommendation.evaluate(await loadModel(join(out, 'model.safetensors')), [short], options)).samples;
    expect(await samples(last)).toBe(300);
    expect(await samples(last, { targets: 'last' })).toBe(301);
    // With validation files nothing is left out, and other data is measured whole.
    await toTheEnd(await prepareRecommendation({ train: [clicks], valid: [clicks] }, { ...small, maxSteps: 1 }, apart));
    expect(await samples(apart)).toBe(301);
  });

  it('comes back from its file as it was', async () => {
    const saved = await loadRecommender(path);
    const copy = join(folder, 'copy.safetensors');
    await saveRecommender(copy, saved);
    expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
    expect(saved.features.map(({ name }) => name)).toEqual(['half']);
    const damaged = await loadModel(path);
    const vocabulary = damaged.config.vocabulary as { items: string[]; counts: number[] };
    const less = {
      ...damaged,
      config: { ...damaged.config, vocabulary: { ...vocabulary, items: vocabulary.items.slice(1), counts: vocabulary.counts.slice(1) } },
    };
    expect(() => recommenderFrom(less)).toThrow('expected a catalogue of 30 items, received 29');
    const huge = { ...damaged.config.architecture, hiddenSize: 100_000 };
    expect(() => recommenderFrom({ ...damaged, config: { ...damaged.config, architecture: huge } })).toThrow('the file holds');
    expect(recommendation.describe(damaged).map(([label]) => label)).toContain('Feature');
  });

  it('follows a user event by event; its state can be kept, as JSON, and set again', async () => {
    const { model, catalogue } = await loadRecommender(path);
    const stream = new RecommendationStream(model, catalogue);
    expect(stream.isCold).toBe(true);
    expect(stream.step({ item: 'foo' })).toBe(false);
    for (const [n, item] of ['i3', 'i4', 'i5'].entries()) expect(stream.step({ item, time: 60 * n })).toBe(true);
    const kept = JSON.stringify(stream.state);
    const before = stream.top(5, { excludeSeen: true });
    stream.step({ item: 'i20', time: 1000 });
    expect(stream.top(5)).not.toEqual(before);
    const other = new RecommendationStream(model, catalogue);
    other.state = JSON.parse(kept);
    expect(other.top(5, { excludeSeen: true })).toEqual(before);
    other.step({ item: 'i20', time: 1000 });
    expect(other.top(5)).toEqual(stream.top(5));
    other.reset();
    expect(other.isCold).toBe(true);
    expect(() => {
      other.state = { ...JSON.parse(kept), last: 'foo' };
    }).toThrow('received "foo". Is it another model\'s state?');
  });

  it('gives the same from a file and from a stream of text', async () => {
    const saved = await loadRecommender(path);
    const sessions = join(folder, 'sessions.txt');
    writeFileSync(sessions, 'i1 i2 i3\ni9 i8\n');
    const all: Recommended[] = [];
    for await (const one of recommend(saved, textFile(sessions), { k: 3 })) all.push(one);
    const same: Recommended[] = [];
    for await (const one of recommend(saved, textOf('i1 i2 i3\ni9 i8'), { k: 3 })) same.push(one);
    expect(all).toEqual(same);
  });
});

it('a hundred thousand items are practical', async () => {
  const rng = new Random(9);
  const lines = Array.from({ length: 1000 }, (_, u) => {
    const first = rng.integer(100_000);
    return `${u} ${Array.from({ length: 120 }, (__, n) => (first + 7 * n) % 100_000).join(' ')}`;
  });
  const training = await prepareRecommendation(
    { train: [textOf(lines.join('\n'))] },
    { ...small, maxSteps: 3, evaluateEvery: 3, batchSize: 16, samples: 512 },
  );
  expect(training.loss).toBe('sampled-cross-entropy');
  await toTheEnd(training);
  const { 'hr@10': hitRate } = await training.evaluate();
  expect(hitRate).toBeLessThan(0.1);
});
