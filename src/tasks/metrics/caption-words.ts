/** The words of a caption, as its metrics count them. */
import { pattern } from '../../data/text/pattern.ts';

/** Marks that are no words, as those that coco-caption's tokenizer drops. */
const marks = new Set([...'.,;:?!\'"`“”„‘’‚«»()[]{}…-–—']);

const words = pattern('gu')`[\p{L}\p{M}\p{N}]+(?:['’.-][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]`;

/**
 * Lower-cased words, and signs such as & and #; punctuation is left out. A hyphen or an apostrophe inside of a word belongs to it.
 *
 * @example captionWords('Woman juggling: medium-light skin tone') // ['woman', 'juggling', 'medium-light', 'skin', 'tone']
 * @see coco-caption's PTBTokenizer, which it follows in what it drops, and not in how it cuts contractions
 */
export function captionWords(caption: string): string[] {
  const parts = caption.toLowerCase().match(words()) ?? [];
  return parts.filter((part) => !marks.has(part));
}
