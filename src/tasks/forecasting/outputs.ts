/** What a model puts out for each step, how that is learnt, and how it is read. */
import { mul } from '../../autograd/ops/binary.ts';
import { sum } from '../../autograd/ops/reduce.ts';
import { squeeze } from '../../autograd/ops/shape.ts';
import { type Tensor, tensor, tensorOver } from '../../autograd/tensor.ts';
import {
  gaussianLoss,
  gaussianOf,
  negativeBinomialLoss,
  negativeBinomialOf,
  quantileLoss,
  studentTLoss,
  studentTOf,
} from '../../losses/distributions.ts';
import { mae, mse } from '../../losses/pointwise.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import type { JudgedSteps } from '../metrics/forecast.ts';
import { type Drawable, NegativeBinomial, Normal, Point, type Predictive, QuantileLevels, Quantiles, StudentT } from './predictive.ts';

export const outputs = ['mean', 'median', 'quantiles', 'gaussian', 'student-t', 'negative-binomial'] as const;
/** `mean` is learnt by squared errors, `median` by absolute ones, `quantiles` by the pinball loss, the others by likelihood. */
export type OutputName = (typeof outputs)[number];

/** Values to be explained, [B, N] row-major. */
export interface Targets {
  readonly batchSize: number;
  readonly length: number;
  /** As a model sees them. */
  readonly values: Float32Array;
  /** 1, or 0 for what does not count. */
  readonly weights: Float32Array;
  /** [B] original = shift + scale · value */
  readonly shift: Float64Array;
  readonly scale: Float64Array;
  /** [B] the window's own part of the scale: errors count in units that are the same for all windows of a series. */
  readonly windowScale: Float64Array;
}

export interface Output {
  /** P: numbers for each step. */
  readonly size: number;
  /** Mean over the values that count. @param raw [B, N, P] */
  loss(raw: Tensor, targets: Targets): Tensor;
  /** The distribution that the numbers from `at` on stand for. It may keep `raw`, and bring these numbers into order. */
  read(raw: Floats, at: number, shift: number, scale: number): Predictive;
  /** Judges the distributions of steps whose numbers lie from `first` on, without making one; absent: by `read`. */
  judge?(raw: Floats, first: number, shift: number, scale: number, into: JudgedSteps): void;
}

export function outputOf(name: OutputName, levels: readonly number[]): Output {
  switch (name) {
    case 'mean':
      return {
        size: 1,
        loss: (raw, targets) => weighted(raw, targets, (x, y) => mse(squeeze(x, 2), y, { reduction: 'none' }), 2),
        read: (raw, at, shift, scale) => new Point(shift + scale * raw[at]),
      };
    case 'median':
      return {
        size: 1,
        loss: (raw, targets) => weighted(raw, targets, (x, y) => mae(squeeze(x, 2), y, { reduction: 'none' }), 1),
        read: (raw, at, shift, scale) => new Point(shift + scale * raw[at]),
      };
    case 'quantiles': {
      const places = new QuantileLevels(levels);
      return {
        size: levels.length,
        loss: (raw, targets) => weighted(raw, targets, (x, y) => quantileLoss(x, y, { levels, reduction: 'none' }), 1),
        read: (raw, first, shift, scale) => new Quantiles(places, raw, first, shift, scale),
        judge: (raw, first, shift, scale, into) => places.judge(raw, first, shift, scale, into),
      };
    }
    case 'gaussian':
      return {
        size: 2,
        loss: (raw, targets) => weighted(raw, targets, (x, y) => gaussianLoss(x, y, { reduction: 'none' }), 0),
        read: (raw, at, shift, scale) => normal(raw, at, shift, scale),
      };
    case 'student-t':
      return {
        size: 3,
        loss: (raw, targets) => weighted(raw, targets, (x, y) => studentTLoss(x, y, { reduction: 'none' }), 0),
        read: (raw, at, shift, scale) => studentT(raw, at, shift, scale),
      };
    case 'negative-binomial':
      return {
        size: 2,
        loss: (raw, targets) =>
          weighted(raw, asCounts(targets), (x, y) => negativeBinomialLoss(x, y, { scale: seriesScales(targets, y), reduction: 'none' }), 0),
        read: (raw, at, _, scale) => negativeBinomial(raw, at, scale),
      };
    default:
      throw new Error(`unreachable: ${name satisfies never}`);
  }
}

/** Of an output that values can be drawn from. */
export function drawable(predictive: Predictive): Drawable {
  if ('sample' in predictive) return predictive as Drawable;
  throw new Error('nothing can be drawn from this output');
}

function normal(raw: Floats, at: number, shift: number, scale: number): Drawable {
  const { mean, deviation } = gaussianOf(raw[at], raw[at + 1]);
  return new Normal(shift + scale * mean, scale * deviation);
}

function studentT(raw: Floats, at: number, shift: number, scale: number): Drawable {
  const { mean, scale: spread, degrees } = studentTOf(raw[at], raw[at + 1], raw[at + 2]);
  return new StudentT(shift + scale * mean, scale * spread, degrees);
}

function negativeBinomial(raw: Floats, at: number, scale: number): Drawable {
  const { mean, dispersion } = negativeBinomialOf(raw[at], raw[at + 1], scale);
  return new NegativeBinomial(mean, dispersion);
}

/** Σ w·loss / Σ w. @param power of the window's scale that a loss in its units has */
function weighted(raw: Tensor, targets: Targets, losses: (raw: Tensor, y: Tensor) => Tensor, power: number): Tensor {
  const { batchSize: B, length: N, values, weights, windowScale } = targets;
  let count = 0;
  for (let i = 0; i < weights.length; i++) count += weights[i];
  const scaled = new Float32Array(B * N);
  for (let b = 0; b < B; b++) {
    const weight = windowScale[b] ** power / (count || 1);
    for (let i = b * N; i < (b + 1) * N; i++) scaled[i] = weight * weights[i];
  }
  const make = (of: Float32Array): Tensor => tensorOver(of, [B, N], raw.backend);
  return sum(mul(losses(raw, make(values)), make(scaled)));
}

/** The scale of each element's series. */
function seriesScales({ scale, length }: Targets, like: Tensor): Tensor {
  const scales = Float32Array.from({ length: like.size }, (_, i) => scale[Math.floor(i / length)]);
  return tensor(scales, { shape: like.shape, backend: like.backend });
}

/** The values as they were counted; float32 may have moved them by a little. */
function asCounts(targets: Targets): Targets {
  const { values, shift, scale, length } = targets;
  const count = (value: number, b: number): number => Math.max(0, Math.round(shift[b] + scale[b] * value));
  return { ...targets, values: Float32Array.from(values, (value, i) => count(value, Math.floor(i / length))) };
}
