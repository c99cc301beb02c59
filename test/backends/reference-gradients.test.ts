/**
 * The backward of every recurrent kernel of the reference against central differences of its forward, in float64: every
 * input and parameter, options alone and combined. The other backends are then tested against the reference.
 */
import { describe, expect, test } from 'vitest';
import { ReferenceBackend } from '../../src/backend/reference/reference.ts';
import { Random } from '../../src/tensor/random.ts';
import {
  activeElements,
  backwardCase,
  describeLayer,
  drawGradients,
  drawInputs,
  forwardCase,
  type Inputs,
  type LayerOptions,
  sizesOf,
} from './cases/recurrent-layer.ts';
import { aligned, execute, type Values } from './kernel-case.ts';

const reference = new ReferenceBackend();

/**
 * Fourth-order central differences are wrong by h⁴/30 times the fifth derivative and by rounding, 2e-16 · |L| / h: both
 * below 1e-10 with this h, layer normalisation with its sharp curvature included. Any wrong term is far above 1e-8.
 */
const step = 1e-4;
const tolerance = 1e-8;

const T = 4;
const B = 3;
const H = 3;
const lengths = [4, 2, 3];
const size = { T, B, H };

const layers: LayerOptions[] = [
  ...(['rnn', 'lstm', 'gru'] as const).flatMap((cell) => [
    { cell, ...size },
    { cell, ...size, reverse: true },
    { cell, ...size, lengths },
    { cell, ...size, lengths: [0, 4, 1], reverse: true },
    { cell, ...size, mask: true },
    { cell, ...size, norm: true },
    { cell, ...size, dY: false },
    { cell, ...size, lengths, reverse: true, mask: true, norm: true },
    { cell, T: 1, B: 1, H: 1 },
  ]),
  { cell: 'rnn', ...size, activation: 'sigmoid', lengths, mask: true, norm: true },
  { cell: 'rnn', ...size, activation: 'relu' },
  { cell: 'rnn', ...size, activation: 'relu', lengths, reverse: true, mask: true, norm: true },
  { cell: 'lstm', ...size, peephole: true },
  { cell: 'lstm', ...size, projection: 2 },
  { cell: 'lstm', ...size, cellNorm: true },
  { cell: 'lstm', ...size, peephole: true, projection: 2, cellNorm: true, norm: true, mask: true, lengths },
  { cell: 'lstm', ...size, peephole: true, projection: 5, cellNorm: true, norm: true, mask: true, lengths, reverse: true, dY: false },
  { cell: 'gru', ...size, biasHn: true },
  { cell: 'gru', ...size, biasHn: true, norm: true, mask: true, lengths },
  { cell: 'gru', ...size, resetBefore: true },
  { cell: 'gru', ...size, resetBefore: true, biasHn: true, mask: true, lengths, reverse: true },
  { cell: 'gru', ...size, resetBefore: true, biasHn: true, mask: true, lengths, dY: false },
];

describe('reference gradients equal central differences', () => {
  test.each(layers.map((o) => [`${o.cell} ${describeLayer(o)}`, o] as const))('%s', (_, o) => {
    const rng = new Random(7);
    const inputs = drawLayer(rng, o);
    const gradients = drawGradients(rng, o);
    const analytic = gradientsOf(rng, o, inputs, gradients);

    for (const [name, gradient] of Object.entries(analytic)) {
      const numeric = differences(inputs, name, (changed) => lossOf(o, changed, gradients));
      numeric.forEach((expected, i) => {
        const error = Math.abs(gradient[i] - expected) / (1 + Math.abs(expected));
        expect(error, `∂L/∂${name}[${i}] is ${gradient[i]}, differences give ${expected}`).toBeLessThan(tolerance);
      });
    }
    const differentiable = Object.keys(inputs).filter((name) => name !== 'lengths' && name !== 'mask');
    expect(Object.keys(analytic).sort()).toEqual(differentiable.sort());
  });
});

describe('dHSquares is the squared norm of the whole gradient of h_t', () => {
  test.each(layers.map((o) => [`${o.cell} ${describeLayer(o)}`, o] as const))('%s', (_, o) => {
    const rng = new Random(8);
    const inputs = drawLayer(rng, o);
    const gradients = drawGradients(rng, o);
    const saved = execute(reference, forwardCase(o, inputs), aligned);
    const { dHSquares } = execute(reference, backwardCase(rng, o, inputs, saved, gradients), aligned);
    const { P, F } = sizesOf(o);

    // ∂L/∂h_t: the initial state's gradient of the layer that begins after step t, and dY_t.
    for (let t = 0; t < o.T; t++) {
      const from = o.reverse ? 0 : t + 1;
      const to = o.reverse ? t : o.T;
      const rest: LayerOptions = { ...o, T: to - from, lengths: o.lengths?.map((n) => Math.min(Math.max(n - from, 0), to - from)) };
      const slot = o.reverse ? t : t + 1;
      const cut = (values: Values, width: number) => values.slice(from * o.B * width, to * o.B * width);
      const state = (values: Values, width: number) => values.slice(slot * o.B * width, (slot + 1) * o.B * width);
      const restInputs: Inputs = {
        ...inputs,
        ...(rest.lengths ? { lengths: Int32Array.from(rest.lengths) } : {}),
        gates: cut(inputs.gates, F),
        h0: state(saved.h, P),
        ...(saved.c ? { c0: state(saved.c, o.H) } : {}),
      };
      const restGradients = { ...gradients, ...(gradients.dY ? { dY: cut(gradients.dY, P) } : {}) };
      const restSaved = execute(reference, forwardCase(rest, restInputs), aligned);
      const { dH } = execute(reference, backwardCase(rng, rest, restInputs, restSaved, restGradients), aligned);
      for (let b = 0; b < o.B; b++) {
        const isActive = o.lengths === undefined || t < o.lengths[b];
        let expected = 0;
        for (let k = 0; k < P; k++) expected += (dH[b * P + k] + (gradients.dY?.[(t * o.B + b) * P + k] ?? 0)) ** 2;
        expect(dHSquares[t * o.B + b]).toBeCloseTo(isActive ? expected : 0, 10);
      }
    }
  });
});

