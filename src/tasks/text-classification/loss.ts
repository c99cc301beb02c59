/**
 * What a text classifier is trained towards: cross entropy of one label, or of each of several by itself, where labels may weigh
 * more or less; and two readings of a text that agree.
 */
import { mul, sub } from '../../autograd/ops/binary.ts';
import { sigmoid } from '../../autograd/ops/elementwise.ts';
import { mean, sum } from '../../autograd/ops/reduce.ts';
import { softmax } from '../../autograd/ops/softmax.ts';
import { inScope } from '../../autograd/scope.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { binaryCrossEntropyWithLogits } from '../../losses/pointwise.ts';
import { ConfigError, unknownName } from '../../tensor/errors.ts';

/** How labels count. */
export interface ClassifierLossOptions {
  /** Whether each text has any number of labels. */
  readonly isMultiLabel: boolean;
  /** Of each label, [K]; null: 1. Of several labels a text it multiplies what is lost on a label that should be there. */
  readonly classWeights?: Float32Array | null;
  /** In [0, 1), of one label a text. */
  readonly labelSmoothing?: number;
}

/**
 * Mean loss of a batch in nats: of a text, or of each label of each text where there are several.
 *
 * @param logits [B, K]
 * @param labels of each text, indices in 0…K−1
 */
export function classifierLoss(logits: Tensor, labels: readonly ArrayLike<number>[], options: ClassifierLossOptions): Tensor {
  const { isMultiLabel, classWeights = null, labelSmoothing = 0 } = options;
  const { backend } = logits;
  const [B, K] = logits.shape;
  if (!isMultiLabel) {
    const targets = tensor(
      Int32Array.from(labels, (own) => own[0]),
      { dtype: 'int32', backend },
    );
    const weights = classWeights === null ? null : tensor(classWeights, { shape: [K], backend });
    return crossEntropy(logits, targets, { labelSmoothing, classWeights: weights });
  }
  const targets = new Float32Array(B * K);
  const weights = new Float32Array(B * K).fill(1);
  labels.forEach((own, b) => {
    for (let i = 0; i < own.length; i++) {
      targets[b * K + own[i]] = 1;
      weights[b * K + own[i]] = classWeights?.[own[i]] ?? 1;
    }
  });
  return inScope(() => {
    const losses = binaryCrossEntropyWithLogits(logits, tensor(targets, { shape: [B, K], backend }), { reduction: 'none' });
    return mean(classWeights === null ? losses : mul(losses, tensor(weights, { shape: [B, K], backend })));
  });
}

/**
 * How far two readings of the same texts are from agreeing, in nats: of a text, or of each label of each text where there are
 * several. Read twice, a text loses other numbers to dropout each time; what is said of it should not hang on them.
 *
 *   ½ KL(p ‖ q) + ½ KL(q ‖ p) = ½ Σ (p − q)(ln p − ln q) = ½ Σ (p − q)(a − b),   p = softmax a, q = softmax b
 *
 * for Σ (p − q) = 0 takes away what ln p and a differ by; of several labels likewise with p = σ(a), a being ln p − ln(1 − p).
 *
 * @param a [B, K] logits of one reading
 * @param b [B, K] of the other
 * @see Liang et al. (2021), R-Drop, arXiv:2106.14448
 */
export function disagreement(a: Tensor, b: Tensor, { isMultiLabel }: Pick<ClassifierLossOptions, 'isMultiLabel'>): Tensor {
  const probabilities = isMultiLabel ? sigmoid : softmax;
  return inScope(() => {
    const products = mul(sub(probabilities(a), probabilities(b)), sub(a, b)); // [B, K]
    return mul(isMultiLabel ? mean(products) : mean(sum(products, 1)), 0.5);
  });
}

/**
 * Weights by label from what a user wrote: `balanced`, or `label=weight` for some, 1 for the others.
 *
 * balanced: n / (K · n_k), as scikit-learn's; where texts have several labels (n − n_k) / n_k, so that both answers weigh the same.
 *
 * @param counts  n_k: texts with each label
 * @param total   n: texts
 * @throws ConfigError on an unknown label, or a weight that is no positive number
 */
export function classWeightsOf(
  given: readonly string[] | undefined,
  labels: readonly string[],
  { counts, total, isMultiLabel }: { readonly counts: ArrayLike<number>; readonly total: number; readonly isMultiLabel: boolean },
): Float32Array | null {
  if (given === undefined || given.length === 0) return null;
  if (given.length === 1 && given[0] === 'balanced') {
    return Float32Array.from(labels, (_, k) => {
      const n = Math.max(1, counts[k]);
      return isMultiLabel ? Math.max(1, total - n) / n : total / (labels.length * n);
    });
  }
  const weights = new Float32Array(labels.length).fill(1);
  for (const entry of given) {
    const at = entry.lastIndexOf('=');
    const [label, weight] = [entry.slice(0, Math.max(0, at)), Number(entry.slice(at + 1))];
    if (at <= 0 || entry.slice(at + 1).trim() === '' || !(weight > 0 && Number.isFinite(weight))) {
      throw new ConfigError(`classWeights: expected balanced, or label=weight with a weight above 0, received "${entry}".`);
    }
    const k = labels.indexOf(label);
    if (k < 0) throw new ConfigError(`classWeights: ${unknownName('label', label, labels)}`);
    weights[k] = weight;
  }
  return weights;
}
