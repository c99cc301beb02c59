/** Choosing by masks of zeros and ones. What is not chosen may be anything, infinite or not a number. */
import { broadcastShapes, sameShape } from '../../tensor/shape.ts';
import { discard, emptyInOrder, packedOrder, rowMajorOrder } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { backendOf, bufferOf, type Tensor } from '../tensor.ts';
import { type Operand, repeating, scalar } from './binary.ts';
import { sumTo } from './reduce.ts';

/** `a` where mask is 1, `b` where it is 0; all broadcast. No gradient to the mask, nor to what is not chosen. */
export function where(mask: Tensor, a: Operand, b: Operand): Tensor {
  const [x, y] = [a, b].map((operand) => (typeof operand === 'number' ? scalar(operand, mask) : operand));
  return inScope(() => {
    const chosen = choose(mask, x, y);
    record('where', [mask, x, y], [chosen], ([dChosen], sink) => {
      const zero = scalar(0, mask);
      const gradientFor = (i: number, of: Tensor, rule: () => Tensor): Tensor | null => {
        if (!sink.wants(i)) return null;
        const whole = rule();
        const gradient = sumTo(whole, of.shape);
        if (gradient.storage !== whole.storage) discard([whole], [dChosen!]);
        return gradient;
      };
      return [null, gradientFor(1, x, () => choose(mask, dChosen!, zero)), gradientFor(2, y, () => choose(mask, zero, dChosen!))];
    });
    return chosen;
  });
}

/**
 * `value` where mask is 1, x where it is 0; the mask broadcasts.
 *
 * @example softmax(maskedFill(scores, isPadding, -Infinity))
 */
export function maskedFill(x: Tensor, mask: Tensor, value: number): Tensor {
  return where(mask, value, x);
}

/** mask ≠ 0 ? a : b, without history. It lies in memory as the first that has its shape. */
function choose(mask: Tensor, a: Tensor, b: Tensor): Tensor {
  const operands = [mask, a, b];
  const backend = backendOf('where', operands);
  const shape = operands.map((x) => x.shape).reduce((all, one) => broadcastShapes(all, one, 'where'));
  const whole = [a, b, mask].find((x) => sameShape(x.shape, shape) && packedOrder(x) !== null);
  const order = whole === undefined ? null : packedOrder(whole);
  const y = emptyInOrder(backend, shape, order);
  const parts = operands.map((x) => repeating(x, shape, order ?? rowMajorOrder(shape.length)));
  backend.select(parts[0].buffer, parts[1].buffer, parts[2].buffer, bufferOf(y));
  discard(
    parts.map(({ copy }) => copy),
    operands,
  );
  return y;
}
