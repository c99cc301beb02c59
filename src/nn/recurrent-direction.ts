/** Makes the parameters of one direction of one recurrent layer: PyTorch's names, shapes, order and initial values. */
import type { Parameter } from '../autograd/tensor.ts';
import { ConfigError, unknownName } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { constant, identity, orthogonal, uniform } from './initializers.ts';
import { requireSizes } from './linear.ts';
import type { Initializer } from './module.ts';
import type { Direction, Recurrence } from './recurrent-layer.ts';

/** Initial values of weight_hh, for each gate's [H, P] by itself. 'uniform' is PyTorch's. */
export type RecurrentInit = 'uniform' | 'orthogonal' | 'identity' | Initializer;

/** How a layer registers a parameter under its state-dict name. */
export type Register = (name: string, shape: Shape, init: Initializer) => Parameter;

/** What a layer and a cell of any kind take. */
export interface CellOptions {
  /** I: features of an input step. */
  readonly inputSize: number;
  /** H: units. */
  readonly hiddenSize: number;
  /** Whether there are bias_ih and bias_hh. Default true. */
  readonly bias?: boolean;
  /** Normalises W_ih x and W_hh h before they meet (and an LSTM's cell before the output). Default false. */
  readonly layerNorm?: boolean;
  /** Initial values of weight_hh. Default 'uniform', PyTorch's. */
  readonly recurrentInit?: RecurrentInit;
  /** For initial values and dropout. Default: from the machine's entropy. */
  readonly rng?: Random;
}

/** What tells RNN, LSTM and GRU apart. */
export interface Kind {
  /** G */
  readonly gates: number;
  /** P: width of the output. */
  readonly outputSize: number;
  /** Makes the recurrence, registering what it learns beside weight_hh: with uniform values, or all of one value. */
  recurrence(parameter: (name: string, shape: Shape, value: 'uniform' | number) => Parameter, biasHh: Parameter | null): Recurrence;
  /** Changes the initial bias_ih, bias_hh. */
  initializeBias?(bias: Float32Array | Float64Array, which: 'ih' | 'hh'): void;
}

/** Which direction it is. */
export interface Place {
  /** I of this layer. */
  readonly inputSize: number;
  /** What follows every parameter's name: "_l0", "_l0_reverse"; nothing in a cell. */
  readonly suffix: string;
  readonly reverse: boolean;
}

/** @param name  "LSTM", for messages */
export function createDirection(
  name: string,
  options: CellOptions & { readonly rng: Random },
  kind: Kind,
  place: Place,
  register: Register,
): Direction {
  const { hiddenSize: H, bias: hasBias = true, layerNorm = false, recurrentInit = 'uniform', rng } = options;
  const { gates, outputSize: P } = kind;
  const { inputSize, suffix, reverse } = place;
  requireSizes(name, { inputSize, hiddenSize: H });
  const F = gates * H;
  const bound = 1 / Math.sqrt(H);
  const small: Initializer = (values) => uniform(values, bound, rng);
  const filled =
    (value: number): Initializer =>
    (values) =>
      constant(values, value);
  const bias =
    (which: 'ih' | 'hh'): Initializer =>
    (values, shape) => {
      small(values, shape);
      kind.initializeBias?.(values, which);
    };

  const weightIh = register(`weight_ih${suffix}`, [F, inputSize], small);
  const weightHh = register(`weight_hh${suffix}`, [F, P], perGate(gates, recurrentInitializer(name, recurrentInit, rng, small)));
  const biasIh = hasBias ? register(`bias_ih${suffix}`, [F], bias('ih')) : null;
  const biasHh = hasBias ? register(`bias_hh${suffix}`, [F], bias('hh')) : null;
  const normIh = layerNorm ? register(`weight_ln_ih${suffix}`, [F], filled(1)) : null;
  const normHh = layerNorm ? register(`weight_ln_hh${suffix}`, [F], filled(1)) : null;
  const recurrence = kind.recurrence(
    (part, shape, value) => register(`${part}${suffix}`, shape, value === 'uniform' ? small : filled(value)),
    biasHh,
  );
  return {
    name,
    hiddenSize: H,
    reverse,
    weights: { weightIh, biasIh, biasHh, sharedBias: recurrence.sharedBias, normIh },
    weightHh,
    normHh,
    recurrence,
  };
}

function recurrentInitializer(name: string, recurrentInit: RecurrentInit, rng: Random, small: Initializer): Initializer {
  switch (recurrentInit) {
    case 'uniform':
      return small;
    case 'orthogonal':
      return (values, shape) => orthogonal(values, shape, rng);
    case 'identity':
      return (values, shape) => identity(values, shape);
    default:
      if (typeof recurrentInit === 'function') return recurrentInit;
      throw new ConfigError(`[${name}] ${unknownName('recurrentInit', String(recurrentInit), ['uniform', 'orthogonal', 'identity'])}`);
  }
}

function perGate(gates: number, init: Initializer): Initializer {
  return (values, [rows, columns]) => {
    const shape = [rows / gates, columns];
    const size = sizeOf(shape);
    for (let gate = 0; gate < gates; gate++) init(values.subarray(gate * size, (gate + 1) * size), shape);
  };
}
