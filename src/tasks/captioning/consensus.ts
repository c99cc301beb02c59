/** Choosing the caption that agrees most with all that a model holds possible: minimum Bayes risk (Kumar & Byrne 2004). */
import { captionWords } from '../metrics/caption-words.ts';

/** A caption among others. */
interface Candidate {
  readonly caption: string;
  readonly probability: number;
}

/**
 * Captions by how much of the others each says, the most first; of equals the earlier. With q_j ∝ P_j^exponent,
 *
 *   agreement_i = Σ_j q_j · (F1 of the words of i and j + mean over n = 1…4 of the cosine of their counts of n-grams) / 2
 *
 * Where the model knows what it sees one caption has most of q, and stays first; where it does not, what several captions share counts.
 * The cosines are those of CIDEr, all n-grams weighing the same; F1 keeps them from preferring long captions, which have more n-grams to share.
 */
export function byConsensus<C extends Candidate>(candidates: readonly C[], exponent: number): C[] {
  const powers = candidates.map(({ probability }) => probability ** exponent);
  const total = powers.reduce((sum, q) => sum + q, 0);
  const counts = candidates.map(({ caption }) => countsOf(captionWords(caption)));
  const agreements = counts.map((own) => counts.reduce((sum, other, j) => sum + (powers[j] / total) * similarity(own, other), 0));
  return candidates
    .map((candidate, i) => ({ candidate, agreement: agreements[i] }))
    .sort((a, b) => b.agreement - a.agreement)
    .map(({ candidate }) => candidate);
}

type Counts = ReadonlyMap<string, number>;

const order = 4;

/** How often a caption has each of its n-grams, by n − 1. */
function countsOf(words: readonly string[]): Counts[] {
  return Array.from({ length: order }, (_, longer) => {
    const counts = new Map<string, number>();
    for (let begin = 0; begin + longer < words.length; begin++) {
      const gram = words.slice(begin, begin + longer + 1).join(' ');
      counts.set(gram, (counts.get(gram) ?? 0) + 1);
    }
    return counts;
  });
}

function similarity(a: readonly Counts[], b: readonly Counts[]): number {
  const cosines = a.reduce((sum, counts, n) => sum + cosine(counts, b[n]), 0);
  return (f1(a[0], b[0]) + cosines / order) / 2;
}

/** Twice what both have, as a share of what each has; 0 where neither has any. */
function f1(a: Counts, b: Counts): number {
  const sizes = sumOver(a, (count) => count) + sumOver(b, (count) => count);
  return sizes === 0 ? 0 : (2 * sumOver(a, (count, gram) => Math.min(count, b.get(gram) ?? 0))) / sizes;
}

/** 0 where one of them has none. */
function cosine(a: Counts, b: Counts): number {
  const product = sumOver(a, (count, gram) => count * (b.get(gram) ?? 0));
  return product === 0 ? 0 : product / Math.sqrt(sumOver(a, (count) => count ** 2) * sumOver(b, (count) => count ** 2));
}

function sumOver(counts: Counts, term: (count: number, gram: string) => number): number {
  let sum = 0;
  for (const [gram, count] of counts) sum += term(count, gram);
  return sum;
}
