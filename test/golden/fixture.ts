/** Reads what make.py wrote, and compares with it. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type Tensor, tensor } from '../../src/autograd/tensor.ts';
import type { Backend } from '../../src/backend/backend.ts';
import type { StateDict } from '../../src/nn/module.ts';
import { arrayOf, type TypedArray } from '../../src/tensor/shape.ts';

/** An array as make.py writes it: little-endian numbers in base64 under their type's name. */
export interface Recorded {
  readonly shape: readonly number[];
  readonly float32?: string;
  readonly float64?: string;
  readonly int32?: string;
}

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')) as T;
}

export function valuesOf(recorded: Recorded): TypedArray {
  const dtype = (['float32', 'float64', 'int32'] as const).find((name) => recorded[name] !== undefined)!;
  const bytes = Uint8Array.from(Buffer.from(recorded[dtype]!, 'base64'));
  return new (arrayOf(dtype, 0).constructor as new (buffer: ArrayBuffer) => TypedArray)(bytes.buffer);
}

export function tensorOf(recorded: Recorded, backend: Backend, options: { readonly requiresGrad?: boolean } = {}): Tensor {
  const dtype = recorded.int32 === undefined ? 'float' : 'int32';
  return tensor(valuesOf(recorded), { shape: recorded.shape, dtype, backend, ...options });
}

/** Recorded parameters as a module takes them. */
export function stateDictOf(parameters: Readonly<Record<string, Recorded>>): StateDict {
  return new Map(Object.entries(parameters).map(([name, p]) => [name, { shape: p.shape, values: valuesOf(p) }]));
}

/**
 * The largest difference, relative to the largest recorded number. float32 rounds to 6e-8 and sums add up; the project's
 * promise is 1e-5. float64 leaves only the order of sums, and exp and tanh: 1e-12.
 */
export const tolerances: Readonly<Record<Backend['float'], number>> = { float32: 1e-5, float64: 1e-12 };

export function expectClose(actual: Tensor, recorded: Recorded, what: string, tolerance: number = tolerances[actual.backend.float]): void {
  expect(actual.shape, `shape of ${what}`).toEqual(recorded.shape);
  expectNumbersClose(actual.dataSync(), valuesOf(recorded), what, tolerance);
}

export function expectNumbersClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance: number): void {
  expect(actual.length, `size of ${what}`).toBe(expected.length);
  let scale = 1e-30;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]) / scale;
    if (!(error <= tolerance)) {
      expect.fail(
        `${what}: element ${i} is ${actual[i]}, PyTorch's is ${expected[i]}; off by ${error} of the largest number, allowed ${tolerance}.`,
      );
    }
  }
}
