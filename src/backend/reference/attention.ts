/**
 * A recurrent decoder that looks at a memory at every step. Bahdanau, Cho & Bengio (2015), arXiv:1409.0473; Luong, Pham & Manning
 * (2015), arXiv:1508.04025. The cells are those of lstm.ts and gru.ts: a step of the decoder is one call of theirs of one step.
 */
import { BackendError } from '../../tensor/errors.ts';
import type { AttentionBackward, AttentionForward, Buffer } from '../backend.ts';
import { gruBackward, gruForward } from './gru.ts';
import { lstmBackward, lstmForward } from './lstm.ts';
import { checkApart, checkRange, floats, floatsOrNull, floatsWhen, integers, ReferenceBuffer, slice } from './memory.ts';
import { addTransposedProduct, multiply } from './recurrent.ts';
import { dot, row } from './rows.ts';

export function attentionForward(layer: AttentionForward): void {
  const { T, B, H, M, attendFirst } = layer;
  const arrays = arraysOf('attentionForward', layer);
  const { gates, h, c, hn, query, context, weights } = arrays;
  checkApart('attentionForward', [gates, h, c, hn, query, context, weights], inputsOf(arrays));
  for (let t = 0; t < T; t++) {
    if (attendFirst) attend(layer, arrays, t, t);
    for (let b = 0; b < B; b++) {
      const seen = row(context, (attendFirst ? t + 1 : t) * B + b, M);
      addProduct(arrays.weightContext, seen, row(gates, t * B + b, arrays.F));
    }
    const step = stepOf(layer, t);
    if (step.kind === 'lstm') lstmForward(step.layer);
    else gruForward(step.layer);
    if (!attendFirst) attend(layer, arrays, t, t + 1);
  }

  /** Slot t+1 of the context, from the states in `slot`. */
  function attend({ A, S, scale }: AttentionForward, { weightQuery, scoreVector }: Arrays, t: number, slot: number): void {
    for (let b = 0; b < B; b++) {
      const tb = t * B + b;
      const [q, w, to] = [row(query, tb, A), row(weights, tb, S), row(context, tb + B, M)];
      w.fill(0);
      if (!arrays.isActive(t, b)) {
        q.fill(0);
        to.set(row(context, tb, M));
        continue;
      }
      const state = row(h, slot * B + b, H);
      if (weightQuery === null) q.set(state);
      else multiply(weightQuery, state, q);
      const memory = arrays.memoryOf(b);
      const scores = memory.map(({ key }) =>
        scoreVector === null
          ? scale * dot(q, key)
          : dot(
              scoreVector,
              q.map((x, i) => Math.tanh(x + key[i])),
            ),
      );
      const largest = Math.max(...scores);
      const total = scores.reduce((sum, e) => sum + Math.exp(e - largest), 0);
      to.fill(0);
      memory.forEach(({ value }, s) => {
        w[s] = Math.exp(scores[s] - largest) / total;
        for (let i = 0; i < M; i++) to[i] += w[s] * value[i];
      });
    }
  }
}

