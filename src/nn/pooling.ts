/**
 * Pooling over time: a sequence of vectors [B, T, H] becomes one vector [B, H]. Each is one operation with its own backward, step
 * by step through time-major memory, as recurrent layers leave it. What stands past a sequence's length has no part in it.
 */
import { arrange, discard, emptyInOrder } from '../autograd/layout.ts';
import { add } from '../autograd/ops/binary.ts';
import { tanh } from '../autograd/ops/elementwise.ts';
import { reshape } from '../autograd/ops/shape.ts';
import { softmax } from '../autograd/ops/softmax.ts';
import { inScope } from '../autograd/scope.ts';
import { needsGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, empty, Tensor, tensor } from '../autograd/tensor.ts';
import type { Buffer } from '../backend/backend.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';

/** True lengths, [B], each in 1…T; absent: all T. */
export type PoolingLengths = ArrayLike<number> | null | undefined;

/** How the vectors of the last step are read. */
export interface LastPoolingOptions {
  /** The second half of H goes backwards in time: its last step is the first. Default false. */
  readonly bidirectional?: boolean;
}

/**
 * The last vector of each sequence; of a bidirectional layer, each direction's own last.
 *
 * @param x [B, T, H]
 * @returns [B, H]
 * @throws ShapeError when lengths are not in 1…T
 */
export function lastPooling(x: Tensor, lengths?: PoolingLengths, { bidirectional = false }: LastPoolingOptions = {}): Tensor {
  const { B, T, H, ends } = sizesOf('lastPooling', x, lengths);
  if (bidirectional && H % 2 !== 0) {
    throw new ShapeError(`[lastPooling] expected two directions of one width, received ${formatShape(x.shape)}.`);
  }
  const { backend } = x;
  // Memory is [T, B, D, H/D]: rows of one direction each.
  const D = bidirectional ? 2 : 1;
  const ids = new Int32Array(B * D);
  for (let b = 0; b < B; b++) {
    ids[b * D] = ((ends[b] - 1) * B + b) * D;
    if (bidirectional) ids[b * D + 1] = b * D + 1;
  }
  const rows = tensor(ids, { dtype: 'int32', backend });
  return inScope(() => {
    const steps = arrange(x, timeMajor);
    const y = empty(backend, [B, H]);
    backend.gatherRows(bufferOf(steps), bufferOf(rows), bufferOf(y), B * D, H / D);
    discard([steps], [x]);
    record('lastPooling', [x], [y], ([dY]) => {
      const dX = emptyInOrder(backend, [B, T, H], timeMajor);
      const gradient = arrange(dY!, rowMajor);
      backend.fill(bufferOf(dX), 0);
      backend.scatterAddRows(bufferOf(gradient), bufferOf(rows), bufferOf(dX), B * D, H / D, -1);
      discard([gradient], [dY!]);
      return [dX];
    });
    return y;
  });
}

/**
 * The mean of each sequence's vectors.
 *
 * @param x [B, T, H], finite past a sequence's length too
 * @returns [B, H]
 * @throws ShapeError when lengths are not in 1…T
 */
export function meanPooling(x: Tensor, lengths?: PoolingLengths): Tensor {
  const { B, T, ends } = sizesOf('meanPooling', x, lengths);
  const shares = new Float32Array(T * B);
  for (let t = 0; t < T; t++) for (let b = 0; b < B; b++) shares[t * B + b] = t < ends[b] ? 1 / ends[b] : 0;
  const weights = tensor(shares, { shape: [T, B], backend: x.backend });
  return weightedSum(x, new Tensor(weights.storage, [B, T], [1, B]));
}

/**
 * Σ_t w[b, t] · x[b, t].
 *
 * @param x       [B, T, H]
 * @param weights [B, T]
 * @returns       [B, H]
 * @throws ShapeError when there is not one weight a step
 */
