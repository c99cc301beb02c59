/** Laws of recurrent layers, on every backend, for options, sizes, lengths and numbers at random. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add, mul } from '../../src/autograd/ops/binary.ts';
import { concat } from '../../src/autograd/ops/concat.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { select, slice, unsqueeze } from '../../src/autograd/ops/shape.ts';
import { scope } from '../../src/autograd/scope.ts';
import { backward, noGrad } from '../../src/autograd/tape.ts';
import { randomNormal, type Tensor, tensor, zeros } from '../../src/autograd/tensor.ts';
import type { Backend } from '../../src/backend/backend.ts';
import { setThreads } from '../../src/backend/select.ts';
import { Embedding } from '../../src/nn/embedding.ts';
import { GradientNorms } from '../../src/nn/gradient-norms.ts';
import { GRUCell } from '../../src/nn/gru-cell.ts';
import { LSTMCell } from '../../src/nn/lstm-cell.ts';
import { Recurrent } from '../../src/nn/recurrent.ts';
import { RNNCell } from '../../src/nn/rnn-cell.ts';
import { Random } from '../../src/tensor/random.ts';
import { onEveryBackend } from '../backends/every.ts';
import { type AnyLayer, inputOf, type LayerCase, layerCases, lengthsOf, makeLayer, stateOf } from './layers.ts';

/** Sums in another order round differently: 6e-8 in float32, which three layers of seven normalised steps make up to a thousand times larger. */
const tolerances: Readonly<Record<Backend['float'], number>> = { float32: 1e-4, float64: 1e-11 };

function expectEqual(actual: Tensor, expected: Tensor, what: string, tolerance = tolerances[actual.backend.float]): void {
  expect(actual.shape, `shape of ${what}`).toEqual(expected.shape);
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  let scale = 1;
  for (const y of b) scale = Math.max(scale, Math.abs(y));
  for (let i = 0; i < a.length; i++) {
    if (!(Math.abs(a[i] - b[i]) <= tolerance * scale)) expect.fail(`${what}: element ${i} is ${a[i]}, expected ${b[i]}`);
  }
}

function expectSameBits(actual: Tensor, expected: Tensor, what: string): void {
  expect(actual.shape, `shape of ${what}`).toEqual(expected.shape);
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) expect.fail(`${what}: element ${i} is ${a[i]}, expected ${b[i]}`);
}

interface Result {
  readonly output: Tensor;
  readonly state: readonly Tensor[];
}

function expectResultsEqual(actual: Result, expected: Result): void {
  expectEqual(actual.output, expected.output, 'output');
  for (const [i, s] of actual.state.entries()) expectEqual(s, expected.state[i], `state ${i}`);
}

/** A scalar that every element of output and state moves, each its own way. */
function objective({ output, state }: Result): Tensor {
  const rng = new Random(99);
  return [output, ...state].map((y) => sum(mul(y, randomNormal(y.shape, rng)))).reduce(add);
}

/** Output, state and every gradient, of x, the state and the parameters, by name. */
function everything(layer: AnyLayer, x: Tensor, state: readonly Tensor[] | null, lengths: readonly number[] | null): Map<string, Tensor> {
  for (const leaf of [x, ...(state ?? []), ...layer.module.parameters()]) leaf.grad = null;
  const result = scope(() => {
    const { output, state: last } = layer.forward(x, state, { lengths });
    backward(objective({ output, state: last }));
    return { output: output.detach(), last: last.map((s) => s.detach()) };
  });
  const all = new Map([
    ['output', result.output],
    ['gradient of x', x.grad!],
  ]);
  for (const [i, s] of result.last.entries()) all.set(`state ${i}`, s);
  for (const [i, s] of (state ?? []).entries()) all.set(`gradient of state ${i}`, s.grad!);
  for (const [name, p] of layer.module.namedParameters()) all.set(`gradient of ${name}`, p.grad!);
  return all;
}

function law(title: string, cases: fc.Arbitrary<LayerCase>, holds: (record: LayerCase, layer: AnyLayer) => void, numRuns = 40): void {
  test(title, () => {
    fc.assert(
      fc.property(cases, (record) => holds(record, makeLayer(record.options))),
      { numRuns },
    );
  });
}

