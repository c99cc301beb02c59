/**
 * Losses of what a model says about a number it cannot know: negative log-likelihoods of distributions, and the quantile loss.
 * A model's outputs are unbounded; each loss says how they become parameters. Loss and derivative of an element are worked out
 * together, on the host in float64: outputs are few beside the sequences that they come from, and no kernel has log Γ.
 * No gradient to the target.
 */
import { mul } from '../autograd/ops/binary.ts';
import { unsqueeze } from '../autograd/ops/shape.ts';
import { inScope } from '../autograd/scope.ts';
import { record } from '../autograd/tape.ts';
import { backendOf, type Tensor, tensorOver } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { arrayOf, formatShape, sameShape, type TypedArray } from '../tensor/shape.ts';
import type { LossOptions } from './pointwise.ts';
import { reduceLosses, requireReduction } from './reduction.ts';
import { digamma, logGamma, logistic, softplus } from './special-functions.ts';

/** The smallest deviation, so that a series that stands still has a finite likelihood. */
const leastDeviation = 1e-4;
/** The smallest dispersion: 1/α = 10⁵ is a Poisson distribution to five digits. */
const leastDispersion = 1e-5;

/** Unbounded outputs (μ, s) as a normal distribution: σ = softplus(s) + 1e-4. */
export function gaussianOf(mean: number, s: number): { mean: number; deviation: number } {
  return { mean, deviation: softplus(s) + leastDeviation };
}

/** Unbounded outputs (μ, s, d) as a Student-t distribution: σ = softplus(s) + 1e-4, ν = 2 + softplus(d), so that it has a variance. */
export function studentTOf(mean: number, s: number, d: number): { mean: number; scale: number; degrees: number } {
  return { mean, scale: softplus(s) + leastDeviation, degrees: 2 + softplus(d) };
}

/**
 * Unbounded outputs (m, a) as a negative binomial distribution, by its mean μ and dispersion α: μ = ν·softplus(m),
 * α = softplus(a)/√ν, with the scale ν of the series.
 */
export function negativeBinomialOf(m: number, a: number, scale = 1): { mean: number; dispersion: number } {
  return { mean: scale * softplus(m) + 1e-8, dispersion: softplus(a) / Math.sqrt(scale) + leastDispersion };
}

/**
 * −log N(target; μ, σ²), in nats.
 *
 *   ½ log 2π + log σ + ½ ((y − μ)/σ)²
 *
 * @param x       [..., 2]: see `gaussianOf`
 * @param target  [...]
 * @throws ShapeError when shapes do not fit
 */
export function gaussianLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return elementLoss('gaussianLoss', x, target, 2, options, (x, at, y, dX) => {
    const { mean, deviation } = gaussianOf(x[at], x[at + 1]);
    const z = (y - mean) / deviation;
    dX[at] = -z / deviation;
    dX[at + 1] = ((1 - z * z) / deviation) * logistic(x[at + 1]);
    return halfLog2Pi + Math.log(deviation) + 0.5 * z * z;
  });
}

const halfLog2Pi = 0.5 * Math.log(2 * Math.PI);

/**
 * −log of Student's t distribution with location μ, scale σ and ν degrees of freedom, in nats: what is far out costs little.
 *
 *   log σ + ½ log νπ + log Γ(ν/2) − log Γ((ν+1)/2) + (ν+1)/2 · log(1 + z²/ν),  z = (y − μ)/σ
 *
 * @param x       [..., 3]: see `studentTOf`
 * @param target  [...]
 * @throws ShapeError when shapes do not fit
 */
export function studentTLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return elementLoss('studentTLoss', x, target, 3, options, (x, at, y, dX) => {
    const { mean, scale, degrees: nu } = studentTOf(x[at], x[at + 1], x[at + 2]);
    const z = (y - mean) / scale;
    const q = (z * z) / nu;
    // ∂/∂z of (ν+1)/2 · log(1 + z²/ν)
    const dZ = ((nu + 1) * z) / (nu * (1 + q));
    dX[at] = -dZ / scale;
    dX[at + 1] = ((1 - dZ * z) / scale) * logistic(x[at + 1]);
    const dNu = 0.5 * (1 / nu + digamma(nu / 2) - digamma((nu + 1) / 2) + Math.log1p(q) - ((nu + 1) * q) / (nu * (1 + q)));
    dX[at + 2] = dNu * logistic(x[at + 2]);
    const normalizer = Math.log(scale) + 0.5 * Math.log(nu * Math.PI) + logGamma(nu / 2) - logGamma((nu + 1) / 2);
    return normalizer + 0.5 * (nu + 1) * Math.log1p(q);
  });
}

/** As of every loss, and the scale of each count's series. */
export interface NegativeBinomialOptions extends LossOptions {
  /** ν of each element, of the target's shape; default 1. No gradient. */
  readonly scale?: Tensor;
}