export function weightedSum(x: Tensor, weights: Tensor): Tensor {
  const { B, T, H } = sizesOf('weightedSum', x);
  if (!sameShape(weights.shape, [B, T])) {
    throw new ShapeError(`[weightedSum] expected weights of shape [${B}, ${T}], one a step, received ${formatShape(weights.shape)}.`);
  }
  const backend = backendOf('weightedSum', [x, weights]);
  return inScope(() => {
    const steps = arrange(x, timeMajor);
    const w = arrange(weights, [1, 0]);
    const y = empty(backend, [B, H]);
    // y = Σ_t w_t ⊙ x_t
    const [xAt, wAt] = [stepsOf(steps, T), stepsOf(w, T)];
    for (let t = 0; t < T; t++) backend.scaleRows(xAt(t), wAt(t), bufferOf(y), B, H, t > 0);
    discard([steps, w], [x, weights]);
    record('weightedSum', [x, weights], [y], ([gradient], sink) => {
      const dY = arrange(gradient!, rowMajor);
      let dX: Tensor | null = null;
      if (sink.wants(0)) {
        // dx_t = w_t ⊙ dy
        dX = emptyInOrder(backend, [B, T, H], timeMajor);
        const again = arrange(weights, [1, 0]);
        const [dXAt, wAt] = [stepsOf(dX, T), stepsOf(again, T)];
        for (let t = 0; t < T; t++) backend.scaleRows(bufferOf(dY), wAt(t), dXAt(t), B, H, false);
        discard([again], [weights]);
      }
      let dW: Tensor | null = null;
      if (sink.wants(1)) {
        // dw_t = x_t · dy
        dW = emptyInOrder(backend, [B, T], [1, 0]);
        const again = arrange(x, timeMajor);
        const products = empty(backend, [T, B, H]);
        backend.binary('mul', bufferOf(again), bufferOf(dY), bufferOf(products));
        backend.sumAxis(bufferOf(products), bufferOf(dW), { outer: T * B, n: H, inner: 1 }, false);
        discard([again, products], [x]);
      }
      discard([dY], [gradient!]);
      return [dX, dW];
    });
    return y;
  });
}

/**
 * The largest of each sequence's numbers, feature by feature. Of equal ones the first gets the gradient.
 *
 * @param x [B, T, H]
 * @returns [B, H]
 * @throws ShapeError when lengths are not in 1…T
 */
export function maxPooling(x: Tensor, lengths?: PoolingLengths): Tensor {
  const { B, T, H, ends } = sizesOf('maxPooling', x, lengths);
  const { backend } = x;
  const shortest = ends.reduce((least, end) => Math.min(least, end), T);
  // From the shortest sequence's end on, a row that has ended shows its last step again: it is no larger than the largest.
  const rows = Array.from({ length: T - shortest }, (_, k) =>
    tensor(
      Int32Array.from(ends, (end, b) => Math.min(shortest + k, end - 1) * B + b),
      { dtype: 'int32', backend },
    ),
  );
  const readerOf = (steps: Tensor) => {
    const shown = rows.length === 0 ? null : empty(backend, [B, H]);
    const at = stepsOf(steps, T);
    const read = (t: number): Buffer => {
      if (t < shortest) return at(t);
      backend.gatherRows(bufferOf(steps), bufferOf(rows[t - shortest]), bufferOf(shown!), B, H);
      return bufferOf(shown!);
    };
    return { read, shown };
  };
  return inScope(() => {
    const steps = arrange(x, timeMajor);
    const { read, shown } = readerOf(steps);
    // The largest so far, after each step: the backward asks which steps rose above it.
    const saved = needsGrad([x]) ? empty(backend, [T, B, H]) : null;
    const y = empty(backend, [B, H]);
    const largestAt = saved === null ? () => bufferOf(y) : stepsOf(saved, T);
    backend.copy(read(0), largestAt(0));
    for (let t = 1; t < T; t++) backend.binary('maximum', largestAt(t - 1), read(t), largestAt(t));
    discard([steps, ...(shown === null ? [] : [shown])], [x]);
    if (saved !== null) {
      backend.copy(largestAt(T - 1), bufferOf(y));
      record(
        'maxPooling',
        [x],
        [y],
        ([gradient]) => {
          const dX = emptyInOrder(backend, [B, T, H], timeMajor);
          const again = arrange(x, timeMajor);
          const { read: readAgain, shown: shownAgain } = readerOf(again);
          // What the steps up to t share: all of it, less what went to later ones.
          const left = empty(backend, [B, H]);
          const dY = arrange(gradient!, rowMajor);
          backend.copy(bufferOf(dY), bufferOf(left));
          const [dXAt, largestBy] = [stepsOf(dX, T), stepsOf(saved, T)];
          for (let t = T - 1; t > 0; t--) {
            const dStep = dXAt(t);
            backend.binary('less', largestBy(t - 1), readAgain(t), dStep);
            backend.binary('mul', dStep, bufferOf(left), dStep);
            backend.axpy(-1, dStep, bufferOf(left));
          }
          backend.copy(bufferOf(left), dXAt(0));
          discard([again, left, dY, ...(shownAgain === null ? [] : [shownAgain])], [x, gradient!]);
          return [dX];
        },
        [saved],
      );
    }
    return y;
  });
}

