/**
 * Learns a byte-pair encoding: join the most frequent pair of neighbouring tokens into a new token, and again, until the
 * vocabulary is full. Equal counts: the pair of lower ids first, as Hugging Face's trainer. Only pairs that a merge
 * touches are counted anew, so a vocabulary of 8,000 over some megabytes takes seconds.
 */
import { FormatError } from '../../tensor/errors.ts';
import { BpeTokenizer, byteOrder, bytePieces } from './bpe-tokenizer.ts';
import { PieceBuffer } from './piece-buffer.ts';
import type { TokenizerBuilder, VocabularyOptions } from './tokenizer.ts';
import { WordCounts } from './word-counts.ts';

/** A pair that occurs once is not worth a token. */
const leastPairCount = 2;

export class BpeTrainer implements TokenizerBuilder {
  readonly #vocabularySize: number;
  readonly #counts = new WordCounts();
  readonly #pieces = new PieceBuffer((text) => {
    for (const piece of bytePieces(text)) this.#counts.add(piece);
  });

  constructor(options: Pick<VocabularyOptions, 'vocabularySize'>) {
    if (options.vocabularySize < 256) {
      throw new FormatError(`[tokenizer] byte-pair encoding needs a vocabulary of 256 or more, received ${options.vocabularySize}.`);
    }
    this.#vocabularySize = options.vocabularySize;
  }

  push(text: string): void {
    this.#pieces.push(text);
  }

  end(): void {
    this.#pieces.end();
  }

  build(): BpeTokenizer {
    const pieces = this.#counts.ranked(1);
    const words = pieces.map(([piece]) => Array.from(piece, (byte) => idOfByte[byte.charCodeAt(0)]));
    const pairs = new PairQueue(this.#vocabularySize);
    words.forEach((word, w) => {
      for (let i = 0; i + 1 < word.length; i++) pairs.add(word[i], word[i + 1], pieces[w][1], w);
    });
    const tokens = byteOrder.map((byte) => String.fromCharCode(byte));
    const merges: [number, number][] = [];
    while (tokens.length < this.#vocabularySize) {
      const best = pairs.takeMostFrequent();
      if (best === undefined || best.count < leastPairCount) break;
      const { left, right } = best;
      const merged = tokens.length;
      tokens.push(tokens[left] + tokens[right]);
      merges.push([left, right]);
      for (const w of best.words) replacePair(words[w], left, right, merged, pairs, pieces[w][1], w);
    }
    return new BpeTokenizer(tokens, merges);
  }
}

const idOfByte = Int32Array.from({ length: 256 }, (_, byte) => byteOrder.indexOf(byte));

/** In one word: left, right → merged; the neighbours' pairs change with it. */
function replacePair(word: number[], left: number, right: number, merged: number, pairs: PairQueue, count: number, w: number): void {
  for (let i = 0; i + 1 < word.length; i++) {
    if (word[i] !== left || word[i + 1] !== right) continue;
    if (i > 0) {
      pairs.add(word[i - 1], left, -count, w);
      pairs.add(word[i - 1], merged, count, w);
    }
    if (i + 2 < word.length) {
      pairs.add(right, word[i + 2], -count, w);
      pairs.add(merged, word[i + 2], count, w);
    }
    word.splice(i, 2, merged);
  }
}

interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Words that hold it, or once did. */
  readonly words: Set<number>;
}

/** Pairs by count. A heap whose entries may be out of date: an entry counts only if its count is still the pair's. */
class PairQueue {
  readonly #vocabularySize: number;
  readonly #pairs = new Map<number, Pair>();
  readonly #heap: { readonly pair: Pair; readonly count: number }[] = [];
  /** Pairs whose count rose since they were last put into the heap. */
  readonly #changed = new Set<Pair>();

  constructor(vocabularySize: number) {
    this.#vocabularySize = vocabularySize;
  }

  add(left: number, right: number, count: number, word: number): void {
    const key = left * this.#vocabularySize + right;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = { left, right, count: 0, words: new Set() };
      this.#pairs.set(key, pair);
    }
    pair.count += count;
    if (count > 0) {
      pair.words.add(word);
      this.#changed.add(pair);
    }
  }

  takeMostFrequent(): Pair | undefined {
    for (const pair of this.#changed) this.#push(pair);
    this.#changed.clear();
    for (let top = this.#pop(); top !== undefined; top = this.#pop()) {
      const { pair, count } = top;
      if (pair.count === count && count > 0) {
        this.#pairs.delete(pair.left * this.#vocabularySize + pair.right);
        return pair;
      }
      if (pair.count > 0 && pair.count < count) this.#push(pair);
    }
    return undefined;
  }

  #push(pair: Pair): void {
    const heap = this.#heap;
    let i = heap.push({ pair, count: pair.count }) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #pop(): { readonly pair: Pair; readonly count: number } | undefined {
    const heap = this.#heap;
    if (heap.length === 0) return undefined;
    this.#swap(0, heap.length - 1);
    const top = heap.pop();
    for (let i = 0; ; ) {
      let first = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && this.#isBefore(child, first)) first = child;
      if (first === i) return top;
      this.#swap(i, first);
      i = first;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const a = this.#heap[i];
    const b = this.#heap[j];
    return (a.count - b.count || b.pair.left - a.pair.left || b.pair.right - a.pair.right) > 0;
  }

  #swap(i: number, j: number): void {
    const held = this.#heap[i];
    this.#heap[i] = this.#heap[j];
    this.#heap[j] = held;
  }
}
