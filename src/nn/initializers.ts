/**
 * First values of parameters: each fills `values` for a parameter of `shape`. Fan-in and fan-out of a weight [O, I] are I
 * and O; of more axes, each times the product of the rest, as PyTorch's.
 */
import type { Parameter } from '../autograd/tensor.ts';
import { ShapeError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import { arrayOf, formatShape, type Shape, sizeOf } from '../tensor/shape.ts';

type Values = Float32Array | Float64Array;

/**
 * Gives a parameter new first values.
 *
 * @example initialize(model.lstm.parameter('weight_hh_l0'), (values, shape) => orthogonal(values, shape, rng))
 */
export function initialize(parameter: Parameter, fill: (values: Float32Array | Float64Array, shape: Shape) => void): void {
  const values = arrayOf(parameter.dtype, parameter.size) as Values;
  fill(values, parameter.shape);
  parameter.assign(values);
}

/**
 * Uniform in ±gain·√(3 / fan-in), gain = √(2 / (1 + slope²)). The default slope is PyTorch's for linear layers, √5: ±1/√fan-in.
 *
 * @see He et al. (2015), arXiv:1502.01852
 */
export function kaimingUniform(values: Values, shape: Shape, rng: Random, slope = Math.sqrt(5)): void {
  const bound = Math.sqrt(6 / ((1 + slope ** 2) * fans('kaimingUniform', shape).in));
  rng.fillUniform(values, -bound, bound);
}

/**
 * Uniform in ±gain·√(6 / (fan-in + fan-out)).
 *
 * @see Glorot & Bengio (2010)
 */
export function xavierUniform(values: Values, shape: Shape, rng: Random, gain = 1): void {
  const fan = fans('xavierUniform', shape);
  const bound = gain * Math.sqrt(6 / (fan.in + fan.out));
  rng.fillUniform(values, -bound, bound);
}

/** Normal with deviation gain·√(2 / (fan-in + fan-out)). */
export function xavierNormal(values: Values, shape: Shape, rng: Random, gain = 1): void {
  const fan = fans('xavierNormal', shape);
  rng.fillNormal(values, 0, gain * Math.sqrt(2 / (fan.in + fan.out)));
}

/** Uniform in ±bound: with 1/√hiddenSize, PyTorch's for recurrent layers. */
export function uniform(values: Values, bound: number, rng: Random): void {
  rng.fillUniform(values, -bound, bound);
}

/** Normal numbers. */
export function normal(values: Values, deviation: number, rng: Random): void {
  rng.fillNormal(values, 0, deviation);
}

/** One number everywhere. */
export function constant(values: Values, value: number): void {
  values.fill(value);
}

/**
 * Orthonormal rows, or columns where there are fewer of them, times gain; each square block of a recurrent weight
 * [G·H, H] by itself.
 *
 * @see Saxe, McClelland & Ganguli (2014), arXiv:1312.6120
 */
export function orthogonal(values: Values, shape: Shape, rng: Random, gain = 1): void {
  const [rows, columns] = requireMatrix('orthogonal', shape);
  const block = rows > columns && rows % columns === 0 ? columns : rows;
  for (let first = 0; first < rows; first += block) {
    const part = values.subarray(first * columns, (first + block) * columns);
    if (block <= columns) fillOrthonormalRows(part, block, columns, rng);
    else {
      const tall = new Float64Array(part.length);
      fillOrthonormalRows(tall, columns, block, rng);
      for (let r = 0; r < block; r++) for (let c = 0; c < columns; c++) part[r * columns + c] = tall[c * block + r];
    }
  }
  if (gain !== 1) for (let i = 0; i < values.length; i++) values[i] *= gain;
}

/**
 * The identity times gain: lets an Elman network of relu units carry its state unchanged.
 *
 * @see Le, Jaitly & Hinton (2015), arXiv:1504.00941
 */
export function identity(values: Values, shape: Shape, gain = 1): void {
  const [, columns] = requireMatrix('identity', shape);
  for (let i = 0; i < values.length; i++) values[i] = Math.floor(i / columns) === i % columns ? gain : 0;
}

/**
 * Sets the forget gate's part of an LSTM's bias [4H], the second of i, f, g, o, and leaves the rest. PyTorch adds two
 * biases: set one of them.
 *
 * @see Gers, Schmidhuber & Cummins (2000), doi:10.1162/089976600300015015
 */
export function forgetBias(values: Values, value = 1): void {
  values.fill(value, values.length / 4, values.length / 2);
}

/**
 * Sets the bias [V] of an output that CTC learns from: at first the blank has this probability in every frame, where the weights
 * say nothing, and the symbols share the rest. Most frames are blank. An output that must learn it first bends the layers
 * below to say so, and those of a causal network may not recover: their states saturate.
 *
 *   b_blank = ln(p / (1 − p)) + ln(V − 1), b_symbol = 0
 *
 * @see Lin et al. (2017), Focal loss for dense object detection, arXiv:1708.02002, §3.3: the same for a rare class
 */
export function blankBias(values: Values, { blank = 0, probability = 0.95 } = {}): void {
  values.fill(0);
  values[blank] = Math.log((probability / (1 - probability)) * (values.length - 1));
}

function fans(operation: string, shape: Shape): { in: number; out: number } {
  if (shape.length < 2) throw new ShapeError(`[${operation}] expected a weight of at least two axes, received ${formatShape(shape)}.`);
  const field = sizeOf(shape.slice(2));
  return { in: shape[1] * field, out: shape[0] * field };
}

function requireMatrix(operation: string, shape: Shape): Shape {
  if (shape.length !== 2) throw new ShapeError(`[${operation}] expected a matrix, received ${formatShape(shape)}.`);
  return shape;
}

/** Gram–Schmidt, twice over for accuracy, on normal rows: uniform over all orthonormal sets. */
function fillOrthonormalRows(out: Values, rows: number, columns: number, rng: Random): void {
  const basis: Float64Array[] = [];
  for (let r = 0; r < rows; r++) {
    const row = rng.fillNormal(new Float64Array(columns));
    for (const other of [...basis, ...basis]) {
      const overlap = dot(row, other);
      for (let c = 0; c < columns; c++) row[c] -= overlap * other[c];
    }
    const length = Math.sqrt(dot(row, row));
    for (let c = 0; c < columns; c++) row[c] /= length;
    basis.push(row);
    out.set(row, r * columns);
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
