import { beforeEach, describe, expect, test } from 'vitest';
import { mean, sum } from '../autograd/ops/reduce.ts';
import { scope } from '../autograd/scope.ts';
import { backward, noGrad } from '../autograd/tape.ts';
import { randomNormal, type Tensor, zeros } from '../autograd/tensor.ts';
import { getBackend, setBackend } from '../backend/select.ts';
import { Adam } from '../optim/adam.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { LSTM, type LSTMState } from './lstm.ts';

beforeEach(() => {
  setBackend('reference');
});

const small = { inputSize: 3, hiddenSize: 4 } as const;

describe('parameters', () => {
  test('have names, shapes and order of torch.nn.LSTM', () => {
    const lstm = new LSTM({ ...small, numLayers: 2, bidirectional: true, projSize: 2 });
    const shapes = [...lstm.namedParameters()].map(([name, { shape }]) => `${name} ${shape}`);
    expect(shapes.slice(0, 7)).toEqual([
      'weight_ih_l0 16,3',
      'weight_hh_l0 16,2',
      'bias_ih_l0 16',
      'bias_hh_l0 16',
      'weight_hr_l0 2,4',
      'weight_ih_l0_reverse 16,3',
      'weight_hh_l0_reverse 16,2',
    ]);
    expect(shapes).toContain('weight_ih_l1_reverse 16,4');
    expect(shapes).toHaveLength(20);
  });

  test('of peepholes and layer normalisation follow the same style', () => {
    const lstm = new LSTM({ ...small, peepholes: true, layerNorm: true, bias: false });
    expect([...lstm.namedParameters()].map(([name, { shape }]) => `${name} ${shape}`)).toEqual([
      'weight_ih_l0 16,3',
      'weight_hh_l0 16,4',
      'weight_ln_ih_l0 16',
      'weight_ln_hh_l0 16',
      'weight_ch_l0 12',
      'weight_ln_ch_l0 4',
      'bias_ln_ch_l0 4',
    ]);
  });

  test('begin uniform within 1/√hiddenSize, the same for the same seed', () => {
    const values = (seed: number) =>
      new LSTM({ inputSize: 30, hiddenSize: 25, rng: new Random(seed) }).parameters().flatMap((p) => [...p.dataSync()]);
    const first = values(1);
    expect(Math.max(...first)).toBeLessThanOrEqual(0.2);
    expect(Math.max(...first)).toBeGreaterThan(0.199);
    expect(Math.min(...first)).toBeLessThan(-0.199);
    expect(values(1)).toEqual(first);
    expect(values(2)).not.toEqual(first);
  });

  test('forgetBias stands in bias_ih, and bias_hh has zeros there', () => {
    const named = new LSTM({ ...small, forgetBias: 1 }).namedParameters();
    expect([...named.get('bias_ih_l0')!.dataSync().slice(4, 8)]).toEqual([1, 1, 1, 1]);
    expect([...named.get('bias_hh_l0')!.dataSync().slice(4, 8)]).toEqual([0, 0, 0, 0]);
    expect(named.get('bias_hh_l0')!.dataSync()[3]).not.toBe(0);
  });

  test("an orthogonal start makes each gate's weight_hh orthonormal by itself, projected or not", () => {
    for (const [projSize, width] of [
      [0, 4],
      [3, 3],
    ]) {
      const lstm = new LSTM({ ...small, projSize, recurrentInit: 'orthogonal', rng: new Random(3) });
      const w = lstm.namedParameters().get('weight_hh_l0')!.dataSync();
      for (let gate = 0; gate < 4; gate++) {
        const columns = Array.from({ length: width }, (_, k) => Array.from({ length: 4 }, (_, r) => w[(gate * 4 + r) * width + k]));
        for (const [i, a] of columns.entries()) {
          for (const [j, b] of columns.entries()) {
            const product = a.reduce((total, x, k) => total + x * b[k], 0);
            expect(product).toBeCloseTo(i === j ? 1 : 0, 6);
          }
        }
      }
    }
  });

  test('a frozen one gets no gradient, and the others get the same', () => {
    const options = { ...small, peepholes: true, layerNorm: true, projSize: 2, rng: new Random(4) };
    const lstm = new LSTM(options);
    const x = randomNormal([2, 5, 3], new Random(5));
    const gradients = (): Map<string, Tensor | null> => {
      for (const p of lstm.parameters()) p.grad = null;
      backward(sum(lstm.forward(x).output));
      return new Map([...lstm.namedParameters()].map(([name, p]) => [name, p.grad]));
    };
    const all = gradients();
    for (const [frozen, parameter] of lstm.namedParameters()) {
      parameter.requiresGrad = false;
      for (const [name, g] of gradients()) {
        if (name === frozen) expect(g).toBeNull();
        else expect(g!.dataSync(), `${name} while ${frozen} is frozen`).toEqual(all.get(name)!.dataSync());
      }
      parameter.requiresGrad = true;
    }
  });
});

