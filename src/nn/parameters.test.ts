import { describe, expect, it } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { mul } from '../autograd/ops/binary.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { transpose } from '../autograd/ops/shape.ts';
import { backward } from '../autograd/tape.ts';
import { Parameter } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';
import { FlatParameters } from './parameters.ts';

onEveryBackend((backend) => {
  const make = () => [
    new Parameter(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]),
    new Parameter(new Float32Array(17).fill(2), [17]),
    new Parameter(new Float32Array([-1]), [1]),
  ];

  describe('FlatParameters', () => {
    it('hold values and gradients side by side, each on its own cache line', () => {
      const parameters = make();
      backward(sum(mul(parameters[0], 3))); // a gradient from before
      const flat = FlatParameters.of(parameters);
      expect(flat.offsets).toEqual([0, 16, 48]);
      expect(flat.values.length).toBe(64);
      const values = backend.read(flat.values);
      expect([...values.slice(0, 7), values[16], values[33], values[48]]).toEqual([1, 2, 3, 4, 5, 6, 0, 2, 0, -1]);
      expect([...backend.read(flat.gradients).slice(0, 7)]).toEqual([3, 3, 3, 3, 3, 3, 0]);
      backward(sum(mul(parameters[2], 5)));
      expect(backend.read(flat.gradients)[48]).toBe(5);
      flat.zeroGradients();
      expect(parameters[0].grad!.toArray()).toEqual([
        [0, 0, 0],
        [0, 0, 0],
      ]);
    });

    it('are what parameters and views of them read', () => {
      const parameters = make();
      const view = transpose(parameters[0]);
      const flat = FlatParameters.of(parameters);
      backend.fill(backend.slice(flat.values, 0, 6), 9);
      expect(parameters[0].toArray()).toEqual([
        [9, 9, 9],
        [9, 9, 9],
      ]);
      expect(view.toArray()).toEqual([
        [9, 9],
        [9, 9],
        [9, 9],
      ]);
      parameters[0].assign([1, 2, 3, 4, 5, 6]);
      expect([...backend.read(flat.values).slice(0, 6)]).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it('give the memory of a parameter that was in use back at once', () => {
      const parameter = new Parameter(new Float32Array(4096), [4096]);
      backward(sum(mul(parameter, 2)));
      const before = backend.memory.bytes;
      FlatParameters.of([parameter]);
      expect(backend.memory.bytes).toBe(before); // two buffers for two
    });

    it('are the same for the same parameters, and refuse to be shared in part', () => {
      const parameters = make();
      const flat = FlatParameters.of(parameters);
      expect(FlatParameters.of([...parameters])).toBe(flat);
      expect(() => FlatParameters.of(parameters.slice(0, 2))).toThrow(ConfigError);
      expect(() => FlatParameters.of([...make(), parameters[2]])).toThrow(/belong to an optimizer with another set of parameters/);
      expect(() => FlatParameters.of([])).toThrow(/expected at least one parameter/);
    });
  });
});
