/** Connectionist temporal classification: the forward algorithm and its gradient. Every equation stands in ../backend.ts. */
import type { Ctc, CtcBackward, CtcForward } from '../backend.ts';
import { checkApart, checkRange, floats, integers } from './memory.ts';
import { logSumExp, row } from './rows.ts';

const impossible = Number.NEGATIVE_INFINITY;

export function ctcForward(loss: CtcForward): void {
  const { T, B, V, U, blank, zeroInfinity } = loss;
  const facts = factsOf('ctcForward', loss);
  const { logits, inputLengths, targetLengths, symbol } = facts;
  const losses = floats('ctcForward', 'losses', loss.losses, B);
  const normalizers = floats('ctcForward', 'logSumExp', loss.logSumExp, T * B);
  const alphas = floats('ctcForward', 'alphas', loss.alphas, T * B * (2 * U + 1));
  checkApart('ctcForward', [losses, normalizers, alphas], facts.inputs);

  for (let b = 0; b < B; b++) {
    const [n, length] = [inputLengths[b], targetLengths[b]];
    let logP = 0;
    let shift = 0;
    let before = statesOf(alphas, 0, b, B, U);
    for (let t = 0; t < n; t++) {
      const x = row(logits, t * B + b, V);
      const largest = Math.max(...x);
      const states = statesOf(alphas, t, b, B, U);
      normalizers[t * B + b] = logSumExp(x);
      logP += shift - (normalizers[t * B + b] - largest);
      for (let u = 0; u <= length; u++) {
        const arriving = t === 0 ? (u === 0 ? 0 : impossible) : logSumExp(Float64Array.from(waysToBlank(before, u)));
        states.blanks[u] = arriving + x[blank] - largest - shift;
      }
      for (let u = 1; u <= length; u++) {
        const arriving = t === 0 ? (u === 1 ? 0 : impossible) : logSumExp(Float64Array.from(waysToSymbol(before, b, u, symbol)));
        states.symbols[u - 1] = arriving + x[symbol(b, u)] - largest - shift;
      }
      before = states;
      const most = Math.max(...states.blanks.subarray(0, length + 1), ...states.symbols.subarray(0, length));
      shift = most === impossible ? 0 : most;
    }
    if (n > 0) logP += logSumExp(Float64Array.from(ends(before, length)));
    else if (length > 0) logP = impossible;
    losses[b] = zeroInfinity && logP === impossible ? 0 : 0 - logP;
  }
}

/**
 * With p_t[s] = P(the path stands on state s at t | it spells y), and r running over the states that s can come from,
 *
 *   p_{t−1}[r] = Σ_s p_t[s] · exp alphas_{t−1}[r] / Σ_r' exp alphas_{t−1}[r']
 *
 * as what follows s is the same whichever it was.
 */
export function ctcBackward(loss: CtcBackward): void {
  const { T, B, V, U, blank, zeroInfinity } = loss;
  const facts = factsOf('ctcBackward', loss);
  const { logits, inputLengths, targetLengths, symbol } = facts;
  const normalizers = floats('ctcBackward', 'logSumExp', loss.logSumExp, T * B);
  const alphas = floats('ctcBackward', 'alphas', loss.alphas, T * B * (2 * U + 1));
  const scale = floats('ctcBackward', 'scale', loss.scale, loss.scale.length === 1 ? 1 : B);
  const dLogits = floats('ctcBackward', 'dLogits', loss.dLogits, T * B * V);
  checkApart('ctcBackward', [dLogits], [...facts.inputs, normalizers, alphas, scale]);

  dLogits.fill(0);
  for (let b = 0; b < B; b++) {
    const [n, length] = [inputLengths[b], targetLengths[b]];
    const k = scale[b % scale.length];
    if (n === 0) continue;
    const last = ends(statesOf(alphas, n - 1, b, B, U), length);
    if (last.every((x) => x === impossible)) {
      for (let t = 0; t < n; t++) row(dLogits, t * B + b, V).fill(zeroInfinity ? 0 : Number.NaN);
      continue;
    }
    let onBlank = new Float64Array(length + 1);
    let onSymbol = new Float64Array(length); // of symbol u at u − 1
    [onBlank[length], onSymbol[length - 1]] = shares(last);
    for (let t = n - 1; t >= 0; t--) {
      const [x, dX] = [row(logits, t * B + b, V), row(dLogits, t * B + b, V)];
      for (let v = 0; v < V; v++) dX[v] = k * Math.exp(x[v] - normalizers[t * B + b]);
      for (let u = 0; u <= length; u++) dX[blank] -= k * onBlank[u];
      for (let u = 1; u <= length; u++) dX[symbol(b, u)] -= k * onSymbol[u - 1];
      if (t === 0) break;
      const before = statesOf(alphas, t - 1, b, B, U);
      const [blanks, symbols] = [new Float64Array(length + 1), new Float64Array(length)];
      for (let u = 0; u <= length; u++) {
        const [paused, left] = shares(waysToBlank(before, u));
        blanks[u] += onBlank[u] * paused;
        if (u > 0) symbols[u - 1] += onBlank[u] * left;
      }
      for (let u = 1; u <= length; u++) {
        const [stayed, entered, skipped] = shares(waysToSymbol(before, b, u, symbol));
        symbols[u - 1] += onSymbol[u - 1] * stayed;
        blanks[u - 1] += onSymbol[u - 1] * entered;
        if (u > 1) symbols[u - 2] += onSymbol[u - 1] * skipped;
      }
      [onBlank, onSymbol] = [blanks, symbols];
    }
  }
}