export function attentionBackward(layer: AttentionBackward): void {
  const kernel = 'attentionBackward';
  const { T, B, H, S, A, M, attendFirst, scale } = layer;
  const arrays = arraysOf(kernel, layer);
  const { gates, h, c, hn, query, context, weights, weightQuery, scoreVector, F } = arrays;
  if (layer.memoryRows !== null) {
    throw new BackendError(`[reference.${kernel}] expected memoryRows null: a row's gradients go to its own memory.`);
  }
  const dY = floatsOrNull(kernel, 'dY', layer.dY, T * B * H);
  const dContext = floatsOrNull(kernel, 'dContext', layer.dContext, T * B * M);
  const dWeights = floatsOrNull(kernel, 'dWeights', layer.dWeights, T * B * S);
  const dH = floats(kernel, 'dH', layer.dH, B * H);
  const dC = floatsWhen(layer.cell.kind === 'lstm', 'the cell is an LSTM', kernel, 'dC', layer.dC, B * H);
  const dContextState = floats(kernel, 'dContextState', layer.dContextState, B * M);
  const dKeys = floats(kernel, 'dKeys', layer.dKeys, B * S * A).fill(0);
  const dMemory = floats(kernel, 'dMemory', layer.dMemory, B * S * M).fill(0);
  const dScoreVector = floatsOrNull(kernel, 'dScoreVector', layer.dScoreVector, A);
  checkApart(
    kernel,
    [gates, hn, query, dH, dC, dContextState, dKeys, dMemory, dScoreVector],
    [h, c, context, weights, dY, dContext, dWeights, ...inputsOf(arrays)],
  );

  for (let t = T - 1; t >= 0; t--) {
    if (!attendFirst) attend(t);
    const step = stepOf(layer, t);
    const shared = {
      dY: layer.dY && slice(layer.dY, t * B * H, B * H),
      dH: layer.dH,
      dQ: null,
      dNormWeight: null,
      dHSquares: null,
    };
    if (step.kind === 'gru') gruBackward({ ...step.layer, ...shared });
    else {
      const none = { dPeephole: null, dProjection: null, dCellNormWeight: null, dCellNormBias: null };
      lstmBackward({ ...step.layer, ...shared, ...none, dC: layer.dC! });
    }
    for (let b = 0; b < B; b++) addTransposedProduct(arrays.weightContext, row(gates, t * B + b, F), row(dContextState, b, M));
    if (attendFirst) attend(t);
  }

  /** From the gradient of context_t to those of memory, keys and query, and of the state that asked. */
  function attend(t: number): void {
    for (let b = 0; b < B; b++) {
      if (!arrays.isActive(t, b)) continue;
      const tb = t * B + b;
      const [q, w] = [row(query, tb, A), row(weights, tb, S)];
      const d = row(dContextState, b, M);
      if (dContext !== null) for (let i = 0; i < M; i++) d[i] += dContext[tb * M + i];
      const memory = arrays.memoryOf(b);
      // context = Σ α_s m_s
      const dAlpha = memory.map(({ value }, s) => dot(value, d) + (dWeights === null ? 0 : dWeights[tb * S + s]));
      const mean = dAlpha.reduce((sum, x, s) => sum + w[s] * x, 0);
      const dQuery = new Float64Array(A);
      memory.forEach(({ key }, s) => {
        const to = b * S + s;
        for (let i = 0; i < M; i++) dMemory[to * M + i] += w[s] * d[i];
        // α = softmax(e)
        const dE = w[s] * (dAlpha[s] - mean);
        for (let i = 0; i < A; i++) {
          if (scoreVector === null) {
            // e = scale · q · k
            dQuery[i] += scale * dE * key[i];
            dKeys[to * A + i] += scale * dE * q[i];
            continue;
          }
          // e = v · tanh(q + k)
          const x = Math.tanh(q[i] + key[i]);
          const dX = dE * scoreVector[i] * (1 - x ** 2);
          dQuery[i] += dX;
          dKeys[to * A + i] += dX;
          if (dScoreVector !== null) dScoreVector[i] += dE * x;
        }
      });
      q.set(dQuery);
      d.fill(0);
      const dState = row(dH, b, H);
      if (weightQuery !== null) addTransposedProduct(weightQuery, dQuery, dState);
      else for (let j = 0; j < H; j++) dState[j] += dQuery[j];
    }
  }
}

type Arrays = ReturnType<typeof arraysOf>;

