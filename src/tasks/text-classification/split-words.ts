/** Cuts a text into words, for classification: punctuation is a word too, white space is not. */
import { pattern } from '../../data/text/pattern.ts';

/**
 * In the order in which they are tried: scripts written without spaces, character by character; abbreviations (U.S.); numbers
 * (3.14, 10:30, 1,000); words, with apostrophes and hyphens inside; an ending that stands alone ('s, 'll); runs of one sign (!!!).
 */
const wordPattern = pattern(
  'gu',
)`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|(?:\p{L}\.){2,}|\p{N}+(?:[.,:]\p{N}+)*(?![\p{L}\p{N}])|[\p{L}\p{M}\p{N}_]+(?:['’-][\p{L}\p{M}\p{N}_]+)*|['’]\p{L}{1,2}(?!\p{L})|([^\s\p{L}\p{M}\p{N}])\1*`;

/**
 * The words of a text, at most so many.
 *
 * @returns  at least one: a text without any has the empty word
 * @example splitWords("What's the U.S. capital?", 100) // ["What's", 'the', 'U.S.', 'capital', '?']
 */
export function splitWords(text: string, most: number): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(wordPattern())) {
    words.push(word);
    if (words.length === most) break;
  }
  return words.length > 0 ? words : [''];
}
