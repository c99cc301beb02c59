/** Calls of the recurrent kernels with any combination of their options, random data, and states saved by the reference. */
import type { Activation, Backend, LstmForward, RecurrentLayer } from '../../../src/backend/backend.ts';
import { ReferenceBackend } from '../../../src/backend/reference/reference.ts';
import type { Random } from '../../../src/tensor/random.ts';
import {
  type Arguments,
  aligned,
  execute,
  inout,
  input,
  type KernelCase,
  normal,
  type Operand,
  output,
  uniform,
  type Values,
} from '../kernel-case.ts';
import { withPacked } from '../packed.ts';

export interface LayerOptions {
  readonly cell: 'rnn' | 'lstm' | 'gru';
  readonly T: number;
  readonly B: number;
  readonly H: number;
  readonly reverse?: boolean;
  /** True lengths of the rows; absent: null. */
  readonly lengths?: readonly number[];
  readonly mask?: boolean;
  readonly norm?: boolean;
  /** rnn */
  readonly activation?: Activation;
  /** lstm */
  readonly peephole?: boolean;
  readonly projection?: number;
  readonly cellNorm?: boolean;
  /** gru */
  readonly resetBefore?: boolean;
  readonly biasHn?: boolean;
  /** Weights that the backend has packed, forward only. */
  readonly isPacked?: boolean;
  /** backward; default true */
  readonly dY?: boolean;
  readonly dHSquares?: boolean;
  /** Gates that saturate, up to ±1000. */
  readonly extreme?: boolean;
  /** A NaN in the projections of row 0 and in its gradient: it must show, and in no other row. */
  readonly undefinedRow?: boolean;
}

export type Inputs = Readonly<Record<string, Values>>;

const gateCount = { rnn: 1, lstm: 4, gru: 3 };
/** Large, so that a layer of one or two units whose variance happens to be small does not blow rounding up. */
const normEpsilon = 0.1;

/**
 * A recurrence of tens of steps multiplies and adds what rounding left; measured over all cases: below 2e-6 of the largest
 * element. A factor of five is left for other machines.
 */
const tolerance = 1e-5;
/** Gradients from above are of order 1; what cancels in a small layer is not measured against less than this. */
const magnitude = 0.02;

export function sizesOf(o: LayerOptions) {
  const P = o.projection ?? o.H;
  return { T: o.T, B: o.B, H: o.H, P, F: gateCount[o.cell] * o.H };
}

export function describeLayer(o: LayerOptions): string {
  const options = Object.entries(o).filter(([key, value]) => !['cell', 'T', 'B', 'H'].includes(key) && value !== undefined);
  return `T ${o.T}, B ${o.B}, H ${o.H} ${options.map(([key, value]) => (value === true ? key : `${key} ${JSON.stringify(value)}`)).join(' ')}`;
}

/** 1 for each of `width` elements of every (t, b) that is active. */
export function activeElements(o: LayerOptions, width: number): Uint8Array {
  return Uint8Array.from({ length: o.T * o.B * width }, (_, i) => {
    const tb = Math.floor(i / width);
    return o.lengths === undefined || Math.floor(tb / o.B) < o.lengths[tb % o.B] ? 1 : 0;
  });
}

/** What a caller hands over: projections, weights, initial states. Weights are small enough for the state not to saturate. */
export function drawInputs(rng: Random, o: LayerOptions): Inputs {
  const { T, B, H, P, F } = sizesOf(o);
  const spread = 1 / Math.sqrt(Math.max(P, 1));
  const gates = normal(rng, T * B * F).map((x, i) => (o.extreme && i % 3 === 0 ? Math.fround(300 * x) : x));
  if (o.undefinedRow) gates[(T >> 1) * B * F] = Number.NaN;
  const inputs: Record<string, Values> = {
    weightHh: normal(rng, F * P, spread),
    gates,
    h0: normal(rng, B * P),
  };
  if (o.lengths) inputs.lengths = Int32Array.from(o.lengths);
  if (o.mask) inputs.mask = uniform(rng, B * P, 0, 1).map((u) => (u < 0.25 ? 0 : Math.fround(4 / 3)));
  if (o.norm) inputs['norm.weight'] = uniform(rng, F, 0.5, 1.5);
  if (o.cell === 'lstm') inputs.c0 = normal(rng, B * H);
  if (o.peephole) inputs.peephole = normal(rng, 3 * H, 0.5);
  if (o.projection) inputs.weightHr = normal(rng, P * H, 1 / Math.sqrt(H));
  if (o.cellNorm) {
    inputs['cellNorm.weight'] = uniform(rng, H, 0.5, 1.5);
    inputs['cellNorm.bias'] = normal(rng, H, 0.5);
  }
  if (o.biasHn) inputs.biasHn = normal(rng, H);
  return inputs;
}

