/** What a trained classifier makes of texts. */
import { sigmoid } from '../../autograd/ops/elementwise.ts';
import { softmax } from '../../autograd/ops/softmax.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { Breath } from '../../training/breath.ts';
import type { EncodedWords, WordEncoder } from '../words/word-encoder.ts';
import { valuesOf } from './dataset.ts';
import type { TextClassifierModel } from './model.ts';
import type { SavedTextClassifier } from './saved.ts';
import { splitWords } from './split-words.ts';

/** A text with its labels' probabilities. */
export interface TextClassification {
  readonly text: string;
  /** The most probable label; where texts may have several, those of at least the threshold, from probable to less. */
  readonly labels: readonly string[];
  /** By label, in the order of the model's labels. Where each text has one, they add up to 1. */
  readonly probabilities: ReadonlyMap<string, number>;
  /** With attention pooling, how much each word counted; the weights add up to 1. */
  readonly attention: readonly { readonly word: string; readonly weight: number }[] | null;
}

/** Which labels are given, and how many texts are read at once. */
export interface ClassifyTextsOptions {
  /** Where texts have several labels: the least probability of those that are given. Default 0.5. */
  readonly threshold?: number;
  /** Texts that are read side by side. Default 64. */
  readonly batchSize?: number;
}

/**
 * Labels for texts.
 *
 * @example
 * const classifier = await loadTextClassifier('runs/reviews/model.safetensors');
 * const [{ labels, probabilities }] = await classifyTexts(classifier, ['What a film!']);
 */
export async function classifyTexts(
  { model, encoder, features, labels, config }: SavedTextClassifier,
  texts: readonly string[],
  options: ClassifyTextsOptions = {},
): Promise<TextClassification[]> {
  const words = texts.map((text) => splitWords(text, config.vocabulary.maxLength));
  const outputs = await outputsOf(
    model,
    encoder,
    words.map((own) => encoder.encode(own, valuesOf(features, own))),
    options,
  );
  const { isMultiLabel } = model.architecture;
  return outputs.map(({ probabilities, attention }, i) => ({
    text: texts[i],
    labels: chosen(probabilities, isMultiLabel, options.threshold).map((k) => labels[k]),
    probabilities: new Map(labels.map((label, k) => [label, probabilities[k]])),
    attention: attention === null ? null : words[i].map((word, t) => ({ word, weight: attention[t] })),
  }));
}

/** What the model says of one text. */
export interface TextOutputs {
  /** [K] */
  readonly probabilities: Float32Array;
  /** [T] of the text's words; null without attention pooling. */
  readonly attention: Float32Array | null;
}

/** In the order of the texts; those of about one length are read together. The model is in evaluation mode afterwards as it was before. */
export async function outputsOf(
  model: TextClassifierModel,
  encoder: WordEncoder,
  texts: readonly EncodedWords[],
  { batchSize = 64, pause = pauseNow() }: { readonly batchSize?: number; readonly pause?: () => Promise<void> } = {},
): Promise<TextOutputs[]> {
  const order = texts.map((_, i) => i).sort((a, b) => texts[a].words.length - texts[b].words.length);
  const outputs = new Array<TextOutputs>(texts.length);
  const { classes: K, isMultiLabel } = model.architecture;
  const wasTraining = model.isTraining;
  model.eval();
  try {
    for (let begin = 0; begin < order.length; begin += batchSize) {
      const members = order.slice(begin, begin + batchSize);
      const batch = encoder.collate(members.map((i) => texts[i]));
      const { probabilities, weights } = scope(() =>
        noGrad(() => {
          const { logits, attention } = model.forward(batch);
          return {
            probabilities: Float32Array.from((isMultiLabel ? sigmoid(logits) : softmax(logits)).dataSync()),
            weights: attention === null ? null : Float32Array.from(attention.dataSync()),
          };
        }),
      );
      members.forEach((i, b) => {
        const from = b * batch.length;
        outputs[i] = {
          probabilities: probabilities.slice(b * K, (b + 1) * K),
          attention: weights === null ? null : weights.slice(from, from + batch.lengths[b]),
        };
      });
      await pause();
    }
  } finally {
    model.train(wasTraining);
  }
  return outputs;
}

/** Numbers of the labels that probabilities speak for: the most probable one, or all of at least `threshold`, from probable to less. */
export function chosen(probabilities: Float32Array, isMultiLabel: boolean, threshold = 0.5): number[] {
  if (!isMultiLabel) return [probabilities.reduce((best, p, k) => (p > probabilities[best] ? k : best), 0)];
  const above = [...probabilities.keys()].filter((k) => probabilities[k] >= threshold);
  return above.sort((a, b) => probabilities[b] - probabilities[a]);
}

function pauseNow(): () => Promise<void> {
  const breath = new Breath();
  return () => breath.pause();
}
