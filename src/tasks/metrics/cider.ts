/** CIDEr-D: how much of what people said of an image a caption says, rare words counting more (Vedantam et al. 2015, arXiv:1411.5726). */
import { ConfigError } from '../../tensor/errors.ts';

/** CIDEr-D of captions. */
export interface CiderScore {
  /** Mean over the captions. 0…10; published tables give it times 10 in places: 1.2 there is 120. */
  readonly score: number;
  /** Of each caption. */
  readonly each: readonly number[];
}

const order = 4;
/** Of the penalty for another length, in words. */
const sigma = 6;

/**
 * CIDEr-D against one reference or several each.
 *
 *   g_n(s)[w] = count of w in s · log(images / images whose references have w)    for each n-gram w of n words
 *   CIDEr-D_n = 10 · mean over references r of e^(−(|c| − |r|)² / 2σ²) · Σ_w min(g_n(c)[w], g_n(r)[w]) · g_n(r)[w] / ‖g_n(c)‖ ‖g_n(r)‖
 *
 * and the score is the mean of n = 1…4, σ = 6. Images are those of the call: what all references say counts nothing, so that a single
 * image scores 0. A caption without n-grams of n words has 0 for that n: one of two words scores 5 at most.
 *
 * @param captions    words of each caption
 * @param references  for each caption, the words of its references
 * @throws ConfigError when there is not at least one reference for each caption
 * @see The reference code, coco-caption, whose numbers these are.
 */
export function cider(captions: readonly (readonly string[])[], references: readonly (readonly (readonly string[])[])[]): CiderScore {
  if (captions.length !== references.length) {
    throw new ConfigError(`[cider] expected references for ${captions.length} captions, received ${references.length}.`);
  }
  const without = references.findIndex((own) => own.length === 0);
  if (without >= 0) throw new ConfigError(`[cider] expected at least one reference a caption, received none for caption ${without}.`);
  const counted = references.map((own) => own.map(gramsOf));
  const images = new Map<string, number>();
  for (const own of counted) {
    for (const gram of new Set(own.flatMap((grams) => [...grams.keys()]))) images.set(gram, (images.get(gram) ?? 0) + 1);
  }
  const vectorOf = (grams: ReadonlyMap<string, number>) => weighted(grams, images, references.length);
  const each = captions.map((caption, i) => {
    const own = vectorOf(gramsOf(caption));
    const total = counted[i].reduce((sum, grams) => sum + similarity(own, vectorOf(grams)), 0);
    return (10 * total) / counted[i].length;
  });
  return { score: each.length === 0 ? 0 : each.reduce((sum, x) => sum + x, 0) / each.length, each };
}

/** A text's n-grams, by n − 1. */
interface Vector {
  readonly weights: readonly ReadonlyMap<string, number>[];
  readonly norms: readonly number[];
  /** In pairs of words, as the reference code counts it: a word less than the words, and 0 of one. */
  readonly length: number;
}

function gramsOf(words: readonly string[]): Map<string, number> {
  const grams = new Map<string, number>();
  for (let n = 1; n <= order; n++) {
    for (let i = 0; i + n <= words.length; i++) {
      const gram = words.slice(i, i + n).join(' ');
      grams.set(gram, (grams.get(gram) ?? 0) + 1);
    }
  }
  return grams;
}

function weighted(grams: ReadonlyMap<string, number>, images: ReadonlyMap<string, number>, count: number): Vector {
  const weights = Array.from({ length: order }, () => new Map<string, number>());
  let length = 0;
  for (const [gram, times] of grams) {
    const n = gram.split(' ').length;
    weights[n - 1].set(gram, times * (Math.log(count) - Math.log(Math.max(1, images.get(gram) ?? 0))));
    if (n === 2) length += times;
  }
  const norms = weights.map((own) => Math.sqrt([...own.values()].reduce((sum, x) => sum + x * x, 0)));
  return { weights, norms, length };
}

function similarity(caption: Vector, reference: Vector): number {
  const penalty = Math.exp(-((caption.length - reference.length) ** 2) / (2 * sigma ** 2));
  let total = 0;
  for (let n = 0; n < order; n++) {
    let overlap = 0;
    for (const [gram, weight] of caption.weights[n]) {
      const other = reference.weights[n].get(gram) ?? 0;
      overlap += Math.min(weight, other) * other;
    }
    const norm = caption.norms[n] * reference.norms[n];
    if (norm > 0) total += (overlap / norm) * penalty;
  }
  return total / order;
}
