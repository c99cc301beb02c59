import { describe, expect, it } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { capitalsOf, type Gazetteer, readGazetteer, shapeOf, TokenFeatures } from './token-features.ts';

const columns = ['word', 'lemma', 'tag'];
const valuesOf = (feature: string, words: string, gazetteers: readonly Gazetteer[] = []): string[] =>
  new TokenFeatures([feature], columns, gazetteers).valuesOf({ words: words.split(' '), fields: null })[0];

describe('TokenFeatures', () => {
  it('reads affixes lower-cased, by letters', () => {
    expect(valuesOf('suffix3', 'Running ab 𝔘𝔫𝔦𝔠')).toEqual(['ing', 'ab', '𝔫𝔦𝔠']);
    expect(valuesOf('prefix2', 'Running A 𝔘𝔫𝔦')).toEqual(['ru', 'a', '𝔘𝔫']);
  });

  it('reads shapes and capitals', () => {
    expect(['McDonald-9000', 'iPhone', 'USA', '3.50', '...', 'Ünlü', 'a'].map(shapeOf)).toEqual([
      'XxXxx-dd',
      'xXxx',
      'XX',
      'd.dd',
      '..',
      'Xxx',
      'x',
    ]);
    expect(['McDonald', 'Oslo', 'USA', 'A', 'iPhone', 'word', '90', "'s"].map(capitalsOf)).toEqual([
      'some',
      'first',
      'all',
      'first',
      'some',
      'none',
      'no letters',
      'none',
    ]);
  });

  it('reads columns, and says so where there are none', () => {
    const features = new TokenFeatures(['lemma'], columns);
    expect(features.valuesOf({ words: ['ran'], fields: [['ran', 'run', 'V']] })).toEqual([['run']]);
    expect(() => features.valuesOf({ words: ['ran'], fields: null })).toThrow(
      'the model reads the column lemma, which plain text does not have',
    );
  });

  it('finds the longest entries of each list, whatever their capitals', async () => {
    const cities = await readGazetteer(textOf('New  York\n\n# none\nyork\nNew York City\n'), 'cities');
    expect(cities.entries).toEqual(['new york', 'york', 'new york city']);
    expect(valuesOf('gazetteer', 'in NEW York City or new york , York new', [cities])).toEqual([
      'O',
      'B',
      'I',
      'I',
      'O',
      'B',
      'I',
      'O',
      'B',
      'O',
    ]);
    const two = new TokenFeatures(['gazetteer', 'shape'], columns, [cities, { name: 'names', entries: ['york'] }]);
    expect(two.names).toEqual(['gazetteer cities', 'gazetteer names', 'shape']);
    await expect(readGazetteer(textOf('# none\n', 'list.txt'), 'list')).rejects.toThrow(
      'list.txt: expected names, one a line, found none.',
    );
  });

  it('says what it does not know', () => {
    expect(() => new TokenFeatures(['lema'], columns)).toThrow('unknown feature "lema"; did you mean "lemma"?');
    expect(() => new TokenFeatures(['suffix0'], columns)).toThrow('unknown feature "suffix0"');
    expect(() => new TokenFeatures(['gazetteer'], columns)).toThrow('--gazetteers');
    expect(() => new TokenFeatures(['shape', 'shape'], columns)).toThrow('received shape twice');
  });
});