function arraysOf(kernel: string, layer: AttentionForward) {
  const { T, B, H, S, A, M, cell } = layer;
  const F = (cell.kind === 'lstm' ? 4 : 3) * H;
  const lengths = layer.lengths === null ? null : integers(kernel, 'lengths', layer.lengths, B);
  if (lengths !== null) checkRange(kernel, 'lengths', lengths, 0, T + 1);
  const memory = floats(kernel, 'memory', layer.memory);
  const memories = S * M === 0 ? B : memory.length / (S * M);
  const keys = floats(kernel, 'keys', layer.keys, memories * S * A);
  const memoryRows = layer.memoryRows === null ? null : integers(kernel, 'memoryRows', layer.memoryRows, B);
  if (memoryRows !== null) checkRange(kernel, 'memoryRows', memoryRows, 0, memories);
  else if (memories !== B) throw new BackendError(`[reference.${kernel}] expected ${B} rows of memory, received ${memories}.`);
  const memoryLengths = layer.memoryLengths === null ? null : integers(kernel, 'memoryLengths', layer.memoryLengths, memories);
  if (memoryLengths !== null) checkRange(kernel, 'memoryLengths', memoryLengths, 0, S + 1);
  if (layer.weightQuery === null && A !== H) {
    throw new BackendError(`[reference.${kernel}] expected keys of ${H} numbers, as the state that asks, received ${A}.`);
  }
  return {
    F,
    weightHh: floats(kernel, 'weightHh', layer.weightHh, F * H),
    mask: floatsOrNull(kernel, 'mask', layer.mask, B * H),
    weightContext: floats(kernel, 'weightContext', layer.weightContext, F * M),
    weightQuery: floatsOrNull(kernel, 'weightQuery', layer.weightQuery, A * H),
    scoreVector: floatsOrNull(kernel, 'scoreVector', layer.scoreVector, A),
    keys,
    memory,
    gates: floats(kernel, 'gates', layer.gates, T * B * F),
    h: floats(kernel, 'h', layer.h, (T + 1) * B * H),
    c: cell.kind === 'lstm' ? floats(kernel, 'cell.c', cell.c, (T + 1) * B * H) : null,
    hn: cell.kind === 'gru' ? floats(kernel, 'cell.hn', cell.hn, T * B * H) : null,
    query: floats(kernel, 'query', layer.query, T * B * A),
    context: floats(kernel, 'context', layer.context, (T + 1) * B * M),
    weights: floats(kernel, 'weights', layer.weights, T * B * S),
    isActive: (t: number, b: number) => lengths === null || t < lengths[b],
    /** What row b looks at, position by position. */
    memoryOf(b: number): { readonly key: Float64Array; readonly value: Float64Array }[] {
      const from = memoryRows === null ? b : memoryRows[b];
      return Array.from({ length: memoryLengths === null ? S : memoryLengths[from] }, (_, s) => ({
        key: row(keys, from * S + s, A),
        value: row(memory, from * S + s, M),
      }));
    },
  };
}

function inputsOf({ weightHh, mask, weightContext, weightQuery, scoreVector, keys, memory }: Arrays) {
  return [weightHh, mask, weightContext, weightQuery, scoreVector, keys, memory];
}

/** The cell at t as a layer of one step: its slots are t and t+1. */
function stepOf(layer: AttentionForward, t: number) {
  const { B, H, cell, weightHh, mask } = layer;
  const F = (cell.kind === 'lstm' ? 4 : 3) * H;
  const slots = (buffer: Buffer) => slice(buffer, t * B * H, 2 * B * H);
  const shared = {
    T: 1,
    B,
    H,
    reverse: false,
    lengths: lengthsOfStep(layer, t),
    weightHh,
    mask,
    norm: null,
    gates: slice(layer.gates, t * B * F, B * F),
    h: slots(layer.h),
  };
  if (cell.kind === 'gru') {
    const hn = slice(cell.hn, t * B * H, B * H);
    return { kind: 'gru', layer: { ...shared, resetAfter: true, biasHn: cell.biasHn, hn } } as const;
  }
  const none = { peephole: null, weightHr: null, m: null, cellNorm: null };
  return { kind: 'lstm', layer: { ...shared, ...none, P: H, c: slots(cell.c) } } as const;
}

/** Lengths for which a row of one step is active exactly when it is so at t. */
function lengthsOfStep({ B, lengths }: AttentionForward, t: number): Buffer | null {
  if (lengths === null) return null;
  const steps = integers('attention', 'lengths', lengths, B).map((length) => (t < length ? 1 : 0));
  return new ReferenceBuffer(steps, { bytes: 0, isFreed: false }, true);
}

/** y += W x */
function addProduct(W: Float64Array, x: Float64Array, y: Float64Array): void {
  const product = new Float64Array(y.length);
  multiply(W, x, product);
  for (let i = 0; i < y.length; i++) y[i] += product[i];
}