/** What a blank after u symbols can come from: the same, and symbol u. */
function waysToBlank({ blanks, symbols }: States, u: number): number[] {
  return [blanks[u], u > 0 ? symbols[u - 1] : impossible];
}

/** What symbol u ≥ 1 can come from: itself, the blank before it, and the symbol before it unless they are equal. */
function waysToSymbol({ blanks, symbols }: States, b: number, u: number, symbol: Facts['symbol']): number[] {
  return [symbols[u - 1], blanks[u - 1], u > 1 && symbol(b, u) !== symbol(b, u - 1) ? symbols[u - 2] : impossible];
}

/** Where a path may end. */
function ends({ blanks, symbols }: States, length: number): number[] {
  return [blanks[length], length > 0 ? symbols[length - 1] : impossible];
}

/** exp(x) / Σ exp(x); zeros where all are −∞. */
function shares(x: readonly number[]): number[] {
  const total = logSumExp(Float64Array.from(x));
  return x.map((value) => (value === impossible ? 0 : Math.exp(value - total)));
}

interface States {
  readonly blanks: Float64Array; // [U + 1]
  readonly symbols: Float64Array; // [U]: symbol u at u − 1
}

function statesOf(alphas: Float64Array, t: number, b: number, B: number, U: number): States {
  const states = alphas.subarray((t * B + b) * (2 * U + 1), (t * B + b + 1) * (2 * U + 1));
  return { blanks: states.subarray(0, U + 1), symbols: states.subarray(U + 1) };
}

interface Facts {
  readonly logits: Float64Array;
  readonly inputLengths: Int32Array;
  readonly targetLengths: Int32Array;
  /** Symbol u = 1…U of row b. */
  readonly symbol: (b: number, u: number) => number;
  readonly inputs: readonly (Float64Array | Int32Array)[];
}

function factsOf(kernel: string, loss: Ctc): Facts {
  const { T, B, V, U, blank } = loss;
  const logits = floats(kernel, 'logits', loss.logits, T * B * V);
  const inputLengths = loss.inputLengths === null ? new Int32Array(B).fill(T) : integers(kernel, 'inputLengths', loss.inputLengths, B);
  const targets = integers(kernel, 'targets', loss.targets, B * U);
  const targetLengths = integers(kernel, 'targetLengths', loss.targetLengths, B);
  checkRange(kernel, 'inputLengths', inputLengths, 0, T + 1);
  checkRange(kernel, 'targetLengths', targetLengths, 0, U + 1);
  checkRange(kernel, 'blank', Int32Array.of(blank), 0, V);
  const symbols = targets.filter((_, bu) => bu % U < targetLengths[Math.floor(bu / U)]);
  checkRange(kernel, 'targets', symbols, 0, V);
  const symbol = (b: number, u: number) => targets[b * U + u - 1];
  return { logits, inputLengths, targetLengths, symbol, inputs: [logits, inputLengths, targets, targetLengths] };
}
