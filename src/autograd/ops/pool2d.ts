/** Pooling over planes: the largest or the mean of each window. */
import { ConfigError } from '../../tensor/errors.ts';
import { discard } from '../layout.ts';
import { inScope, releaseEarly } from '../scope.ts';
import { needsGrad, record } from '../tape.ts';
import { bufferOf, contiguous, empty, type Tensor } from '../tensor.ts';
import { layWindows, type Pair, type Window, type WindowOptions, windowOf } from './window.ts';

/** How windows of a pooling lie; the default stride is the window's size. */
export interface AvgPool2dOptions extends Omit<WindowOptions, 'dilation'> {
  /** Whether padding counts as zeros in the mean. Default true, as PyTorch's. */
  readonly countPadding?: boolean;
}

/**
 * The largest of each window; of equals the first gets the gradient. Padding is never the largest.
 *
 * @param x           [B, C, height, width]
 * @param kernelSize  size of a window
 * @returns           [B, C, ⌊(height + 2·padding − dilation·(kernel height − 1) − 1) / stride⌋ + 1, likewise for the width]
 * @throws ShapeError when a window does not fit; ConfigError when an option is out of range, or padding is more than half a window
 * @see Numbers as torch.nn.functional.max_pool2d.
 */
export function maxPool2d(x: Tensor, kernelSize: Pair, options: WindowOptions = {}): Tensor {
  const window = requireHalf('maxPool2d', windowOf('maxPool2d', kernelSize, { ...options, stride: options.stride ?? kernelSize }));
  const laid = layWindows('maxPool2d', x, window);
  const { backend } = x;
  return inScope(() => {
    const shape = [laid.window.B, laid.window.C, laid.outHeight, laid.outWidth];
    const input = contiguous(x);
    const y = empty(backend, shape);
    const indices = empty(backend, shape, 'int32');
    backend.maxPool2d({ ...laid.window, x: bufferOf(input), y: bufferOf(y), indices: bufferOf(indices) });
    discard([input], [x]);
    if (!needsGrad([x])) {
      releaseEarly(indices.storage);
      return y;
    }
    record(
      'maxPool2d',
      [x],
      [y],
      ([gradient]) => {
        const dX = empty(backend, x.shape);
        const dY = contiguous(gradient!);
        const planes = laid.window.B * laid.window.C;
        backend.maxPool2dBackward({ planes, dY: bufferOf(dY), indices: bufferOf(indices), dX: bufferOf(dX) });
        discard([dY], [gradient!]);
        return [dX];
      },
      [indices],
    );
    return y;
  });
}

/**
 * The mean of each window.
 *
 * @param x           [B, C, height, width]
 * @param kernelSize  size of a window
 * @returns           [B, C, ⌊(height + 2·padding − kernel height) / stride⌋ + 1, likewise for the width]
 * @throws ShapeError when a window does not fit; ConfigError when an option is out of range, or padding is more than half a window
 * @see Numbers as torch.nn.functional.avg_pool2d.
 */
export function avgPool2d(x: Tensor, kernelSize: Pair, { countPadding = true, ...options }: AvgPool2dOptions = {}): Tensor {
  const window = requireHalf('avgPool2d', windowOf('avgPool2d', kernelSize, { ...options, stride: options.stride ?? kernelSize }));
  const laid = layWindows('avgPool2d', x, window);
  const { backend } = x;
  return inScope(() => {
    const input = contiguous(x);
    const y = empty(backend, [laid.window.B, laid.window.C, laid.outHeight, laid.outWidth]);
    backend.avgPool2d({ ...laid.window, countPadding, x: bufferOf(input), y: bufferOf(y) });
    discard([input], [x]);
    record('avgPool2d', [x], [y], ([gradient]) => {
      const dX = empty(backend, x.shape);
      const dY = contiguous(gradient!);
      backend.avgPool2dBackward({ ...laid.window, countPadding, dY: bufferOf(dY), dX: bufferOf(dX) });
      discard([dY], [gradient!]);
      return [dX];
    });
    return y;
  });
}

/** Every window then has something that is no padding. */
function requireHalf(operation: string, window: Window): Window {
  window.padding.forEach((padding, axis) => {
    const size = window.kernelSize[axis];
    if (padding * 2 > size) {
      throw new ConfigError(`[${operation}] expected a padding of at most half the window's ${size}, received ${padding}.`);
    }
  });
  return window;
}