/** Row b of a batch, as a layer of its own. */
export function rowOf(o: LayerOptions, inputs: Inputs, b: number): [LayerOptions, Inputs] {
  const perRow = ['gates', 'h0', 'c0', 'mask', 'lengths'];
  const alone = Object.entries(inputs).map(([name, values]) => {
    if (!perRow.includes(name)) return [name, values];
    const width = values.length / (name === 'gates' ? o.T * o.B : o.B);
    return [name, values.filter((_, i) => Math.floor(i / width) % o.B === b)];
  });
  return [{ ...o, B: 1, ...(o.lengths ? { lengths: [o.lengths[b]] } : {}) }, Object.fromEntries(alone)];
}

/** Gradients from above: dY, dH, and the LSTM's dC. */
export function drawGradients(rng: Random, o: LayerOptions): Inputs {
  const { T, B, H, P } = sizesOf(o);
  const dY = normal(rng, T * B * P);
  if (o.undefinedRow) dY[0] = Number.NaN;
  return {
    ...(o.dY === false ? {} : { dY }),
    dH: normal(rng, B * P),
    ...(o.cell === 'lstm' ? { dC: normal(rng, B * H) } : {}),
  };
}

const names = ['weightHh', 'lengths', 'mask', 'norm.weight', 'peephole', 'weightHr', 'cellNorm.weight', 'cellNorm.bias', 'biasHn'];

function parametersOf(inputs: Inputs): Record<string, Operand> {
  return Object.fromEntries(names.filter((name) => inputs[name] !== undefined).map((name) => [name, input(inputs[name])]));
}

export function forwardCase(o: LayerOptions, inputs: Inputs): KernelCase {
  const { T, B, H, P, F } = sizesOf(o);
  const isActive = (width: number) => activeElements(o, width);
  const operands: Record<string, Operand> = {
    ...parametersOf(inputs),
    // After the Elman network's forward its gates are scratch.
    gates: inout(inputs.gates, { defined: o.cell === 'rnn' ? new Uint8Array(T * B * F) : isActive(F) }),
    h: inout(slots(o, inputs.h0, P)),
  };
  if (o.norm) {
    operands['norm.normalized'] = output(T * B * F, { defined: isActive(F) });
    operands['norm.rstd'] = output(T * B, { defined: isActive(1) });
  }
  if (o.cell === 'lstm') operands.c = inout(slots(o, inputs.c0, H));
  if (o.projection) operands.m = output(T * B * H, { defined: isActive(H), finite: true });
  if (o.cellNorm) {
    operands['cellNorm.normalized'] = output(T * B * H, { defined: isActive(H) });
    operands['cellNorm.rstd'] = output(T * B, { defined: isActive(1) });
  }
  if (o.cell === 'gru') operands.hn = output(T * B * H, { defined: isActive(H), finite: true });
  return {
    kernel: `${o.cell}Forward`,
    label: describeLayer(o),
    operands,
    tolerance,
    run: (backend, argument) => runForward(backend, o, argument),
  };
}

/** @param saved  what `forwardCase` gave; @param gradients  from above */
export function backwardCase(rng: Random, o: LayerOptions, inputs: Inputs, saved: Inputs, gradients: Inputs): KernelCase {
  const { T, B, H, P, F } = sizesOf(o);
  const operands: Record<string, Operand> = {
    ...parametersOf(inputs),
    gates: inout(o.cell === 'rnn' ? saved.gates.map(() => Number.NaN) : withoutInactive(o, saved.gates), { magnitude }),
    h: input(saved.h),
    dH: inout(gradients.dH, { magnitude }),
  };
  if (gradients.dY) operands.dY = input(withoutInactive(o, gradients.dY));
  if (o.dHSquares !== false) operands.dHSquares = output(T * B);
  if (o.norm) {
    operands['norm.normalized'] = input(withoutInactive(o, saved['norm.normalized']));
    operands['norm.rstd'] = input(withoutInactive(o, saved['norm.rstd']));
    operands.dQ = output(T * B * F, { magnitude });
    operands.dNormWeight = inout(normal(rng, F), { magnitude: 1 });
  }
  if (o.cell === 'lstm') {
    operands.c = input(saved.c);
    operands.dC = inout(gradients.dC, { magnitude });
  }
  if (o.peephole) operands.dPeephole = inout(normal(rng, 3 * H), { magnitude: 1 });
  if (o.projection) {
    operands.m = input(withoutInactive(o, saved.m));
    operands.dProjection = output(T * B * P);
  }
  if (o.cellNorm) {
    operands['cellNorm.normalized'] = input(withoutInactive(o, saved['cellNorm.normalized']));
    operands['cellNorm.rstd'] = input(withoutInactive(o, saved['cellNorm.rstd']));
    operands.dCellNormWeight = inout(normal(rng, H), { magnitude: 1 });
    operands.dCellNormBias = inout(normal(rng, H), { magnitude: 1 });
  }
  if (o.cell === 'gru') operands.hn = { values: withoutInactive(o, saved.hn), role: o.resetBefore ? 'in' : 'inout' };
  return {
    kernel: `${o.cell}Backward`,
    label: describeLayer(o),
    operands,
    tolerance,
    run: (backend, argument) => runBackward(backend, o, argument),
  };
}

const reference = new ReferenceBackend();

