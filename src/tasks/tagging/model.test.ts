import { beforeEach, describe, expect, it } from 'vitest';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { setBackend } from '../../backend/select.ts';
import { entityConstraints } from '../../nn/crf-constraints.ts';
import { Random } from '../../tensor/random.ts';
import { WordCounts, WordEncoder } from '../words/word-encoder.ts';
import { sizesOf } from '../words/word-features.ts';
import type { Architecture } from './config.ts';
import { notTagged, type SentenceBatch, Tagger } from './model.ts';

beforeEach(() => setBackend('reference'));

const sentences = [['Ada', 'Byron', 'sings'], ['home']];
const counts = new WordCounts({ lowercase: true });
for (const words of sentences) counts.add(words);
const encoder = WordEncoder.of(counts);
const words = encoder.collate(sentences.map((sentence) => encoder.encode(sentence)));
const context = new Random(7).fillNormal(new Float32Array(2 * 3 * 2));
const labels = ['O', 'B-x', 'I-x'];
const tags = Int32Array.of(1, 2, 0, 0, notTagged, notTagged);

function taggerOf(output: Architecture['output'], given: Partial<Architecture> = {}): Tagger {
  const model = new Tagger({
    words: sizesOf(encoder, { wordEmbeddingSize: 3, characterEmbeddingSize: 2, characterHiddenSize: 2, features: [] }),
    contexts: [],
    numLayers: 2,
    hiddenSize: 3,
    dropout: 0,
    output,
    numTags: labels.length,
    members: 1,
    beginnings: [1],
    entityBias: 0,
    allowed: output === 'crf' ? entityConstraints(labels, 'BIO') : null,
    rng: new Random(3),
    ...given,
  });
  return model;
}

