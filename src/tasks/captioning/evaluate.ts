/** How well images are captioned whose captions are known. */

import { corpusBleu } from '../metrics/bleu.ts';
import { captionWords } from '../metrics/caption-words.ts';
import { cider } from '../metrics/cider.ts';
import { type CaptioningResult, captionPictures } from './caption-pictures.ts';
import type { CaptionExample } from './dataset.ts';
import type { CaptionOptions } from './options.ts';
import type { SavedCaptioner } from './saved.ts';

/** Of captions against what people said. */
export interface CaptionMetrics extends Readonly<Record<string, number>> {
  /** BLEU with n-grams of one word, 0…100, of all captions together; of up to two, three, four words the others. */
  readonly bleu1: number;
  readonly bleu2: number;
  readonly bleu3: number;
  readonly bleu4: number;
  /** CIDEr-D, 0…10. */
  readonly cider: number;
  /** Share of the captions that are one of the image's own, case and punctuation aside. */
  readonly exact: number;
}

/** Metrics, and what they are of. */
export interface CaptionerEvaluation {
  readonly metrics: CaptionMetrics;
  readonly judged: readonly JudgedCaption[];
}

/** A caption that was said, and what it is worth. */
export interface JudgedCaption {
  readonly image: string;
  readonly caption: string;
  readonly references: readonly string[];
  readonly cider: number;
  readonly isExact: boolean;
}

/** Scores of captions, by their words: lower-cased, without punctuation. */
export function scoreCaptions(
  captions: readonly string[],
  references: readonly (readonly string[])[],
): { metrics: CaptionMetrics; each: readonly { cider: number; isExact: boolean }[] } {
  const words = captions.map(captionWords);
  const known = references.map((own) => own.map(captionWords));
  const joined = (own: readonly string[]) => own.join(' ');
  const { upTo } = corpusBleu(
    words.map(joined),
    known.map((own) => own.map(joined)),
    { tokenizer: 'none', smoothing: 'none' },
  );
  const { score, each } = cider(words, known);
  const judged = words.map((own, i) => ({ cider: each[i], isExact: known[i].some((other) => joined(other) === joined(own)) }));
  const exact = judged.filter(({ isExact }) => isExact).length / Math.max(1, judged.length);
  return { metrics: { bleu1: upTo[0], bleu2: upTo[1], bleu3: upTo[2], bleu4: upTo[3], cider: score, exact }, each: judged };
}

/** Judges a captioner by examples, at least one. */
export async function evaluateCaptioner(
  captioner: SavedCaptioner,
  examples: readonly CaptionExample[],
  options: CaptionOptions & { readonly batchSize?: number; readonly pause?: () => Promise<void> } = {},
): Promise<CaptionerEvaluation> {
  const results: CaptioningResult[] = await captionPictures(
    captioner,
    examples.map(({ picture }) => picture),
    options,
  );
  const captions = results.map(({ captions: [best] }) => best.caption);
  const references = examples.map((example) => example.captions);
  const { metrics, each } = scoreCaptions(captions, references);
  return {
    metrics,
    judged: examples.map(({ image }, i) => ({ image, caption: captions[i], references: references[i], ...each[i] })),
  };
}
