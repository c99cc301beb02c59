import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entityConstraints } from '../../nn/crf-constraints.ts';
import { entitiesIn } from '../metrics/entities.ts';
import { beginningsOf, convertTags, entitySchemes, schemeOf } from './entity-schemes.ts';

const tagsOf = (text: string): string[] => text.split(' ');

describe('schemeOf', () => {
  it.each([
    ['B-P I-P O B-P', 'BIO'],
    ['B-P B-P O', 'BIO'],
    ['I-P I-P O B-L', 'IOB1'],
    ['B-P I-L', 'IOB1'],
    ['B-P I-P O I-P O B-P O B-L', 'BIO'],
    ['I-P I-P B-P B-P O B-L O I-L', 'IOB1'],
    ['B-P E-P O', 'BIOES'],
    ['O S-P', 'BIOES'],
    ['B-creative-work I-creative-work', 'BIO'],
    ['O O', null],
    ['NOUN VERB', null],
    ['O NOUN', null],
    ['B-P X-P', null],
    ['B-', null],
    ['B I O B', 'BIO'],
    ['O B', 'BIO'],
    ['I I O', 'IOB1'],
    ['I I B O I', 'IOB1'],
    ['B E O S', 'BIOES'],
    ['B I E S', null],
    ['B I', null],
    ['O E S', null],
    ['O S', null],
    ['O B I N', null],
    ['O B M E S', null],
    ['O B-P B', 'BIO'],
  ])('%s: %s', (tags, scheme) => {
    expect(schemeOf([tagsOf(tags)])).toBe(scheme);
  });

  it('looks at all sentences', () => {
    expect(schemeOf([['B-P'], ['S-P']])).toBe('BIOES');
    expect(schemeOf([['B-P'], ['I-P']])).toBe('IOB1');
    expect(schemeOf([['B-P'], ['NOUN']])).toBeNull();
  });
});

describe('beginningsOf', () => {
  const tags = tagsOf('O S-P I-P B-P E-P S-creative-work');

  it('finds the tags that begin an entity', () => {
    expect(beginningsOf(tags, 'BIOES')).toEqual([1, 3, 5]);
    expect(beginningsOf(tagsOf('I-P B-P O B-L'), 'BIO')).toEqual([1, 3]);
    expect(beginningsOf(tagsOf('O S I B E'), 'BIOES')).toEqual([1, 3]);
  });

  it('finds none in IOB1, where the same tag begins and continues', () => {
    expect(beginningsOf(tagsOf('I-P B-P O'), 'IOB1')).toEqual([]);
  });
});

describe('convertTags', () => {
  it('writes the same entities in each scheme', () => {
    const tags = tagsOf('B-P I-P I-P B-P O B-L B-P');
    expect(convertTags(tags, 'BIO')).toEqual(tags);
    expect(convertTags(tags, 'IOB1')).toEqual(tagsOf('I-P I-P I-P B-P O I-L I-P'));
    expect(convertTags(tags, 'BIOES')).toEqual(tagsOf('B-P I-P E-P S-P O S-L S-P'));
  });

  it('leaves a type out that is not there', () => {
    const tags = tagsOf('B I I B O B B');
    expect(convertTags(tags, 'BIO')).toEqual(tags);
    expect(convertTags(tags, 'IOB1')).toEqual(tagsOf('I I I B O I B'));
    expect(convertTags(tags, 'BIOES')).toEqual(tagsOf('B I E S O S S'));
  });

  const anyTags = fc.array(
    fc.constantFrom(...['B', 'I', 'E', 'S'].flatMap((prefix) => ['-x', '-y-z', ''].map((type) => `${prefix}${type}`)), 'O'),
    { maxLength: 12 },
  );

  it('keeps the entities of any tags, from any scheme to any', () => {
    fc.assert(
      fc.property(anyTags, fc.constantFrom(...entitySchemes), fc.constantFrom(...entitySchemes), (tags, first, second) => {
        const there = convertTags(tags, first);
        expect(entitiesIn(there)).toEqual(entitiesIn(tags));
        expect(convertTags(convertTags(there, second), first)).toEqual(there);
      }),
    );
  });

  it('writes what the constraints of the scheme allow', () => {
    const labels = ['O', ...['-x', '-y-z', ''].flatMap((type) => ['B', 'I', 'E', 'S'].map((prefix) => `${prefix}${type}`))];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...labels), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(...entitySchemes),
        (tags, scheme) => {
          const known = scheme === 'BIOES' ? labels : labels.filter((label) => !/^[ES]/.test(label));
          const { starts, transitions, ends } = entityConstraints(known, scheme);
          const ids = convertTags(tags, scheme).map((tag) => known.indexOf(tag));
          expect(starts[ids[0]]).toBe(1);
          expect(ends[ids.at(-1)!]).toBe(1);
          for (let t = 1; t < ids.length; t++) expect(transitions[ids[t - 1] * known.length + ids[t]]).toBe(1);
        },
      ),
    );
  });
});
