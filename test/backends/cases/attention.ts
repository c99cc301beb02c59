/** Calls of the kernels of a decoder with attention, with any combination of their options and random data. */
import type { AttentionForward, Backend } from '../../../src/backend/backend.ts';
import { ReferenceBackend } from '../../../src/backend/reference/reference.ts';
import type { Random } from '../../../src/tensor/random.ts';
import {
  type Arguments,
  aligned,
  execute,
  inout,
  input,
  integersBelow,
  type KernelCase,
  normal,
  type Operand,
  output,
  uniform,
  type Values,
} from '../kernel-case.ts';
import { withPacked } from '../packed.ts';

export interface AttentionOptions {
  readonly cell: 'lstm' | 'gru';
  readonly T: number;
  readonly B: number;
  readonly H: number;
  readonly S: number;
  readonly A: number;
  readonly M: number;
  readonly attendFirst?: boolean;
  /** Products instead of v · tanh. */
  readonly products?: boolean;
  /** Without W_q: A must be H. */
  readonly noQuery?: boolean;
  readonly lengths?: readonly number[];
  readonly memoryLengths?: readonly number[];
  /** So many rows of memory, shared by the rows of the batch: forward only. */
  readonly memories?: number;
  readonly mask?: boolean;
  readonly biasHn?: boolean;
  /** Backward: default true. */
  readonly dY?: boolean;
  readonly dContext?: boolean;
  readonly dWeights?: boolean;
}

export type AttentionInputs = Readonly<Record<string, Values>>;

/** As of the recurrent layers, whose loop it is, and a softmax a step. */
const tolerance = 2e-5;
const magnitude = 0.02;

const size = { T: 4, B: 3, H: 9, S: 5, A: 7, M: 10 };
const lengths = [2, 4, 0];
const memoryLengths = [5, 1, 3];

export const attentionLayers: readonly AttentionOptions[] = (['lstm', 'gru'] as const).flatMap((cell): AttentionOptions[] => [
  { cell, ...size },
  { cell, ...size, attendFirst: true },
  { cell, T: 1, B: 1, H: 1, S: 1, A: 1, M: 1 },
  { cell, T: 3, B: 2, H: 4, S: 1, A: 3, M: 5, attendFirst: true },
  { cell, ...size, products: true },
  { cell, ...size, A: 9, products: true, noQuery: true },
  { cell, ...size, A: 9, noQuery: true, attendFirst: true },
  { cell, ...size, lengths, memoryLengths },
  { cell, ...size, lengths, memoryLengths, attendFirst: true, mask: true, biasHn: true },
  { cell, ...size, memoryLengths: [0, 5, 2], products: true, dWeights: false, biasHn: true },
  { cell, ...size, mask: true, dY: false },
  { cell, ...size, dContext: false, attendFirst: true, dWeights: false },
]);

const large: readonly AttentionOptions[] = (['lstm', 'gru'] as const).flatMap((cell): AttentionOptions[] => [
  { cell, ...size, B: 5, memories: 2 },
  { cell, ...size, B: 6, memories: 3, memoryLengths, attendFirst: true },
  { cell, T: 6, B: 33, H: 64, S: 19, A: 48, M: 130, lengths: Array.from({ length: 33 }, (_, b) => b % 7), mask: true },
  { cell, T: 3, B: 20, H: 70, S: 33, A: 65, M: 300, memoryLengths: Array.from({ length: 20 }, (_, b) => b + 3), attendFirst: true },
  { cell, T: 1, B: 4, H: 40, S: 8, A: 16, M: 24, products: true },
  // Too few rows for threads to share, and steps so large that they share the columns.
  { cell, T: 4, B: 3, H: 301, S: 6, A: 40, M: 90, lengths: [4, 0, 3], mask: true },
  { cell, T: 2, B: 7, H: 330, S: 9, A: 33, M: 101, attendFirst: true },
]);

export function attentionCases(rng: Random): KernelCase[] {
  return [...attentionLayers, ...large].flatMap((o) => {
    const inputs = drawInputs(rng, o);
    const [forward, packed] = [false, true].map((isPacked) => forwardCase(o, inputs, isPacked));
    if (o.memories !== undefined) return [forward, packed];
    const saved = execute(new ReferenceBackend(), forward, aligned);
    return [forward, packed, backwardCase(rng, o, inputs, saved, drawGradients(rng, o))];
  });
}

