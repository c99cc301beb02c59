/** Cross entropy against a few sampled classes instead of the whole vocabulary. For training; evaluate with the whole one. */
import { add, mul } from '../autograd/ops/binary.ts';
import { concat } from '../autograd/ops/concat.ts';
import { gather } from '../autograd/ops/gather.ts';
import { linear } from '../autograd/ops/matmul.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { unsqueeze } from '../autograd/ops/shape.ts';
import { inScope } from '../autograd/scope.ts';
import { backendOf, type Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import type { CandidateSampler } from './candidate-sampler.ts';
import { crossEntropy, requireTargets } from './cross-entropy.ts';
import { requireProjection } from './linear-cross-entropy.ts';
import type { Reduction } from './reduction.ts';
import { rowsOf } from './rows.ts';

/** What the right class is compared with. */
export interface SampledSoftmaxOptions {
  /** Where the other classes come from: logUniformSampler(V) or unigramSampler(counts). */
  readonly sampler: CandidateSampler;
  /** How many are drawn, for all rows together. */
  readonly sampleCount: number;
  readonly rng: Random;
  /** Default 'mean'. */
  readonly reduction?: Reduction;
  /** Rows with this target count for nothing. Default −100. */
  readonly ignoreIndex?: number;
}

/**
 * −log(e^{s_y} / (e^{s_y} + Σ_j e^{s_j − log(S·q_j)})), with logits s = hidden·weightᵀ + bias, right class y, and S classes j
 * drawn from q. The denominator's mean is the whole softmax's, so what is learnt is a softmax over the vocabulary. Draws of
 * the right class itself are left out.
 *
 * @param hidden   [..., H]
 * @param weight   [V, H]
 * @param bias     [V], or null
 * @param targets  int32 [...], each in 0…V−1 or ignoreIndex
 * @throws ShapeError when shapes do not fit, ConfigError when the sampler is for another vocabulary
 * @see Bengio & Senécal (2008), doi:10.1109/TNN.2007.912312; Blanc & Rendle (2018), arXiv:1712.00527, equation 2
 */
export function sampledSoftmax(
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  targets: Tensor,
  options: SampledSoftmaxOptions,
): Tensor {
  const { sampler, sampleCount, rng, reduction = 'mean', ignoreIndex = -100 } = options;
  const [V] = requireProjection('sampledSoftmax', hidden, weight, bias, targets);
  requireTargets('sampledSoftmax', targets, V, ignoreIndex, null);
  if (sampler.vocabularySize !== V) {
    throw new ConfigError(`[sampledSoftmax] expected a sampler of ${V} classes, received one of ${sampler.vocabularySize}.`);
  }
  if (!Number.isInteger(sampleCount) || sampleCount < 1) {
    throw new ConfigError(`[sampledSoftmax] expected sampleCount to be an integer of at least 1, received ${sampleCount}.`);
  }
  const backend = backendOf('sampledSoftmax', [hidden, weight, bias, targets]);
  return inScope(() => {
    const rows = rowsOf(hidden, targets);
    const R = targets.size;
    const right = Int32Array.from(rows.targets, (y) => (y === ignoreIndex ? 0 : y));
    const drawn = sampler.sample(sampleCount, rng);

    // [R, S]: −log(S·q_j), or −∞ where j is the right class.
    const corrections = Float64Array.from(drawn, (j) => -Math.log(sampleCount) - sampler.logProbability(j));
    const shift = new Float64Array(R * sampleCount);
    for (let r = 0; r < R; r++) {
      for (let s = 0; s < sampleCount; s++) shift[r * sampleCount + s] = drawn[s] === right[r] ? Number.NEGATIVE_INFINITY : corrections[s];
    }
    const ids = (values: Int32Array) => tensor(values, { backend });
    const biasOf = (which: Tensor) => (bias === null ? null : gather(bias, which));

    const others = ids(drawn);
    const theirs = add(linear(rows.hidden, gather(weight, others), biasOf(others)), tensor(shift, { shape: [R, sampleCount], backend }));
    const targetIds = ids(right);
    const product = sum(mul(rows.hidden, gather(weight, targetIds)), -1);
    const rightBias = biasOf(targetIds);
    const own = rightBias === null ? product : add(product, rightBias);
    const isFirst = ids(Int32Array.from(rows.targets, (y) => (y === ignoreIndex ? -100 : 0)));
    const loss = crossEntropy(concat([unsqueeze(own, 1), theirs], 1), isFirst, { reduction });
    return reduction === 'none' ? rows.restore(loss) : loss;
  });
}
