import { describe, expect, it } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { getBackend, setBackend } from '../backend/select.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import { mse } from '../losses/pointwise.ts';
import { GRU } from '../nn/gru.ts';
import { LSTM } from '../nn/lstm.ts';
import { BackendError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { add } from './ops/binary.ts';
import { sigmoid } from './ops/elementwise.ts';
import { matmul } from './ops/matmul.ts';
import { sum } from './ops/reduce.ts';
import { permute, reshape, slice } from './ops/shape.ts';
import { where } from './ops/where.ts';
import { scope } from './scope.ts';
import { bufferOf, full, ones, randomNormal, randomUniform, tensor, tensorOver, zeros } from './tensor.ts';

onEveryBackend((backend) => {
  describe('tensor', () => {
    it('reads nested lists and typed arrays', () => {
      expect(
        tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]).shape,
      ).toEqual([3, 2]);
      expect(tensor(7).shape).toEqual([]);
      expect(tensor([]).shape).toEqual([0]);
      const x = tensor(new Float32Array([1, 2, 3, 4]), { shape: [2, 2] });
      expect(x.toArray()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(x.dtype).toBe(backend.float);
    });

    it('takes a copy', () => {
      for (const values of [new Float32Array([1]), new Float64Array([1])]) {
        const x = tensor(values);
        values[0] = 2;
        expect(x.item()).toBe(1);
      }
    });

    it('makes int32 of an Int32Array, or when asked', () => {
      expect(tensor(new Int32Array([1, 2])).dtype).toBe('int32');
      expect(tensor([1, 2], { dtype: 'int32' }).dataSync()).toEqual(new Int32Array([1, 2]));
      expect(tensor(new Int32Array([1, 2]), { dtype: 'float' }).dtype).toBe(backend.float);
      expect(() => tensor([1.5], { dtype: 'int32' })).toThrow(/expected integers for dtype int32, received 1.5 at 0/);
    });

    it('refuses ragged lists and shapes that do not fit', () => {
      expect(() => tensor([[1, 2], [3]])).toThrow(/ragged list at depth 1/);
      expect(() => tensor([[1, 2], 3])).toThrow(ShapeError);
      expect(() => tensor([1, 2, 3], { shape: [2, 2] })).toThrow(/\[tensor\] expected 4 numbers for shape \[2, 2\], received 3/);
    });
  });

  it('takes integers for nothing but indices: their bits are other numbers', () => {
    const ids = tensor(new Int32Array([1, 2, 3, 4]), { shape: [2, 2] });
    const x = ones([2, 2]);
    const wrong: (() => unknown)[] = [
      () => add(ids, x),
      () => add(x, ids),
      () => add(ids, 1),
      () => sum(ids),
      () => sigmoid(ids),
      () => matmul(x, ids),
      () => where(x, ids, x),
      () => mse(x, ids),
      () => crossEntropy(ids, tensor(new Int32Array([0, 1]))),
      () => new LSTM({ inputSize: 2, hiddenSize: 3 }).forward(reshape(ids, [1, 2, 2])),
      () => new GRU({ inputSize: 2, hiddenSize: 2 }).forward(ones([2, 1, 2]), reshape(ids, [1, 2, 2])),
    ];
    for (const compute of wrong) expect(compute, String(compute)).toThrow(BackendError);
    for (const compute of wrong) expect(compute, String(compute)).toThrow(/int32/);
  });

  it('makes constants and random numbers, the same for the same seed', () => {
    expect(zeros([2]).toArray()).toEqual([0, 0]);
    expect(ones([2, 1]).toArray()).toEqual([[1], [1]]);
    expect(full([2], 3, { dtype: 'int32' }).dataSync()).toEqual(new Int32Array([3, 3]));
    expect(randomNormal([50], new Random(1)).dataSync()).toEqual(randomNormal([50], new Random(1)).dataSync());
    const u = randomUniform([100], new Random(1)).dataSync();
    expect(u.every((v) => v >= 0 && v < 1)).toBe(true);
  });

  describe('reading', () => {
    const x = () =>
      tensor([
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ]);

    it('gives views in row-major order, on the host and in the backend', async () => {
      const expected = [
        [[1], [4]],
        [[2], [5]],
        [[3], [6]],
      ];
      expect(permute(x(), [2, 1, 0]).toArray()).toEqual(expected);
      scope(() => {
        const y = add(x(), 0);
        expect(permute(y, [2, 1, 0]).toArray()).toEqual(expected);
        expect(slice(y, 1, 1).toArray()).toEqual([[[4, 5, 6]]]);
      });
      expect([...(await permute(x(), [0, 2, 1]).data())]).toEqual([1, 4, 2, 5, 3, 6]);
    });

    it('gives copies', () => {
      const y = x();
      y.dataSync()[0] = 9;
      expect(y.toArray()).toEqual([
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ]);
    });

    it('writes its numbers into an array that is there', () => {
      const whole = tensor([
        [1, 2],
        [3, 4],
      ]);
      const views = { host: whole, turned: permute(whole, [1, 0]), row: slice(whole, 0, 1, 2) };
      const expected = { host: [1, 2, 3, 4], turned: [1, 3, 2, 4], row: [3, 4] };
      for (const name of ['host', 'turned', 'row'] as const) {
        const into = new Float32Array(expected[name].length);
        expect(views[name].dataSync(into)).toBe(into);
        expect([...into]).toEqual(expected[name]);
      }
      scope(() => {
        const into = new Float64Array(4);
        expect([...add(whole, whole).dataSync(into)]).toEqual([2, 4, 6, 8]);
      });
      expect(() => whole.dataSync(new Float32Array(3))).toThrow(
        /\[dataSync\] expected an array of 4 numbers for shape \[2, 2\], received 3/,
      );
    });

    it('gives the one number of one element only', () => {
      expect(tensor([[5]]).item()).toBe(5);
      expect(() => x().item()).toThrow(/\[item\] expected a tensor of one element, received \[1, 2, 3\]/);
      expect(String(x())).toBe(`Tensor([1, 2, 3], ${backend.float}, ${backend.name})`);
    });
  });
});

