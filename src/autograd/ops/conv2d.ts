/** Convolution over planes. */
import { ShapeError } from '../../tensor/errors.ts';
import { formatShape, sameShape } from '../../tensor/shape.ts';
import { discard } from '../layout.ts';
import { inScope } from '../scope.ts';
import { record } from '../tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Tensor } from '../tensor.ts';
import { layWindows, type WindowOptions, windowOf } from './window.ts';

/**
 * y[b, o] = bias[o] + Σ_c weight[o, c] ⋆ x[b, c], ⋆ being the cross-correlation of planes.
 *
 * @param x       [B, C, height, width]
 * @param weight  [O, C, kernel height, kernel width]
 * @param bias    [O]; zeros when null
 * @returns       [B, O, ⌊(height + 2·padding − dilation·(kernel height − 1) − 1) / stride⌋ + 1, likewise for the width]
 * @throws ShapeError   when weight or bias do not fit x, or the kernel does not fit into the planes
 * @throws ConfigError  when an option is not a whole number, or too small
 * @see Numbers as torch.nn.functional.conv2d, with groups 1.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: WindowOptions = {}): Tensor {
  if (weight.rank !== 4 || weight.shape[1] !== x.shape[1]) {
    throw new ShapeError(
      `[conv2d] expected a weight of shape [O, ${x.shape[1]}, kernel height, kernel width], with as many channels as x ${formatShape(x.shape)}, received ${formatShape(weight.shape)}.`,
    );
  }
  const [O, , kernelHeight, kernelWidth] = weight.shape;
  if (bias !== null && !sameShape(bias.shape, [O])) {
    throw new ShapeError(`[conv2d] expected a bias of shape [${O}], one for each output channel, received ${formatShape(bias.shape)}.`);
  }
  const { window, outHeight, outWidth } = layWindows('conv2d', x, windowOf('conv2d', [kernelHeight, kernelWidth], options));
  const backend = backendOf('conv2d', [x, weight, bias]);
  return inScope(() => {
    const [input, kernel] = [contiguous(x), contiguous(weight)];
    const y = empty(backend, [window.B, O, outHeight, outWidth]);
    backend.conv2d({
      ...window,
      O,
      x: bufferOf(input),
      weight: bufferOf(kernel),
      bias: bias === null ? null : bufferOf(contiguous(bias)),
      y: bufferOf(y),
    });
    discard([input, kernel], [x, weight]);
    record('conv2d', [x, weight, bias], [y], ([gradient], sink) => {
      const [input, kernel, dY] = [contiguous(x), contiguous(weight), contiguous(gradient!)];
      const dX = sink.wants(0) ? empty(backend, x.shape) : null;
      const accumulatorOrNull = (i: number) => (sink.wants(i) ? bufferOf(sink.accumulator(i)) : null);
      backend.conv2dBackward({
        ...window,
        O,
        x: bufferOf(input),
        weight: bufferOf(kernel),
        dY: bufferOf(dY),
        dX: dX === null ? null : bufferOf(dX),
        dWeight: accumulatorOrNull(1),
        dBias: accumulatorOrNull(2),
      });
      discard([input, kernel, dY], [x, weight, gradient!]);
      return [dX];
    });
    return y;
  });
}
