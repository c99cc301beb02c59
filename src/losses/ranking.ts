/**
 * Ranking losses: the right item's score against those of a row's other candidates, the strong ones above all. Gradients are
 * made together with the losses, in a scope of their own, so that one [R, N] is all that waits for the backward.
 */
import { add, div, mul, sub } from '../autograd/ops/binary.ts';
import { log, neg, sigmoid, square } from '../autograd/ops/elementwise.ts';
import { gather, requireIds } from '../autograd/ops/gather.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { reshape, squeeze, unsqueeze } from '../autograd/ops/shape.ts';
import { softmax } from '../autograd/ops/softmax.ts';
import { inScope, scope } from '../autograd/scope.ts';
import { needsGrad, noGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, contiguous, type Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { type Reduction, reduceLosses, requireReduction } from './reduction.ts';

/** Which candidates count, and how rows become a number. */
export interface RankingLossOptions {
  /**
   * [R, N], 1 where a candidate is no negative of its row, such as the right item once more; 0 elsewhere. The right item's own
   * column is left out by itself. Default: none. Each row should keep one negative.
   */
  readonly excluded?: Tensor | null;
  /** Default 'mean', over rows. */
  readonly reduction?: Reduction;
}

/** As `RankingLossOptions`, and how far scores may grow. */
export interface BprMaxOptions extends RankingLossOptions {
  /** λ ≥ 0 of the negatives' squared scores. Default 1. */
  readonly regularization?: number;
}

/**
 * BPR-max. With the right item's score r, the negatives' scores r_j and a_j, their softmax:
 *
 *   loss = −log Σ_j a_j σ(r − r_j)  +  λ Σ_j a_j r_j²
 *
 * @param scores   [R, N]
 * @param targets  int32 [R]: the column of each row's right item
 * @returns        a scalar; with reduction 'none' [R]
 * @throws ShapeError when shapes do not fit, ConfigError on an option out of range
 * @see Hidasi & Karatzoglou (2018), arXiv:1706.03847, equation 10 and section 3.3
 */
export function bprMax(scores: Tensor, targets: Tensor, options: BprMaxOptions = {}): Tensor {
  const { regularization: lambda = 1 } = options;
  if (!(lambda >= 0 && lambda < Number.POSITIVE_INFINITY)) {
    throw new ConfigError(`[bprMax] expected a regularization of 0 or more, received ${lambda}.`);
  }
  return rankingLoss('bprMax', scores, targets, options, (r, right, a, wantsGradient) => {
    const s = sigmoid(sub(right, r)); // σ(r − r_j)
    const squares = square(r);
    const p = add(overRow(mul(a, s)), tiny);
    const penalty = overRow(mul(a, squares));
    const losses = sub(mul(penalty, lambda), log(p));
    if (!wantsGradient) return { losses };
    const s2 = square(s);
    // ∂/∂r_j = a_j (1 − s_j² / p + λ (r_j² + 2 r_j − Σ a r²)),   ∂/∂r = Σ a s² / p − 1
    const pull = mul(sub(add(squares, mul(r, 2)), penalty), lambda);
    return { losses, dNegatives: mul(a, add(sub(1, div(s2, p)), pull)), dRight: sub(div(overRow(mul(a, s2)), p), 1) };
  });
}

/**
 * TOP1-max. With the right item's score r, the negatives' scores r_j and a_j, their softmax:
 *
 *   loss = Σ_j a_j (σ(r_j − r) + σ(r_j²))
 *
 * @param scores   [R, N]
 * @param targets  int32 [R]: the column of each row's right item
 * @returns        a scalar; with reduction 'none' [R]
 * @throws ShapeError when shapes do not fit
 * @see Hidasi & Karatzoglou (2018), arXiv:1706.03847, equation 8
 */
export function top1Max(scores: Tensor, targets: Tensor, options: RankingLossOptions = {}): Tensor {
  return rankingLoss('top1Max', scores, targets, options, (r, right, a, wantsGradient) => {
    const u = sigmoid(sub(r, right)); // σ(r_j − r)
    const v = sigmoid(square(r)); // σ(r_j²)
    const total = add(u, v);
    const losses = overRow(mul(a, total));
    if (!wantsGradient) return { losses };
    const slope = mul(u, sub(1, u));
    // ∂/∂r_j = a_j (u + v − loss + u (1 − u) + 2 r_j v (1 − v)),   ∂/∂r = −Σ a u (1 − u)
    const bend = add(slope, mul(mul(r, 2), mul(v, sub(1, v))));
    return { losses, dNegatives: mul(a, add(sub(total, losses), bend)), dRight: neg(overRow(mul(a, slope))) };
  });
}

/** Keeps the logarithm finite where every negative is far above the right item. */
const tiny = 1e-24;
/** Added to a score, it makes a softmax give it nothing. Finite, so that what is left out may be multiplied by 0. */
const nothing = -1e30;

/** Losses [R, 1] and their gradients: of each candidate as a negative [R, N], and of the right item [R, 1]. */
interface RowLosses {
  readonly losses: Tensor;
  readonly dNegatives?: Tensor;
  readonly dRight?: Tensor;
}

function rankingLoss(
  name: string,
  scores: Tensor,
  targets: Tensor,
  { excluded = null, reduction = 'mean' }: RankingLossOptions,
  formula: (r: Tensor, right: Tensor, a: Tensor, wantsGradient: boolean) => RowLosses,
): Tensor {
  const [R, N] = scores.shape;
  if (scores.rank !== 2 || !sameShape(targets.shape, [R]) || (excluded !== null && !sameShape(excluded.shape, scores.shape))) {
    const received = [scores, targets, ...(excluded === null ? [] : [excluded])].map(({ shape }) => formatShape(shape)).join(', ');
    throw new ShapeError(`[${name}] expected scores [R, N], targets [R] and excluded [R, N] or none, received ${received}.`);
  }
  requireReduction(name, reduction);
  requireIds(name, targets, N);
  const backend = backendOf(name, [scores, targets, excluded]);
  const needsGradient = needsGrad([scores]);
  return inScope(() => {
    const { losses, gradient } = scope(() =>
      noGrad(() => {
        const r = contiguous(scores.detach());
        const columns = targets.dataSync();
        const places = tensor(
          Int32Array.from(columns, (column, row) => row * N + column),
          { backend },
        );
        const addAtTargets = (values: Tensor, to: Tensor): void =>
          backend.scatterAddRows(bufferOf(contiguous(values)), bufferOf(places), bufferOf(to), R, 1, -1);
        const negatives = excluded === null ? add(r, 0) : add(r, mul(contiguous(excluded), nothing));
        addAtTargets(tensor(new Float32Array(R).fill(nothing), { backend }), negatives);
        const right = gather(reshape(r, [R * N, 1]), places); // [R, 1]
        const { losses, dNegatives, dRight } = formula(r, right, softmax(negatives, -1), needsGradient);
        if (dNegatives !== undefined) addAtTargets(dRight!, dNegatives);
        return { losses: squeeze(losses, 1), gradient: dNegatives ?? null };
      }),
    );
    if (gradient !== null) record(name, [scores], [losses], ([dLosses]) => [mul(gradient, unsqueeze(dLosses!, 1))], [gradient]);
    return reduceLosses(losses, reduction);
  });
}

function overRow(x: Tensor): Tensor {
  return sum(x, -1, { keepDims: true });
}
