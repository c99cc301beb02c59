/** What is minimised: over all items, or against the other right items of a batch and some more that are drawn. */
import { add } from '../../autograd/ops/binary.ts';
import { gather } from '../../autograd/ops/gather.ts';
import { linear } from '../../autograd/ops/matmul.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { type CandidateSampler, unigramSampler } from '../../losses/candidate-sampler.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { linearCrossEntropy } from '../../losses/linear-cross-entropy.ts';
import { bprMax, top1Max } from '../../losses/ranking.ts';
import type { Random } from '../../tensor/random.ts';
import type { Recommender } from './model.ts';
import type { losses } from './options.ts';

/** As of the training options of these names. */
export interface LossOptions {
  readonly loss: (typeof losses)[number];
  readonly samples: number;
  readonly sampleAlpha: number;
  readonly regularization: number;
  readonly labelSmoothing: number;
}

/** The loss of queries [R, E] whose right items are `targets`. */
export type QueryLoss = (model: Recommender, queries: Tensor, targets: Int32Array) => Tensor;

/**
 * @param counts  interactions of each item in the training data
 * @param rng     what negatives are drawn from
 */
export function queryLoss(options: LossOptions, counts: ArrayLike<number>, rng: Random): QueryLoss {
  const { loss, labelSmoothing, regularization } = options;
  if (loss === 'cross-entropy') {
    return ({ output, backend }, queries, targets) =>
      linearCrossEntropy(queries, output.weight, output.bias, tensor(targets, { dtype: 'int32', backend }), { labelSmoothing });
  }
  const candidatesOf = candidates(options, counts, rng);
  return (model, queries, targets) => {
    const { backend } = model;
    const { items, logExpected } = candidatesOf(targets);
    const [R, N] = [targets.length, items.length];
    const ids = tensor(items, { dtype: 'int32', backend });
    const scores = linear(queries, gather(model.output.weight, ids), gather(model.output.bias, ids)); // [R, N]
    // The first R candidates are the rows' right items: row r's is column r.
    const columns = tensor(
      Int32Array.from({ length: R }, (_, r) => r),
      { backend },
    );
    const repeats = repeatsOf(targets, items);
    if (loss === 'sampled-cross-entropy') {
      const shift = new Float32Array(R * N);
      for (let r = 0; r < R; r++) {
        shift.set(logExpected, r * N);
        shift[r * N + r] = 0;
      }
      for (const place of repeats) shift[place] = Number.NEGATIVE_INFINITY;
      return crossEntropy(add(scores, tensor(shift, { shape: [R, N], backend })), columns);
    }
    const excluded = new Float32Array(R * N);
    for (const place of repeats) excluded[place] = 1;
    const others = { excluded: tensor(excluded, { shape: [R, N], backend }) };
    return loss === 'bpr-max' ? bprMax(scores, columns, { ...others, regularization }) : top1Max(scores, columns, others);
  };
}

interface Candidates {
  /** [N], the targets, then those drawn. */
  readonly items: Int32Array;
  /** [N], −log of how often each is expected among the candidates of a batch. */
  readonly logExpected: Float32Array;
}

/** The other right items of a batch, and items drawn in proportion to their popularity to the power alpha. */
function candidates({ samples, sampleAlpha }: LossOptions, counts: ArrayLike<number>, rng: Random): (targets: Int32Array) => Candidates {
  // An item that is in no training history can be drawn as well.
  const smoothed = Float64Array.from(counts, (count) => Math.max(count, 1));
  const drawn: CandidateSampler = unigramSampler(smoothed, sampleAlpha);
  const inBatch: CandidateSampler = unigramSampler(smoothed, 1);
  return (targets) => {
    const R = targets.length;
    const items = new Int32Array(R + samples);
    items.set(targets);
    if (samples > 0) items.set(drawn.sample(samples, rng), R);
    const expected = (item: number): number => R * Math.exp(inBatch.logProbability(item)) + samples * Math.exp(drawn.logProbability(item));
    return { items, logExpected: Float32Array.from(items, (item) => -Math.log(expected(item))) };
  };
}

/** Places r · N + j of candidates that are row r's right item once more. */
function repeatsOf(targets: Int32Array, items: Int32Array): number[] {
  const rowsOf = new Map<number, number[]>();
  targets.forEach((item, r) => {
    const rows = rowsOf.get(item);
    if (rows === undefined) rowsOf.set(item, [r]);
    else rows.push(r);
  });
  const places: number[] = [];
  items.forEach((item, j) => {
    for (const r of rowsOf.get(item) ?? []) if (r !== j) places.push(r * items.length + j);
  });
  return places;
}
