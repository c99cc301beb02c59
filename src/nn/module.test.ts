import { beforeAll, describe, expect, it } from 'vitest';
import { sum } from '../autograd/ops/reduce.ts';
import { backward } from '../autograd/tape.ts';
import { Parameter, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Dropout } from './dropout.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';

beforeAll(() => {
  setBackend('reference');
});

class Model extends Module {
  readonly first = this.child('first', new Linear({ inputSize: 2, outputSize: 3, rng: new Random(1) }));
  readonly drop = this.child('drop', new Dropout({ p: 0.5, rng: new Random(2) }));
  readonly last = this.child('last', new Linear({ inputSize: 3, outputSize: 1, bias: false, rng: new Random(3) }));
  readonly scale = this.parameter('scale', [3], (values) => values.fill(2));

  forward(x: Tensor): Tensor {
    return this.last.forward(this.drop.forward(this.first.forward(x)));
  }
}

const names = ['scale', 'first.weight', 'first.bias', 'last.weight'];

describe('Module', () => {
  it('names its parameters, its own first', () => {
    const model = new Model();
    expect([...model.namedParameters().keys()]).toEqual(names);
    expect(model.parameterCount).toBe(3 + 6 + 3 + 3);
    expect(model.scale.toArray()).toEqual([2, 2, 2]);
  });

  it('counts a shared parameter once, and names it under each of its names', () => {
    class Tied extends Module {
      readonly a = this.parameter('a', [2], (values) => values.fill(1));
      readonly b = this.parameter('b', [2], this.a);
    }
    const model = new Tied();
    expect([...model.namedParameters().keys()]).toEqual(['a', 'b']);
    expect(model.parameters()).toHaveLength(1);
    expect(
      () =>
        new (class extends Module {
          readonly c = this.parameter('c', [3], model.a);
        })(),
    ).toThrow(/expected "c" of shape \[3\], received a parameter of shape \[2\]/);
  });

  it('refuses a name that is taken', () => {
    expect(
      () =>
        new (class Twice extends Module {
          readonly a = this.parameter('a', [1], () => {});
          readonly b = this.child('a', new Dropout({ p: 0 }));
        })(),
    ).toThrow(/\[Twice\] expected a new name for a parameter or part, received "a" twice/);
  });

  it('switches training on and off below', () => {
    const model = new Model();
    expect(model.drop.isTraining).toBe(true);
    model.eval();
    expect([model.isTraining, model.drop.isTraining]).toEqual([false, false]);
    model.train();
    expect(model.drop.isTraining).toBe(true);
  });

  it('clears gradients', () => {
    const model = new Model();
    backward(sum(model.forward(tensor([[1, 2]]))));
    expect(model.last.weight.grad).not.toBeNull();
    model.zeroGrad();
    expect(model.parameters().every((p) => p.grad === null || p.grad.dataSync().every((g) => g === 0))).toBe(true);
  });
});

describe('state dict', () => {
  it('moves all values to another model', () => {
    const [from, to] = [new Model(), new Model()];
    from.first.weight.assign([1, 2, 3, 4, 5, 6]);
    to.loadStateDict(from.stateDict());
    expect(to.first.weight.toArray()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect([...to.stateDict()]).toEqual([...from.stateDict()]);
  });

  it('refuses unknown, missing and misshapen tensors, and changes nothing then', () => {
    const model = new Model();
    const before = [...model.stateDict()];
    const state = new Map(new Model().stateDict());
    state.set('scale', { shape: [3], values: new Float64Array([7, 7, 7]) });
    const without = new Map(state);
    without.delete('first.bias');
    expect(() => model.loadStateDict(without)).toThrow(/missing tensor "first.bias" of shape \[3\]/);
    expect(() => model.loadStateDict(new Map(state).set('first.wieght', state.get('scale')!))).toThrow(
      /unexpected tensor "first.wieght"; did you mean "first.weight"\?/,
    );
    expect(() => model.loadStateDict(new Map(state).set('last.weight', state.get('scale')!))).toThrow(ShapeError);
    expect(() => model.loadStateDict(without)).toThrow(ConfigError);
    expect([...model.stateDict()]).toEqual(before);
  });
});

describe('Parameter', () => {
  it('takes a copy of its values, and new ones of its size', () => {
    const values = new Float64Array([1, 2]);
    const p = new Parameter(values, [2]);
    values[0] = 9;
    expect(p.toArray()).toEqual([1, 2]);
    p.assign([3, 4]);
    expect(p.toArray()).toEqual([3, 4]);
    expect(() => p.assign([1])).toThrow(/expected 2 values for shape \[2\], received 1/);
    expect(() => new Parameter(values, [3])).toThrow(/expected 3 values for shape \[3\], received 2/);
  });
});
