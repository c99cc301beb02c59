/** RNN, LSTM and GRU under one face, for laws that hold for all of them, and layers at random. */
import fc from 'fast-check';
import { randomNormal, type Tensor } from '../../src/autograd/tensor.ts';
import type { Activation } from '../../src/backend/backend.ts';
import { GRU } from '../../src/nn/gru.ts';
import { LSTM } from '../../src/nn/lstm.ts';
import type { ForwardOptions, RecurrentOptions, SequenceInput } from '../../src/nn/recurrent-stack.ts';
import { RNN } from '../../src/nn/rnn.ts';
import { Random } from '../../src/tensor/random.ts';

export interface LayerOptions extends RecurrentOptions {
  readonly kind: 'RNN' | 'LSTM' | 'GRU';
  readonly activation?: Activation;
  readonly projSize?: number;
  readonly peepholes?: boolean;
  readonly resetAfter?: boolean;
}

/** A layer whose state is a list of tensors: [h], or [h, c]. */
export interface AnyLayer {
  readonly module: RNN | LSTM | GRU;
  forward(x: SequenceInput, state?: readonly Tensor[] | null, options?: ForwardOptions): { output: Tensor; state: readonly Tensor[] };
  step(x: Tensor, state?: readonly Tensor[] | null): { output: Tensor; state: readonly Tensor[] };
  /** Widths of the states. */
  readonly widths: readonly number[];
}

export function makeLayer({ kind, ...options }: LayerOptions): AnyLayer {
  const { hiddenSize, projSize = 0 } = options;
  if (kind === 'LSTM') {
    const module = new LSTM(options);
    return {
      module,
      forward: (x, state, more) => module.forward(x, state ? [state[0], state[1]] : null, more),
      step: (x, state) => module.step(x, state ? [state[0], state[1]] : null),
      widths: [projSize === 0 ? hiddenSize : projSize, hiddenSize],
    };
  }
  const module = kind === 'RNN' ? new RNN(options) : new GRU(options);
  const listed = ({ output, state }: { output: Tensor; state: Tensor }) => ({ output, state: [state] });
  return {
    module,
    forward: (x, state, more) => listed(module.forward(x, state?.[0], more)),
    step: (x, state) => listed(module.step(x, state?.[0])),
    widths: [hiddenSize],
  };
}

/** A layer's options, and a batch for it. */
export interface LayerCase {
  readonly options: LayerOptions;
  readonly B: number;
  readonly T: number;
  readonly seed: number;
}

/** Any legal combination of options that has no randomness of its own, on sizes from 1. */
export function layerCases(fixed: Partial<LayerOptions> = {}): fc.Arbitrary<LayerCase> {
  const size = (max: number) => fc.integer({ min: 1, max });
  return fc
    .record({
      kind: fc.constantFrom('RNN', 'LSTM', 'GRU') as fc.Arbitrary<LayerOptions['kind']>,
      B: size(5),
      T: size(7),
      inputSize: size(9),
      hiddenSize: size(19),
      numLayers: size(3),
      bias: fc.boolean(),
      bidirectional: fc.boolean(),
      layerNorm: fc.boolean(),
      activation: fc.constantFrom('tanh', 'relu', 'sigmoid') as fc.Arbitrary<Activation>,
      peepholes: fc.boolean(),
      isProjected: fc.boolean(),
      resetAfter: fc.boolean(),
      seed: fc.nat(),
    })
    .map(({ B, T, seed, isProjected, ...options }) => {
      // Over few features nearly equal ones are likely, and their small deviation makes rounding large.
      const hiddenSize = options.layerNorm ? options.hiddenSize + 7 : options.hiddenSize;
      const projSize = isProjected && hiddenSize > 1 ? Math.ceil(hiddenSize / 2) : 0;
      const resetAfter = options.resetAfter || options.layerNorm;
      return { B, T, seed, options: { ...options, hiddenSize, projSize, resetAfter, rng: new Random(seed), ...fixed } };
    });
}

/** Numbers for a case; another label, other numbers. */
export function inputOf({ options, B, T, seed }: LayerCase, label = 'x'): Tensor {
  const x = randomNormal([B, T, options.inputSize], new Random(seed).fork(label));
  x.requiresGrad = true;
  return x;
}

export function stateOf({ options, B, seed }: LayerCase, { widths }: AnyLayer): Tensor[] {
  const rows = (options.numLayers ?? 1) * (options.bidirectional ? 2 : 1);
  return widths.map((width, i) => {
    const state = randomNormal([rows, B, width], new Random(seed).fork(`state ${i}`));
    state.requiresGrad = true;
    return state;
  });
}

/** Lengths in 0…T, from the case's seed. */
export function lengthsOf({ B, T, seed }: LayerCase): number[] {
  const rng = new Random(seed).fork('lengths');
  return Array.from({ length: B }, () => rng.integer(T + 1));
}
