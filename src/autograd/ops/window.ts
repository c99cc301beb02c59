/** Options of windows over planes as users give them, and what kernels take of them. */
import type { Window2d } from '../../backend/backend.ts';
import { ConfigError, ShapeError } from '../../tensor/errors.ts';
import { formatShape } from '../../tensor/shape.ts';
import type { Tensor } from '../tensor.ts';

/** One number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/** How windows lie. */
export interface WindowOptions {
  /** Default 1. */
  readonly stride?: Pair;
  /** Rows and columns added on either side. Default 0. */
  readonly padding?: Pair;
  /** Distance between the taps of a kernel. Default 1. */
  readonly dilation?: Pair;
}

/** A window that is complete. */
export interface Window {
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/** @throws ConfigError when a number is not whole or too small */
export function windowOf(operation: string, kernelSize: Pair, { stride = 1, padding = 0, dilation = 1 }: WindowOptions): Window {
  return {
    kernelSize: pairOf(operation, 'kernelSize', kernelSize, 1),
    stride: pairOf(operation, 'stride', stride, 1),
    padding: pairOf(operation, 'padding', padding, 0),
    dilation: pairOf(operation, 'dilation', dilation, 1),
  };
}

function pairOf(operation: string, name: string, pair: Pair, least: number): readonly [number, number] {
  const both = typeof pair === 'number' ? ([pair, pair] as const) : pair;
  if (both.length !== 2 || !both.every((n) => Number.isInteger(n) && n >= least)) {
    throw new ConfigError(
      `[${operation}] expected ${name} to be a whole number of at least ${least}, or two of them, received ${JSON.stringify(pair)}.`,
    );
  }
  return both;
}

/** The planes and windows of a kernel's call, and the numbers of windows along each axis. */
export interface Laid {
  readonly window: Window2d;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** @throws ShapeError when x is not [B, C, height, width], or the windows do not fit */
export function layWindows(operation: string, x: Tensor, { kernelSize, stride, padding, dilation }: Window): Laid {
  if (x.rank !== 4 || x.size === 0) {
    throw new ShapeError(`[${operation}] expected x of shape [B, C, height, width], none of them 0, received ${formatShape(x.shape)}.`);
  }
  const [B, C, height, width] = x.shape;
  const [reachY, reachX] = [0, 1].map((axis) => (kernelSize[axis] - 1) * dilation[axis] + 1);
  if (height + 2 * padding[0] < reachY || width + 2 * padding[1] < reachX) {
    throw new ShapeError(
      `[${operation}] a window of ${reachY} x ${reachX} does not fit into planes of ${height} x ${width} with padding ${padding[0]} and ${padding[1]}. Give larger images, more padding, or a smaller kernel.`,
    );
  }
  return {
    window: {
      B,
      C,
      height,
      width,
      kernelHeight: kernelSize[0],
      kernelWidth: kernelSize[1],
      strideY: stride[0],
      strideX: stride[1],
      paddingY: padding[0],
      paddingX: padding[1],
      dilationY: dilation[0],
      dilationX: dilation[1],
    },
    outHeight: Math.floor((height + 2 * padding[0] - reachY) / stride[0]) + 1,
    outWidth: Math.floor((width + 2 * padding[1] - reachX) / stride[1]) + 1,
  };
}