describe('what it refuses', () => {
  test.each([
    [{ projSize: 4 }, '[LSTM] expected projSize in 1…3 (below hiddenSize 4), or 0 for none, received 4.'],
    [{ projSize: -1 }, '[LSTM] expected projSize in 1…3 (below hiddenSize 4), or 0 for none, received -1.'],
    [{ hiddenSize: 0 }, '[LSTM] expected hiddenSize to be an integer of at least 1, received 0.'],
    [{ inputSize: 2.5 }, '[LSTM] expected inputSize to be an integer of at least 1, received 2.5.'],
    [{ numLayers: 0 }, '[LSTM] expected numLayers to be an integer of at least 1, received 0.'],
    [{ dropout: 1 }, '[LSTM: dropout] expected a probability in [0, 1), received 1.'],
    [{ recurrentDropout: -0.1 }, '[LSTM: recurrentDropout] expected a probability in [0, 1), received -0.1.'],
    [
      { recurrentInit: 'ortogonal' as 'orthogonal' },
      '[LSTM] unknown recurrentInit "ortogonal"; did you mean "orthogonal"? Known: uniform, orthogonal, identity.',
    ],
  ])('options %j', (options, message) => {
    expect(() => new LSTM({ ...small, ...options })).toThrow(new ConfigError(message));
  });

  test('a bidirectional step or stream', () => {
    const lstm = new LSTM({ ...small, bidirectional: true });
    const message = (method: string) =>
      `[LSTM.${method}] a bidirectional layer needs the whole sequence: its reverse direction begins at the end. Use forward, or build it with bidirectional: false.`;
    expect(() => lstm.step(zeros([1, 3]))).toThrow(new ConfigError(message('step')));
    expect(() => lstm.stream()).toThrow(new ConfigError(message('stream')));
  });

  test('a stream with dropout, a step with recurrent dropout', () => {
    const lstm = new LSTM({ ...small, recurrentDropout: 0.5 });
    expect(() => lstm.step(zeros([1, 3]))).toThrow(
      new ConfigError('[LSTM.step] recurrentDropout drops the same units through a whole sequence. Use forward, or call eval() first.'),
    );
    expect(() => lstm.stream()).toThrow(new ConfigError('[LSTM.stream] a stream has no dropout; call eval() first.'));
    expect(lstm.eval().stream().step([1, 2, 3])).toHaveLength(4);
  });

  test.each([
    [
      [2, 5, 7],
      '[LSTM] expected x of shape [B, T, 3] (inputSize 3), received [2, 5, 7].\nCheck the feature axis of the input, or build the layer with inputSize: 7.',
    ],
    [[5, 3], '[LSTM] expected x of shape [B, T, 3] (inputSize 3), received [5, 3].'],
    [[2, 0, 3], '[LSTM] expected at least one sequence of at least one step, received x of shape [2, 0, 3].'],
  ])('x of shape %j', (shape, message) => {
    expect(() => new LSTM(small).forward(zeros(shape))).toThrow(new ShapeError(message));
  });

  test('states and lengths that do not fit', () => {
    const lstm = new LSTM({ ...small, projSize: 2 });
    const x = zeros([2, 5, 3]);
    expect(() => lstm.forward(x, [zeros([1, 2, 4]), zeros([1, 2, 4])])).toThrow(
      new ShapeError('[LSTM] expected h of shape [1, 2, 2] (layers · directions, B, width), received [1, 2, 4].'),
    );
    expect(() => lstm.forward(x, null, { lengths: [1] })).toThrow(new ShapeError('[LSTM] expected 2 lengths, one a sequence, received 1.'));
    expect(() => lstm.forward(x, null, { lengths: [1, 6] })).toThrow(
      new ShapeError('[LSTM] expected lengths in 0…5 (T), received 6 for sequence 1.'),
    );
    const elsewhere = { backend: getBackend('wasm') };
    expect(() => lstm.forward(x, [zeros([1, 2, 2], elsewhere), zeros([1, 2, 4], elsewhere)])).toThrow(
      '[LSTM] expected tensors of one backend, received "reference" and "wasm". Make them under the same setBackend.',
    );
    expect(() => lstm.step(zeros([2, 5]))).toThrow(
      new ShapeError('[LSTM.step] expected x of shape [B, 3] (one instant), received [2, 5].'),
    );
  });
});

