/**
 * Long short-term memory, with peepholes, projection and normalisation of the cell. Hochreiter & Schmidhuber (1997),
 * doi:10.1162/neco.1997.9.8.1735; forget gate: Gers et al. (2000); projection: Sak et al. (2014), arXiv:1402.1128.
 */
import type { CellNorm, LstmBackward, LstmForward } from '../backend.ts';
import { sigmoid } from './elementwise.ts';
import { floats, floatsOrNull, floatsWhen } from './memory.ts';
import {
  addTransposedProduct,
  carry,
  checkConfiguration,
  checkRecurrentApart,
  gradientOfState,
  gradientsOf,
  instants,
  leaveOut,
  multiply,
  recurrentProduct,
  recurrentProductBackward,
  recurrentProductOf,
} from './recurrent.ts';
import { normalizeRow, normalizeRowBackward, row } from './rows.ts';

export function lstmForward(layer: LstmForward): void {
  const { H, P } = layer;
  const { product, gates, h, c, peephole, weightHr, m, cellNorm } = arraysOf('lstmForward', layer);
  checkRecurrentApart(
    'lstmForward',
    product,
    [gates, h, c, m, cellNorm?.normalized, cellNorm?.rstd],
    [peephole, weightHr, cellNorm?.weight, cellNorm?.bias],
  );

  for (const instant of instants(layer)) {
    const { tb, before, after } = instant;
    if (!instant.isActive) {
      carry(h, instant, P);
      carry(c, instant, H);
      if (m !== null) row(m, tb, H).fill(0);
      continue;
    }
    const q = recurrentProduct(product, instant, row(h, before, P));
    const [i, f, g, o] = gatesOf(gates, tb, H);
    const [qi, qf, qg, qo] = gatesOf(q, 0, H);
    const cBefore = row(c, before, H);
    const cAfter = row(c, after, H);
    addPeephole(qi, peephole, 0, cBefore);
    addPeephole(qf, peephole, 1, cBefore);
    for (let j = 0; j < H; j++) {
      i[j] = sigmoid(i[j] + qi[j]);
      f[j] = sigmoid(f[j] + qf[j]);
      g[j] = Math.tanh(g[j] + qg[j]);
      cAfter[j] = f[j] * cBefore[j] + i[j] * g[j];
    }
    addPeephole(qo, peephole, 2, cAfter);
    for (let j = 0; j < H; j++) o[j] = sigmoid(o[j] + qo[j]);
    if (cellNorm !== null) cellNorm.rstd[tb] = normalizeRow(cAfter, cellNorm.epsilon, row(cellNorm.normalized, tb, H));
    const cell = cellSeenByOutput(cellNorm, tb, cAfter);
    const output = row(m ?? h, m === null ? after : tb, H);
    for (let j = 0; j < H; j++) output[j] = o[j] * Math.tanh(cell[j]);
    if (weightHr !== null) multiply(weightHr, output, row(h, after, P));
  }
}

