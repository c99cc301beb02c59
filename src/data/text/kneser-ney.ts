/** N-gram models estimated from text: interpolated Kneser–Ney smoothing. */
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { NgramModel, NgramTable } from './ngram-model.ts';

/** Which n-grams a model has. */
export interface EstimateNgramsOptions {
  /** Words of the longest n-grams. Default 3; for characters 6 or so. */
  readonly order?: number;
  /** Words seen less often count as `<unk>`. Default 1. */
  readonly minCount?: number;
}

const [beginning, end, unknown] = [0, 1, 2];

/**
 * A model of sentences, each a list of words (or of characters), with `<s>`, `</s>` and `<unk>`. With h the context, h' the context
 * without its first word,
 *
 *   P(w | h) = max(c(h w) − D, 0) / c(h) + D · N₁₊(h ·) / c(h) · P(w | h')
 *
 * where c counts occurrences at the highest order and, below it, the different words that come before; D = n₁ / (n₁ + 2 n₂) of each
 * order, from how many n-grams are seen once and twice; the shortest context backs off to equal probabilities.
 *
 * @example
 * const model = estimateNgrams(lines.map((line) => Array.from(line)), { order: 6 });
 * await writeFile('letters.arpa', formatArpa(model));
 * @throws ConfigError when an option is out of range
 * @throws FormatError when there is no word
 * @see Kneser & Ney (1995); Chen & Goodman (1999), doi:10.1006/csla.1999.0128
 */
export function estimateNgrams(sentences: Iterable<readonly string[]>, options: EstimateNgramsOptions = {}): NgramModel {
  const { order = 3, minCount = 1 } = options;
  for (const [name, value] of Object.entries({ order, minCount })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ConfigError(`[estimateNgrams] expected ${name} to be an integer of at least 1, received ${value}.`);
    }
  }
  const { words, texts } = numbered(sentences, minCount);
  const levels = adjustedCounts(texts, order);
  const table = new NgramTable(words.length);
  const contexts = levels.map((counts) => contextsOf(counts));
  const discounts = levels.map((counts) => discountOf(counts));
  /** What is left for the shorter context, of all contexts of a length. */
  const rest = (context: string, length: number): number => {
    const { total, followers } = contexts[length].get(context) ?? { total: 0, followers: 0 };
    return total === 0 ? 1 : (discounts[length] * followers) / total;
  };
  let below = new Map<string, number>(); // P of the n-grams one word shorter
  for (let n = 1; n <= order; n++) {
    const here = new Map<string, number>();
    const counts = levels[n - 1];
    // The words that are never counted have their share of what is left.
    const grams = n === 1 ? words.map((_, id) => String(id)) : [...counts.keys()];
    for (const gram of grams) {
      const context = contextOf(gram);
      const total = contexts[n - 1].get(context)?.total ?? 0;
      const count = counts.get(gram) ?? 0;
      const shorter = n === 1 ? 1 / (words.length - 1) : below.get(gram.slice(gram.indexOf(' ') + 1))!;
      const p = (total === 0 ? 0 : Math.max(count - discounts[n - 1], 0) / total) + rest(context, n - 1) * shorter;
      here.set(gram, p);
      const isBeginning = gram === String(beginning); // never predicted
      table.add({
        words: gram.split(' ').map(Number),
        logProbability: isBeginning ? Number.NEGATIVE_INFINITY : Math.log(p),
        backoff: n < order && contexts[n].has(gram) ? Math.log(rest(gram, n)) : 0,
      });
    }
    below = here;
  }
  return new NgramModel(words, table.finish());
}

/** Sentences as numbers between beginning and end, and the words that those stand for. */
function numbered(sentences: Iterable<readonly string[]>, minCount: number): { words: string[]; texts: number[][] } {
  const all = [...sentences];
  const seen = new Map<string, number>();
  for (const sentence of all) for (const word of sentence) seen.set(word, (seen.get(word) ?? 0) + 1);
  const special = ['<s>', '</s>', '<unk>'];
  const words = [...special, ...[...seen].filter(([word, count]) => count >= minCount && !special.includes(word)).map(([word]) => word)];
  if (seen.size === 0) throw new FormatError('expected at least one sentence with a word to estimate n-grams from, received none.');
  const ids = new Map(words.map((word, id) => [word, id]));
  return { words, texts: all.map((sentence) => [beginning, ...sentence.map((word) => ids.get(word) ?? unknown), end]) };
}

/** Of each length: how often an n-gram is seen, at the highest; below it, after how many words; all that begin a sentence, how often. */
function adjustedCounts(texts: readonly (readonly number[])[], order: number): Map<string, number>[] {
  const levels = Array.from({ length: order }, () => new Map<string, number>());
  for (const text of texts) {
    for (let n = 1; n <= order; n++) {
      for (let i = 0; i + n <= text.length; i++) {
        if (n === 1 && i === 0) continue; // <s> by itself
        const isCounted = n === order || i === 0;
        if (isCounted) increase(levels[n - 1], text.slice(i, i + n).join(' '));
      }
    }
  }
  for (let n = order - 1; n >= 1; n--) {
    for (const gram of levels[n].keys()) increase(levels[n - 1], gram.slice(gram.indexOf(' ') + 1));
  }
  return levels;
}

function increase(counts: Map<string, number>, gram: string): void {
  counts.set(gram, (counts.get(gram) ?? 0) + 1);
}

/** Of each context: the sum of counts after it, and how many words follow it. */
function contextsOf(counts: ReadonlyMap<string, number>): Map<string, { total: number; followers: number }> {
  const contexts = new Map<string, { total: number; followers: number }>();
  for (const [gram, count] of counts) {
    const context = contextOf(gram);
    const known = contexts.get(context) ?? { total: 0, followers: 0 };
    contexts.set(context, { total: known.total + count, followers: known.followers + 1 });
  }
  return contexts;
}

function contextOf(gram: string): string {
  return gram.slice(0, Math.max(0, gram.lastIndexOf(' ')));
}

/** Where too few are seen once or twice, as of a handful of sentences, a half. */
function discountOf(counts: ReadonlyMap<string, number>): number {
  let [once, twice] = [0, 0];
  for (const count of counts.values()) {
    if (count === 1) once++;
    else if (count === 2) twice++;
  }
  return once === 0 || twice === 0 ? 0.5 : once / (once + 2 * twice);
}
