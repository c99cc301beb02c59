/**
 * One call of one kernel as data: its operands, and how to make the call. `execute` makes it on a backend, each operand at a
 * chosen offset between two fields of canaries, and returns what the outputs hold. It throws when the kernel wrote where it
 * must not: outside of an output, or into an input.
 */
import type { Backend, Buffer } from '../../src/backend/backend.ts';
import type { Random } from '../../src/tensor/random.ts';

export type Values = Float64Array | Int32Array;

export interface Operand {
  readonly values: Values;
  /** `in` must not change; `out` holds NaN (int32: `unwritten`) before the call; `inout` is read and written. */
  readonly role: 'in' | 'out' | 'inout';
  /** Size of the terms that an element sums up, where they may cancel. */
  readonly magnitude?: number;
  /** The tolerance is relative to each element instead of to the largest one. */
  readonly perElement?: boolean;
  /** Elements that the contract defines after the call (1) and those it does not (0); absent: all. */
  readonly defined?: Uint8Array;
  /** Elements that `defined` leaves out must at least be finite: later products multiply them by 0. */
  readonly finite?: boolean;
  /** In float64 on every backend. */
  readonly isWide?: boolean;
}

export type Operands = Readonly<Record<string, Operand>>;

/** The buffer of an operand. `orNull` gives null for an operand that the case does not have. */
export interface Arguments {
  (name: string): Buffer;
  orNull(name: string): Buffer | null;
}

export interface KernelCase {
  readonly kernel: string;
  /** The sizes and options that set it apart. */
  readonly label: string;
  readonly operands: Operands;
  /** Largest difference from the reference, relative to the larger of the output's largest element (or each) and its magnitude. */
  readonly tolerance: number;
  run(backend: Backend, argument: Arguments): void;
}

export const input = (values: Values): Operand => ({ values, role: 'in' });
export const output = (length: number, more: Partial<Operand> = {}): Operand => ({
  values: new Float64Array(length).fill(Number.NaN),
  role: 'out',
  ...more,
});
export const integerOutput = (length: number): Operand => ({ values: new Int32Array(length).fill(unwritten), role: 'out' });
export const inout = (values: Values, more: Partial<Operand> = {}): Operand => ({ values, role: 'inout', ...more });

const unwritten = -77777;

/** Numbers that float32 holds exactly, so that every backend starts from the same. */
export function normal(rng: Random, length: number, deviation = 1): Float64Array {
  return rng.fillNormal(new Float64Array(length), 0, deviation).map(Math.fround);
}

export function uniform(rng: Random, length: number, low: number, high: number): Float64Array {
  return rng.fillUniform(new Float64Array(length), low, high).map(Math.fround);
}

export function integersBelow(rng: Random, length: number, below: number): Int32Array {
  return Int32Array.from({ length }, () => rng.integer(below));
}

/**
 * Elements before and after an operand: a cache line, so that `aligned` is aligned. Around an input they are NaN, so that a
 * result that depends on them shows; around an output a number, so that any write shows.
 */
const fence = 16;
const canary = { float: Math.fround(1234.5678), integer: 1234567 };

/** Where operands begin, in elements past a 64-byte boundary. */
export type Placement = (name: string) => number;
export const aligned: Placement = () => 0;
export const scattered =
  (rng: Random): Placement =>
  () =>
    rng.integer(fence);

/** @returns what the operands that are `out` or `inout` hold after the call */
export function execute(backend: Backend, kernelCase: KernelCase, placement: Placement): Record<string, Values> {
  const placed = new Map(Object.entries(kernelCase.operands).map(([name, operand]) => [name, place(backend, operand, placement(name))]));
  const find = (name: string) => placed.get(name)?.buffer ?? null;
  const argument = Object.assign(
    (name: string) => {
      const buffer = find(name);
      if (buffer === null) throw new Error(`case "${kernelCase.label}" has no operand ${name}`);
      return buffer;
    },
    { orNull: find },
  );

  kernelCase.run(backend, argument);

  const results: Record<string, Values> = {};
  for (const [name, { block, offset, before }] of placed) {
    const { values, role } = kernelCase.operands[name];
    const after = backend.read(block);
    after.forEach((value, i) => {
      const isInside = i >= offset && i < offset + values.length;
      if ((isInside && role !== 'in') || Object.is(value, before[i])) return;
      const where = isInside ? 'input element' : 'element outside of';
      throw new Error(`wrote to ${where} ${name}[${i - offset}] of ${values.length}: ${value} instead of ${before[i]}`);
    });
    if (role !== 'in') results[name] = after.slice(offset, offset + values.length) as Values;
    backend.free(block);
  }
  return results;
}

function place(backend: Backend, { values, role, isWide = false }: Operand, shift: number) {
  const isInteger = values instanceof Int32Array;
  const offset = fence + shift;
  const block = backend.allocate(isInteger ? 'int32' : isWide ? 'float64' : backend.float, offset + values.length + fence);
  const contents = new Float64Array(block.length).fill(isInteger ? canary.integer : role === 'in' ? Number.NaN : canary.float);
  contents.set(values, offset);
  backend.write(block, contents);
  return { block, offset, before: backend.read(block), buffer: backend.slice(block, offset, values.length) };
}

/** Below this float32 numbers are denormal: a backend may flush them to 0. */
const smallestNormal = 2 ** -126;

/** Says where `actual` is not `expected` (rounded to float32), or undefined. */
export function difference(kernelCase: KernelCase, actual: Record<string, Values>, expected: Record<string, Values>): string | undefined {
  for (const [name, right] of Object.entries(expected)) {
    const { defined, finite = false, magnitude = 0, perElement = false } = kernelCase.operands[name];
    const isDefined = (i: number) => defined === undefined || defined[i] === 1;
    let largest = magnitude;
    if (!perElement)
      right.forEach((x, i) => {
        if (isDefined(i) && Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
      });
    for (let i = 0; i < right.length; i++) {
      const left = actual[name][i];
      if (!isDefined(i)) {
        if (finite && !Number.isFinite(left)) return `${name}[${i}] is ${left}, expected something finite`;
        continue;
      }
      const rounded = Math.fround(right[i]);
      if (Object.is(left, rounded)) continue;
      const scale = perElement ? Math.max(largest, Math.abs(right[i])) : largest;
      const error = Math.max(0, Math.abs(left - right[i]) - smallestNormal) / scale;
      if (Number.isFinite(rounded) && (error <= kernelCase.tolerance || left === rounded)) continue;
      return `${name}[${i}] of ${right.length} is ${left}, expected ${rounded}: off by ${error.toExponential(1)} of ${scale.toExponential(1)}, allowed ${kernelCase.tolerance}`;
    }
  }
  return undefined;
}

/** Says where two results differ in any bit, or undefined. Elements that the contract leaves open are not looked at. */
export function bitDifference(kernelCase: KernelCase, a: Record<string, Values>, b: Record<string, Values>): string | undefined {
  for (const [name, values] of Object.entries(a)) {
    const { defined } = kernelCase.operands[name];
    const i = (values as Float64Array).findIndex((x, k) => (defined === undefined || defined[k] === 1) && !Object.is(x, b[name][k]));
    if (i >= 0) return `${name}[${i}] is ${values[i]} and ${b[name][i]}`;
  }
  return undefined;
}
