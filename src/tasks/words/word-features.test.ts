import { beforeEach, describe, expect, it } from 'vitest';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { setBackend } from '../../backend/select.ts';
import { Random } from '../../tensor/random.ts';
import { WordCounts, WordEncoder } from './word-encoder.ts';
import { sizesOf, unknownRates, WordFeatures, type WordFeaturesSizes } from './word-features.ts';

beforeEach(() => setBackend('reference'));

const sentences = ['the cat sat on the mat', 'a dog'].map((text) => text.split(' '));
const counts = new WordCounts({ lowercase: true, features: 1 });
const lengthsOf = (words: readonly string[]): string[] => words.map((word) => String(word.length));
for (const words of sentences) counts.add(words, [lengthsOf(words)]);
const encoder = WordEncoder.of(counts);
const batch = encoder.collate(sentences.map((words) => encoder.encode(words, [lengthsOf(words)])));
const sizes: WordFeaturesSizes = sizesOf(encoder, {
  wordEmbeddingSize: 4,
  characterEmbeddingSize: 3,
  characterHiddenSize: 2,
  features: [{ name: 'length', embeddingSize: 2 }],
});
const featuresOf = (options: Partial<ConstructorParameters<typeof WordFeatures>[0]> = {}) =>
  new WordFeatures({ ...sizes, rng: new Random(1), ...options });

describe('WordFeatures', () => {
  it('sets word, characters and features side by side', () => {
    const model = featuresOf().eval();
    expect(model.outputSize).toBe(4 + 2 * 2 + 2);
    expect([...model.namedParameters().keys()].slice(0, 3)).toEqual([
      'words.weight',
      'characters.embedding.weight',
      'characters.rnn.weight_ih_l0',
    ]);
    const x = model.forward(batch).toArray() as number[][][];
    const row = (weight: { dataSync(): ArrayLike<number> }, id: number, E: number) =>
      Array.from(weight.dataSync()).slice(id * E, (id + 1) * E);
    sentences.forEach((words, b) => {
      words.forEach((word, t) => {
        const spelled = model.characters!.forward(encoder.collate([encoder.encode([word], [['1']])]).characters).dataSync();
        const expected = [
          ...row(model.words!.weight, encoder.words.id(word), 4),
          ...spelled,
          ...row(model.features[0].weight, encoder.features[0].id(String(word.length)), 2),
        ];
        expected.forEach((value, i) => {
          expect(x[b][t][i]).toBeCloseTo(value, 12);
        });
      });
    });
  });

  it('leaves out what has no size', () => {
    expect(featuresOf({ characterHiddenSize: 0 }).outputSize).toBe(6);
    expect(featuresOf({ wordEmbeddingSize: 0 }).forward(batch).shape).toEqual([2, 6, 6]);
    expect(() => featuresOf({ characterHiddenSize: 0, wordEmbeddingSize: 0, features: [] })).toThrow('sizes of 0 for all');
    expect(() => featuresOf({ features: [] }).forward(batch)).toThrow('expected 0 features, received 1');
  });

  it('passes gradients to every parameter', () => {
    const model = featuresOf();
    checkGradients(() => model.forward(batch), model.parameters(), { maxElements: 10 });
  });

  it('takes rare words as unknown while training, by their rates', () => {
    const rates = unknownRates(encoder.words, counts.words, 1)!;
    expect(rates[encoder.words.id('the')]).toBeCloseTo(1 / 3, 6); // seen twice
    expect(rates[encoder.words.id('dog')]).toBeCloseTo(1 / 2, 6); // seen once
    expect([rates[0], rates[1]]).toEqual([0, 0]);
    expect(unknownRates(encoder.words, counts.words, 0)).toBeNull();

    const model = featuresOf({ unknownRates: rates, characterHiddenSize: 0, features: [] });
    const one = encoder.collate([encoder.encode(['the', 'dog'], [['3', '3']])]);
    const noFeatures = { ...one, features: [] };
    const unknown = [...model.words!.weight.dataSync().slice(4, 8)];
    const trials = 600;
    const seen = [0, 0];
    for (let n = 0; n < trials; n++) {
      const [rows] = model.forward(noFeatures).toArray() as number[][][];
      rows.forEach((row, t) => {
        if (row.every((value, i) => value === unknown[i])) seen[t]++;
      });
    }
    // Four deviations of a binomial share.
    expect(Math.abs(seen[0] / trials - 1 / 3)).toBeLessThan(4 * Math.sqrt(2 / 9 / trials));
    expect(Math.abs(seen[1] / trials - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 4 / trials));
    const [rows] = model.eval().forward(noFeatures).toArray() as number[][][];
    expect(rows.some((row) => row[0] === unknown[0])).toBe(false);
  });

  it('takes vectors over', () => {
    const model = featuresOf();
    const before = [...model.words!.weight.dataSync()];
    expect(
      model.useVectors(
        new Map([
          ['cat', Float32Array.of(1, 2, 3, 4)],
          ['zebra', new Float32Array(4)],
        ]),
        encoder.words,
      ),
    ).toBe(1);
    const after = [...model.words!.weight.dataSync()];
    const at = encoder.words.id('cat') * 4;
    expect(after.slice(at, at + 4)).toEqual([1, 2, 3, 4]);
    expect(after.toSpliced(at, 4)).toEqual(before.toSpliced(at, 4));
    expect(() => model.useVectors(new Map([['cat', new Float32Array(3)]]), encoder.words)).toThrow(
      'expected vectors of 4 numbers, received 3 for "cat"',
    );
  });
});
