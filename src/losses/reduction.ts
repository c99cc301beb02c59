/** How the losses of single elements or rows become one number. */
import { arrange, type Order } from '../autograd/layout.ts';
import { div } from '../autograd/ops/binary.ts';
import { mean, sum } from '../autograd/ops/reduce.ts';
import { Tensor } from '../autograd/tensor.ts';
import { ConfigError, unknownName } from '../tensor/errors.ts';

const reductions = ['mean', 'sum', 'none'] as const;

/** 'mean' (default), 'sum', or 'none': the losses as they are. */
export type Reduction = (typeof reductions)[number];

/** @throws ConfigError on an unknown name */
export function requireReduction(operation: string, reduction: Reduction, known: readonly Reduction[] = reductions): void {
  if (!known.includes(reduction)) throw new ConfigError(`[${operation}] ${unknownName('reduction', String(reduction), known)}`);
}

/** The losses reduced; the mean divides by the sum of `weights` where they are given. */
export function reduceLosses(losses: Tensor, reduction: Reduction, weights?: Tensor): Tensor {
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return sum(losses);
  return weights === undefined ? mean(losses) : div(sum(losses), sum(weights));
}

/** Gradients of losses as kernels take them: one number for all where a reduction has spread one, else one each in this order. */
export function spreadOrEach(dLosses: Tensor, order: Order): Tensor {
  const isSpread = dLosses.shape.every((n, axis) => n === 1 || dLosses.strides[axis] === 0);
  return isSpread && dLosses.size > 0 ? new Tensor(dLosses.storage, [1], [1], dLosses.offset) : arrange(dLosses, order);
}
