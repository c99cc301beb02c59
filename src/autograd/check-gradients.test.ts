import { describe, expect, it } from 'vitest';
import { getBackend, setBackend } from '../backend/select.ts';
import { Random } from '../tensor/random.ts';
import { checkGradients, GradientError } from './check-gradients.ts';
import { mul } from './ops/binary.ts';
import { tanh } from './ops/elementwise.ts';
import { matmul } from './ops/matmul.ts';
import { inScope } from './scope.ts';
import { record } from './tape.ts';
import { bufferOf, empty, Parameter, randomNormal, type Tensor } from './tensor.ts';

setBackend('reference');
const rng = new Random(3);

describe('checkGradients', () => {
  it('accepts right gradients and returns the error', () => {
    const x = randomNormal([4, 3], rng);
    const w = randomNormal([3, 5], rng);
    expect(checkGradients((a, b) => tanh(matmul(a, b)), [x, w])).toBeLessThan(1e-8);
  });

  it('accepts several outputs, and inputs that do not matter', () => {
    const x = randomNormal([4], rng);
    const idle = randomNormal([2], rng);
    expect(checkGradients((a) => [tanh(a), tanh(a)], [x, idle])).toBeLessThan(1e-8);
  });

  it('names the first element that is wrong', () => {
    const wrong = (x: Tensor): Tensor =>
      inScope(() => {
        const y = empty(getBackend(), x.shape);
        x.backend.affine(bufferOf(x), 2, 0, bufferOf(y));
        record('wrong', [x], [y], ([dY]) => [dY]);
        return y;
      });
    expect(() => checkGradients(wrong, [randomNormal([3], rng)])).toThrow(GradientError);
    expect(() => checkGradients(wrong, [randomNormal([3], rng)])).toThrow(
      /input 0 of shape \[3\], element 0: the tape says .*, differences say/,
    );
  });

  it('leaves inputs and their gradients as they were', () => {
    const x = randomNormal([3], rng);
    const p = new Parameter(new Float64Array([1, 2, 3]), [3]);
    const before = x.dataSync();
    checkGradients((a, b) => tanh(mul(a, b)), [x, p]);
    expect(x.dataSync()).toEqual(before);
    expect(p.dataSync()).toEqual(new Float64Array([1, 2, 3]));
    expect(x.requiresGrad).toBe(false);
    expect(x.grad).toBeNull();
    expect(p.grad).toBeNull();
  });

  it('finds gross mistakes in float32 too', () => {
    const backend = getBackend('wasm');
    const x = randomNormal([4, 3], rng, { backend });
    const w = randomNormal([3, 5], rng, { backend });
    expect(checkGradients((a, b) => tanh(matmul(a, b)), [x, w])).toBeLessThan(2e-2);
    expect(() => checkGradients((a, b) => tanh(matmul(a, b.detach())), [x, w])).toThrow(/input 1 of shape \[3, 5\]/);
  });
});
