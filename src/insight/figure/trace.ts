/**
 * What a recurrent layer computes on its way through a sequence, step by step: states and gates. Written out from the weights in
 * float64, equation by equation, since the kernels keep of the gates only what a backward needs; its states are those of
 * the layer's forward, which a test holds it to.
 */
import type { Tensor } from '../../autograd/tensor.ts';
import { GRU } from '../../nn/gru.ts';
import { normEpsilon } from '../../nn/input-projection.ts';
import { LSTM } from '../../nn/lstm.ts';
import type { RNN } from '../../nn/rnn.ts';
import { ConfigError, ShapeError } from '../../tensor/errors.ts';
import { formatShape } from '../../tensor/shape.ts';
import type { CellName } from './cells.ts';
import type { Quantity } from './marks.ts';

/** What can be traced. */
export type TracedLayers = RNN | GRU | LSTM;

/** One instant of one layer; [H] each. */
export interface StepTrace {
  /** States before the step. */
  readonly before: { readonly h: Float64Array; readonly c?: Float64Array };
  /** States after it, and the gates. */
  readonly values: Readonly<Partial<Record<Quantity, Float64Array>>>;
}

/** Where the steps of a decoder with attention looked. */
export interface Looks {
  /** α of each step, [T][S]: each adds up to 1. */
  readonly weights: readonly ArrayLike<number>[];
  /** What is looked at: words, [S], or an image, whose places lie in so many columns, row by row. */
  readonly over: readonly string[] | { readonly columns: number };
}

/** What is said of a model at work, beside its numbers. */
export interface ObservedSteps {
  /** Of a model of several parts: which one this is, such as "decoder". */
  readonly part?: string;
  /** What each step read, in words, [T]. */
  readonly tokens: readonly string[];
  /** What the model makes of it at each step, such as a word's most probable tag, [T]; empty where it makes nothing of it yet. */
  readonly outputs?: readonly string[];
  /** When each step was, where its number does not say it: a date, [T]. */
  readonly times?: readonly string[];
  readonly looks?: Looks;
  /** Whether `outputs` foretell the step that follows, as a language model's do. */
  readonly isForetold?: boolean;
  /** Whether `outputs` are numbers that a forecast expects. */
  readonly isForecast?: boolean;
}

/** A model's recurrent layers and what they read of an input: what a task hands over to have it drawn. */
export interface Observation extends ObservedSteps {
  readonly layers: TracedLayers;
  /** The layers' input, [1, T, I]. */
  readonly x: Tensor;
  /** Before the first step: [h] or [h, c], each [L·D, 1, H]. Absent: zeros. */
  readonly state?: readonly Tensor[];
  /** The parts that ran before it. */
  readonly before?: readonly Observation[];
  /**
   * Losses that follow from the layers' output, one a step that has one, in the order of time; for gradients. Absent: nothing says what
   * would be right.
   *
   * @param output  [1, T − first, D·P]: of the input from step `first` on
   */
  readonly losses?: (output: Tensor, first: number) => Tensor;
}

/** What one direction of one layer computed of a sequence. */
export interface LayerTrace {
  readonly cell: CellName;
  readonly hiddenSize: number;
  /** From 0. */
  readonly layer: number;
  readonly direction: 'forward' | 'reverse';
  /** T of them, in the order of the sequence; in the reverse direction a step begins where the one after it ended. */
  readonly steps: readonly StepTrace[];
}

/**
 * Runs a sequence through recurrent layers, and keeps everything.
 *
 * @param x      [1, T, I]
 * @param state  before the first step: [h] or [h, c], each [L·D, 1, H]; zeros when absent
 * @returns      a trace for each layer, the first layer first; of bidirectional layers two, forward and reverse
 * @throws ConfigError for layers with projSize: their h has other units than their gates
 */
export function traceLayers(layers: TracedLayers, x: Tensor, state: readonly Tensor[] = []): LayerTrace[] {
  const { inputSize, hiddenSize: H, numLayers = 1, bidirectional = false } = layers.options;
  refuseProjection(layers);
  if (x.rank !== 3 || x.shape[0] !== 1 || x.shape[2] !== inputSize) {
    throw new ShapeError(`[traceLayers] expected x of shape [1, T, ${inputSize}], received ${formatShape(x.shape)}.`);
  }
  const directions = bidirectional ? (['forward', 'reverse'] as const) : (['forward'] as const);
  const first = statesOf(state, numLayers * directions.length, H);
  const T = x.shape[1];
  const numbers = x.dataSync();
  let inputs = Array.from({ length: T }, (_, t) => Float64Array.from(numbers.subarray(t * inputSize, (t + 1) * inputSize)));
  const cell: CellName = layers instanceof LSTM ? 'lstm' : layers instanceof GRU ? 'gru' : 'rnn';
  const parameters = layers.stateDict();
  return Array.from({ length: numLayers }, (_, layer) => {
    const traces = directions.map((direction, d): LayerTrace => {
      const suffix = `_l${layer}${direction === 'reverse' ? '_reverse' : ''}`;
      const weights = weightsOf((name) => parameters.get(name + suffix)?.values, H);
      const read = direction === 'reverse' ? inputs.toReversed() : inputs;
      const steps = stepsOf(layers, weights, read, first[layer * directions.length + d]);
      return { cell, hiddenSize: H, layer, direction, steps: direction === 'reverse' ? steps.reverse() : steps };
    });
    inputs = inputs.map((_, t) => Float64Array.from(traces.flatMap(({ steps }) => [...steps[t].values.h!])));
    return traces;
  }).flat();
}

