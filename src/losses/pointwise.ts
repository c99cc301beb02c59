/** Losses between two tensors of one shape, element by element. Numbers as torch.nn.functional's. */

import { arrange, discard, emptyInOrder, pack } from '../autograd/layout.ts';
import { add, div, maximum, mul, sub } from '../autograd/ops/binary.ts';
import { log, neg } from '../autograd/ops/elementwise.ts';
import { inScope } from '../autograd/scope.ts';
import { noGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, type Tensor } from '../autograd/tensor.ts';
import type { PointwiseLoss } from '../backend/backend.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { type Reduction, reduceLosses, requireReduction, spreadOrEach } from './reduction.ts';

/** How the losses of elements become one number. */
export interface LossOptions {
  /** Default 'mean': over all elements. */
  readonly reduction?: Reduction;
}

/** As of every pointwise loss, and where squares end. */
export interface HuberOptions extends LossOptions {
  /** Where the square becomes a line; above 0. Default 1. */
  readonly delta?: number;
}

/** Mean squared error, (x − target)². */
export function mse(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return pointwise('mse', 'mse', x, target, options);
}

/** Mean absolute error, |x − target|; its derivative at 0 is 0. */
export function mae(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return pointwise('mae', 'mae', x, target, options);
}

/**
 * ½(x − target)² up to a distance of delta, then delta·(|x − target| − ½delta).
 *
 * @throws ConfigError when delta is not above 0
 * @see Huber (1964), doi:10.1214/aoms/1177703732
 */
export function huber(x: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new ConfigError(`[huber] expected delta above 0, received ${delta}.`);
  return pointwise('huber', 'huber', x, target, options, delta);
}

/** −target·log σ(x) − (1 − target)·log(1 − σ(x)), for logits x and targets in [0, 1]; safe for large x. */
export function binaryCrossEntropyWithLogits(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  return pointwise('binaryCrossEntropyWithLogits', 'bce', x, target, options);
}

/**
 * −target·log x − (1 − target)·log(1 − x), for probabilities x and targets in [0, 1]. Logarithms stop at −100, as
 * PyTorch's. Prefer `binaryCrossEntropyWithLogits`: it loses no digits.
 */
export function binaryCrossEntropy(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const { reduction = 'mean' } = options;
  const name = 'binaryCrossEntropy';
  requireReduction(name, reduction);
  requireSameShape(name, x, target);
  return inScope(() => {
    const logOf = (p: Tensor) => maximum(log(p), -100);
    const losses = noGrad(() => neg(add(mul(target, logOf(x)), mul(sub(1, target), logOf(sub(1, x))))));
    record(name, [x, target], [losses], ([dY], sink) => [
      // PyTorch's bound on the denominator.
      sink.wants(0) ? mul(dY!, div(sub(x, target), maximum(mul(x, sub(1, x)), 1e-12))) : null,
      sink.wants(1) ? mul(dY!, sub(logOf(sub(1, x)), logOf(x))) : null,
    ]);
    return reduceLosses(losses, reduction);
  });
}

function pointwise(name: string, kind: PointwiseLoss, x: Tensor, target: Tensor, options: LossOptions, delta = 1): Tensor {
  const { reduction = 'mean' } = options;
  requireReduction(name, reduction);
  requireSameShape(name, x, target);
  const backend = backendOf(name, [x, target]);
  return inScope(() => {
    const { packed, order } = pack(x);
    const losses = emptyInOrder(backend, x.shape, order);
    const t = arrange(target, order);
    backend.pointwiseLoss(kind, bufferOf(packed), bufferOf(t), bufferOf(losses), delta);
    discard([packed, t], [x, target]);
    record(name, [x, target], [losses], ([dLosses], sink) => {
      const copies = [arrange(x, order), arrange(target, order), spreadOrEach(dLosses!, order)];
      const [input, wanted, dY] = copies.map(bufferOf);
      const dX = emptyInOrder(backend, x.shape, order);
      backend.pointwiseLossBackward(kind, input, wanted, dY, bufferOf(dX), delta);
      // All but bce look at x − target only.
      let dTarget: Tensor | null = null;
      if (sink.wants(1)) dTarget = kind === 'bce' ? neg(mul(dLosses!, x)) : neg(dX);
      discard(copies, [x, target, dLosses!]);
      return [dX, dTarget];
    });
    return reduceLosses(losses, reduction);
  });
}

function requireSameShape(operation: string, x: Tensor, target: Tensor): void {
  if (sameShape(x.shape, target.shape)) return;
  throw new ShapeError(
    `[${operation}] expected x and target of one shape, received ${formatShape(x.shape)} and ${formatShape(target.shape)}.`,
  );
}
