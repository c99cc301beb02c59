/**
 * BLEU of a corpus (Papineni et al. 2002): equal to sacreBLEU's with its defaults, the tokenisation of mteval-v13a included
 * (Post 2018, arXiv:1804.08771).
 */
import { ConfigError, unknownName } from '../../tensor/errors.ts';

const tokenizers = ['13a', 'none'] as const;

/** '13a' cuts punctuation off as WMT's mteval-v13a does; 'none' cuts at white space alone, for texts that are tokenised already. */
export type BleuTokenizer = (typeof tokenizers)[number];

const smoothings = ['exp', 'none'] as const;

/** How texts are cut, and what a precision of 0 counts. */
export interface BleuOptions {
  /** Default '13a'. */
  readonly tokenizer?: BleuTokenizer;
  /** Default false. */
  readonly lowercase?: boolean;
  /** 'exp' (default): the k-th precision that is 0 counts as 1 / (2ᵏ · n-grams); 'none': it makes the score 0. */
  readonly smoothing?: (typeof smoothings)[number];
}

/** BLEU and what it is made of, in per cent. */
export interface BleuScore {
  /** BLEU-4: brevityPenalty · (p₁ p₂ p₃ p₄)^(1/4), 0…100. */
  readonly score: number;
  /** BLEU-1 … BLEU-4: with n-grams of up to n words, as captions are judged. */
  readonly upTo: readonly [number, number, number, number];
  /** Of n-grams of 1 … 4 words, 0…100. */
  readonly precisions: readonly number[];
  /** min(1, e^(1 − referenceLength / hypothesisLength)) */
  readonly brevityPenalty: number;
  /** In words. */
  readonly hypothesisLength: number;
  /** Of the references that are nearest in length, the shorter of equals. */
  readonly referenceLength: number;
}

const order = 4;

/**
 * BLEU of translations (or captions) against one reference or several each.
 *
 * @param hypotheses  one text a sentence
 * @param references  for each of them its references
 * @throws ConfigError when there is not at least one reference for each hypothesis, or a name is unknown
 * @example corpusBleu(['the dog bit the man .'], [['the dog had bit the man .']], { tokenizer: 'none' }).score
 */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  options: BleuOptions = {},
): BleuScore {
  const { tokenizer = '13a', lowercase = false, smoothing = 'exp' } = options;
  if (!tokenizers.includes(tokenizer)) throw new ConfigError(`[corpusBleu] ${unknownName('tokenizer', tokenizer, tokenizers)}`);
  if (!smoothings.includes(smoothing)) throw new ConfigError(`[corpusBleu] ${unknownName('smoothing', smoothing, smoothings)}`);
  requireReferences('corpusBleu', hypotheses, references);
  const wordsOf = (text: string): string[] => {
    const cased = lowercase ? text.toLowerCase() : text;
    return wordsIn(tokenizer === '13a' ? tokenize13a(trimEnd(cased)) : cased);
  };
  const correct = new Array<number>(order).fill(0);
  const total = new Array<number>(order).fill(0);
  let hypothesisLength = 0;
  let referenceLength = 0;
  hypotheses.forEach((hypothesis, i) => {
    const words = wordsOf(hypothesis);
    const others = references[i].map(wordsOf);
    hypothesisLength += words.length;
    referenceLength += nearest(
      words.length,
      others.map((other) => other.length),
    );
    for (let n = 1; n <= order; n++) {
      const most = new Map<string, number>();
      for (const other of others) {
        for (const [gram, count] of countsOf(other, n)) most.set(gram, Math.max(most.get(gram) ?? 0, count));
      }
      total[n - 1] += Math.max(0, words.length - n + 1);
      for (const [gram, count] of countsOf(words, n)) correct[n - 1] += Math.min(count, most.get(gram) ?? 0);
    }
  });
  return scoreOf(correct, total, hypothesisLength, referenceLength, smoothing);
}

function scoreOf(
  correct: readonly number[],
  total: readonly number[],
  hypothesisLength: number,
  referenceLength: number,
  smoothing: BleuOptions['smoothing'],
): BleuScore {
  const brevityPenalty =
    hypothesisLength >= referenceLength ? 1 : hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
  const isNothing = correct.every((n) => n === 0);
  let smoothed = 1;
  const precisions = correct.map((count, i) => {
    if (isNothing || total[i] === 0) return 0;
    if (count > 0) return (100 * count) / total[i];
    if (smoothing === 'none') return 0;
    smoothed *= 2;
    return 100 / (smoothed * total[i]);
  });
  const upTo = precisions.map((_, i) => {
    const logarithms = precisions.slice(0, i + 1).map(Math.log);
    return brevityPenalty * Math.exp(logarithms.reduce((sum, x) => sum + x, 0) / (i + 1));
  }) as [number, number, number, number];
  return { score: upTo[order - 1], upTo, precisions, brevityPenalty, hypothesisLength, referenceLength };
}

/** @throws ConfigError when there is not at least one reference for each hypothesis */
export function requireReferences(metric: string, hypotheses: readonly string[], references: readonly (readonly string[])[]): void {
  if (hypotheses.length !== references.length) {
    throw new ConfigError(`[${metric}] expected references for ${hypotheses.length} sentences, received ${references.length}.`);
  }
  const without = references.findIndex((own) => own.length === 0);
  if (without >= 0) throw new ConfigError(`[${metric}] expected at least one reference a sentence, received none for sentence ${without}.`);
}

/** White space as Python's str.split knows it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they separate words there
const space = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** A text cut at white space. */
export function wordsIn(text: string): string[] {
  return text.split(space).filter((word) => word !== '');
}

function trimEnd(text: string): string {
  return text.replace(new RegExp(`${space.source}$`), '');
}

/** mteval-v13a's words, with spaces between. */
export function tokenize13a(text: string): string {
  const plain = text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  const apart = ` ${plain} `
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ') // ASCII marks other than ' , - .
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ');
  return wordsIn(apart).join(' ');
}

function countsOf(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const gram = words.slice(i, i + n).join(' ');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

function nearest(length: number, lengths: readonly number[]): number {
  return lengths.reduce((best, other) => {
    const difference = Math.abs(other - length) - Math.abs(best - length);
    return difference < 0 || (difference === 0 && other < best) ? other : best;
  });
}
