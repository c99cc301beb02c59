/**
 * The gated recurrent unit, its reset gate after the recurrent product (PyTorch, cuDNN) or before it (the paper).
 * Cho et al. (2014), arXiv:1406.1078.
 */
import type { GruBackward, GruForward } from '../backend.ts';
import { sigmoid } from './elementwise.ts';
import { floats, floatsOrNull } from './memory.ts';
import {
  addTransposedProduct,
  carry,
  checkConfiguration,
  checkRecurrentApart,
  gradientOfState,
  gradientsOf,
  instants,
  leaveOut,
  masked,
  multiply,
  recurrentProduct,
  recurrentProductBackward,
  recurrentProductOf,
} from './recurrent.ts';
import { row } from './rows.ts';

export function gruForward(layer: GruForward): void {
  const { H, resetAfter } = layer;
  const { product, biasHn, gates, h, hn } = arraysOf('gruForward', layer);
  checkRecurrentApart('gruForward', product, [gates, h, hn], [biasHn]);

  for (const instant of instants(layer)) {
    const { tb, before, after } = instant;
    if (!instant.isActive) {
      carry(h, instant, H);
      row(hn, tb, H).fill(0);
      continue;
    }
    const hBefore = row(h, before, H);
    const [r, z, n] = gatesOf(gates, tb, H);
    const saved = row(hn, tb, H);
    const q = recurrentProduct(product, instant, hBefore); // its n part is not used when the reset comes before
    const [qr, qz, qn] = gatesOf(q, 0, H);
    for (let j = 0; j < H; j++) {
      r[j] = sigmoid(r[j] + qr[j]);
      z[j] = sigmoid(z[j] + qz[j]);
    }
    if (resetAfter) {
      for (let j = 0; j < H; j++) {
        saved[j] = qn[j] + biasHn[j];
        n[j] = Math.tanh(n[j] + r[j] * saved[j]);
      }
    } else {
      const hMasked = masked(product, instant.b, hBefore);
      for (let j = 0; j < H; j++) saved[j] = r[j] * hMasked[j];
      multiply(newWeightOf(product.weightHh, H), saved, qn);
      for (let j = 0; j < H; j++) n[j] = Math.tanh(n[j] + qn[j] + biasHn[j]);
    }
    const hAfter = row(h, after, H);
    for (let j = 0; j < H; j++) hAfter[j] = (1 - z[j]) * n[j] + z[j] * hBefore[j];
  }
}

export function gruBackward(layer: GruBackward): void {
  const { H, resetAfter } = layer;
  const { product, biasHn, gates, h, hn } = arraysOf('gruBackward', layer);
  const gradients = gradientsOf('gruBackward', layer, 3 * H, H);
  const { dY, dH, dQ, dNormWeight, dHSquares } = gradients;
  checkRecurrentApart('gruBackward', product, [gates, hn, dH, dQ, dNormWeight, dHSquares], [h, dY, biasHn]);

  for (const instant of instants(layer).reverse()) {
    const { b, tb, before } = instant;
    if (!instant.isActive) {
      leaveOut(gradients, instant, 3 * H, [
        [gates, 3 * H],
        [hn, resetAfter ? H : 0],
      ]);
      continue;
    }
    const dh = gradientOfState(gradients, instant, H);
    const [r, z, n] = gatesOf(gates, tb, H);
    const hBefore = row(h, before, H);
    const saved = row(hn, tb, H);

    // h = (1 − z) ⊙ n + z ⊙ h_{t−1}
    const dn = new Float64Array(H); // of n's pre-activation
    const dz = new Float64Array(H);
    const dhBefore = new Float64Array(H);
    for (let j = 0; j < H; j++) {
      dn[j] = dh[j] * (1 - z[j]) * (1 - n[j] ** 2);
      dz[j] = dh[j] * (hBefore[j] - n[j]) * z[j] * (1 - z[j]);
      dhBefore[j] = dh[j] * z[j];
    }

    const dr = new Float64Array(H);
    const dProduct = new Float64Array(3 * H);
    const [dqr, dqz, dqn] = gatesOf(dProduct, 0, H);
    if (resetAfter) {
      // n = tanh(gates_n + r ⊙ hn), hn = W_hn h_{t−1} + b_hn
      for (let j = 0; j < H; j++) {
        dr[j] = dn[j] * saved[j] * r[j] * (1 - r[j]);
        dqn[j] = dn[j] * r[j];
      }
      saved.set(dqn);
    } else {
      // n = tanh(gates_n + W_hn (r ⊙ h_{t−1} ⊙ mask) + b_hn)
      const dReset = new Float64Array(H);
      addTransposedProduct(newWeightOf(product.weightHh, H), dn, dReset);
      const hMasked = masked(product, b, hBefore);
      const dhMasked = dReset.map((value, j) => value * r[j]);
      const dhThroughReset = masked(product, b, dhMasked);
      for (let j = 0; j < H; j++) {
        dr[j] = dReset[j] * hMasked[j] * r[j] * (1 - r[j]);
        dhBefore[j] += dhThroughReset[j];
      }
    }
    dqr.set(dr);
    dqz.set(dz);
    const dhThroughProduct = recurrentProductBackward(product, gradients, instant, dProduct);
    for (let j = 0; j < H; j++) dhBefore[j] += dhThroughProduct[j];
    row(dH, b, H).set(dhBefore);
    r.set(dr);
    z.set(dz);
    n.set(dn);
  }
}

function arraysOf(kernel: string, layer: GruForward) {
  const { T, B, H } = layer;
  checkConfiguration(
    kernel,
    layer.resetAfter || layer.norm === null,
    'expected norm with resetAfter only, received norm and reset before.',
  );
  return {
    product: recurrentProductOf(kernel, layer, 3 * H, H),
    biasHn: floatsOrNull(kernel, 'biasHn', layer.biasHn, H) ?? new Float64Array(H),
    gates: floats(kernel, 'gates', layer.gates, T * B * 3 * H),
    h: floats(kernel, 'h', layer.h, (T + 1) * B * H),
    hn: floats(kernel, 'hn', layer.hn, T * B * H),
  };
}

/** The r, z, n of row i of a [·, 3H] matrix, shared. */
function gatesOf(gates: Float64Array, i: number, H: number): Float64Array[] {
  return [0, 1, 2].map((gate) => row(gates, 3 * i + gate, H));
}

/** W_hn [H, H], the last rows of W_hh. */
function newWeightOf(weightHh: Float64Array, H: number): Float64Array {
  return weightHh.subarray(2 * H * H);
}
