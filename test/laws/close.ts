import { expect } from 'vitest';
import { Tensor } from '../../src/autograd/tensor.ts';

/** Every number within 0.5·10^−digits of the expected one; NaN and infinities as they are. */
export function expectClose(actual: Tensor | ArrayLike<number>, expected: ArrayLike<number>, digits = 11): void {
  const values = actual instanceof Tensor ? actual.dataSync() : actual;
  expect(values.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(values[i] - expected[i]) < 0.5 * 10 ** -digits)) expect(values[i], `element ${i}`).toBe(expected[i]);
  }
}
