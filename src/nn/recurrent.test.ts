/** A user's own cell: the minimal gated unit of docs/adding-a-cell.md, and one with two states of different shapes. */
import { beforeEach, describe, expect, test } from 'vitest';
import { checkGradients } from '../autograd/check-gradients.ts';
import { add, mul, sub } from '../autograd/ops/binary.ts';
import { concat } from '../autograd/ops/concat.ts';
import { sigmoid, tanh } from '../autograd/ops/elementwise.ts';
import { select, slice } from '../autograd/ops/shape.ts';
import { randomNormal, type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';
import { type Cell, Recurrent } from './recurrent.ts';

beforeEach(() => {
  setBackend('reference');
});

class MinimalGatedCell extends Module implements Cell<Tensor> {
  readonly options = { inputSize: 2, hiddenSize: 3 };
  readonly gate: Linear;
  readonly candidate: Linear;

  constructor(rng: Random) {
    super();
    this.gate = this.child('gate', new Linear({ inputSize: 5, outputSize: 3, rng }));
    this.candidate = this.child('candidate', new Linear({ inputSize: 5, outputSize: 3, rng }));
  }

  initialState(batch: number): Tensor {
    return zeros([batch, 3]);
  }

  step(x: Tensor, h: Tensor): { output: Tensor; state: Tensor } {
    const f = sigmoid(this.gate.forward(concat([x, h])));
    const next = add(mul(sub(1, f), h), mul(f, tanh(this.candidate.forward(concat([x, mul(f, h)])))));
    return { output: next, state: next };
  }
}

/** Sums what it sees, and counts its steps in a state of another shape. */
class CountingCell extends Module implements Cell<readonly [Tensor, Tensor]> {
  readonly options = { inputSize: 2 };

  initialState(batch: number): readonly [Tensor, Tensor] {
    return [zeros([batch, 2]), zeros([batch, 1, 1])];
  }

  step(x: Tensor, [total, count]: readonly [Tensor, Tensor]): { output: Tensor; state: readonly [Tensor, Tensor] } {
    const next = add(total, x);
    return { output: next, state: [next, add(count, 1)] };
  }
}

describe('a minimal gated unit', () => {
  const make = (options?: { reverse: boolean }) => new Recurrent(new MinimalGatedCell(new Random(1)), options);
  const x = () => randomNormal([3, 4, 2], new Random(2), { requiresGrad: true });
  const lengths = [2, 4, 0];

  test.each([false, true])('has gradients that equal differences, reverse %s', (reverse) => {
    const layer = make({ reverse });
    const state = randomNormal([3, 3], new Random(3), { requiresGrad: true });
    checkGradients(
      (input, initial) => {
        const result = layer.forward(input, initial, { lengths });
        return [result.output, result.state];
      },
      [x(), state, ...layer.parameters()],
    );
  });

  test("has the cell's parameters under its own names", () => {
    expect([...make().namedParameters().keys()]).toEqual([
      'cell.gate.weight',
      'cell.gate.bias',
      'cell.candidate.weight',
      'cell.candidate.bias',
    ]);
  });

  test('steps as it runs, and the reverse begins at each sequence’s own end', () => {
    const input = x();
    const forward = make().forward(input, null, { lengths });
    const reverse = make({ reverse: true }).forward(input, null, { lengths });
    for (const [b, length] of lengths.entries()) {
      const one = slice(input, 0, b, b + 1);
      let [there, back]: (Tensor | null)[] = [null, null];
      for (let t = 0; t < length; t++) {
        there = make().step(select(one, 1, t), there).state;
        back = make().step(select(one, 1, length - 1 - t), back).state;
      }
      const expected = [there, back].map((h) => h?.dataSync() ?? new Float64Array(3));
      expect(select(forward.state, 0, b).dataSync()).toEqual(expected[0]);
      expect(select(reverse.state, 0, b).dataSync()).toEqual(expected[1]);
    }
    expect(
      slice(select(forward.output, 0, 0), 0, 2, 4)
        .dataSync()
        .every((y) => y === 0),
    ).toBe(true);
  });

  test('refuses an input of another width', () => {
    expect(() => make().forward(zeros([1, 2, 5]))).toThrow(
      new ShapeError(
        '[Recurrent] expected x of shape [B, T, 2] (inputSize 2), received [1, 2, 5].\nCheck the feature axis of the input, or build the layer with inputSize: 5.',
      ),
    );
  });
});

test('states of several tensors are carried each in its own shape, and padding is never looked at', () => {
  const x = tensor([
    [
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [Number.NaN, Number.POSITIVE_INFINITY],
    ],
  ]);
  const { output, state } = new Recurrent(new CountingCell()).forward(x, null, { lengths: [2, 1] });
  expect(output.toArray()).toEqual([
    [
      [1, 2],
      [4, 6],
    ],
    [
      [5, 6],
      [0, 0],
    ],
  ]);
  expect(state[0].toArray()).toEqual([
    [4, 6],
    [5, 6],
  ]);
  expect(state[1].toArray()).toEqual([[[2]], [[1]]]);
});
