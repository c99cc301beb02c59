/** Layer normalisation (Ba, Kiros & Hinton 2016, arXiv:1607.06450). */
import { ShapeError } from '../../tensor/errors.ts';
import { formatShape, sameShape, sizeOf } from '../../tensor/shape.ts';
import { arrange, discard, emptyInOrder, packRows } from '../layout.ts';
import { inScope, releaseEarly } from '../scope.ts';
import { needsGrad, record } from '../tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Tensor } from '../tensor.ts';

/**
 * y = (x − mean) / √(variance + ε) ⊙ weight + bias, over the last axis; the variance divides by C.
 *
 * @param x       [..., C]
 * @param weight  [C]; ones when null
 * @param bias    [C]; zeros when null
 * @throws ShapeError when weight or bias is not [C]
 */
export function layerNorm(x: Tensor, weight: Tensor | null = null, bias: Tensor | null = null, epsilon = 1e-5): Tensor {
  const C = x.shape.at(-1) ?? 0;
  for (const [name, parameter] of [['weight', weight] as const, ['bias', bias] as const]) {
    if (parameter !== null && !sameShape(parameter.shape, [C])) {
      throw new ShapeError(`[layerNorm] expected ${name} of shape [${C}], as x's last axis, received ${formatShape(parameter.shape)}.`);
    }
  }
  const backend = backendOf('layerNorm', [x, weight, bias]);
  return inScope(() => {
    const R = sizeOf(x.shape.slice(0, -1));
    const { packed, order } = packRows(x);
    const y = emptyInOrder(backend, x.shape, order);
    const normalized = emptyInOrder(backend, x.shape, order);
    const rstd = empty(backend, [R]);
    const bufferOrNull = (parameter: Tensor | null) => (parameter === null ? null : bufferOf(contiguous(parameter)));
    backend.layerNorm(
      bufferOf(packed),
      bufferOrNull(weight),
      bufferOrNull(bias),
      bufferOf(y),
      bufferOf(normalized),
      bufferOf(rstd),
      R,
      C,
      epsilon,
    );
    discard([packed], [x]);
    if (!needsGrad([x, weight, bias])) {
      releaseEarly(normalized.storage);
      releaseEarly(rstd.storage);
      return y;
    }
    record(
      'layerNorm',
      [x, weight, bias],
      [y],
      ([gradient], sink) => {
        const dX = emptyInOrder(backend, x.shape, order);
        const dY = arrange(gradient!, order);
        const accumulatorOrNull = (i: number) => (sink.wants(i) ? bufferOf(sink.accumulator(i)) : null);
        const dWeight = accumulatorOrNull(1);
        const dBias = accumulatorOrNull(2);
        backend.layerNormBackward(
          bufferOf(dY),
          bufferOrNull(weight),
          bufferOf(normalized),
          bufferOf(rstd),
          bufferOf(dX),
          dWeight,
          dBias,
          R,
          C,
        );
        discard([dY], [gradient!]);
        return [dX];
      },
      [normalized, rstd],
    );
    return y;
  });
}
