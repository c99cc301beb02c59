/** How well a classifier labels texts whose labels are known. */
import { ConfusionMatrix, MultiLabelScores } from '../metrics/classification.ts';
import type { WordEncoder } from '../words/word-encoder.ts';
import { chosen, outputsOf } from './classify.ts';
import type { ClassifierExample } from './dataset.ts';
import type { TextClassifierModel } from './model.ts';

/** How well texts are labelled. Of texts with several labels, `accuracy` asks for all of them and no other. */
export interface ClassificationMetrics extends Readonly<Record<string, number>> {
  /** Share of the texts that are labelled right. */
  readonly accuracy: number;
  /** Mean over the labels of F1. */
  readonly f1Macro: number;
  /** Mean −ln p of a text's label; of several labels a text, of each of its answers. */
  readonly loss: number;
}

/** Metrics, and where they come from. */
export interface ClassifierEvaluation {
  /** With several labels a text also `f1Micro`: F1 over all labels of all texts together. */
  readonly metrics: ClassificationMetrics;
  readonly scores: ConfusionMatrix | MultiLabelScores;
  /** Of each text: the labels that were chosen, and how improbable the right answer was, −ln p. */
  readonly judged: readonly { readonly predicted: readonly number[]; readonly isRight: boolean; readonly surprise: number }[];
}

/** How examples are judged. */
export interface EvaluateClassifierOptions {
  /** Where texts have several labels: the least probability of those that are predicted. Default 0.5. */
  readonly threshold?: number;
  /** Texts that are read side by side. Default 64. */
  readonly batchSize?: number;
  /** Called between forwards: lets the host's other work run. */
  readonly pause?: () => Promise<void>;
}

/** Judges a model by examples, at least one. */
export async function evaluateClassifier(
  model: TextClassifierModel,
  { encoder, labels }: { readonly encoder: WordEncoder; readonly labels: readonly string[] },
  examples: readonly ClassifierExample[],
  options: EvaluateClassifierOptions = {},
): Promise<ClassifierEvaluation> {
  const { isMultiLabel, classes: K } = model.architecture;
  const outputs = await outputsOf(
    model,
    encoder,
    examples.map(({ words }) => words),
    options,
  );
  const judged = outputs.map(({ probabilities }, i) => {
    const expected = [...examples[i].labels];
    const predicted = chosen(probabilities, isMultiLabel, options.threshold);
    const isRight = predicted.length === expected.length && predicted.every((k) => expected.includes(k));
    const answers = isMultiLabel ? probabilities.map((p, k) => (expected.includes(k) ? p : 1 - p)) : [probabilities[expected[0]]];
    // As PyTorch's binary cross entropy, a logarithm is −100 at least.
    const surprise = [...answers].reduce((sum, p) => sum - Math.max(Math.log(p), -100), 0);
    return { predicted, isRight, surprise };
  });
  const loss = judged.reduce((sum, { surprise }) => sum + surprise, 0) / judged.length / (isMultiLabel ? K : 1);
  if (isMultiLabel) {
    const scores = new MultiLabelScores(labels);
    judged.forEach(({ predicted }, i) => {
      scores.add([...examples[i].labels], predicted);
    });
    const { accuracy, f1Macro, f1Micro } = scores;
    return { metrics: { accuracy, f1Macro, f1Micro, loss }, scores, judged };
  }
  const scores = new ConfusionMatrix(labels);
  judged.forEach(({ predicted: [k] }, i) => {
    scores.add(examples[i].labels[0], k);
  });
  return { metrics: { accuracy: scores.accuracy, f1Macro: scores.f1Macro, loss }, scores, judged };
}