describe('dropout', () => {
  const options = { ...small, numLayers: 2, dropout: 0.5, recurrentDropout: 0.5 };
  const x = () => randomNormal([2, 4, 3], new Random(1));

  test('acts while training, and not after eval()', () => {
    const lstm = new LSTM({ ...options, rng: new Random(2) });
    const run = () => lstm.forward(x()).output.dataSync();
    expect(run()).not.toEqual(run());
    lstm.eval();
    expect(run()).toEqual(run());
    const plain = new LSTM({ ...small, numLayers: 2 });
    plain.loadStateDict(lstm.stateDict());
    expect(plain.forward(x()).output.dataSync()).toEqual(run());
  });

  test('repeats from a saved state of the generator', () => {
    const rng = new Random(2);
    const lstm = new LSTM({ ...options, rng });
    const saved = rng.state;
    const first = lstm.forward(x()).output.dataSync();
    rng.state = saved;
    expect(lstm.forward(x()).output.dataSync()).toEqual(first);
  });
});

test.each(['reference', 'wasm'] as const)('truncated training holds its memory flat on %s', (name) => {
  const backend = setBackend(name);
  const lstm = new LSTM({ ...small, numLayers: 2, rng: new Random(1) });
  const optimizer = new Adam(lstm, { learningRate: 0.01 });
  let state: LSTMState | null = null;
  const train = (steps: number): number => {
    for (let k = 0; k < steps; k++) {
      const { next } = optimizer.step(() => {
        const result = lstm.forward(randomNormal([2, 6, 3], new Random(k)), state);
        return { loss: mean(result.output), next: [result.state[0].detach(), result.state[1].detach()] as LSTMState };
      });
      state = next;
    }
    return backend.memory.bytes;
  };
  expect(train(100)).toBe(train(2));
  expect(state![0].storage.length, 'the state carries its own numbers, not the whole sequence').toBe(state![0].size);
});

test('without gradients only one layer is in memory at a time', () => {
  const backend = setBackend('reference');
  const peakOf = (numLayers: number): number => {
    const lstm = new LSTM({ inputSize: 4, hiddenSize: 4, numLayers, rng: new Random(1) });
    const run = () => scope(() => noGrad(() => lstm.forward(randomNormal([8, 50, 4], new Random(2)))));
    run(); // moves the parameters
    const before = backend.memory.bytes;
    backend.resetPeak();
    run();
    return backend.memory.peakBytes - before;
  };
  // What a layer more costs: its last state, and its output while the next one reads it.
  expect(peakOf(5)).toBeLessThan(peakOf(2) * 1.05);
});

test('gradients flow through a scope that was left', () => {
  const lstm = new LSTM({ ...small, numLayers: 2, bidirectional: true, layerNorm: true, rng: new Random(1) });
  const x = randomNormal([2, 5, 3], new Random(2), { requiresGrad: true });
  const lengths = [5, 2];
  const gradients = (run: () => void) => {
    for (const p of [x, ...lstm.parameters()]) p.grad = null;
    run();
    return [x, ...lstm.parameters()].map((p) => p.grad!.dataSync());
  };
  const within = gradients(() => scope(() => backward(sum(lstm.forward(x, null, { lengths }).output))));
  const without = gradients(() => backward(sum(lstm.forward(x, null, { lengths }).output)));
  expect(without).toEqual(within);
});
