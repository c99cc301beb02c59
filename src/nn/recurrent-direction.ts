/** Makes the parameters of one direction of one recurrent layer: PyTorch's names, shapes, order and initial values. */
import type { Parameter } from '../autograd/tensor.ts';
import { ConfigError, unknownName } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { constant, identity, orthogonal, uniform } from './initializers.ts';
import type { Initializer } from './module.ts';
import type { Cell, Direction } from './recurrent-layer.ts';

/** Initial values of weight_hh, for each gate's [H, P] by itself. 'uniform' is PyTorch's. */
export type RecurrentInit = 'uniform' | 'orthogonal' | 'identity' | Initializer;

/** How a layer registers a parameter under its state-dict name. */
export type Register = (name: string, shape: Shape, init: Initializer) => Parameter;

/** What RNN, LSTM and GRU say about themselves. */
export interface CellKind {
  /** "LSTM", for messages. */
  readonly name: string;
  /** G */
  readonly gates: number;
  readonly hiddenSize: number;
  /** P: width of the output. */
  readonly outputSize: number;
  readonly hasBias: boolean;
  readonly layerNorm: boolean;
  readonly recurrentInit: RecurrentInit;
  readonly rng: Random;
  /** Makes the recurrence, registering what it learns beside weight_hh: with uniform values, or all of one value. */
  cell(parameter: (name: string, shape: Shape, value: 'uniform' | number) => Parameter, biasHh: Parameter | null): Cell;
  /** Changes the initial bias_ih, bias_hh. */
  initializeBias?(bias: Float32Array | Float64Array, which: 'ih' | 'hh'): void;
}

/** @param suffix  what follows every name: "_l0", "_l0_reverse"; nothing for a cell */
export function createDirection(kind: CellKind, inputSize: number, suffix: string, reverse: boolean, register: Register): Direction {
  const { name, gates, hiddenSize: H, outputSize: P, rng } = kind;
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
  const weightHh = register(`weight_hh${suffix}`, [F, P], perGate(gates, recurrentInitializer(kind, small)));
  const biasIh = kind.hasBias ? register(`bias_ih${suffix}`, [F], bias('ih')) : null;
  const biasHh = kind.hasBias ? register(`bias_hh${suffix}`, [F], bias('hh')) : null;
  const normIh = kind.layerNorm ? register(`weight_ln_ih${suffix}`, [F], filled(1)) : null;
  const normHh = kind.layerNorm ? register(`weight_ln_hh${suffix}`, [F], filled(1)) : null;
  const cell = kind.cell((part, shape, value) => register(`${part}${suffix}`, shape, value === 'uniform' ? small : filled(value)), biasHh);
  return {
    name,
    hiddenSize: H,
    reverse,
    weights: { weightIh, biasIh, biasHh, sharedBias: cell.sharedBias, normIh },
    weightHh,
    normHh,
    cell,
  };
}

function recurrentInitializer({ name, recurrentInit, rng }: CellKind, small: Initializer): Initializer {
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