export function describe({ cell, ...o }: AttentionOptions): string {
  return `${cell} ${Object.entries(o)
    .map(([key, value]) => (value === true ? key : `${key} ${JSON.stringify(value)}`))
    .join(' ')}`;
}

const gateCount = { lstm: 4, gru: 3 };

export function featuresOf(o: AttentionOptions): number {
  return gateCount[o.cell] * o.H;
}

export function drawInputs(rng: Random, o: AttentionOptions): AttentionInputs {
  const { T, B, H, S, A, M } = o;
  const F = featuresOf(o);
  const memories = o.memories ?? B;
  const inputs: Record<string, Values> = {
    weightHh: normal(rng, F * H, 1 / Math.sqrt(H)),
    weightContext: normal(rng, F * M, 1 / Math.sqrt(M)),
    keys: normal(rng, memories * S * A),
    memory: normal(rng, memories * S * M),
    gates: normal(rng, T * B * F),
    h0: normal(rng, B * H),
    context0: normal(rng, B * M),
  };
  if (!o.noQuery) inputs.weightQuery = normal(rng, A * H, 1 / Math.sqrt(H));
  if (!o.products) inputs.scoreVector = normal(rng, A);
  if (o.cell === 'lstm') inputs.c0 = normal(rng, B * H);
  else if (o.biasHn) inputs.biasHn = normal(rng, H);
  if (o.mask) inputs.mask = uniform(rng, B * H, 0, 1).map((u) => (u < 0.25 ? 0 : Math.fround(4 / 3)));
  if (o.lengths) inputs.lengths = Int32Array.from(o.lengths);
  if (o.memories) inputs.memoryRows = integersBelow(rng, B, o.memories);
  if (o.memoryLengths) {
    inputs.memoryLengths = Int32Array.from(o.memoryLengths);
    // What stands past a length is not looked at.
    o.memoryLengths.forEach((n, b) => {
      inputs.keys.fill(Number.NaN, (b * S + n) * A, (b + 1) * S * A);
      inputs.memory.fill(Number.NaN, (b * S + n) * M, (b + 1) * S * M);
    });
  }
  return inputs;
}

export function drawGradients(rng: Random, o: AttentionOptions): AttentionInputs {
  const { T, B, H, S, M } = o;
  return {
    ...(o.dY === false ? {} : { dY: normal(rng, T * B * H) }),
    ...(o.dContext === false ? {} : { dContext: normal(rng, T * B * M) }),
    ...(o.dWeights === false ? {} : { dWeights: normal(rng, T * B * S) }),
    dH: normal(rng, B * H),
    ...(o.cell === 'lstm' ? { dC: normal(rng, B * H) } : {}),
    dContextState: normal(rng, B * M),
  };
}

/** 1 for each of `width` elements of every (t, b) that is active. */
export function isActive(o: AttentionOptions, width: number): Uint8Array {
  return Uint8Array.from({ length: o.T * o.B * width }, (_, i) => {
    const tb = Math.floor(i / width);
    return o.lengths === undefined || Math.floor(tb / o.B) < o.lengths[tb % o.B] ? 1 : 0;
  });
}

const constants = ['weightHh', 'weightContext', 'weightQuery', 'scoreVector', 'biasHn', 'mask', 'lengths', 'memoryLengths', 'memoryRows'];

function operandsOf(inputs: AttentionInputs): Record<string, Operand> {
  const given = [...constants, 'keys', 'memory'].filter((name) => inputs[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, input(inputs[name])]));
}

/** The initial state in slot 0, and the others to be filled. */
function slots(o: AttentionOptions, initial: Values, width: number): Float64Array {
  const values = new Float64Array((o.T + 1) * o.B * width).fill(Number.NaN);
  values.set(initial);
  return values;
}