/** A forward call, and the backward call that belongs to it. */
export function recurrentCases(rng: Random, o: LayerOptions): KernelCase[] {
  const inputs = drawInputs(rng, o);
  const forward = forwardCase(o, inputs);
  const saved = execute(reference, forward, aligned);
  const rounded = Object.fromEntries(Object.entries(saved).map(([name, values]) => [name, values.map(Math.fround)]));
  const packed = forwardCase({ ...o, isPacked: true }, inputs);
  return [forward, packed, backwardCase(rng, o, inputs, rounded, drawGradients(rng, o))];
}

function runForward(backend: Backend, o: LayerOptions, argument: Arguments): void {
  if (!o.isPacked) {
    callForward(backend, o, argument, {}, {});
    return;
  }
  const { H, P } = sizesOf(o);
  withPacked(backend, argument('weightHh'), gateCount[o.cell], H, P, (weightHh) => {
    const packed = { weightHh, isPacked: true };
    const weightHr = argument.orNull('weightHr');
    if (weightHr === null) callForward(backend, o, argument, packed, {});
    else withPacked(backend, weightHr, 1, P, H, (packedHr) => callForward(backend, o, argument, packed, { weightHr: packedHr }));
  });
}

function callForward(
  backend: Backend,
  o: LayerOptions,
  argument: Arguments,
  packed: Partial<RecurrentLayer>,
  packedHr: Partial<LstmForward>,
): void {
  const layer = { ...layerOf(o, argument), ...packed };
  if (o.cell === 'rnn') backend.rnnForward({ ...layer, ...rnnOf(o, argument) });
  else if (o.cell === 'lstm') backend.lstmForward({ ...layer, ...lstmOf(o, argument), ...packedHr });
  else backend.gruForward({ ...layer, ...gruOf(o, argument) });
}

function runBackward(backend: Backend, o: LayerOptions, argument: Arguments): void {
  const gradients = {
    dY: argument.orNull('dY'),
    dH: argument('dH'),
    dQ: argument.orNull('dQ'),
    dNormWeight: argument.orNull('dNormWeight'),
    dHSquares: argument.orNull('dHSquares'),
  };
  if (o.cell === 'rnn') backend.rnnBackward({ ...layerOf(o, argument), ...rnnOf(o, argument), ...gradients });
  else if (o.cell === 'gru') backend.gruBackward({ ...layerOf(o, argument), ...gruOf(o, argument), ...gradients });
  else
    backend.lstmBackward({
      ...layerOf(o, argument),
      ...lstmOf(o, argument),
      ...gradients,
      dC: argument('dC'),
      dPeephole: argument.orNull('dPeephole'),
      dProjection: argument.orNull('dProjection'),
      dCellNormWeight: argument.orNull('dCellNormWeight'),
      dCellNormBias: argument.orNull('dCellNormBias'),
    });
}

function layerOf(o: LayerOptions, argument: Arguments): RecurrentLayer {
  return {
    T: o.T,
    B: o.B,
    H: o.H,
    reverse: o.reverse ?? false,
    lengths: argument.orNull('lengths'),
    weightHh: argument('weightHh'),
    mask: argument.orNull('mask'),
    norm: o.norm
      ? { weight: argument('norm.weight'), epsilon: normEpsilon, normalized: argument('norm.normalized'), rstd: argument('norm.rstd') }
      : null,
  };
}

function rnnOf(o: LayerOptions, argument: Arguments) {
  return { activation: o.activation ?? 'tanh', gates: argument('gates'), h: argument('h') };
}

function lstmOf(o: LayerOptions, argument: Arguments): Omit<LstmForward, keyof RecurrentLayer> {
  return {
    P: o.projection ?? o.H,
    gates: argument('gates'),
    h: argument('h'),
    c: argument('c'),
    peephole: argument.orNull('peephole'),
    weightHr: argument.orNull('weightHr'),
    m: argument.orNull('m'),
    cellNorm: o.cellNorm
      ? {
          weight: argument('cellNorm.weight'),
          bias: argument('cellNorm.bias'),
          epsilon: normEpsilon,
          normalized: argument('cellNorm.normalized'),
          rstd: argument('cellNorm.rstd'),
        }
      : null,
  };
}

function gruOf(o: LayerOptions, argument: Arguments) {
  return {
    resetAfter: !o.resetBefore,
    biasHn: argument.orNull('biasHn'),
    gates: argument('gates'),
    h: argument('h'),
    hn: argument('hn'),
  };
}

/** [T+1, B, width] with the initial state where the direction begins and NaN elsewhere. */
function slots(o: LayerOptions, initial: Values, width: number): Float64Array {
  const states = new Float64Array((o.T + 1) * o.B * width).fill(Number.NaN);
  states.set(initial, o.reverse ? o.T * o.B * width : 0);
  return states;
}

/** NaN where a row is inactive: what is there must be ignored. */
function withoutInactive(o: LayerOptions, values: Values): Float64Array {
  const width = values.length / Math.max(1, o.T * o.B);
  const isActive = activeElements(o, width);
  return Float64Array.from(values, (value, i) => (isActive[i] === 1 ? value : Number.NaN));
}
