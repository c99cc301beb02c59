/** The backward of the reference's decoder with attention against central differences of its forward, in float64. */
import { expect, describe as group, test } from 'vitest';
import { ReferenceBackend } from '../../src/backend/reference/reference.ts';
import { Random } from '../../src/tensor/random.ts';
import {
  type AttentionInputs,
  type AttentionOptions,
  attentionLayers,
  backwardCase,
  describe,
  drawGradients,
  drawInputs,
  featuresOf,
  forwardCase,
  isActive,
} from './cases/attention.ts';
import { aligned, execute, type Values } from './kernel-case.ts';

const reference = new ReferenceBackend();

/** As in reference-gradients.test.ts. */
const step = 1e-4;
const tolerance = 1e-8;

const small = { T: 3, B: 3, H: 2, S: 3, M: 4 };
const layers = attentionLayers
  .filter(({ B }) => B === 3)
  .map(
    (o): AttentionOptions => ({
      ...o,
      ...small,
      A: o.noQuery ? 2 : 3,
      ...(o.lengths ? { lengths: [2, 3, 0] } : {}),
      ...(o.memoryLengths ? { memoryLengths: o.memoryLengths.map((n) => Math.min(n, small.S)) } : {}),
    }),
  );

group('reference gradients of a decoder with attention equal central differences', () => {
  test.each(layers.map((o) => [describe(o), o] as const))('%s', (_, o) => {
    const rng = new Random(7);
    const inputs = drawInputs(rng, o);
    const gradients = drawGradients(rng, o);
    const analytic = gradientsOf(rng, o, inputs, gradients);
    for (const [name, gradient] of Object.entries(analytic)) {
      inputs[name].forEach((value, i) => {
        if (Number.isNaN(value)) {
          expect(gradient[i], `∂L/∂${name}[${i}], past the memory`).toBe(0);
          return;
        }
        const at = (x: number) => lossOf(o, { ...inputs, [name]: inputs[name].map((old, j) => (j === i ? x : old)) }, gradients);
        const expected = (8 * (at(value + step) - at(value - step)) - (at(value + 2 * step) - at(value - 2 * step))) / (12 * step);
        const error = Math.abs(gradient[i] - expected) / (1 + Math.abs(expected));
        expect(error, `∂L/∂${name}[${i}] is ${gradient[i]}, differences give ${expected}`).toBeLessThan(tolerance);
      });
    }
    const fixed = ['lengths', 'memoryLengths', 'mask'];
    expect(Object.keys(analytic).sort()).toEqual(
      Object.keys(inputs)
        .filter((name) => !fixed.includes(name))
        .sort(),
    );
  });
});

/** L = Σ of every output and last state, weighted by the gradients from above. */
function lossOf(o: AttentionOptions, inputs: AttentionInputs, d: AttentionInputs): number {
  const { T, B, H, S, M } = o;
  const { h, c, context, weights } = execute(reference, forwardCase(o, inputs), aligned);
  const inner = (a: Values | undefined, b: Values, from: number, mask?: Uint8Array) =>
    Array.from(a ?? []).reduce((sum, x, i) => sum + (mask === undefined || mask[i] === 1 ? x * b[from + i] : 0), 0);
  return (
    inner(d.dY, h, B * H, isActive(o, H)) +
    inner(d.dContext, context, B * M, isActive(o, M)) +
    inner(d.dWeights, weights, 0, isActive(o, S)) +
    inner(d.dH, h, T * B * H) +
    inner(d.dC, c, T * B * H) +
    inner(d.dContextState, context, T * B * M)
  );
}

/** ∂L/∂ every input, from what the backward leaves and the matrix products that the layer above makes of it. */
function gradientsOf(rng: Random, o: AttentionOptions, inputs: AttentionInputs, upstream: AttentionInputs): Record<string, Values> {
  const { T, B, H, A, M } = o;
  const F = featuresOf(o);
  const saved = execute(reference, forwardCase(o, inputs), aligned);
  // In float64 throughout: the case itself rounds what was saved.
  const backward = backwardCase(rng, o, inputs, saved, upstream);
  const operands = Object.fromEntries(
    Object.entries(backward.operands).map(([name, operand]) => [
      name,
      saved[name] === undefined ? operand : { ...operand, values: saved[name] },
    ]),
  );
  const result = execute(reference, { ...backward, operands }, aligned);
  const R = T * B;
  const product = (rows: (r: number, m: number) => number, columns: (r: number, n: number) => number, m: number, n: number) =>
    Float64Array.from({ length: m * n }, (_, i) => {
      let sum = 0;
      for (let r = 0; r < R; r++) sum += rows(r, Math.floor(i / n)) * columns(r, i % n);
      return sum;
    });
  const before = (r: number, k: number) => saved.h[r * H + k] * (inputs.mask?.[(r % B) * H + k] ?? 1);
  const seen = o.attendFirst ? B * M : 0;
  const asked = o.attendFirst ? 0 : B * H;
  const gate = (r: number, f: number) => result.gates[r * F + f];
  const recurrent = (r: number, f: number) => (o.cell === 'gru' && f >= 2 * H ? result.hn[r * H + f - 2 * H] : gate(r, f));
  return {
    gates: result.gates,
    h0: result.dH,
    context0: result.dContextState,
    keys: result.dKeys,
    memory: result.dMemory,
    weightHh: product(recurrent, before, F, H),
    weightContext: product(gate, (r, k) => saved.context[seen + r * M + k], F, M),
    ...(o.cell === 'lstm' ? { c0: result.dC } : {}),
    ...(inputs.biasHn
      ? {
          biasHn: product(
            (r, j) => result.hn[r * H + j],
            () => 1,
            H,
            1,
          ),
        }
      : {}),
    ...(o.noQuery
      ? {}
      : {
          weightQuery: product(
            (r, a) => result.query[r * A + a],
            (r, k) => saved.h[asked + r * H + k],
            A,
            H,
          ),
        }),
    ...(o.products ? {} : { scoreVector: result.dScoreVector.map((x, i) => x - backward.operands.dScoreVector.values[i]) }),
  };
}
