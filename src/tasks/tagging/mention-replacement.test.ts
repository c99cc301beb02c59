import { describe, expect, it } from 'vitest';
import { Random } from '../../tensor/random.ts';
import { entitiesIn } from '../metrics/entities.ts';
import type { TaggedSentence } from './evaluate.ts';
import { withMentionsReplaced } from './mention-replacement.ts';

function sentence(text: string): TaggedSentence {
  const tokens = text.split(' ').map((token) => token.split('/'));
  const words = tokens.map(([word]) => word);
  return { words, tags: tokens.map(([, tag = 'O']) => tag), fields: words.map((word) => [word, word.toLowerCase()]) };
}

const sentences = [
  sentence('Ada/B-PER Lovelace/I-PER goes to Paris/B-LOC .'),
  sentence('Bo/B-PER went to New/B-LOC York/I-LOC'),
  sentence('nobody went'),
  sentence('NEW/B-LOC YORK/I-LOC'),
];

describe('withMentionsReplaced', () => {
  const copies = withMentionsReplaced(sentences, 200, new Random(1));

  it('copies sentences with entities, and puts entities of the same types into their places', () => {
    expect(copies).toHaveLength(600);
    const texts = new Set(copies.map(({ words }) => words.join(' ')));
    const people = ['Ada Lovelace', 'Bo'];
    const places = ['Paris', 'New York'];
    const all = people.flatMap((who) => places.flatMap((where) => [`${who} goes to ${where} .`, `${who} went to ${where}`]));
    expect([...texts].sort()).toEqual([...all, 'NEW YORK', ...places].sort());
    for (const { words, tags, fields } of copies) {
      for (const { type, start, end } of entitiesIn(tags)) {
        const named = words.slice(start, end).join(' ');
        expect(type === 'PER' ? people : [...places, 'NEW YORK']).toContain(named);
      }
      expect(fields).toEqual(words.map((word) => [word, word.toLowerCase()]));
    }
  });

  it('leaves some as they were, and is the same for the same randomness', () => {
    const same = copies.filter(({ words }) => words.join(' ') === 'NEW YORK').length;
    expect(same / 200).toBeGreaterThan(0.2);
    expect(same / 200).toBeLessThan(0.4);
    expect(withMentionsReplaced(sentences, 200, new Random(1))).toEqual(copies);
  });

  it('keeps entities apart that stand side by side, in IOB1 too', () => {
    const touching = [sentence('Ada/I-PER Bo/B-PER Cy/I-PER'), sentence('Dot/I-PER')];
    for (const { tags } of withMentionsReplaced(touching, 20, new Random(2)).filter((_, i) => i % 2 === 0)) {
      expect(entitiesIn(tags)).toHaveLength(2);
    }
  });

  it('takes entities without types for those of one', () => {
    const untyped = sentences.map((one) => ({ ...one, tags: one.tags.map((tag) => tag[0]) }));
    const texts = withMentionsReplaced(untyped, 400, new Random(1)).map(({ words, tags }) => `${words.join(' ')}: ${tags.join(' ')}`);
    expect(texts).toContain('Paris goes to Ada Lovelace .: B O O B I O');
  });

  it('needs no fields', () => {
    const [copy] = withMentionsReplaced([{ ...sentences[1], fields: null }], 1, new Random(3));
    expect(copy).toEqual({ ...sentences[1], fields: null });
  });
});