describe.each(['softmax', 'crf'] as const)('Tagger with %s', (output) => {
  it('passes gradients to every parameter', () => {
    const model = taggerOf(output);
    checkGradients(() => model.loss({ words, context: null }, tags), model.parameters(), { maxElements: 4 });
  });

  it('has the loss of its probabilities', () => {
    const model = taggerOf(output).eval();
    const batch: SentenceBatch = { words, context: null };
    const explored = model.explore(batch, 27);
    // −log P of both sentences' tags, over their four words.
    const nats = explored.map(({ taggings }, b) => {
      const expected = [...tags.subarray(b * 3, b * 3 + (b === 0 ? 3 : 1))];
      return -Math.log(taggings.find((tagging) => expected.every((tag, t) => tagging.tags[t] === tag))!.probability);
    });
    expect(model.loss(batch, tags).item()).toBeCloseTo((nats[0] + nats[1]) / 4, 9);
    for (const { taggings, probabilities } of explored) {
      expect(taggings.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
      taggings[0].tags.forEach((_, t) => {
        labels.forEach((__, tag) => {
          const ofPaths = taggings.filter((path) => path.tags[t] === tag).reduce((sum, { probability }) => sum + probability, 0);
          expect(probabilities[t * labels.length + tag]).toBeCloseTo(ofPaths, 6);
        });
      });
    }
    expect(explored[0].taggings).toHaveLength(output === 'crf' ? 13 : 27); // of 27, an I-x begins or follows an O in 14
    expect(model.tag(batch).map((path) => [...path])).toEqual(explored.map(({ taggings }) => [...taggings[0].tags]));
  });
});

it('adds the entity bias to the score of each entity while tagging, and only then', () => {
  const plain = taggerOf('crf');
  const biased = taggerOf('crf', { entityBias: 0.75 });
  biased.loadStateDict(plain.stateDict());
  const batch: SentenceBatch = { words, context: null };
  expect(biased.loss(batch, tags).item()).toBe(plain.loss(batch, tags).item());
  const entities = (path: Int32Array): number => path.filter((tag) => labels[tag] === 'B-x').length;
  const before = plain.eval().explore(batch, 13);
  biased
    .eval()
    .explore(batch, 13)
    .forEach(({ taggings }, b) => {
      // The more entities a tagging has, the more likely it is now; how long they are is no matter.
      const weights = before[b].taggings.map(({ tags: path, probability }) => probability * Math.exp(0.75 * entities(path)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const { tags: path, probability } of taggings) {
        const same = before[b].taggings.findIndex((tagging) => `${tagging.tags}` === `${path}`);
        expect(probability).toBeCloseTo(weights[same] / total, 9);
      }
    });
});

it.each(['softmax', 'crf'] as const)('with %s adds what two readings disagree by', (output) => {
  const batch: SentenceBatch = { words, context: null };
  const model = taggerOf(output, { dropout: 0.5 });
  const state = model.rng.state;
  const given = model.loss(batch, tags, 0.8).item();
  model.rng.state = state;
  const once = model.loss(batch, tags).item();
  const twice = model.loss(batch, tags).item();
  model.rng.state = state;
  const readings = [model.forward(batch), model.forward(batch)].map((scores) => scores.dataSync());
  // ½ KL(p ‖ q) + ½ KL(q ‖ p) over all taggings of each sentence.
  const disagreement = [3, 1].map((n, b) => {
    const paths = Array.from({ length: 3 ** n }, (_, code) => Array.from({ length: n }, (__, t) => Math.floor(code / 3 ** t) % 3));
    const isAllowed = (path: number[]): boolean => output === 'softmax' || path.every((tag, t) => tag !== 2 || (t > 0 && path[t - 1] > 0));
    const allowed = paths.filter(isAllowed);
    const logarithms = readings.map((scores) => {
      const chain = model.crf === null ? null : [model.crf.start, model.crf.transitions, model.crf.end].map((p) => p.dataSync());
      const all = allowed.map((path) =>
        path.reduce(
          (sum, tag, t) => {
            const before = chain === null ? 0 : t === 0 ? chain[0][tag] : chain[1][path[t - 1] * 3 + tag];
            return sum + scores[(b * 3 + t) * 3 + tag] + before;
          },
          chain === null ? 0 : chain[2][path[n - 1]],
        ),
      );
      const logZ = Math.log(all.reduce((sum, score) => sum + Math.exp(score), 0));
      return all.map((score) => score - logZ);
    });
    return logarithms[0].reduce((sum, p, i) => sum + 0.5 * (Math.exp(p) - Math.exp(logarithms[1][i])) * (p - logarithms[1][i]), 0);
  });
  expect(disagreement[0]).toBeGreaterThan(1e-4);
  expect(given).toBeCloseTo((once + twice) / 2 + (0.8 * (disagreement[0] + disagreement[1])) / 4, 9);
});

describe('a tagger of three members', () => {
  const batch: SentenceBatch = { words, context: null };
  const apart = (model: Tagger): Tagger[] =>
    [model, ...model.others].map((member) => {
      const alone = new Tagger({ ...model.architecture, members: 1, allowed: model.allowed });
      const own = [...member.stateDict()].filter(([name]) => !name.startsWith('members.'));
      alone.loadStateDict(new Map(own));
      return alone;
    });

  it.each(['softmax', 'crf'] as const)('with %s learns as each does alone', (output) => {
    const model = taggerOf(output, { members: 3 });
    const losses = apart(model).map((member) => member.loss(batch, tags).item());
    expect(new Set(losses).size).toBe(3);
    expect(model.loss(batch, tags).item()).toBeCloseTo((losses[0] + losses[1] + losses[2]) / 3, 9);
    checkGradients(() => model.loss(batch, tags), model.others[1].parameters(), { maxElements: 2 });
  });

  it.each(['softmax', 'crf'] as const)('with %s tags by the geometric mean of their probabilities', (output) => {
    const model = taggerOf(output, { members: 3 }).eval();
    const members = apart(model).map((member) => member.eval().explore(batch, 27));
    model.explore(batch, 27).forEach(({ taggings }, b) => {
      const weight = (path: Int32Array): number =>
        members.reduce(
          (product, explored) => product * Math.cbrt(explored[b].taggings.find((tagging) => `${tagging.tags}` === `${path}`)!.probability),
          1,
        );
      const total = taggings.reduce((sum, tagging) => sum + weight(tagging.tags), 0);
      for (const { tags: path, probability } of taggings) expect(probability).toBeCloseTo(weight(path) / total, 9);
    });
    expect(model.tag(batch).map(String)).toEqual(model.explore(batch, 1).map(({ taggings }) => String(taggings[0].tags)));
  });
});

it('takes vectors from elsewhere beside its own', () => {
  const alone = taggerOf('softmax');
  expect(() => alone.forward({ words, context })).toThrow('Check the feature axis');
});
