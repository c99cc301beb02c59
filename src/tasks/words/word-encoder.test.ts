import { describe, expect, it } from 'vitest';
import { Vocabulary } from '../../data/text/vocabulary.ts';
import { WordCounts, WordEncoder } from './word-encoder.ts';

function encoderOf(sentences: readonly string[], options?: Parameters<typeof WordEncoder.of>[1]): WordEncoder {
  const counts = new WordCounts({ lowercase: true, features: 1 });
  for (const sentence of sentences) {
    const words = sentence.split(' ');
    counts.add(words, [words.map(shapeOf)]);
  }
  return WordEncoder.of(counts, options);
}

const shapeOf = (word: string): string => (word === word.toLowerCase() ? 'low' : 'Up');

describe('WordEncoder', () => {
  // 0 is padding, 1 the unknown. Words: the 2, cat 3, dog 4. Characters: T 2, a 3, … in the order below.
  const encoder = encoderOf(['The cat', 'the dog The']);

  it('numbers words lower-cased, characters as they are, and features', () => {
    const { words, characters, features } = encoder.encode(['The', 'cow', 'Dog'], [['Up', 'low', 'odd']]);
    expect([...words]).toEqual([2, 1, 4]);
    expect([...features[0]]).toEqual([encoder.features[0].id('Up'), encoder.features[0].id('low'), 1]);
    const spelled = characters.map((ids) => [...ids].map((id) => encoder.characters.symbol(id)).join(''));
    expect(spelled).toEqual(['The', 'co<unknown>', '<unknown>og']);
    expect(encoder.knows('DOG')).toBe(true);
    expect(encoder.knows('cow')).toBe(false);
  });

  it('puts sentences side by side, distinct words once', () => {
    const sentences = ['the cat the', 'The dog'].map((text) => {
      const words = text.split(' ');
      return encoder.encode(words, [words.map(shapeOf)]);
    });
    const batch = encoder.collate(sentences);
    expect({ ...batch, characters: batch.characters.count }).toMatchObject({ batchSize: 2, length: 3, characters: 4 });
    expect([...batch.lengths]).toEqual([3, 2]);
    expect([...batch.words]).toEqual([2, 3, 2, 2, 4, 0]);
    expect([...batch.forms]).toEqual([0, 1, 0, 2, 3, 0]); // the, cat, The, dog
    expect([...batch.characters.lengths]).toEqual([3, 3, 3, 3]);
    const { ids, length } = batch.characters;
    const spelled = [0, 1, 2, 3].map((w) => [...ids.subarray(w * length, (w + 1) * length)].map((id) => encoder.characters.symbol(id)));
    expect(spelled.map((word) => word.join(''))).toEqual(['the', 'cat', 'The', 'dog']);
    expect([...batch.features[0]].map((id) => encoder.features[0].symbol(id))).toEqual(['low', 'low', 'low', 'Up', 'low', '<padding>']);
  });

  it('leaves rare words out', () => {
    expect(encoderOf(['a b a', 'b c'], { minCount: 2 }).words.symbols).toEqual(['a', 'b']);
    expect(encoderOf(['a b a', 'b c b'], { maxWords: 1 }).words.symbols).toEqual(['b']);
  });

  it('knows words from elsewhere, rare or not seen at all', () => {
    expect(encoderOf(['a b a', 'b c d'], { minCount: 2, others: ['c', 'z', 'a'] }).words.symbols).toEqual(['a', 'b', 'c', 'z']);
  });

  it('reads the ends of very long words, and something of empty ones', () => {
    const long = `${'x'.repeat(20)}${'y'.repeat(100_000)}${'z'.repeat(20)}`;
    const { characters } = encoderOf([long]);
    expect(characters.symbols).toEqual(['x', 'z']);
    expect([...encoder.encode([''], [['low']]).characters[0]]).toEqual([1]);
    expect(encoderOf(['𝔘𝔫𝔦']).characters.symbols.toSorted()).toEqual(['𝔘', '𝔦', '𝔫']);
  });

  it('goes through JSON', () => {
    const again = WordEncoder.fromJSON(JSON.parse(JSON.stringify(encoder)));
    expect(again.toJSON()).toEqual(encoder.toJSON());
    expect([...again.encode(['dog'], [['Up']]).words]).toEqual([4]);
    expect(() => WordEncoder.fromJSON({})).toThrow('expected lowercase, words, characters and features');
  });

  it('refuses features that do not fit, and vocabularies without the unknown', () => {
    expect(() => encoder.encode(['a', 'b'], [['low']])).toThrow('expected 1 features of 2 values, one a word, received 1 of 1.');
    const plain = Vocabulary.of(new Map([['a', 1]]));
    expect(() => new WordEncoder({ lowercase: false, words: plain, characters: plain, features: [] })).toThrow('padding and the unknown');
  });
});
