/**
 * chrF of a corpus: an F-score of character n-grams (Popović 2015, chrF; 2017, chrF++, which adds words). Equal to sacreBLEU's with
 * its defaults.
 */
import { ConfigError } from '../../tensor/errors.ts';
import { requireReferences, wordsIn } from './bleu.ts';

/** Which n-grams count, and how much recall counts beside precision. */
export interface ChrfOptions {
  /** Longest n-grams of characters. Default 6. */
  readonly characterOrder?: number;
  /** Longest n-grams of words: 0 (default) for chrF, 2 for chrF++. */
  readonly wordOrder?: number;
  /** β: recall counts β² times what precision does. Default 2. */
  readonly beta?: number;
  /** Default false. */
  readonly lowercase?: boolean;
}

/** n-grams of one order: in the hypothesis, in the reference, in both. */
type Matches = [hypothesis: number, reference: number, both: number];

/**
 * chrF, in 0…100, of translations against one reference or several each. Of several the one with the best score of its own counts.
 * Spaces are no characters.
 *
 * @param hypotheses  one text a sentence
 * @param references  for each of them its references
 * @throws ConfigError when there is not at least one reference for each hypothesis, or an option is out of range
 * @example corpusChrf(['The dog bit the man.'], [['The dog had bit the man.']]) // chrF2
 * @example corpusChrf(hypotheses, references, { wordOrder: 2 })                 // chrF2++
 */
export function corpusChrf(hypotheses: readonly string[], references: readonly (readonly string[])[], options: ChrfOptions = {}): number {
  const { characterOrder = 6, wordOrder = 0, beta = 2, lowercase = false } = options;
  for (const [name, value, least] of [
    ['characterOrder', characterOrder, 1],
    ['wordOrder', wordOrder, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new ConfigError(`[corpusChrf] ${name}: expected a whole number of at least ${least}, received ${value}.`);
    }
  }
  if (!(beta > 0)) throw new ConfigError(`[corpusChrf] beta: expected more than 0, received ${beta}.`);
  requireReferences('corpusChrf', hypotheses, references);
  const gramsOf = (text: string): Map<string, number>[] => {
    const words = wordsIn(lowercase ? text.toLowerCase() : text);
    const characters = [...words.join('')];
    const marked = words.flatMap(withoutMarks);
    const orders = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
    return [...orders(characterOrder).map((n) => countsOf(characters, n, '')), ...orders(wordOrder).map((n) => countsOf(marked, n, ' '))];
  };
  const totals = Array.from({ length: characterOrder + wordOrder }, (): Matches => [0, 0, 0]);
  hypotheses.forEach((hypothesis, i) => {
    const own = gramsOf(hypothesis);
    const matches = references[i].map((reference) => {
      const theirs = gramsOf(reference);
      return own.map((counts, n) => matchesOf(counts, theirs[n]));
    });
    const scores = matches.map((each) => score(each, beta));
    const best = matches[scores.indexOf(Math.max(...scores))];
    best.forEach((each, n) => {
      each.forEach((count, k) => {
        totals[n][k] += count;
      });
    });
  });
  return score(totals, beta);
}

/** F_β of the mean precision and the mean recall, over the orders that both have n-grams of. */
function score(matches: readonly Matches[], beta: number): number {
  const known = matches.filter(([hypothesis, reference]) => hypothesis > 0 && reference > 0);
  if (known.length === 0) return 0;
  const precision = known.reduce((sum, [hypothesis, , both]) => sum + both / hypothesis, 0) / known.length;
  const recall = known.reduce((sum, [, reference, both]) => sum + both / reference, 0) / known.length;
  if (precision + recall === 0) return 0;
  return (100 * (1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall);
}

/** Where a reference has no n-grams of an order, the hypothesis's do not count. */
function matchesOf(hypothesis: ReadonlyMap<string, number>, reference: ReadonlyMap<string, number>): Matches {
  const matches: Matches = [0, 0, 0];
  for (const [gram, count] of hypothesis) {
    if (reference.size > 0) matches[0] += count;
    matches[2] += Math.min(count, reference.get(gram) ?? 0);
  }
  for (const count of reference.values()) matches[1] += count;
  return matches;
}

/** A mark at a word's end, else at its beginning, is a word of its own; one mark, and no more. */
function withoutMarks(word: string): string[] {
  const characters = [...word];
  if (characters.length < 2) return [word];
  if (marks.has(characters.at(-1)!)) return [characters.slice(0, -1).join(''), characters.at(-1)!];
  if (marks.has(characters[0])) return [characters[0], characters.slice(1).join('')];
  return [word];
}

/** ASCII's. */
const marks = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

function countsOf(units: readonly string[], n: number, joint: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= units.length; i++) {
    const gram = units.slice(i, i + n).join(joint);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