it.each(['reference', 'wasm'] as const)('tensorOver takes an array as it is, where %s computes with its type', (name) => {
  const backend = getBackend(name);
  for (const values of [Float32Array.of(1, 2, 3), Float64Array.of(1, 2, 3)]) {
    const x = tensorOver(values, [3, 1], backend);
    expect([x.dtype, x.shape, [...add(x, x).dataSync()]]).toEqual([backend.float, [3, 1], [2, 4, 6]]);
    values[0] = 5;
    expect(x.dataSync()[0]).toBe(values instanceof (name === 'wasm' ? Float32Array : Float64Array) ? 5 : 1);
  }
  expect(() => tensorOver(Float32Array.of(1, 2), [3], getBackend('wasm'))).toThrow(
    /\[tensorOver\] expected 3 numbers for shape \[3\], received 2/,
  );
});

it('refuses to mix backends', () => {
  const [a, b] = [tensor([1], { backend: getBackend('reference') }), tensor([1], { backend: getBackend('wasm') })];
  expect(() => add(a, b)).toThrow(BackendError);
  expect(() => add(a, b)).toThrow(/\[add\] expected tensors of one backend, received "reference" and "wasm"/);
});

it('bufferOf refuses what has gaps or repeats', () => {
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { backend: setBackend('reference') },
  );
  scope(() => {
    expect(() => bufferOf(slice(x, 1, 0, 1))).toThrow(
      /\[bufferOf\] expected a tensor without gaps, .* with strides \[2, 1\]\. Give contiguous\(x\)/,
    );
    expect(bufferOf(permute(x, [1, 0])).length).toBe(4);
  });
});