/**
 * −log of the negative binomial distribution of a count with mean μ and variance μ + αμ², in nats.
 *
 *   −log Γ(y + r) + log Γ(y + 1) + log Γ(r) + r log(1 + αμ) − y log(αμ / (1 + αμ)),  r = 1/α
 *
 * @param x       [..., 2]: see `negativeBinomialOf`
 * @param target  [...] counts, at least 0
 * @throws ShapeError when shapes do not fit
 * @see Salinas, Flunkert, Gasthaus & Januschowski (2020), arXiv:1704.04110, section 3.1
 */
export function negativeBinomialLoss(x: Tensor, target: Tensor, options: NegativeBinomialOptions = {}): Tensor {
  const { scale } = options;
  if (scale !== undefined && !sameShape(scale.shape, target.shape)) {
    throw new ShapeError(
      `[negativeBinomialLoss] expected a scale of the target's shape ${formatShape(target.shape)}, received ${formatShape(scale.shape)}.`,
    );
  }
  const scales = scale?.dataSync();
  return elementLoss('negativeBinomialLoss', x, target, 2, options, (x, at, y, dX) => {
    const nu = scales?.[at / 2] ?? 1;
    const { mean, dispersion: alpha } = negativeBinomialOf(x[at], x[at + 1], nu);
    const r = 1 / alpha;
    const spread = alpha * mean;
    const logOnePlus = Math.log1p(spread);
    dX[at] = ((mean - y) / (mean * (1 + spread))) * nu * logistic(x[at]);
    // ∂/∂r; r = 1/α makes it −r² times as much by α
    const dR = digamma(r) - digamma(y + r) + logOnePlus + (y - mean) / (r + mean);
    dX[at + 1] = (-dR * r * r * logistic(x[at + 1])) / Math.sqrt(nu);
    return logGamma(y + 1) + logGamma(r) - logGamma(y + r) + r * logOnePlus - y * (Math.log(spread) - logOnePlus);
  });
}

/** As of every loss. */
export interface QuantileOptions extends LossOptions {
  /** Q probabilities in (0, 1). */
  readonly levels: readonly number[];
}

/**
 * The pinball loss, summed over quantiles: least when each output is the quantile of its level.
 *
 *   Σ_q max(q (y − x_q), (q − 1)(y − x_q))
 *
 * @param x       [..., Q]
 * @param target  [...]
 * @throws ShapeError when shapes do not fit, ConfigError when a level is not in (0, 1)
 * @see Koenker & Bassett (1978), doi:10.2307/1913643
 */
export function quantileLoss(x: Tensor, target: Tensor, options: QuantileOptions): Tensor {
  const { levels } = options;
  const wrong = levels.find((level) => !(level > 0 && level < 1));
  if (wrong !== undefined || levels.length === 0) {
    throw new ConfigError(`[quantileLoss] expected levels in (0, 1), received ${wrong ?? 'none'}.`);
  }
  return elementLoss('quantileLoss', x, target, levels.length, options, (x, at, y, dX) => {
    let loss = 0;
    for (let q = 0; q < levels.length; q++) {
      const error = y - x[at + q];
      const slope = error > 0 ? -levels[q] : error < 0 ? 1 - levels[q] : 0;
      dX[at + q] = slope;
      loss -= error * slope;
    }
    return loss;
  });
}

/** The loss of one element, of whose outputs the first is x[at]. @param dX out: its derivatives by the outputs, at the same places */
type ElementLoss = (x: TypedArray, at: number, y: number, dX: TypedArray) => number;

function elementLoss(name: string, x: Tensor, target: Tensor, P: number, options: LossOptions, loss: ElementLoss): Tensor {
  const { reduction = 'mean' } = options;
  requireReduction(name, reduction);
  if (x.shape.at(-1) !== P || !sameShape(x.shape.slice(0, -1), target.shape)) {
    throw new ShapeError(
      `[${name}] expected x of shape [..., ${P}] for a target of shape [...], received ${formatShape(x.shape)} and ${formatShape(target.shape)}.`,
    );
  }
  const backend = backendOf(name, [x, target]);
  return inScope(() => {
    const [outputs, wanted] = [x.dataSync(), target.dataSync()];
    const n = target.size;
    const losses = arrayOf(backend.float, n);
    const derivatives = arrayOf(backend.float, n * P);
    for (let i = 0; i < n; i++) losses[i] = loss(outputs, i * P, wanted[i], derivatives);
    const y = tensorOver(losses, target.shape, backend);
    const saved = tensorOver(derivatives, x.shape, backend);
    record(name, [x], [y], ([dY]) => [mul(unsqueeze(dY!, -1), saved)], [saved]);
    return reduceLosses(y, reduction);
  });
}
