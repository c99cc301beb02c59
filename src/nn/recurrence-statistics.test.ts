/** What a recorder tells of a run is what the equations say of weights that were chosen for it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { add, mul } from '../autograd/ops/binary.ts';
import { tanh } from '../autograd/ops/elementwise.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { select } from '../autograd/ops/shape.ts';
import { backward } from '../autograd/tape.ts';
import { ones, randomNormal, type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { Random } from '../tensor/random.ts';
import { AttentionDecoder } from './attention-decoder.ts';
import { GradientNorms } from './gradient-norms.ts';
import { GRU } from './gru.ts';
import { Linear } from './linear.ts';
import { LSTM } from './lstm.ts';
import { LSTMCell } from './lstm-cell.ts';
import { Module } from './module.ts';
import { glance, RecurrenceRecorder } from './recurrence-statistics.ts';
import { watchRecurrences } from './recurrence-watch.ts';
import { type Cell, Recurrent } from './recurrent.ts';
import { RNN } from './rnn.ts';

beforeEach(() => {
  setBackend('reference');
});

function recorded(model: Module, loss: () => Tensor, recorder = new RecurrenceRecorder()) {
  watchRecurrences(recorder, () => backward(loss()));
  return recorder.read(model.namedParameters());
}

/** Sets each gate's bias, so far from 0 that nothing else matters. */
function setGates(layer: LSTM | GRU, biases: readonly number[]): void {
  const H = layer.options.hiddenSize;
  const named = layer.namedParameters();
  for (const [name, p] of named) if (!name.startsWith('weight_ih')) p.assign(new Float64Array(p.size));
  named.get('bias_ih_l0')!.assign(biases.flatMap((bias) => new Array<number>(H).fill(bias)));
}