/** For relu, pre-activations that stay away from 0: gates of at least 1 in size against recurrent products far smaller. */
function drawLayer(rng: Random, o: LayerOptions): Inputs {
  const inputs = drawInputs(rng, o);
  if (o.activation !== 'relu') return inputs;
  return {
    ...inputs,
    gates: inputs.gates.map((x) => x + Math.sign(x)),
    weightHh: o.norm ? inputs.weightHh : inputs.weightHh.map((x) => 0.03 * x),
    ...(o.norm ? { 'norm.weight': inputs['norm.weight'].map((x) => 0.2 * x) } : {}),
  };
}

/** L = Σ dY ⊙ output over active rows + Σ dH ⊙ last h + Σ dC ⊙ last c: its gradients are what the backward computes. */
function lossOf(o: LayerOptions, inputs: Inputs, gradients: Inputs): number {
  const { T, B, H, P } = sizesOf(o);
  const { h, c } = execute(reference, forwardCase(o, inputs), aligned);
  const last = o.reverse ? 0 : T;
  let loss = 0;
  for (let i = 0; i < B * P; i++) loss += gradients.dH[i] * h[last * B * P + i];
  if (gradients.dC) for (let i = 0; i < B * H; i++) loss += gradients.dC[i] * c[last * B * H + i];
  const isActive = activeElements(o, P);
  const outputs = o.reverse ? h : h.subarray(B * P);
  if (gradients.dY) for (let i = 0; i < T * B * P; i++) loss += isActive[i] * gradients.dY[i] * outputs[i];
  return loss;
}

function differences(inputs: Inputs, name: string, loss: (inputs: Inputs) => number): Float64Array {
  return Float64Array.from(inputs[name], (value, i) => {
    const at = (x: number) => loss({ ...inputs, [name]: inputs[name].map((old, j) => (j === i ? x : old)) });
    return (8 * (at(value + step) - at(value - step)) - (at(value + 2 * step) - at(value - 2 * step))) / (12 * step);
  });
}

/** ∂L/∂ every input, from what the backward leaves and the matrix products that the layer above makes of it. */
function gradientsOf(rng: Random, o: LayerOptions, inputs: Inputs, upstream: Inputs): Record<string, Values> {
  const { T, B, H, P, F } = sizesOf(o);
  const saved = execute(reference, forwardCase(o, inputs), aligned);
  const backward = backwardCase(rng, o, inputs, saved, upstream);
  const result = execute(reference, backward, aligned);
  /** Parameter gradients add to the random numbers that the case puts there. */
  const added = (name: string) => result[name].map((value, i) => value - backward.operands[name].values[i]);

  const gradients: Record<string, Values> = { gates: result.gates, h0: result.dH, weightHh: new Float64Array(F * P) };
  if (o.cell === 'lstm') gradients.c0 = result.dC;
  if (o.norm) gradients['norm.weight'] = added('dNormWeight');
  if (o.peephole) gradients.peephole = added('dPeephole');
  if (o.cellNorm) {
    gradients['cellNorm.weight'] = added('dCellNormWeight');
    gradients['cellNorm.bias'] = added('dCellNormBias');
  }
  if (o.projection)
    gradients.weightHr = outerProducts(
      T * B,
      P,
      H,
      (r, p) => result.dProjection[r * P + p],
      (r, j) => saved.m[r * H + j],
    );

  const slotBefore = (r: number) => (o.reverse ? r + B : r);
  const hMasked = (r: number, k: number) => saved.h[slotBefore(r) * P + k] * (inputs.mask?.[(r % B) * P + k] ?? 1);
  if (o.cell !== 'gru' || o.norm) {
    const dq = o.norm ? result.dQ : result.gates;
    gradients.weightHh = outerProducts(T * B, F, P, (r, f) => dq[r * F + f], hMasked);
  } else {
    const rz = outerProducts(T * B, 2 * H, P, (r, f) => result.gates[r * F + f], hMasked);
    const n = o.resetBefore
      ? outerProducts(
          T * B,
          H,
          H,
          (r, j) => result.gates[r * F + 2 * H + j],
          (r, k) => saved.hn[r * H + k],
        )
      : outerProducts(T * B, H, P, (r, j) => result.hn[r * H + j], hMasked);
    gradients.weightHh = Float64Array.of(...rz, ...n);
  }
  if (o.biasHn) {
    const dn = (r: number, j: number) => (o.resetBefore ? result.gates[r * F + 2 * H + j] : result.hn[r * H + j]);
    gradients.biasHn = outerProducts(T * B, H, 1, dn, () => 1);
  }
  return gradients;
}

/** Σ_r left(r, ·) ⊗ right(r, ·), [M, N]. */
function outerProducts(
  R: number,
  M: number,
  N: number,
  left: (r: number, m: number) => number,
  right: (r: number, n: number) => number,
): Float64Array {
  return Float64Array.from({ length: M * N }, (_, i) => {
    let sum = 0;
    for (let r = 0; r < R; r++) sum += left(r, Math.floor(i / N)) * right(r, i % N);
    return sum;
  });
}
