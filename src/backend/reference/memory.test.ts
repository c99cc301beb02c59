import { expect, test } from 'vitest';
import { BackendError } from '../../tensor/errors.ts';
import { ReferenceBackend } from './reference.ts';

const allocate = (backend: ReferenceBackend, values: number[]) => {
  const buffer = backend.allocate('float64', values.length);
  backend.write(buffer, values);
  return buffer;
};

test('memory counts what is alive, and its peak', () => {
  const backend = new ReferenceBackend();
  const a = backend.allocate('float64', 10);
  const b = backend.allocate('int32', 3);
  expect(backend.memory).toEqual({ bytes: 92, peakBytes: 92 });
  backend.free(a);
  expect(backend.memory).toEqual({ bytes: 12, peakBytes: 92 });
  backend.resetPeak();
  expect(backend.memory).toEqual({ bytes: 12, peakBytes: 12 });
  backend.free(b);
  expect(backend.memory.bytes).toBe(0);
});

test('what was never written reads as NaN, or as the smallest int32', () => {
  const backend = new ReferenceBackend();
  expect(backend.read(backend.allocate('float64', 2))).toEqual(Float64Array.of(Number.NaN, Number.NaN));
  expect(backend.read(backend.allocate('int32', 1))).toEqual(Int32Array.of(-(2 ** 31)));
});

test('a slice shares, read copies, write converts', () => {
  const backend = new ReferenceBackend();
  const buffer = allocate(backend, [1, 2, 3, 4, 5]);
  const part = backend.slice(backend.slice(buffer, 1, 4), 1, 2);
  backend.write(part, Float32Array.of(0.5, 0.25));
  const copy = backend.read(buffer);
  expect(copy).toEqual(Float64Array.of(1, 2, 0.5, 0.25, 5));
  copy[0] = 9;
  expect(backend.read(buffer)[0]).toBe(1);
});

test('use after free is refused, through slices too', () => {
  const backend = new ReferenceBackend();
  const buffer = allocate(backend, [1, 2, 3]);
  const part = backend.slice(buffer, 0, 2);
  backend.free(buffer);
  for (const use of [
    () => backend.read(part),
    () => backend.fill(buffer, 0),
    () => backend.free(buffer),
    () => backend.slice(buffer, 0, 1),
  ]) {
    expect(use).toThrow(BackendError);
    expect(use).toThrow('freed');
  }
});

test('wrong calls are refused with the kernel, the argument, what was expected and what was given', () => {
  const backend = new ReferenceBackend();
  const x = allocate(backend, [1, 2, 3, 4, 5, 6]);
  const y = allocate(backend, [1, 2, 3, 4]);
  const ids = backend.allocate('int32', 1);
  backend.write(ids, [3]);

  expect(() => backend.allocate('float32', 1)).toThrow('[reference.allocate] expected float64 or int32, received float32');
  expect(() => backend.allocate('float64', -1)).toThrow('expected a length of 0 or more, received -1');
  expect(() => backend.allocate('float64', 2 ** 50)).toThrow(BackendError);
  expect(() => backend.slice(x, 4, 3)).toThrow('expected elements within 0…6, received offset 4 and length 3');
  expect(() => backend.free(backend.slice(x, 0, 6))).toThrow('received a slice');
  expect(() => backend.write(x, [1])).toThrow('expected 6 values, received 1');
  expect(() => backend.softmax(x, y, 2, 3)).toThrow('[reference.softmax] expected y of 6 elements, received 4');
  expect(() => backend.unary('exp', ids, x)).toThrow('[reference.exp] expected x of float64, received int32');
  expect(() => backend.binary('add', y, x, x)).toThrow("expected a's length to divide y's, 6, received 4");
  expect(() => backend.gatherRows(x, ids, backend.slice(x, 0, 2), 1, 2)).toThrow('expected ids in 0…2, received 3 at element 0');
  expect(() => backend.gemm({ M: 2, N: 2, K: 3, a: x, b: x, c: x })).toThrow(
    'to hold 2 rows of 2, 2 elements apart: 4 elements, received 6',
  );
  expect(() => backend.gemm({ M: 2, N: 2, K: 2, a: y, b: y, c: y })).toThrow('expected buffers that are apart');
  expect(() => backend.copy(ids, x)).toThrow('expected x and y of one dtype, received int32 and float64');
  expect(() => backend.stridedCopy({ shape: [2, 3], x, xOffset: 1, xStrides: [3, 1], y, yOffset: 0, yStrides: [2, 1] })).toThrow(
    'expected x to stay within 0…5',
  );
  expect(() => backend.fill({ dtype: 'float64', length: 1 }, 0)).toThrow('to be a buffer of this backend');
});