describe('gradients', () => {
  test('of a network that halves its state fall by half a step, and the growth says how much in all', () => {
    const rnn = new RNN({ inputSize: 1, hiddenSize: 2, activation: 'relu', bias: false, recurrentInit: (v) => v.set([0.5, 0, 0, 0.5]) });
    rnn.namedParameters().get('weight_ih_l0')!.assign([1, 1]);
    const [seen] = recorded(rnn, () => sum(select(rnn.forward(ones([1, 5, 1])).output, 1, -1)));
    expect(seen).toMatchObject({ module: '', layer: 0, direction: 'forward', cell: 'RNN', hiddenSize: 2, steps: 5, growth: 1 / 16 });
    expect(seen.times).toEqual([0, 1, 2, 3, 4]);
    seen.gradientNorms.forEach((norm, t) => {
      expect(norm).toBeCloseTo(Math.SQRT2 / 2 ** (4 - t), 3);
    });
  });

  test('are those of GradientNorms in every layer and direction, also with lengths, and whoever calls the layers', async () => {
    const lstm = new LSTM({ inputSize: 3, hiddenSize: 4, numLayers: 2, bidirectional: true, rng: new Random(1) });
    const x = randomNormal([3, 6, 3], new Random(2));
    const gradientNorms = new GradientNorms();
    const seen = recorded(lstm, () => sum(mul(lstm.forward(x, null, { lengths: [6, 2, 4], gradientNorms }).output, 0.3)));
    expect(seen.map(({ layer, direction }) => `${layer} ${direction}`)).toEqual(['0 forward', '0 reverse', '1 forward', '1 reverse']);
    for (const [k, { gradientNorms: norms }] of seen.entries()) {
      const expected = await gradientNorms.perStep(k >> 1, k & 1);
      norms.forEach((norm, t) => {
        expect(norm / expected[t]).toBeCloseTo(1, 3); // told with four digits
      });
    }
  });

  test('of sequences that end early set out where these end', () => {
    const rnn = new RNN({ inputSize: 1, hiddenSize: 1, activation: 'relu', bias: false, recurrentInit: (v) => v.fill(0.5) });
    rnn.namedParameters().get('weight_ih_l0')!.assign([1]);
    const [seen] = recorded(rnn, () => sum(rnn.forward(ones([3, 9, 1]), null, { lengths: [9, 4, 4] }).state));
    expect(seen.growth).toBe(1 / 8); // the median: of the two that have four steps
  });

  test('of a cell of operations are those of the kernel', () => {
    const rnn = new RNN({ inputSize: 3, hiddenSize: 4, bias: false, rng: new Random(4) });
    class Elman extends Module implements Cell<Tensor> {
      readonly options = { inputSize: 3 };
      readonly ih = this.child('ih', new Linear({ inputSize: 3, outputSize: 4, bias: false }));
      readonly hh = this.child('hh', new Linear({ inputSize: 4, outputSize: 4, bias: false }));
      initialState = (batch: number): Tensor => zeros([batch, 4]);
      step(x: Tensor, before: Tensor) {
        const h = tanh(add(this.ih.forward(x), this.hh.forward(before)));
        return { output: h, state: h };
      }
    }
    const own = new Recurrent(new Elman());
    const weights = rnn.namedParameters();
    own.cell.namedParameters().get('ih.weight')!.assign(weights.get('weight_ih_l0')!.dataSync());
    own.cell.namedParameters().get('hh.weight')!.assign(weights.get('weight_hh_l0')!.dataSync());
    const x = randomNormal([2, 5, 3], new Random(3));
    const lengths = [5, 3];
    const [expected] = recorded(rnn, () => sum(mul(rnn.forward(x, null, { lengths }).output, 0.7)));
    const [seen] = recorded(own, () => sum(mul(own.forward(x, null, { lengths }).output, 0.7)));
    expect(seen).toEqual({ ...expected, cell: 'Elman', gradientNorms: seen.gradientNorms, growth: seen.growth });
    expect(seen.growth).toBeCloseTo(expected.growth!, 3);
    seen.gradientNorms.forEach((norm, t) => {
      expect(norm).toBeCloseTo(expected.gradientNorms[t], 2);
    });
  });

  test('of a cell of the library in a loop are those of the layer', () => {
    const lstm = new LSTM({ inputSize: 3, hiddenSize: 4, rng: new Random(4) });
    const cell = new LSTMCell({ inputSize: 3, hiddenSize: 4 });
    cell.loadStateDict(new Map([...lstm.stateDict()].map(([name, entry]) => [name.replace('_l0', ''), entry])));
    const loop = new Recurrent(cell);
    const x = randomNormal([2, 5, 3], new Random(3));
    const lengths = [5, 3];
    const [expected] = recorded(lstm, () => sum(mul(lstm.forward(x, null, { lengths }).output, 0.7)));
    const [seen] = recorded(loop, () => sum(mul(loop.forward(x, null, { lengths }).output, 0.7)));
    expect(seen).toMatchObject({ module: 'cell', cell: 'LSTMCell', steps: 5 });
    expect(seen.gradientNorms).toEqual(expected.gradientNorms);
    expect(seen.growth).toBe(expected.growth);
  });

  test('of a scaled loss are told as those of the loss', () => {
    const gru = new GRU({ inputSize: 1, hiddenSize: 2, rng: new Random(1) });
    const recorder = new RecurrenceRecorder();
    watchRecurrences(recorder, () => backward(mul(sum(gru.forward(ones([1, 3, 1])).output), 0.25)));
    const [seen] = recorder.read(gru.namedParameters(), 0.25);
    const [plain] = recorded(gru, () => sum(gru.forward(ones([1, 3, 1])).output));
    expect(seen).toEqual(plain);
  });
});

describe('gates', () => {
  const far = 9;
  const x = () => randomNormal([4, 6, 2], new Random(5));

  test('of an LSTM that are pushed open or shut are told so, each under its letter', () => {
    const lstm = new LSTM({ inputSize: 2, hiddenSize: 3, rng: new Random(6) });
    setGates(lstm, [far, -far, 0, -far]);
    lstm.namedParameters().get('weight_ih_l0')!.assign(new Float64Array(24));
    const [{ gates }] = recorded(lstm, () => sum(lstm.forward(x()).output));
    expect(gates).toEqual({
      i: { mean: 0.9999, shut: 0, open: 1 },
      f: { mean: 0.0001234, shut: 1, open: 0 },
      o: { mean: 0.0001234, shut: 1, open: 0 },
    });
  });

  test('of a GRU likewise, its candidate not being one', () => {
    const gru = new GRU({ inputSize: 2, hiddenSize: 3, rng: new Random(6) });
    setGates(gru, [0, far, far]);
    gru.namedParameters().get('weight_ih_l0')!.assign(new Float64Array(18));
    const [{ gates }] = recorded(gru, () => sum(gru.forward(x()).output));
    expect(gates).toEqual({ r: { mean: 0.5, shut: 0, open: 0 }, z: { mean: 0.9999, shut: 0, open: 1 } });
  });

  test("past a sequence's length do not count", () => {
    const lstm = new LSTM({ inputSize: 2, hiddenSize: 3, rng: new Random(6) });
    setGates(lstm, [far, far, 0, far]);
    const [{ gates }] = recorded(lstm, () => sum(lstm.forward(x(), null, { lengths: [6, 1, 1, 1] }).output));
    expect(gates.f).toMatchObject({ shut: 0, open: 1 });
  });
});

