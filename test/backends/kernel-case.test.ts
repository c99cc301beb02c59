/** The suite's own eyes: faults that it must see. */
import { expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { ReferenceBackend } from '../../src/backend/reference/reference.ts';
import { Random } from '../../src/tensor/random.ts';
import { type Arguments, aligned, bitDifference, difference, execute, input, type KernelCase, output, scattered } from './kernel-case.ts';

const backend = new ReferenceBackend();

/** y = 2x, of five elements, as `run` would have it. */
function doubling(run: (backend: Backend, argument: Arguments) => void): KernelCase {
  return {
    kernel: 'affine',
    label: 'doubling',
    tolerance: 1e-6,
    operands: { x: input(Float64Array.of(1, 2, 3, 4, 5)), y: output(5) },
    run,
  };
}

const right = doubling((backend, at) => backend.affine(at('x'), 2, 0, at('y')));

test('a right kernel passes at any offset', () => {
  const expected = { y: Float64Array.of(2, 4, 6, 8, 10) };
  for (const placement of [aligned, scattered(new Random(1))])
    expect(difference(right, execute(backend, right, placement), expected)).toBeUndefined();
});

test('a wrong number is seen, and an element that was not written, and a NaN', () => {
  const expected = execute(backend, right, aligned);
  expect(difference(right, { y: Float64Array.of(2, 4, 6, 8, 10.001) }, expected)).toContain('y[4] of 5 is 10.001, expected 10');
  expect(difference(right, { y: Float64Array.of(2, Number.NaN, 6, 8, 10) }, expected)).toContain('y[1] of 5 is NaN');
  const lazy = doubling((backend, at) => backend.fill(backend.slice(at('y'), 0, 4), 2));
  expect(difference(lazy, execute(backend, lazy, aligned), expected)).toContain('y[1]');
});

test('a number that is not NaN where it should be is seen', () => {
  expect(difference(right, { y: Float64Array.of(0) }, { y: Float64Array.of(Number.NaN) })).toContain('expected NaN');
});

test('another bit is seen', () => {
  expect(bitDifference(right, { y: Float64Array.of(1) }, { y: Float64Array.of(1 + 2 ** -52) })).toContain('y[0]');
});

test('writing into an input, or around an operand, is seen', () => {
  const intoInput = doubling((backend, at) => backend.fill(at('x'), 0));
  expect(() => execute(backend, intoInput, aligned)).toThrow('wrote to input element x[0]');
  const beyond = doubling((_, at) => {
    const { values } = at('y') as unknown as { values: Float64Array };
    new Float64Array(values.buffer)[values.byteOffset / 8 + 5] = 0;
  });
  expect(() => execute(backend, beyond, aligned)).toThrow('wrote to element outside of y[5] of 5');
});
