/** Windows over planes, and the convolution. Every equation stands in ../backend.ts. */
import type { Conv2d, Conv2dBackward, Window2d } from '../backend.ts';
import { checkApart, floats, floatsOrNull } from './memory.ts';

/** Numbers of windows along a column and along a row. */
export function outputSize(w: Window2d): { readonly outHeight: number; readonly outWidth: number } {
  const reachY = (w.kernelHeight - 1) * w.dilationY + 1;
  const reachX = (w.kernelWidth - 1) * w.dilationX + 1;
  return {
    outHeight: Math.floor((w.height + 2 * w.paddingY - reachY) / w.strideY) + 1,
    outWidth: Math.floor((w.width + 2 * w.paddingX - reachX) / w.strideX) + 1,
  };
}

/** body(place of the output in its plane, place of the input in its plane, tap of the kernel) for all that is no padding. */
export function eachTap(w: Window2d, body: (out: number, at: number, tap: number) => void): void {
  const { outHeight, outWidth } = outputSize(w);
  for (let r = 0; r < outHeight; r++) {
    for (let v = 0; v < outWidth; v++) {
      for (let i = 0; i < w.kernelHeight; i++) {
        const y = r * w.strideY - w.paddingY + i * w.dilationY;
        if (y < 0 || y >= w.height) continue;
        for (let j = 0; j < w.kernelWidth; j++) {
          const x = v * w.strideX - w.paddingX + j * w.dilationX;
          if (x >= 0 && x < w.width) body(r * outWidth + v, y * w.width + x, i * w.kernelWidth + j);
        }
      }
    }
  }
}

/** body(first elements of both planes and of their kernel) for every pair of an output and an input plane. */
function eachPair(layer: Window2d & { readonly O: number }, body: (out: number, at: number, taps: number) => void): void {
  const { outHeight, outWidth } = outputSize(layer);
  const [P, S, n] = [outHeight * outWidth, layer.height * layer.width, layer.kernelHeight * layer.kernelWidth];
  for (let b = 0; b < layer.B; b++) {
    for (let o = 0; o < layer.O; o++) {
      for (let c = 0; c < layer.C; c++) body((b * layer.O + o) * P, (b * layer.C + c) * S, (o * layer.C + c) * n);
    }
  }
}

function sizesOf(layer: Window2d & { readonly O: number }) {
  const { outHeight, outWidth } = outputSize(layer);
  const P = outHeight * outWidth;
  const K = layer.C * layer.kernelHeight * layer.kernelWidth;
  return { P, inputs: layer.B * layer.C * layer.height * layer.width, weights: layer.O * K, outputs: layer.B * layer.O * P };
}

export function conv2d(layer: Conv2d): void {
  const { P, inputs, weights, outputs } = sizesOf(layer);
  const x = floats('conv2d', 'x', layer.x, inputs);
  const weight = floats('conv2d', 'weight', layer.weight, weights);
  const bias = floatsOrNull('conv2d', 'bias', layer.bias, layer.O);
  const y = floats('conv2d', 'y', layer.y, outputs);
  checkApart('conv2d', [y], [x, weight, bias]);

  for (let i = 0; i < outputs; i++) y[i] = bias === null ? 0 : bias[Math.floor(i / P) % layer.O];
  eachPair(layer, (out, at, taps) => {
    eachTap(layer, (p, s, tap) => {
      y[out + p] += weight[taps + tap] * x[at + s];
    });
  });
}

/** y += w · x at every tap:  dx += w · dy ;  dw += x · dy */
export function conv2dBackward(layer: Conv2dBackward): void {
  const { P, inputs, weights, outputs } = sizesOf(layer);
  const x = floats('conv2dBackward', 'x', layer.x, inputs);
  const weight = floats('conv2dBackward', 'weight', layer.weight, weights);
  const dY = floats('conv2dBackward', 'dY', layer.dY, outputs);
  const dX = floatsOrNull('conv2dBackward', 'dX', layer.dX, inputs);
  const dWeight = floatsOrNull('conv2dBackward', 'dWeight', layer.dWeight, weights);
  const dBias = floatsOrNull('conv2dBackward', 'dBias', layer.dBias, layer.O);
  checkApart('conv2dBackward', [dX, dWeight, dBias], [x, weight, dY]);

  dX?.fill(0);
  if (dBias !== null) for (let i = 0; i < outputs; i++) dBias[Math.floor(i / P) % layer.O] += dY[i];
  eachPair(layer, (out, at, taps) => {
    eachTap(layer, (p, s, tap) => {
      if (dX !== null) dX[at + s] += weight[taps + tap] * dY[out + p];
      if (dWeight !== null) dWeight[taps + tap] += x[at + s] * dY[out + p];
    });
  });
}
