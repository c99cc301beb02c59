/**
 * What the recurrent kernels share: the order of steps and slots, and the recurrent product W_hh (h ⊙ mask) with its
 * layer normalisation. A cell is then its equations for one row at one step.
 */
import { BackendError } from '../../tensor/errors.ts';
import type { RecurrentGradients, RecurrentLayer } from '../backend.ts';
import { checkApart, checkRange, floats, floatsOrNull, floatsWhen, integers } from './memory.ts';
import { normalizeRow, normalizeRowBackward, row } from './rows.ts';

/** One row at one step: reads the state in slot `before`, writes the state in slot `after`. */
export interface Instant {
  readonly t: number;
  readonly b: number;
  /** Index of (t, b) in a [T, B, ·] buffer. */
  readonly tb: number;
  /** Index of the row's previous and next state in a [T+1, B, ·] buffer. */
  readonly before: number;
  readonly after: number;
  readonly isActive: boolean;
}

/** Every row at every step, in the order of the computation. */
export function instants(layer: RecurrentLayer): Instant[] {
  const { T, B, reverse } = layer;
  const lengths = layer.lengths === null ? null : integers('recurrent', 'lengths', layer.lengths, B);
  if (lengths !== null) checkRange('recurrent', 'lengths', lengths, 0, T + 1);
  const list: Instant[] = [];
  for (let step = 0; step < T; step++) {
    const t = reverse ? T - 1 - step : step;
    const [from, to] = reverse ? [t + 1, t] : [t, t + 1];
    for (let b = 0; b < B; b++) {
      list.push({ t, b, tb: t * B + b, before: from * B + b, after: to * B + b, isActive: lengths === null || t < lengths[b] });
    }
  }
  return list;
}

/** Copies a row's state to the next slot. */
export function carry(states: Float64Array, { before, after }: Instant, width: number): void {
  row(states, after, width).set(row(states, before, width));
}

/** y = W x, W [rows of y, columns of x]. */
export function multiply(W: Float64Array, x: Float64Array, y: Float64Array): void {
  const K = x.length;
  for (let m = 0; m < y.length; m++) {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += W[m * K + k] * x[k];
    y[m] = sum;
  }
}

/** x += Wᵀ y */
export function addTransposedProduct(W: Float64Array, y: Float64Array, x: Float64Array): void {
  const K = x.length;
  for (let m = 0; m < y.length; m++) {
    for (let k = 0; k < K; k++) x[k] += W[m * K + k] * y[m];
  }
}

/** The arrays of the recurrent product of a layer with F = G·H features from a state P wide. */
export interface RecurrentProduct {
  readonly F: number;
  readonly P: number;
  readonly weightHh: Float64Array; // [F, P]
  readonly mask: Float64Array | null; // [B, P]
  readonly norm: {
    readonly weight: Float64Array;
    readonly epsilon: number;
    readonly normalized: Float64Array;
    readonly rstd: Float64Array;
  } | null;
}

export function recurrentProductOf(kernel: string, layer: RecurrentLayer, F: number, P: number): RecurrentProduct {
  const { T, B, norm } = layer;
  return {
    F,
    P,
    weightHh: floats(kernel, 'weightHh', layer.weightHh, F * P),
    mask: floatsOrNull(kernel, 'mask', layer.mask, B * P),
    norm: norm && {
      weight: floats(kernel, 'norm.weight', norm.weight, F),
      epsilon: norm.epsilon,
      normalized: floats(kernel, 'norm.normalized', norm.normalized, T * B * F),
      rstd: floats(kernel, 'norm.rstd', norm.rstd, T * B),
    },
  };
}

/** h ⊙ mask of row b. */
export function masked({ mask, P }: RecurrentProduct, b: number, h: Float64Array): Float64Array {
  return mask === null ? h : h.map((value, k) => value * mask[b * P + k]);
}

