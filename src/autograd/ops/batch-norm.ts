/** Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167). */
import { ShapeError } from '../../tensor/errors.ts';
import { formatShape, sameShape } from '../../tensor/shape.ts';
import { discard } from '../layout.ts';
import { inScope, releaseEarly } from '../scope.ts';
import { needsGrad, record } from '../tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Tensor } from '../tensor.ts';

/** What a batch normalisation knows beside its input; each [C]. */
export interface BatchNormStatistics {
  /** Ones when null. */
  readonly weight?: Tensor | null;
  /** Zeros when null. */
  readonly bias?: Tensor | null;
  /** In training they are moved towards the batch's own, in place; otherwise they normalise. null, in training only: none are kept. */
  readonly runningMean?: Tensor | null;
  readonly runningVariance?: Tensor | null;
  readonly isTraining: boolean;
  /** How far the running statistics move, in [0, 1]. Default 0.1. */
  readonly momentum?: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * y = (x − mean) / √(variance + ε) ⊙ weight + bias, each channel by its own; mean and variance are those of the batch in training,
 * the running ones otherwise. The batch's variance divides by its B · (size of a plane) elements; what the running one learns, by one less.
 *
 * @param x [B, C, ...]
 * @throws ShapeError when x has no channels, or a statistic is not [C], or running ones are missing outside of training
 */
export function batchNorm(x: Tensor, statistics: BatchNormStatistics): Tensor {
  const { weight = null, bias = null, runningMean = null, runningVariance = null } = statistics;
  const { isTraining, momentum = 0.1, epsilon = 1e-5 } = statistics;
  if (x.rank < 2 || x.size === 0) {
    throw new ShapeError(`[batchNorm] expected x of shape [B, C, ...], none of them 0, received ${formatShape(x.shape)}.`);
  }
  const [B, C] = x.shape;
  const S = x.size / (B * C);
  for (const [name, vector] of Object.entries({ weight, bias, runningMean, runningVariance })) {
    if (vector !== null && !sameShape(vector.shape, [C])) {
      throw new ShapeError(`[batchNorm] expected ${name} of shape [${C}], as x's channels, received ${formatShape(vector.shape)}.`);
    }
  }
  if ((runningMean === null) !== (runningVariance === null) || (!isTraining && runningMean === null)) {
    throw new ShapeError('[batchNorm] expected runningMean and runningVariance together; outside of training they are needed.');
  }
  const backend = backendOf('batchNorm', [x, weight, bias, runningMean, runningVariance]);
  return inScope(() => {
    const input = contiguous(x);
    const y = empty(backend, x.shape);
    const [mean, rstd] = [empty(backend, [C]), empty(backend, [C])];
    const bufferOrNull = (vector: Tensor | null) => (vector === null ? null : bufferOf(contiguous(vector)));
    backend.batchNorm2d({
      B,
      C,
      S,
      isTraining,
      epsilon,
      momentum,
      x: bufferOf(input),
      weight: bufferOrNull(weight),
      bias: bufferOrNull(bias),
      runningMean: bufferOrNull(runningMean),
      runningVariance: bufferOrNull(runningVariance),
      mean: bufferOf(mean),
      rstd: bufferOf(rstd),
      y: bufferOf(y),
    });
    discard([input], [x]);
    if (!needsGrad([x, weight, bias])) {
      for (const saved of [mean, rstd]) releaseEarly(saved.storage);
      return y;
    }
    record(
      'batchNorm',
      [x, weight, bias],
      [y],
      ([gradient], sink) => {
        const [input, dY] = [contiguous(x), contiguous(gradient!)];
        const dX = sink.wants(0) ? empty(backend, x.shape) : null;
        const accumulatorOrNull = (i: number) => (sink.wants(i) ? bufferOf(sink.accumulator(i)) : null);
        backend.batchNorm2dBackward({
          B,
          C,
          S,
          isTraining,
          x: bufferOf(input),
          weight: bufferOrNull(weight),
          mean: bufferOf(mean),
          rstd: bufferOf(rstd),
          dY: bufferOf(dY),
          dX: dX === null ? null : bufferOf(dX),
          dWeight: accumulatorOrNull(1),
          dBias: accumulatorOrNull(2),
        });
        discard([input, dY], [x, gradient!]);
        return [dX];
      },
      [mean, rstd],
    );
    return y;
  });
}
