/**
 * What a recurrent layer computes on its way through a sequence, step by step: states and gates. Written out from the weights in
 * float64, equation by equation, since the kernels keep of the gates only what a backward needs; its states are those of
 * the layer's forward, which a test holds it to.
 */
import type { Tensor } from '../../autograd/tensor.ts';
import { GRU } from '../../nn/gru.ts';
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

/** A model's recurrent layers and what they read of an input: what a task hands over to have it drawn. */
export interface Observation {
  readonly layers: TracedLayers;
  /** The layers' input, [1, T, I]. */
  readonly x: Tensor;
  /** What each step read, in words, [T]. */
  readonly tokens: readonly string[];
  /** What the model makes of it at each step, such as the most probable next letter, [T]. */
  readonly outputs?: readonly string[];
  /**
   * Losses that follow from the layers' output, one a step that has one, in the order of time; for gradients. Absent: nothing says what
   * would be right.
   *
   * @param output  [1, T − first, D·P]: of the input from step `first` on
   */
  readonly losses?: (output: Tensor, first: number) => Tensor;
}

/** What one layer computed of a sequence. */
export interface LayerTrace {
  readonly cell: CellName;
  readonly hiddenSize: number;
  /** T of them. */
  readonly steps: readonly StepTrace[];
}

/**
 * Runs a sequence through recurrent layers, and keeps everything.
 *
 * @param x  [1, T, I]
 * @returns  a trace for each layer, forward direction; the first layer first
 * @throws ConfigError for layers with options whose equations are others: layerNorm, peepholes, projSize, bidirectional
 */
export function traceLayers(layers: TracedLayers, x: Tensor): LayerTrace[] {
  const { options } = layers;
  const { inputSize, hiddenSize: H, numLayers = 1 } = options;
  refuseVariants(layers);
  if (x.rank !== 3 || x.shape[0] !== 1 || x.shape[2] !== inputSize) {
    throw new ShapeError(`[traceLayers] expected x of shape [1, T, ${inputSize}], received ${formatShape(x.shape)}.`);
  }
  const T = x.shape[1];
  const numbers = x.dataSync();
  let inputs = Array.from({ length: T }, (_, t) => Float64Array.from(numbers.subarray(t * inputSize, (t + 1) * inputSize)));
  const cell: CellName = layers instanceof LSTM ? 'lstm' : layers instanceof GRU ? 'gru' : 'rnn';
  const state = layers.stateDict();
  return Array.from({ length: numLayers }, (_, layer) => {
    const weights = weightsOf((name) => state.get(`${name}_l${layer}`)?.values, H);
    const steps: StepTrace[] = [];
    let h = new Float64Array(H);
    let c = new Float64Array(H);
    for (const input of inputs) {
      const step = stepOf(layers, weights, input, h, c);
      steps.push(step);
      h = step.values.h as Float64Array<ArrayBuffer>;
      c = (step.values.c ?? c) as Float64Array<ArrayBuffer>;
    }
    inputs = steps.map(({ values }) => values.h as Float64Array<ArrayBuffer>);
    return { cell, hiddenSize: H, steps };
  });
}

function refuseVariants({ options }: TracedLayers): void {
  const { bidirectional = false, layerNorm = false } = options;
  const { peepholes = false, projSize = 0 } = options as { peepholes?: boolean; projSize?: number };
  const named = Object.entries({ bidirectional, layerNorm, peepholes, projSize: projSize > 0 }).filter(([, isOn]) => isOn);
  if (named.length > 0) {
    throw new ConfigError(
      `[traceLayers] expected layers without ${named.map(([name]) => name).join(' and ')}: their cell is not the one drawn.`,
    );
  }
}

interface Weights {
  /** W_ih x + b_ih, of one gate: [H] */
  ofInput(gate: number, x: Float64Array): Float64Array;
  /** W_hh h + b_hh, of one gate: [H] */
  ofState(gate: number, h: Float64Array): Float64Array;
}

function weightsOf(read: (name: string) => ArrayLike<number> | undefined, H: number): Weights {
  const product = (matrix: string, bias: string, gate: number, v: Float64Array): Float64Array => {
    const W = read(matrix)!; // [G·H, I]
    const b = read(bias);
    return Float64Array.from({ length: H }, (_, k) => {
      const row = gate * H + k;
      let sum = b === undefined ? 0 : b[row];
      for (let j = 0; j < v.length; j++) sum += W[row * v.length + j] * v[j];
      return sum;
    });
  };
  return {
    ofInput: (gate, x) => product('weight_ih', 'bias_ih', gate, x),
    ofState: (gate, h) => product('weight_hh', 'bias_hh', gate, h),
  };
}

function stepOf(layers: TracedLayers, { ofInput, ofState }: Weights, x: Float64Array, h: Float64Array, c: Float64Array): StepTrace {
  if (layers instanceof LSTM) {
    const [i, f, g, o] = [sigmoid, sigmoid, Math.tanh, sigmoid].map((σ, gate) =>
      zip(ofInput(gate, x), ofState(gate, h), (a, b) => σ(a + b)),
    );
    const next = zip(zip(f, c, times), zip(i, g, times), plus);
    return { before: { h, c }, values: { i, f, g, o, c: next, h: zip(o, next, (gate, cell) => gate * Math.tanh(cell)) } };
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
