/**
 * The first half of a recurrent layer: W_ih x + b for all steps at once, as one matrix product.
 *
 * Folding. When x is a lookup in an embedding's table, W_ih x_t is a row of W_ih·table: the table's V rows are projected
 * once and looked up afterwards, which is exact up to rounding and cheaper whenever V is well below T·B.
 */
import { releaseEarly } from '../autograd/scope.ts';
import { bufferOf, empty, type Parameter, type Tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import { packed } from './packed-weights.ts';

/** What a layer reads, time-major: a row for each step and sequence, or rows of a table with a list of which to look up. */
export interface LayerInput {
  /** Contiguous: [T, B, I], or the table [V, I]. */
  readonly rows: Tensor;
  /** int32 [T, B]: the row that each step reads; null: its own. */
  readonly ids: Tensor | null;
  /** The row of the table that learns nothing; -1: none. */
  readonly paddingIndex: number;
}

export interface ProjectionWeights {
  readonly weightIh: Parameter; // [G·H, I]
  readonly biasIh: Parameter | null; // [G·H]
  readonly biasHh: Parameter | null; // [G·H]
  /** Leading elements of biasHh that simply add to the projection; the others belong inside the recurrence (GRU's b_hn). */
  readonly sharedBias: number;
  /** Weight of the layer normalisation of W_ih x; null: none. */
  readonly normIh: Parameter | null; // [G·H]
}

/** As torch.nn.LayerNorm. */
export const normEpsilon = 1e-5;

/** What the backward of a normalised projection needs beside its input. */
export interface SavedProjection {
  readonly normalized: Tensor; // [R, G·H]
  readonly rstd: Tensor; // [R]
}

/** Where gradients go; null where none is wanted. Each adds, except dX, which is overwritten. */
export interface ProjectionGradients {
  readonly dWeightIh: Buffer | null;
  readonly dBiasIh: Buffer | null;
  readonly dBiasHh: Buffer | null;
  readonly dNormIh: Buffer | null;
  /** [T, B, I], overwritten; or the table's [V, I], added to. */
  readonly dRows: Buffer | null;
}

/**
 * gates [T, B, G·H] = W_ih x + b_ih + b_hh (its shared part), or normalized(W_ih x) ⊙ norm + biases.
 *
 * @param isRead  nothing will be learnt from it: by the packed weight
 */
export function project(
  backend: Backend,
  input: LayerInput,
  weights: ProjectionWeights,
  gates: Buffer,
  isRead: boolean,
): SavedProjection | null {
  const [F, I] = weights.weightIh.shape;
  const R = input.rows.size / I;
  const bias = sumOfBiases(backend, weights);
  const looked = input.ids === null ? null : empty(backend, [R, F]);
  const projected = looked === null ? gates : bufferOf(looked);
  const weight = isRead ? { b: packed(weights.weightIh, 1), isPacked: true } : { b: bufferOf(weights.weightIh), transB: true };
  const product = (c: Buffer, biases: Buffer | null): void =>
    backend.gemm({ M: R, N: F, K: I, a: bufferOf(input.rows), ...weight, c, bias: biases });

  let saved: SavedProjection | null = null;
  if (weights.normIh === null) {
    product(projected, bias === null ? null : bufferOf(bias));
  } else {
    const raw = empty(backend, [R, F]);
    product(bufferOf(raw), null);
    saved = { normalized: empty(backend, [R, F]), rstd: empty(backend, [R]) };
    const shift = bias === null ? null : bufferOf(bias);
    const { normalized, rstd } = saved;
    backend.layerNorm(bufferOf(raw), bufferOf(weights.normIh), shift, projected, bufferOf(normalized), bufferOf(rstd), R, F, normEpsilon);
    releaseEarly(raw.storage);
  }
  if (looked !== null) {
    backend.gatherRows(projected, bufferOf(input.ids!), gates, input.ids!.size, F);
    releaseEarly(looked.storage);
  }
  if (bias !== null) releaseEarly(bias.storage);
  return saved;
}

/** From dGates [T, B, G·H] to the gradients. Overwrites dGates where there is a norm. */
export function projectBackward(
  backend: Backend,
  input: LayerInput,
  weights: ProjectionWeights,
  saved: SavedProjection | null,
  dGates: Buffer,
  { dWeightIh, dBiasIh, dBiasHh, dNormIh, dRows }: ProjectionGradients,
): void {
  const [F, I] = weights.weightIh.shape;
  const R = input.rows.size / I;
  const { ids } = input;
  const folded = ids === null ? null : empty(backend, [R, F]);
  const d = folded === null ? dGates : bufferOf(folded); // [R, F]
  if (ids !== null) {
    backend.fill(d, 0);
    backend.scatterAddRows(dGates, bufferOf(ids), d, ids.size, F, -1);
  }

  if (dBiasIh !== null || dBiasHh !== null) {
    const dBias = empty(backend, [F]);
    const sum = bufferOf(dBias);
    const shared = weights.sharedBias;
    backend.sumAxis(d, sum, { outer: 1, n: R, inner: F }, false);
    if (dBiasIh !== null) backend.axpy(1, sum, dBiasIh);
    if (dBiasHh !== null) backend.axpy(1, backend.slice(sum, 0, shared), backend.slice(dBiasHh, 0, shared));
    releaseEarly(dBias.storage);
  }
  if (saved !== null) {
    backend.layerNormBackward(d, bufferOf(weights.normIh!), bufferOf(saved.normalized), bufferOf(saved.rstd), d, dNormIh, null, R, F);
  }
  const rows = bufferOf(input.rows);
  if (dWeightIh !== null) backend.gemm({ M: F, N: I, K: R, a: d, transA: true, b: rows, c: dWeightIh, accumulate: true });
  if (dRows !== null) {
    if (ids !== null && input.paddingIndex >= 0) backend.fill(backend.slice(d, input.paddingIndex * F, F), 0);
    backend.gemm({ M: R, N: I, K: F, a: d, b: bufferOf(weights.weightIh), c: dRows, accumulate: ids !== null });
  }
  if (folded !== null) releaseEarly(folded.storage);
}

/** b_ih + b_hh (its shared part); null without biases. */
function sumOfBiases(backend: Backend, { biasIh, biasHh, sharedBias }: ProjectionWeights): Tensor | null {
  if (biasIh === null || biasHh === null) return null;
  const sum = empty(backend, biasIh.shape);
  backend.copy(bufferOf(biasIh), bufferOf(sum));
  backend.axpy(1, backend.slice(bufferOf(biasHh), 0, sharedBias), backend.slice(bufferOf(sum), 0, sharedBias));
  return sum;
}