describe('units', () => {
  test('that never move are dead', () => {
    const rnn = new RNN({ inputSize: 2, hiddenSize: 4, activation: 'relu', recurrentInit: (v) => v.fill(0), rng: new Random(1) });
    rnn.namedParameters().get('weight_ih_l0')!.assign([1, 0, 0, 1, 0, 0, 1, 1]);
    rnn.namedParameters().get('bias_ih_l0')!.assign([0, 0, -5, -50]);
    const [{ deadUnits, saturatedStates }] = recorded(rnn, () => sum(rnn.forward(randomNormal([3, 20, 2], new Random(2))).output));
    expect(deadUnits).toBe(0.5);
    expect(saturatedStates).toBeNull(); // relu has no bound
  });

  test('at a bound are saturated', () => {
    const rnn = new RNN({ inputSize: 1, hiddenSize: 2, recurrentInit: (v) => v.fill(0) });
    for (const p of rnn.parameters()) p.assign(new Float64Array(p.size));
    rnn.namedParameters().get('weight_ih_l0')!.assign([50, 0.1]);
    const x = tensor([[[1], [-1], [0.5], [0.2]]]);
    const [{ saturatedStates, deadUnits }] = recorded(rnn, () => sum(rnn.forward(x).output));
    expect(saturatedStates).toBe(0.5);
    expect(deadUnits).toBeNull(); // four steps are too few to say
  });
});

test('a glance reads a part, and tells of the whole time', () => {
  setBackend('native');
  const lstm = new LSTM({ inputSize: 2, hiddenSize: 64, forgetBias: 1, rng: new Random(1) });
  const x = randomNormal([16, 200, 2], new Random(2));
  const loss = () => sum(lstm.forward(x).output);
  const [all] = recorded(lstm, loss);
  const [some] = recorded(lstm, loss, new RecurrenceRecorder(glance));
  expect(some.times).toHaveLength(48);
  expect([some.times[0], some.times.at(-1)]).toEqual([0, 199]);
  some.times.forEach((t, k) => {
    expect(some.gradientNorms[k]).toBe(all.gradientNorms[t]);
  });
  for (const gate of ['i', 'f', 'o'] as const) expect(some.gates[gate]!.mean).toBeCloseTo(all.gates[gate]!.mean, 2);
});

test('a decoder with attention tells of its gates, and not of gradients', () => {
  const decoder = new AttentionDecoder({ inputSize: 2, hiddenSize: 3, memorySize: 2, rng: new Random(1) });
  const named = decoder.namedParameters();
  for (const name of ['weight_ih', 'weight_hh', 'weight_context', 'bias_hh'])
    named.get(name)!.assign(new Float64Array(named.get(name)!.size));
  named.get('bias_ih')!.assign([9, 9, 9, -9, -9, -9, 0, 0, 0, 9, 9, 9]);
  const memory = decoder.attention.memory(randomNormal([2, 4, 2], new Random(2)));
  const [seen] = recorded(decoder, () => sum(decoder.forward(randomNormal([2, 5, 2], new Random(3)), memory).output));
  expect(seen).toMatchObject({ cell: 'LSTMCell', steps: 5, times: [], gradientNorms: [], growth: null });
  expect(seen.gates).toMatchObject({ i: { open: 1 }, f: { shut: 1 }, o: { open: 1 } });
});

test('cells are named by their place in the model', () => {
  class Decoder extends Module {
    readonly cell = this.child('decoder', new LSTMCell({ inputSize: 1, hiddenSize: 2, rng: new Random(1) }));
  }
  const model = new Decoder();
  const [seen] = recorded(model, () => {
    let state = model.cell.forward(ones([2, 1]));
    for (let t = 1; t < 4; t++) state = model.cell.forward(ones([2, 1]), state);
    return sum(state[0]);
  });
  expect(seen).toMatchObject({ module: 'decoder', cell: 'LSTMCell', steps: 4, times: [0, 1, 2, 3] });
  expect(seen.gradientNorms[3]).toBe(2); // of the sum of 2·2 numbers
  expect(seen.growth).toBeLessThan(1);
});
