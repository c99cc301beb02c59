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

function taggerOf(output: Architecture['output']): Tagger {
  const model = new Tagger({
    words: sizesOf(encoder, { wordEmbeddingSize: 3, characterEmbeddingSize: 2, characterHiddenSize: 2, features: [] }),
    contexts: [],
    numLayers: 2,
    hiddenSize: 3,
    dropout: 0,
    output,
    numTags: labels.length,
    outside: 0,
    entityBias: 0,
    allowed: output === 'crf' ? entityConstraints(labels, 'BIO') : null,
    rng: new Random(3),
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

it('takes the entity bias from the score of O while tagging, and only then', () => {
  const plain = taggerOf('softmax');
  const biased = new Tagger({ ...plain.architecture, entityBias: 0.7 });
  biased.loadStateDict(plain.stateDict());
  const scoresOf = (model: Tagger) => model.forward({ words, context: null }).dataSync();
  expect(scoresOf(biased)).toEqual(scoresOf(plain));
  const scores = scoresOf(plain.eval());
  scoresOf(biased.eval()).forEach((score, i) => {
    expect(score).toBeCloseTo(scores[i] - (labels[i % labels.length] === 'O' ? 0.7 : 0), 6);
  });
});

it('takes vectors from elsewhere beside its own', () => {
  const alone = taggerOf('softmax');
  expect(() => alone.forward({ words, context })).toThrow('Check the feature axis');
});