export function forwardCase(o: AttentionOptions, inputs: AttentionInputs, isPacked = false): KernelCase {
  const { T, B, H, S, A, M } = o;
  return {
    kernel: 'attentionForward',
    label: `${describe(o)}${isPacked ? ', packed' : ''}`,
    tolerance,
    operands: {
      ...operandsOf(inputs),
      gates: inout(inputs.gates, { defined: isActive(o, featuresOf(o)), finite: true }),
      h: inout(slots(o, inputs.h0, H), { magnitude }),
      ...(o.cell === 'lstm' ? { c: inout(slots(o, inputs.c0, H), { magnitude }) } : { hn: output(T * B * H, { magnitude }) }),
      context: inout(slots(o, inputs.context0, M), { magnitude }),
      query: output(T * B * A, { magnitude }),
      weights: output(T * B * S, { magnitude }),
    },
    run: (backend, at) => (isPacked ? forwardPacked(backend, o, layerOf(o, at)) : backend.attentionForward(layerOf(o, at))),
  };
}

function forwardPacked(backend: Backend, o: AttentionOptions, layer: AttentionForward): void {
  const { H, A, M } = o;
  withPacked(backend, layer.weightHh, gateCount[o.cell], H, H, (weightHh) =>
    withPacked(backend, layer.weightContext, 1, featuresOf(o), M, (weightContext) => {
      const packed = { ...layer, weightHh, weightContext, isPacked: true };
      if (layer.weightQuery === null) backend.attentionForward(packed);
      else withPacked(backend, layer.weightQuery, 1, A, H, (weightQuery) => backend.attentionForward({ ...packed, weightQuery }));
    }),
  );
}

export function backwardCase(
  rng: Random,
  o: AttentionOptions,
  inputs: AttentionInputs,
  saved: AttentionInputs,
  gradients: AttentionInputs,
): KernelCase {
  const { B, S, A, M } = o;
  const rounded = (values: Values) => (values as Float64Array).map(Math.fround);
  const { dH, dC, dContextState, ...fromAbove } = gradients;
  return {
    kernel: 'attentionBackward',
    label: describe(o),
    tolerance,
    operands: {
      ...operandsOf(inputs),
      gates: inout(rounded(saved.gates), { magnitude }),
      h: input(rounded(saved.h)),
      ...(o.cell === 'lstm' ? { c: input(rounded(saved.c)) } : { hn: inout(rounded(saved.hn), { magnitude }) }),
      context: input(rounded(saved.context)),
      query: inout(rounded(saved.query), { magnitude }),
      weights: input(rounded(saved.weights)),
      ...Object.fromEntries(Object.entries(fromAbove).map(([name, values]) => [name, input(values)])),
      dH: inout(dH, { magnitude }),
      ...(dC ? { dC: inout(dC, { magnitude }) } : {}),
      dContextState: inout(dContextState, { magnitude }),
      dKeys: output(B * S * A, { magnitude }),
      dMemory: output(B * S * M, { magnitude }),
      ...(o.products ? {} : { dScoreVector: inout(normal(rng, A), { magnitude }) }),
    },
    run: (backend, at) =>
      backend.attentionBackward({
        ...layerOf(o, at),
        dY: at.orNull('dY'),
        dContext: at.orNull('dContext'),
        dWeights: at.orNull('dWeights'),
        dH: at('dH'),
        dC: at.orNull('dC'),
        dContextState: at('dContextState'),
        dKeys: at('dKeys'),
        dMemory: at('dMemory'),
        dScoreVector: at.orNull('dScoreVector'),
      }),
  };
}

function layerOf(o: AttentionOptions, at: Arguments): AttentionForward {
  const { T, B, H, S, A, M } = o;
  return {
    T,
    B,
    H,
    S,
    A,
    M,
    attendFirst: o.attendFirst === true,
    lengths: at.orNull('lengths'),
    weightHh: at('weightHh'),
    mask: at.orNull('mask'),
    weightContext: at('weightContext'),
    weightQuery: at.orNull('weightQuery'),
    scoreVector: at.orNull('scoreVector'),
    scale: 0.7,
    keys: at('keys'),
    memory: at('memory'),
    memoryLengths: at.orNull('memoryLengths'),
    memoryRows: at.orNull('memoryRows'),
    cell: o.cell === 'lstm' ? { kind: 'lstm', c: at('c') } : { kind: 'gru', hn: at('hn'), biasHn: at.orNull('biasHn') },
    gates: at('gates'),
    h: at('h'),
    context: at('context'),
    query: at('query'),
    weights: at('weights'),
  };
}
