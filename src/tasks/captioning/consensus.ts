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
 *   agreement_i = Σ_j q_j · (F1 of the words of i and j + F1 of their pairs of words) / 2
 *
 * Where the model knows what it sees one caption has most of q, and stays first; where it does not, what several captions share counts.
 */
export function byConsensus<C extends Candidate>(candidates: readonly C[], exponent: number): C[] {
  const powers = candidates.map(({ probability }) => probability ** exponent);
  const total = powers.reduce((sum, q) => sum + q, 0);
  const words = candidates.map(({ caption }) => captionWords(caption));
  const agreements = words.map((own) => words.reduce((sum, other, j) => sum + (powers[j] / total) * similarity(own, other), 0));
  return candidates
    .map((candidate, i) => ({ candidate, agreement: agreements[i] }))
    .sort((a, b) => b.agreement - a.agreement)
    .map(({ candidate }) => candidate);
}

function similarity(a: readonly string[], b: readonly string[]): number {
  const pairs = (own: readonly string[]) => own.slice(1).map((word, i) => `${own[i]} ${word}`);
  return (overlap(a, b) + overlap(pairs(a), pairs(b))) / 2;
}

/** F1; 0 where neither has any. */
function overlap(a: readonly string[], b: readonly string[]): number {
  if (a.length + b.length === 0) return 0;
  const left = [...b];
  let common = 0;
  for (const gram of a) {
    const at = left.indexOf(gram);
    if (at < 0) continue;
    common++;
    left.splice(at, 1);
  }
  return (2 * common) / (a.length + b.length);
}
