/**
 * Choosing by masks of zeros and ones. They are products, so what is masked out must be finite (0 · ∞ is not a number);
 * a fill value may be infinite.
 */
import { inScope } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { add, mul, type Operand, sub } from './binary.ts';
import { affine, log } from './elementwise.ts';

/** `a` where mask is 1, `b` where it is 0; all broadcast. No gradient to the mask. */
export function where(mask: Tensor, a: Operand, b: Operand): Tensor {
  return inScope(() => {
    const chosen = mask.detach();
    return add(mul(chosen, a), mul(affine(chosen, -1, 1), b));
  });
}

/**
 * `value` where mask is 1, x where it is 0; the mask broadcasts.
 *
 * @example softmax(maskedFill(scores, isPadding, -Infinity))
 */
export function maskedFill(x: Tensor, mask: Tensor, value: number): Tensor {
  return inScope(() => {
    const open = affine(mask.detach(), -1, 1);
    if (Number.isFinite(value)) return add(mul(x, open), mul(mask.detach(), value));
    const barrier = log(open); // 0 or −∞
    return value < 0 ? add(x, barrier) : sub(x, barrier);
  });
}
