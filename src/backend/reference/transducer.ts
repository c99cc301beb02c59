/** A transducer's lattice: the forward algorithm and its gradient. Every equation stands in ../backend.ts. */
import type { Transducer, TransducerBackward, TransducerForward } from '../backend.ts';
import { checkApart, checkRange, floats, integers } from './memory.ts';
import { logSumExp, row } from './rows.ts';

const impossible = Number.NEGATIVE_INFINITY;

export function transducerForward(loss: TransducerForward): void {
  const { B, T, V, U, blank } = loss;
  const facts = factsOf('transducerForward', loss);
  const { logits, inputLengths, targetLengths, nodeOf, symbol } = facts;
  const losses = floats('transducerForward', 'losses', loss.losses, B);
  const normalizers = floats('transducerForward', 'logSumExp', loss.logSumExp, B * T * (U + 1));
  const alphas = floats('transducerForward', 'alphas', loss.alphas, B * T * (U + 1));
  checkApart('transducerForward', [losses, normalizers, alphas], facts.inputs);

  for (let b = 0; b < B; b++) {
    const [n, length] = [inputLengths[b], targetLengths[b]];
    if (n === 0) {
      losses[b] = length === 0 ? 0 : Number.POSITIVE_INFINITY;
      continue;
    }
    for (let t = 0; t < n; t++) {
      for (let u = 0; u <= length; u++) normalizers[nodeOf(b, t, u)] = logSumExp(row(logits, nodeOf(b, t, u), V));
    }
    const logP = (t: number, u: number, v: number) => logits[nodeOf(b, t, u) * V + v] - normalizers[nodeOf(b, t, u)];
    let total = 0;
    let shift = 0;
    for (let d = 0; d < n + length; d++) {
      let largest = impossible;
      for (let u = Math.max(0, d - n + 1); u <= Math.min(d, length); u++) {
        const t = d - u;
        const waited = t > 0 ? alphas[nodeOf(b, t - 1, u)] + logP(t - 1, u, blank) : impossible;
        const wrote = u > 0 ? alphas[nodeOf(b, t, u - 1)] + logP(t, u - 1, symbol(b, u)) : impossible;
        alphas[nodeOf(b, t, u)] = d === 0 ? 0 : logSumExp(Float64Array.of(waited, wrote)) - shift;
        largest = Math.max(largest, alphas[nodeOf(b, t, u)]);
      }
      shift = largest === impossible ? 0 : largest;
      if (d < n + length - 1) total += shift;
    }
    losses[b] = 0 - (total + alphas[nodeOf(b, n - 1, length)] + logP(n - 1, length, blank));
  }
}

export function transducerBackward(loss: TransducerBackward): void {
  const { B, T, V, U, blank } = loss;
  const facts = factsOf('transducerBackward', loss);
  const { logits, inputLengths, targetLengths, nodeOf, symbol } = facts;
  const normalizers = floats('transducerBackward', 'logSumExp', loss.logSumExp, B * T * (U + 1));
  const alphas = floats('transducerBackward', 'alphas', loss.alphas, B * T * (U + 1));
  const scale = floats('transducerBackward', 'scale', loss.scale, loss.scale.length === 1 ? 1 : B);
  const dLogits = floats('transducerBackward', 'dLogits', loss.dLogits, B * T * (U + 1) * V);
  checkApart('transducerBackward', [dLogits], [...facts.inputs, normalizers, alphas, scale]);

  dLogits.fill(0);
  for (let b = 0; b < B; b++) {
    const [n, length] = [inputLengths[b], targetLengths[b]];
    const k = scale[b % scale.length];
    if (n === 0) continue;
    const logP = (t: number, u: number, v: number) => logits[nodeOf(b, t, u) * V + v] - normalizers[nodeOf(b, t, u)];
    const isPossible = alphas[nodeOf(b, n - 1, length)] + logP(n - 1, length, blank) !== impossible;
    /** Shares of all ways that leave node (t, u) by its blank, and by its symbol. */
    const waiting = new Float64Array(n * (length + 1));
    const writing = new Float64Array(n * (length + 1));
    const at = (t: number, u: number) => t * (length + 1) + u;
    waiting[at(n - 1, length)] = 1;
    for (let t = n - 1; t >= 0; t--) {
      for (let u = length; u >= 0; u--) {
        // The edges out of this node have their shares: they were dealt out by the nodes that they lead to.
        const share = waiting[at(t, u)] + writing[at(t, u)];
        const waited = t > 0 ? alphas[nodeOf(b, t - 1, u)] + logP(t - 1, u, blank) : impossible;
        const wrote = u > 0 ? alphas[nodeOf(b, t, u - 1)] + logP(t, u - 1, symbol(b, u)) : impossible;
        const total = logSumExp(Float64Array.of(waited, wrote));
        if (t > 0 && waited !== impossible) waiting[at(t - 1, u)] = share * Math.exp(waited - total);
        if (u > 0 && wrote !== impossible) writing[at(t, u - 1)] = share * Math.exp(wrote - total);
        const dX = row(dLogits, nodeOf(b, t, u), V);
        for (let v = 0; v < V; v++) dX[v] = isPossible ? k * share * Math.exp(logP(t, u, v)) : Number.NaN;
        dX[blank] -= k * waiting[at(t, u)];
        if (u < length) dX[symbol(b, u + 1)] -= k * writing[at(t, u)];
      }
    }
  }
}

interface Facts {
  readonly logits: Float64Array;
  readonly inputLengths: Int32Array;
  readonly targetLengths: Int32Array;
  readonly nodeOf: (b: number, t: number, u: number) => number;
  /** Symbol u = 1…U of row b. */
  readonly symbol: (b: number, u: number) => number;
  readonly inputs: readonly (Float64Array | Int32Array)[];
}

function factsOf(kernel: string, loss: Transducer): Facts {
  const { B, T, V, U, blank } = loss;
  const logits = floats(kernel, 'logits', loss.logits, B * T * (U + 1) * V);
  const inputLengths = loss.inputLengths === null ? new Int32Array(B).fill(T) : integers(kernel, 'inputLengths', loss.inputLengths, B);
  const targets = integers(kernel, 'targets', loss.targets, B * U);
  const targetLengths = integers(kernel, 'targetLengths', loss.targetLengths, B);
  checkRange(kernel, 'inputLengths', inputLengths, 0, T + 1);
  checkRange(kernel, 'targetLengths', targetLengths, 0, U + 1);
  checkRange(kernel, 'blank', Int32Array.of(blank), 0, V);
  const symbols = targets.filter((_, bu) => bu % U < targetLengths[Math.floor(bu / U)]);
  checkRange(kernel, 'targets', symbols, 0, V);
  return {
    logits,
    inputLengths,
    targetLengths,
    nodeOf: (b, t, u) => (b * T + t) * (U + 1) + u,
    symbol: (b, u) => targets[b * U + u - 1],
    inputs: [logits, inputLengths, targets, targetLengths],
  };
}
