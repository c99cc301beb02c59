import { beforeAll, describe, expect, it } from 'vitest';
import { cpuTime } from '../../test/laws/cpu-time.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { add, mul } from './ops/binary.ts';
import { exp, square, tanh } from './ops/elementwise.ts';
import { sum } from './ops/reduce.ts';
import { select } from './ops/shape.ts';
import { inScope, scope } from './scope.ts';
import { backward, noGrad, record } from './tape.ts';
import { bufferOf, contiguous, empty, Parameter, type Tensor, tensor } from './tensor.ts';

beforeAll(() => {
  setBackend('reference');
});

const leafOf = (values: number[]) => tensor(values, { requiresGrad: true });
const gradientOf = (x: Tensor) => [...x.grad!.dataSync()];

describe('backward', () => {
  it('adds up over uses of one tensor', () => {
    const x = leafOf([2, 3]);
    const y = mul(x, x);
    backward(sum(add(add(y, y), mul(y, x)))); // 2x² + x³
    expect(gradientOf(x)).toEqual([4 * 2 + 3 * 4, 4 * 3 + 3 * 9]);
  });

  it('adds up over calls until gradients are cleared', () => {
    const x = leafOf([2, 3]);
    const p = new Parameter(new Float64Array([5]), [1]);
    for (let n = 1; n <= 3; n++) {
      backward(sum(mul(square(x), p)));
      expect(gradientOf(x)).toEqual([20 * n, 30 * n]);
      expect(gradientOf(p)).toEqual([13 * n]);
    }
    x.grad = null;
    backward(sum(square(x)));
    expect(gradientOf(x)).toEqual([4, 6]);
  });

  it('takes the gradient of what is no scalar, and leaves it as it was', () => {
    const x = leafOf([1, 2]);
    const seed = tensor([10, 100]);
    backward(add(x, x), seed);
    expect(gradientOf(x)).toEqual([20, 200]);
    expect([...seed.dataSync()]).toEqual([10, 100]);
    backward(x, seed); // a leaf itself
    expect(gradientOf(x)).toEqual([30, 300]);
    expect(() => backward(add(x, x))).toThrow(/\[backward\] expected a scalar, received \[2\]\. Reduce it with sum\(\) or mean\(\)/);
    expect(() => backward(add(x, x), tensor([1]))).toThrow(/expected a gradient of shape \[2\], received \[1\]/);
  });

  it('frees the gradients that a backward lets go of before it has ended', () => {
    const x = leafOf([1, 2, 3]);
    const { backend } = x;
    let freed = 0;
    scope(() => {
      const y = empty(backend, [3]);
      backend.copy(bufferOf(x), bufferOf(y));
      record('same', [x], [y], ([dY], sink) => {
        const dX = empty(backend, [3]);
        backend.copy(bufferOf(dY!), bufferOf(dX));
        const before = backend.memory.bytes;
        sink.releaseGradients();
        freed = before - backend.memory.bytes;
        return [dX];
      });
      backward(sum(mul(y, y)));
    });
    expect(freed).toBe(3 * 8);
    expect(gradientOf(x)).toEqual([2, 4, 6]);
  });

  it('walks a graph once', () => {
    const x = leafOf([1, 2]);
    const h = square(x);
    const loss = sum(h);
    backward(loss);
    expect(() => backward(loss)).toThrow(/the graph through "sum" has been walked already/);
    expect(() => backward(sum(mul(h, 2)))).toThrow(/the graph through "square" has been walked already/);
    expect(gradientOf(x)).toEqual([2, 4]);
  });

  it('stops at detach and in noGrad', () => {
    const x = leafOf([1, 2]);
    backward(sum(mul(x.detach(), x)));
    expect(gradientOf(x)).toEqual([1, 2]);
    const y = noGrad(() => square(x));
    expect(y.requiresGrad).toBe(false);
    expect(() => backward(sum(y))).toThrow(/depends on nothing that requires a gradient/);
    expect(() =>
      noGrad(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(square(x).requiresGrad).toBe(true);
  });

  it('reaches only what requires a gradient', () => {
    const x = leafOf([1, 2]);
    const idle = tensor([3, 4]);
    backward(sum(mul(x, idle)));
    expect(gradientOf(x)).toEqual([3, 4]);
    expect(idle.grad).toBeNull();
  });

  it('goes through graphs as deep as a long sequence', () => {
    const x = leafOf([0.5]);
    scope(() => {
      let y: Tensor = x;
      for (let t = 0; t < 20_000; t++) y = mul(y, 1);
      backward(sum(y));
    });
    expect(gradientOf(x)).toEqual([1]);
  });

  it('walks a graph in time linear in its size, also when each step has its own scope', () => {
    const time = (T: number): number => {
      const x = leafOf(new Array(8).fill(0.1));
      const start = cpuTime();
      scope(() => {
        let h: Tensor = x;
        let total = sum(x);
        for (let t = 0; t < T; t++) {
          h = scope(() => tanh(add(h, x)));
          total = add(total, sum(h));
        }
        backward(total);
      });
      return cpuTime() - start;
    };
    time(200);
    const short = Math.min(time(500), time(500), time(500));
    expect(time(8000)).toBeLessThan(16 * short * 8); // linear: 16 times; quadratic: 256. The rest is noise.
  });

  it('drops gradients of operations as soon as they have been used', () => {
    const x = tensor(new Float64Array(1000), { requiresGrad: true });
    const { backend } = x;
    scope(() => {
      let y: Tensor = x;
      for (let i = 0; i < 50; i++) y = exp(y);
      const loss = sum(y);
      backend.resetPeak();
      const before = backend.memory.bytes;
      backward(loss);
      expect(backend.memory.peakBytes - before).toBeLessThan(8 * 1000 * 4);
    });
  });
});

describe('an operation of one’s own', () => {
  it('may add into an accumulator, and return nothing', () => {
    const double = (x: Tensor): Tensor =>
      inScope(() => {
        const y = empty(x.backend, x.shape);
        x.backend.affine(bufferOf(x), 2, 0, bufferOf(y));
        record('double', [x], [y], ([dY], sink) => {
          x.backend.axpy(2, bufferOf(contiguous(dY!)), bufferOf(sink.accumulator(0)));
          return undefined;
        });
        return y;
      });
    const x = leafOf([1, 2]);
    const h = square(x);
    backward(add(sum(double(h)), add(sum(double(h)), sum(double(x)))));
    expect(gradientOf(x)).toEqual([10, 18]);
  });

  it('is named when its gradient has a wrong shape', () => {
    const x = leafOf([1, 2]);
    const wrong = inScope(() => {
      const y = empty(x.backend, [2]);
      record('wrong', [x], [y], ([dY]) => [select(dY!, 0, 0)]);
      return y;
    });
    expect(() => backward(wrong, tensor([1, 1]))).toThrow(ShapeError);
    const again = inScope(() => {
      const y = empty(x.backend, [2]);
      record('wrong', [x], [y], ([dY]) => [select(dY!, 0, 0)]);
      return y;
    });
    expect(() => backward(again, tensor([1, 1]))).toThrow(/"wrong" gave input 0 a gradient of shape \[\]; it is of shape \[2\]/);
  });
});