/** W_hh (h ⊙ mask), or normalized(that) ⊙ weight. [F] */
export function recurrentProduct(product: RecurrentProduct, { b, tb }: Instant, h: Float64Array): Float64Array {
  const { F, weightHh, norm } = product;
  const q = new Float64Array(F);
  multiply(weightHh, masked(product, b, h), q);
  if (norm === null) return q;
  const normalized = row(norm.normalized, tb, F);
  norm.rstd[tb] = normalizeRow(q, norm.epsilon, normalized);
  return normalized.map((value, j) => value * norm.weight[j]);
}

/** What a backward writes beside the gradients of its gates. */
export interface Gradients {
  readonly dY: Float64Array | null; // [T, B, P]
  readonly dH: Float64Array; // [B, P]
  readonly dQ: Float64Array | null; // [T, B, F]
  readonly dNormWeight: Float64Array | null; // [F]
  readonly dHSquares: Float64Array | null; // [T, B]
}

export function gradientsOf(kernel: string, layer: RecurrentLayer & RecurrentGradients, F: number, P: number): Gradients {
  const { T, B, norm } = layer;
  return {
    dY: floatsOrNull(kernel, 'dY', layer.dY, T * B * P),
    dH: floats(kernel, 'dH', layer.dH, B * P),
    dQ: floatsWhen(norm !== null, 'there is norm', kernel, 'dQ', layer.dQ, T * B * F),
    dNormWeight: floatsWhen(norm !== null, 'there is norm', kernel, 'dNormWeight', layer.dNormWeight, F),
    dHSquares: floatsOrNull(kernel, 'dHSquares', layer.dHSquares, T * B),
  };
}

/** The whole ∂L/∂h_t of an active row: what came from the future in dH, and the output's own. [P] */
export function gradientOfState({ dY, dH, dHSquares }: Gradients, { b, tb }: Instant, P: number): Float64Array {
  const dh = row(dH, b, P).slice();
  if (dY !== null) for (let k = 0; k < P; k++) dh[k] += dY[tb * P + k];
  if (dHSquares !== null) dHSquares[tb] = dh.reduce((sum, value) => sum + value * value, 0);
  return dh;
}

/** From the gradient of what `recurrentProduct` returned [F] to dQ, dNormWeight and ∂L/∂h, which is returned. [P] */
export function recurrentProductBackward(
  product: RecurrentProduct,
  gradients: Gradients,
  { b, tb }: Instant,
  d: Float64Array,
): Float64Array {
  const { F, P, weightHh, norm } = product;
  let dq = d;
  if (norm !== null) {
    const normalized = row(norm.normalized, tb, F);
    for (let j = 0; j < F; j++) gradients.dNormWeight![j] += d[j] * normalized[j];
    dq = row(gradients.dQ!, tb, F);
    normalizeRowBackward(
      d.map((value, j) => value * norm.weight[j]),
      normalized,
      norm.rstd[tb],
      dq,
    );
  }
  const dMasked = new Float64Array(P);
  addTransposedProduct(weightHh, dq, dMasked);
  return masked(product, b, dMasked);
}

/** An inactive row: its state's gradient passes by, everything of the step is 0. `more` lists further [T, B, width] outputs. */
export function leaveOut({ dQ, dHSquares }: Gradients, { tb }: Instant, F: number, more: readonly [Float64Array | null, number][]): void {
  if (dHSquares !== null) dHSquares[tb] = 0;
  if (dQ !== null) row(dQ, tb, F).fill(0);
  for (const [output, width] of more) if (output !== null) row(output, tb, width).fill(0);
}

/** Refuses outputs on top of anything else. */
export function checkRecurrentApart(
  kernel: string,
  product: RecurrentProduct,
  outputs: readonly (Float64Array | null | undefined)[],
  inputs: readonly (Float64Array | null | undefined)[],
): void {
  const { weightHh, mask, norm } = product;
  checkApart(kernel, [...outputs, ...(norm === null ? [] : [norm.normalized, norm.rstd])], [...inputs, weightHh, mask, norm?.weight]);
}

export function checkConfiguration(kernel: string, isLegal: boolean, expectation: string): void {
  if (!isLegal) throw new BackendError(`[reference.${kernel}] ${expectation}`);
}