/** Sizes and first values of attention pooling. */
export interface AttentionPoolingOptions {
  /** H */
  readonly inputSize: number;
  /** A: numbers that a step is judged by. Default: inputSize. */
  readonly attentionSize?: number;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/**
 * A weighted mean of each sequence's vectors, the weights learnt:
 *
 *   u_t = tanh(W x_t + b);   α = softmax_t(v · u_t);   y = Σ_t α_t x_t
 *
 * Parameters: `projection.weight` [A, H], `projection.bias` [A]; `score.weight` [1, A].
 *
 * @example const { pooled, weights } = new AttentionPooling({ inputSize: 256, rng }).forward(output, lengths);
 * @see Yang et al. (2016), doi:10.18653/v1/N16-1174
 */
export class AttentionPooling extends Module {
  readonly projection: Linear;
  readonly score: Linear;

  /** @throws ConfigError when a size is not a positive integer */
  constructor({ inputSize, attentionSize = inputSize, rng = Random.fromEntropy() }: AttentionPoolingOptions) {
    super();
    this.projection = this.child('projection', new Linear({ inputSize, outputSize: attentionSize, rng }));
    this.score = this.child('score', new Linear({ inputSize: attentionSize, outputSize: 1, bias: false, rng }));
  }

  /**
   * @param x [B, T, H]
   * @returns pooled [B, H], and the weights [B, T]: of each sequence they add up to 1, past its length they are 0
   * @throws ShapeError when lengths are not in 1…T
   */
  forward(x: Tensor, lengths?: PoolingLengths): { pooled: Tensor; weights: Tensor } {
    const { B, T, ends } = sizesOf('AttentionPooling', x, lengths);
    return inScope(() => {
      const scores = reshape(this.score.forward(tanh(this.projection.forward(x))), [B, T]);
      const weights = softmax(add(scores, barrier(x, ends)));
      return { pooled: weightedSum(x, weights), weights };
    });
  }
}

/** 0 within a sequence, −∞ past its length: [B, T]. */
function barrier(x: Tensor, ends: Int32Array): Tensor {
  const [B, T] = x.shape;
  const values = new Float32Array(B * T);
  for (let b = 0; b < B; b++) values.fill(Number.NEGATIVE_INFINITY, b * T + ends[b], (b + 1) * T);
  return tensor(values, { shape: [B, T], backend: x.backend });
}

const timeMajor = [1, 0, 2] as const;
const rowMajor = [0, 1] as const;

/** The memory of a packed tensor, step by step: T parts of one size. */
function stepsOf(x: Tensor, T: number): (t: number) => Buffer {
  const whole = bufferOf(x);
  const n = whole.length / T;
  return (t) => x.backend.slice(whole, t * n, n);
}

function sizesOf(operation: string, x: Tensor, lengths?: PoolingLengths) {
  if (x.rank !== 3 || x.size === 0) {
    throw new ShapeError(`[${operation}] expected x of shape [B, T, H], none of them 0, received ${formatShape(x.shape)}.`);
  }
  const [B, T, H] = x.shape;
  const ends = Int32Array.from(lengths ?? new Int32Array(B).fill(T));
  if (ends.length !== B) throw new ShapeError(`[${operation}] expected ${B} lengths, one a sequence, received ${ends.length}.`);
  const wrong = ends.findIndex((end) => end < 1 || end > T);
  if (wrong >= 0) throw new ShapeError(`[${operation}] expected lengths in 1…${T} (T), received ${ends[wrong]} for sequence ${wrong}.`);
  return { B, T, H, ends };
}
