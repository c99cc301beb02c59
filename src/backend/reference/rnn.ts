/** The Elman network: h_t = σ(gates_t + W_hh h_{t−1}). Elman (1990), doi:10.1207/s15516709cog1402_1. */
import type { Activation, RnnBackward, RnnForward } from '../backend.ts';
import { relu, sigmoid } from './elementwise.ts';
import { floats } from './memory.ts';
import {
  carry,
  checkRecurrentApart,
  gradientOfState,
  gradientsOf,
  instants,
  leaveOut,
  recurrentProduct,
  recurrentProductBackward,
  recurrentProductOf,
} from './recurrent.ts';
import { row } from './rows.ts';

/** σ, and its derivative as a function of y = σ(x). */
const activations: Readonly<Record<Activation, { of(x: number): number; derivative(y: number): number }>> = {
  tanh: { of: Math.tanh, derivative: (y) => 1 - y * y },
  relu: { of: relu, derivative: (y) => (y > 0 ? 1 : 0) },
  sigmoid: { of: sigmoid, derivative: (y) => y * (1 - y) },
};

export function rnnForward(layer: RnnForward): void {
  const { T, B, H } = layer;
  const activation = activations[layer.activation];
  const product = recurrentProductOf('rnnForward', layer, H, H);
  const gates = floats('rnnForward', 'gates', layer.gates, T * B * H);
  const h = floats('rnnForward', 'h', layer.h, (T + 1) * B * H);
  checkRecurrentApart('rnnForward', product, [gates, h], []);

  for (const instant of instants(layer)) {
    if (!instant.isActive) {
      carry(h, instant, H);
      continue;
    }
    const q = recurrentProduct(product, instant, row(h, instant.before, H));
    const a = row(gates, instant.tb, H);
    const next = row(h, instant.after, H);
    for (let j = 0; j < H; j++) next[j] = activation.of(a[j] + q[j]);
  }
}

export function rnnBackward(layer: RnnBackward): void {
  const { T, B, H } = layer;
  const activation = activations[layer.activation];
  const product = recurrentProductOf('rnnBackward', layer, H, H);
  const gates = floats('rnnBackward', 'gates', layer.gates, T * B * H);
  const h = floats('rnnBackward', 'h', layer.h, (T + 1) * B * H);
  const gradients = gradientsOf('rnnBackward', layer, H, H);
  const { dY, dH, dQ, dNormWeight, dHSquares } = gradients;
  checkRecurrentApart('rnnBackward', product, [gates, dH, dQ, dNormWeight, dHSquares], [h, dY]);

  for (const instant of instants(layer).reverse()) {
    if (!instant.isActive) {
      leaveOut(gradients, instant, H, [[gates, H]]);
      continue;
    }
    const dh = gradientOfState(gradients, instant, H);
    const y = row(h, instant.after, H);
    const da = row(gates, instant.tb, H);
    for (let j = 0; j < H; j++) da[j] = dh[j] * activation.derivative(y[j]); // h = σ(a)
    row(dH, instant.b, H).set(recurrentProductBackward(product, gradients, instant, da));
  }
}