onEveryBackend((backend) => {
  law('one call equals two calls with the state carried', layerCases({ bidirectional: false }), (record, layer) => {
    const x = inputOf(record);
    const state = stateOf(record, layer);
    const lengths = record.seed % 2 === 0 ? lengthsOf(record) : null;
    const cut = 1 + (record.seed % record.T);
    if (cut === record.T) return;
    const whole = layer.forward(x, state, { lengths });
    const first = layer.forward(slice(x, 1, 0, cut), state, { lengths: lengths?.map((length) => Math.min(length, cut)) });
    const second = layer.forward(slice(x, 1, cut, record.T), first.state, { lengths: lengths?.map((length) => Math.max(length - cut, 0)) });
    expectResultsEqual({ output: concat([first.output, second.output], 1), state: second.state }, whole);
  });

  law('step repeated equals forward', layerCases({ bidirectional: false }), (record, layer) => {
    const x = inputOf(record);
    const state = stateOf(record, layer);
    const outputs: Tensor[] = [];
    let current: readonly Tensor[] = state;
    for (let t = 0; t < record.T; t++) {
      const next = layer.step(select(x, 1, t), current);
      outputs.push(unsqueeze(next.output, 1));
      current = next.state;
    }
    expectResultsEqual({ output: concat(outputs, 1), state: current }, layer.forward(x, state));
  });

  law('a stream equals forward, and goes on from a state that was put back', layerCases({ bidirectional: false }), (record, layer) => {
    const x = inputOf(record);
    const stream = layer.module.stream({ batch: record.B });
    const run = (): Tensor[] =>
      Array.from({ length: record.T }, (_, t) =>
        tensor(stream.step(select(x, 1, t).dataSync()), { shape: [record.B, 1, layer.widths[0]] }),
      );
    const outputs = run();
    const shapes = layer.widths.map((width) => [record.options.numLayers ?? 1, record.B, width]);
    const stateNow = () => stream.state.map((values, i) => tensor(values, { shape: shapes[i] }));
    const expected = layer.forward(x);
    expectResultsEqual({ output: concat(outputs, 1), state: stateNow() }, expected);

    const memory = stream.state;
    const again = run();
    stream.state = memory;
    expectSameBits(concat(run(), 1), concat(again, 1), 'output from the same state');
    expectResultsEqual({ output: concat(again, 1), state: stateNow() }, layer.forward(x, expected.state));
    stream.reset();
    expectSameBits(concat(run(), 1), concat(outputs, 1), 'output after reset');
  });

  law('a batch equals its members alone', layerCases(), (record, layer) => {
    const [x, state, lengths] = [inputOf(record), stateOf(record, layer), lengthsOf(record)];
    const whole = layer.forward(x, state, { lengths });
    for (let b = 0; b < record.B; b++) {
      const own = state.map((s) => slice(s, 1, b, b + 1));
      const alone = layer.forward(slice(x, 0, b, b + 1), own, { lengths: [lengths[b]] });
      expectResultsEqual(alone, { output: slice(whole.output, 0, b, b + 1), state: whole.state.map((s) => slice(s, 1, b, b + 1)) });
    }
  });

  law('what stands in the padding changes no bit of outputs, states and gradients', layerCases(), (record, layer) => {
    const lengths = lengthsOf(record);
    const state = stateOf(record, layer);
    const padded = (fill: number): Tensor => {
      const values = inputOf(record).dataSync();
      const I = record.options.inputSize;
      for (const [b, length] of lengths.entries()) values.fill(fill, (b * record.T + length) * I, (b + 1) * record.T * I);
      const x = tensor(values, { shape: [record.B, record.T, I] });
      x.requiresGrad = true;
      return x;
    };
    const expected = everything(layer, inputOf(record), state, lengths);
    for (const fill of [0, -1e30, Number.NaN]) {
      for (const [name, actual] of everything(layer, padded(fill), state, lengths)) expectSameBits(actual, expected.get(name)!, name);
    }
  });

  law('a longer padding changes nothing', layerCases(), (record, layer) => {
    const [x, state, lengths] = [inputOf(record), stateOf(record, layer), lengthsOf(record)];
    const longer = concat([x, inputOf(record, 'more')], 1);
    const expected = layer.forward(x, state, { lengths });
    const actual = layer.forward(longer, state, { lengths });
    expectResultsEqual({ ...actual, output: slice(actual.output, 1, 0, record.T) }, expected);
    expect(
      slice(actual.output, 1, record.T, 2 * record.T)
        .dataSync()
        .every((y) => y === 0),
    ).toBe(true);
  });

  law('absent state equals zeros, absent lengths equal all T', layerCases(), (record, layer) => {
    const x = inputOf(record);
    const zero = stateOf(record, layer).map((s) => {
      const state = zeros(s.shape);
      state.requiresGrad = true;
      return state;
    });
    const expected = everything(layer, x, null, null);
    const actual = everything(layer, x, zero, new Array<number>(record.B).fill(record.T));
    for (const [name, y] of expected) expectSameBits(actual.get(name)!, y, name);
  });

  law('two directions equal one each way, reversed twice', layerCases({ bidirectional: true, numLayers: 1 }), (record, layer) => {
    const [x, lengths] = [inputOf(record), lengthsOf(record)];
    const oneWay = (suffix: string): AnyLayer => {
      const single = makeLayer({ ...record.options, bidirectional: false });
      for (const [name, p] of single.module.namedParameters())
        p.assign(
          layer.module
            .namedParameters()
            .get(name + suffix)!
            .dataSync(),
        );
      return single;
    };
    const forward = oneWay('').forward(x, null, { lengths });
    const reverse = oneWay('_reverse').forward(reversed(x, lengths), null, { lengths });
    expectResultsEqual(layer.forward(x, null, { lengths }), {
      output: concat([forward.output, reversed(reverse.output, lengths)], 2),
      state: forward.state.map((s, i) => concat([s, reverse.state[i]], 0)),
    });
  });

  law('time first equals batch first', layerCases(), (record, layer) => {
    const [x, state, lengths] = [inputOf(record), stateOf(record, layer), lengthsOf(record)];
    const other = makeLayer({ ...record.options, batchFirst: false });
    other.module.loadStateDict(layer.module.stateDict());
    const { output, state: last } = other.forward(transposed(x), state, { lengths });
    expectResultsEqual({ output: transposed(output), state: last }, layer.forward(x, state, { lengths }));
  });

  law('a folded embedding equals one that was looked up', layerCases(), (record, layer) => {
    const rng = new Random(record.seed);
    const V = 1 + rng.integer(6);
    const paddingIndex = rng.integer(2) === 0 ? undefined : rng.integer(V);
    const table = new Embedding({ vocabularySize: V, embeddingSize: record.options.inputSize, paddingIndex, rng });
    table.weight.assign(rng.fillNormal(new Float32Array(table.weight.size)));
    const ids = tensor(
      Int32Array.from({ length: record.B * record.T }, () => rng.integer(V)),
      { shape: [record.B, record.T], dtype: 'int32' },
    );
    const lengths = lengthsOf(record);
    const results = [true, false, 'auto' as const].map((fold) => {
      const other = makeLayer({ ...record.options, fold });
      other.module.loadStateDict(layer.module.stateDict());
      table.weight.grad = null;
      const result = scope(() => {
        const { output, state } = other.forward(table.deferred(ids), null, { lengths });
        backward(objective({ output, state }));
        return { output: output.detach(), state: state.map((s) => s.detach()) };
      });
      const gradients = [...other.module.namedParameters()].map(([name, p]) => [name, p.grad!] as const);
      return { result, gradients: [...gradients, ['table', table.weight.grad!] as const] };
    });
    for (const { result, gradients } of results) {
      expectResultsEqual(result, results[0].result);
      for (const [i, [name, g]] of gradients.entries())
        expectEqual(g, results[0].gradients[i][1], `gradient of ${name}`, 10 * tolerances[backend.float]);
    }
  });

  law('Recurrent of a cell equals the layer', layerCases({ numLayers: 1, bidirectional: false }), (record, layer) => {
    const { kind, ...options } = record.options;
    const named = new Map([...layer.module.stateDict()].map(([name, p]) => [`cell.${name.replace('_l0', '')}`, p]));
    const [x, state, lengths] = [inputOf(record), stateOf(record, layer).map((s) => select(s, 0, 0)), lengthsOf(record)];
    const expected = layer.forward(
      x,
      state.map((s) => unsqueeze(s, 0)),
      { lengths },
    );
    let actual: Result;
    if (kind === 'LSTM') {
      const loop = new Recurrent(new LSTMCell(options));
      loop.loadStateDict(named);
      actual = loop.forward(x, [state[0], state[1]], { lengths });
    } else {
      const loop = new Recurrent(kind === 'RNN' ? new RNNCell(options) : new GRUCell(options));
      loop.loadStateDict(named);
      const result = loop.forward(x, state[0], { lengths });
      actual = { output: result.output, state: [result.state] };
    }
    expectResultsEqual({ output: actual.output, state: actual.state.map((s) => unsqueeze(s, 0)) }, expected);
  });

  test('gradient norms are those of each state as a leaf', async () => {
    await fc.assert(
      fc.asyncProperty(layerCases({ numLayers: 1, bidirectional: false }), async (record) => {
        const layer = makeLayer(record.options);
        const x = inputOf(record);
        const weights = randomNormal([record.B, record.T, layer.widths[0]], new Random(3));
        const gradientNorms = new GradientNorms();
        scope(() => backward(sum(mul(layer.forward(x, null, { gradientNorms }).output, weights))));
        const norms = await gradientNorms.perStep(0);
        const perSequence = await gradientNorms.perSequence(0);
        for (let t = 0; t < record.T; t++) {
          const state = noGrad(() => layer.forward(slice(x, 1, 0, t + 1)).state).map((s) =>
            tensor(s.dataSync(), { shape: s.shape, requiresGrad: true }),
          );
          let loss = sum(mul(select(state[0], 0, 0), select(weights, 1, t)));
          if (t + 1 < record.T)
            loss = add(loss, sum(mul(layer.forward(slice(x, 1, t + 1, record.T), state).output, slice(weights, 1, t + 1, record.T))));
          backward(loss);
          const gradient = state[0].grad!.dataSync();
          const norm = Math.hypot(...gradient);
          expect(Math.abs(norms[t] - norm), `step ${t}`).toBeLessThanOrEqual(tolerances[backend.float] * Math.max(1, norm));
          const P = layer.widths[0];
          for (let b = 0; b < record.B; b++) {
            const own = Math.hypot(...gradient.subarray(b * P, (b + 1) * P));
            expect(Math.abs(perSequence[t * record.B + b] - own)).toBeLessThanOrEqual(tolerances[backend.float] * Math.max(1, own));
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  describe.skipIf(backend.name === 'reference')('threads (skipped where a backend has one only)', () => {
    const large = layerCases().map((record) => ({ ...record, B: 7 + record.B, T: 5 + record.T }));
    law(
      'any number of threads gives the same bits',
      large,
      (record, layer) => {
        const [x, state, lengths] = [inputOf(record), stateOf(record, layer), lengthsOf(record)];
        const before = backend.threads;
        try {
          const runs = [1, 2, 3].map((threads) => {
            setThreads(threads);
            return everything(layer, x, state, lengths);
          });
          for (const run of runs) for (const [name, y] of run) expectSameBits(y, runs[0].get(name)!, name);
        } finally {
          setThreads(before);
        }
      },
      30,
    );
  });
});

/** Each sequence from its end to its beginning; padding stays at the end. */
function reversed(x: Tensor, lengths: readonly number[]): Tensor {
  const [, T, width] = x.shape;
  const from = x.dataSync();
  const to = from.slice();
  for (const [b, length] of lengths.entries()) {
    for (let t = 0; t < length; t++) {
      const source = (b * T + length - 1 - t) * width;
      to.set(from.subarray(source, source + width), (b * T + t) * width);
    }
  }
  return tensor(to, { shape: x.shape });
}

function transposed(x: Tensor): Tensor {
  const [A, B, width] = x.shape;
  const from = x.dataSync();
  const to = from.slice();
  for (let a = 0; a < A; a++) {
    for (let b = 0; b < B; b++) to.set(from.subarray((a * B + b) * width, (a * B + b + 1) * width), (b * A + a) * width);
  }
  return tensor(to, { shape: [B, A, width] });
}