export function lstmBackward(layer: LstmBackward): void {
  const { T, B, H, P } = layer;
  const { product, gates, h, c, peephole, weightHr, m, cellNorm } = arraysOf('lstmBackward', layer);
  const gradients = gradientsOf('lstmBackward', layer, 4 * H, P);
  const { dY, dH, dQ, dNormWeight, dHSquares } = gradients;
  const dC = floats('lstmBackward', 'dC', layer.dC, B * H);
  const dPeephole = floatsWhen(peephole !== null, 'there is peephole', 'lstmBackward', 'dPeephole', layer.dPeephole, 3 * H);
  const dProjection = floatsWhen(weightHr !== null, 'there is weightHr', 'lstmBackward', 'dProjection', layer.dProjection, T * B * P);
  const dCellNormWeight = floatsWhen(cellNorm !== null, 'there is cellNorm', 'lstmBackward', 'dCellNormWeight', layer.dCellNormWeight, H);
  const dCellNormBias = floatsWhen(cellNorm !== null, 'there is cellNorm', 'lstmBackward', 'dCellNormBias', layer.dCellNormBias, H);
  checkRecurrentApart(
    'lstmBackward',
    product,
    [gates, dH, dC, dQ, dNormWeight, dHSquares, dPeephole, dProjection, dCellNormWeight, dCellNormBias],
    [h, c, dY, peephole, weightHr, m, cellNorm?.normalized, cellNorm?.rstd, cellNorm?.weight],
  );

  for (const instant of instants(layer).reverse()) {
    const { b, tb, before, after } = instant;
    if (!instant.isActive) {
      leaveOut(gradients, instant, 4 * H, [
        [gates, 4 * H],
        [dProjection, P],
      ]);
      continue;
    }
    // h = m, or h = W_hr m
    const dh = gradientOfState(gradients, instant, P);
    let dm = dh;
    if (weightHr !== null) {
      row(dProjection!, tb, P).set(dh);
      dm = new Float64Array(H);
      addTransposedProduct(weightHr, dh, dm);
    }

    // m = o ⊙ tanh(c̃)
    const [i, f, g, o] = gatesOf(gates, tb, H);
    const cBefore = row(c, before, H);
    const cAfter = row(c, after, H);
    const tanhCell = cellSeenByOutput(cellNorm, tb, cAfter).map(Math.tanh);
    const dOutputGate = new Float64Array(H);
    const dCell = new Float64Array(H);
    for (let j = 0; j < H; j++) {
      dOutputGate[j] = dm[j] * tanhCell[j] * o[j] * (1 - o[j]);
      dCell[j] = dm[j] * o[j] * (1 - tanhCell[j] ** 2);
    }

    // c̃ = normalized(c) ⊙ weight + bias
    if (cellNorm !== null) {
      const normalized = row(cellNorm.normalized, tb, H);
      for (let j = 0; j < H; j++) {
        dCellNormWeight![j] += dCell[j] * normalized[j];
        dCellNormBias![j] += dCell[j];
        dCell[j] *= cellNorm.weight[j];
      }
      normalizeRowBackward(dCell.slice(), normalized, cellNorm.rstd[tb], dCell);
    }

    // c reaches the loss through c̃, the next step, and o = σ(… + p_o ⊙ c)
    const dc = row(dC, b, H);
    for (let j = 0; j < H; j++) dc[j] += dCell[j];
    addPeephole(dc, peephole, 2, dOutputGate);

    for (let j = 0; j < H; j++) {
      // c = f ⊙ c_{t−1} + i ⊙ g
      const di = dc[j] * g[j] * i[j] * (1 - i[j]);
      const df = dc[j] * cBefore[j] * f[j] * (1 - f[j]);
      const dg = dc[j] * i[j] * (1 - g[j] ** 2);
      dc[j] *= f[j];
      i[j] = di;
      f[j] = df;
      g[j] = dg;
      o[j] = dOutputGate[j];
    }
    // i = σ(… + p_i ⊙ c_{t−1}), f = σ(… + p_f ⊙ c_{t−1})
    addPeephole(dc, peephole, 0, i);
    addPeephole(dc, peephole, 1, f);
    if (dPeephole !== null) {
      for (let j = 0; j < H; j++) {
        dPeephole[j] += i[j] * cBefore[j];
        dPeephole[H + j] += f[j] * cBefore[j];
        dPeephole[2 * H + j] += o[j] * cAfter[j];
      }
    }
    row(dH, b, P).set(recurrentProductBackward(product, gradients, instant, row(gates, tb, 4 * H)));
  }
}

interface CellNormArrays {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly epsilon: number;
  readonly normalized: Float64Array;
  readonly rstd: Float64Array;
}

function arraysOf(kernel: string, layer: LstmForward) {
  const { T, B, H, P } = layer;
  checkConfiguration(kernel, layer.weightHr !== null || P === H, `expected P = H = ${H} without weightHr, received P = ${P}.`);
  return {
    product: recurrentProductOf(kernel, layer, 4 * H, P),
    gates: floats(kernel, 'gates', layer.gates, T * B * 4 * H),
    h: floats(kernel, 'h', layer.h, (T + 1) * B * P),
    c: floats(kernel, 'c', layer.c, (T + 1) * B * H),
    peephole: floatsOrNull(kernel, 'peephole', layer.peephole, 3 * H),
    weightHr: floatsOrNull(kernel, 'weightHr', layer.weightHr, P * H),
    m: floatsWhen(layer.weightHr !== null, 'there is weightHr', kernel, 'm', layer.m, T * B * H),
    cellNorm: layer.cellNorm && cellNormOf(kernel, layer.cellNorm, T * B, H),
  };
}

function cellNormOf(kernel: string, norm: CellNorm, rows: number, H: number): CellNormArrays {
  return {
    weight: floats(kernel, 'cellNorm.weight', norm.weight, H),
    bias: floats(kernel, 'cellNorm.bias', norm.bias, H),
    epsilon: norm.epsilon,
    normalized: floats(kernel, 'cellNorm.normalized', norm.normalized, rows * H),
    rstd: floats(kernel, 'cellNorm.rstd', norm.rstd, rows),
  };
}

/** c̃ of a step: c, or its saved normalisation ⊙ weight + bias. */
function cellSeenByOutput(norm: CellNormArrays | null, tb: number, c: Float64Array): Float64Array {
  if (norm === null) return c;
  return row(norm.normalized, tb, c.length).map((value, j) => value * norm.weight[j] + norm.bias[j]);
}

/** The i, f, g, o of row r of a [·, 4H] matrix, shared. */
function gatesOf(gates: Float64Array, r: number, H: number): Float64Array[] {
  return [0, 1, 2, 3].map((gate) => row(gates, 4 * r + gate, H));
}

/** x += p ⊙ y, with the p of the gate: 0 is p_i, 1 is p_f, 2 is p_o. Nothing without peepholes: 0 times an undefined y is not 0. */
function addPeephole(x: Float64Array, peephole: Float64Array | null, gate: number, y: Float64Array): void {
  if (peephole === null) return;
  for (let j = 0; j < y.length; j++) x[j] += peephole[gate * y.length + j] * y[j];
}