/** In the order in which the inputs are read. */
function stepsOf(layers: TracedLayers, weights: Weights, inputs: readonly Float64Array[], first: FirstState): StepTrace[] {
  const steps: StepTrace[] = [];
  let { h, c } = first;
  for (const input of inputs) {
    const step = stepOf(layers, weights, input, h, c);
    steps.push(step);
    h = step.values.h!;
    c = step.values.c ?? c;
  }
  return steps;
}

interface FirstState {
  readonly h: Float64Array;
  readonly c: Float64Array;
}

/** Of each layer and direction. */
function statesOf(state: readonly Tensor[], count: number, H: number): FirstState[] {
  for (const { shape } of state) {
    if (shape.length === 3 && shape[0] === count && shape[1] === 1 && shape[2] === H) continue;
    throw new ShapeError(`[traceLayers] expected states of shape [${count}, 1, ${H}], received ${formatShape(shape)}.`);
  }
  const [h, c] = state.map((one) => one.dataSync());
  const part = (of: ArrayLike<number> | undefined, k: number): Float64Array =>
    Float64Array.from({ length: H }, (_, i) => of?.[k * H + i] ?? 0);
  return Array.from({ length: count }, (_, k) => ({ h: part(h, k), c: part(c, k) }));
}

function refuseProjection({ options }: TracedLayers): void {
  const { projSize = 0 } = options as { projSize?: number };
  if (projSize > 0) {
    throw new ConfigError(
      `[traceLayers] expected layers without projSize, received projSize ${projSize}: their h has other units than their gates.`,
    );
  }
}

interface Weights {
  /** W_ih x + b_ih, of one gate: [H] */
  ofInput(gate: number, x: Float64Array): Float64Array;
  /** W_hh h + b_hh, of one gate: [H] */
  ofState(gate: number, h: Float64Array): Float64Array;
  /** p ⊙ c: 0 for i, 1 for f, 2 for o. Zeros without peepholes. */
  peephole(gate: 0 | 1 | 2, c: Float64Array): Float64Array;
  /** c as the output sees it: normalised, where it is. */
  seen(c: Float64Array): Float64Array;
}

function weightsOf(read: (name: string) => ArrayLike<number> | undefined, H: number): Weights {
  const product = (side: 'ih' | 'hh', gate: number, v: Float64Array): Float64Array => {
    const W = read(`weight_${side}`)!; // [G·H, I]
    const b = read(`bias_${side}`);
    const norm = read(`weight_ln_${side}`);
    let all = Float64Array.from({ length: W.length / v.length }, (_, row) => {
      let sum = 0;
      for (let j = 0; j < v.length; j++) sum += W[row * v.length + j] * v[j];
      return sum;
    });
    if (norm !== undefined) all = normalized(all).map((value, row) => value * norm[row]);
    return all.subarray(gate * H, (gate + 1) * H).map((value, k) => value + (b?.[gate * H + k] ?? 0));
  };
  const p = read('weight_ch');
  const [weight, bias] = [read('weight_ln_ch'), read('bias_ln_ch')];
  return {
    ofInput: (gate, x) => product('ih', gate, x),
    ofState: (gate, h) => product('hh', gate, h),
    peephole: (gate, c) => c.map((value, k) => (p?.[gate * H + k] ?? 0) * value),
    seen: (c) => (weight === undefined ? c : normalized(c).map((value, k) => value * weight[k] + bias![k])),
  };
}

/** Mean 0 and deviation 1, as torch.nn.LayerNorm. */
function normalized(v: Float64Array): Float64Array<ArrayBuffer> {
  const mean = v.reduce((sum, value) => sum + value, 0) / v.length;
  const variance = v.reduce((sum, value) => sum + (value - mean) ** 2, 0) / v.length;
  return Float64Array.from(v, (value) => (value - mean) / Math.sqrt(variance + normEpsilon));
}

function stepOf(layers: TracedLayers, weights: Weights, x: Float64Array, h: Float64Array, c: Float64Array): StepTrace {
  const { ofInput, ofState, peephole, seen } = weights;
  if (layers instanceof LSTM) {
    const gate = (k: number, peep: Float64Array | null, σ: (a: number) => number): Float64Array =>
      zip(ofInput(k, x), ofState(k, h), plus).map((value, unit) => σ(value + (peep?.[unit] ?? 0)));
    const [i, f, g] = [gate(0, peephole(0, c), sigmoid), gate(1, peephole(1, c), sigmoid), gate(2, null, Math.tanh)];
    const next = zip(zip(f, c, times), zip(i, g, times), plus);
    const o = gate(3, peephole(2, next), sigmoid);
    return { before: { h, c }, values: { i, f, g, o, c: next, h: zip(o, seen(next), (open, cell) => open * Math.tanh(cell)) } };
  }
  if (layers instanceof GRU) {
    const [r, z] = [0, 1].map((gate) => zip(ofInput(gate, x), ofState(gate, h), (a, b) => sigmoid(a + b)));
    const { resetAfter = true } = layers.options;
    const n = resetAfter
      ? zip(ofInput(2, x), zip(r, ofState(2, h), times), (a, b) => Math.tanh(a + b))
      : zip(ofInput(2, x), ofState(2, zip(r, h, times)), (a, b) => Math.tanh(a + b));
    const next = h.map((old, k) => (1 - z[k]) * n[k] + z[k] * old);
    return { before: { h }, values: { r, z, n, h: next } };
  }
  const σ = { tanh: Math.tanh, relu: (a: number) => Math.max(0, a), sigmoid }[layers.options.activation ?? 'tanh'];
  return { before: { h }, values: { h: zip(ofInput(0, x), ofState(0, h), (a, b) => σ(a + b)) } };
}

const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));
const times = (a: number, b: number): number => a * b;
const plus = (a: number, b: number): number => a + b;

function zip(a: Float64Array, b: Float64Array, f: (a: number, b: number) => number): Float64Array {
  return a.map((value, k) => f(value, b[k]));
}
