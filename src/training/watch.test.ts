/** Looks inside a training: they change nothing, say what is so, and lead to advice. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createTrainer, tinyTraining } from '../../test/learning/tiny-training.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { ones, type Tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import type { BatchSource } from '../data/batch-source.ts';
import { Linear } from '../nn/linear.ts';
import { Module } from '../nn/module.ts';
import type { RecurrenceStatistics } from '../nn/recurrence-statistics.ts';
import { RNN } from '../nn/rnn.ts';
import { SGD } from '../optim/sgd.ts';
import { Adviser } from './advice.ts';
import type { ParameterStatistics, TrainingEvent, WatchEvent } from './events.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';

beforeEach(() => {
  setBackend('native');
});

async function all(trainer: { run(): AsyncIterable<TrainingEvent> }): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of trainer.run()) events.push(event);
  return events;
}
const watches = (events: readonly TrainingEvent[]) => events.filter((event): event is WatchEvent => event.type === 'watch');

describe('a watched training', () => {
  it.each([1, 2])('ends in the same weights, to the bit, as one that is not; %i batches a step', async (accumulate) => {
    const run = async (more: Partial<TrainerOptions>) => {
      const training = tinyTraining({ seed: 4 });
      const events = await all(new Trainer(training, { maxSteps: 12, validateEvery: 6, accumulate, ...more }));
      return { events, weights: [...training.model.stateDict()] };
    };
    const [plain, watched] = [await run({}), await run({ watchEvery: 5 })];
    expect(watched.weights).toEqual(plain.weights);
    expect(watches(plain.events)).toEqual([]);
    expect(watches(watched.events).map(({ step }) => step)).toEqual([1, 5, 10]);
    const types = watched.events.map(({ type }) => type);
    expect(types[types.indexOf('watch') - 1]).toBe('step');
  });

  it('tells of every recurrent layer and every parameter, under its name', async () => {
    const training = tinyTraining({ seed: 4 });
    const [seen] = watches(await all(new Trainer(training, { maxSteps: 1, watchEvery: 1 })));
    expect(seen.layers.map(({ module, layer, direction, cell, steps }) => [module, layer, direction, cell, steps])).toEqual([
      ['lstm', 0, 'forward', 'LSTM', 9],
      ['lstm', 1, 'forward', 'LSTM', 9],
    ]);
    expect(seen.parameters.map(({ name }) => name)).toEqual([...training.model.namedParameters().keys()]);
    expect(JSON.parse(JSON.stringify(seen))).toEqual(seen);
  });

  it('has the same numbers when a step is made of several batches', async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(async (accumulate) =>
        watches(await all(createTrainer({ seed: 4, dropout: 0, trainer: { maxSteps: 1, watchEvery: 1, accumulate } }))),
      ),
    );
    expect(two[0].layers).toEqual(one[0].layers); // of the first batch, undivided
  });

  it('measures updates: a gradient of 2 and a rate of 0.1 move a weight of 4 by a twentieth', async () => {
    const [seen] = watches(await all(new Trainer(descent(), { maxSteps: 1, watchEvery: 1 })));
    expect(seen.parameters.find(({ name }) => name === 'head.weight')).toEqual({
      name: 'head.weight',
      norm: 4,
      gradientNorm: 2, // ∂/∂w of w·h over a batch of two, h = 1
      updateRatio: 0.05,
    });
    expect(seen.parameters.find(({ name }) => name === 'head.bias')).toMatchObject({ norm: 0, gradientNorm: 2, updateRatio: null });
  });

  it('warns, once, of a gradient that explodes through time', async () => {
    const events = await all(new Trainer(descent({ growth: 2, steps: 15, learningRate: 1e-12 }), { maxSteps: 6, watchEvery: 1 }));
    const warnings = events.filter((event) => event.type === 'warning' && event.message.startsWith('rnn, '));
    expect(warnings).toEqual([
      {
        type: 'warning',
        step: 3,
        message: `rnn, layer 1 (RNN): gradient norm grew 2e4x between t=14 and t=0: clip it (clipNorm), lower the learning rate, or begin with an orthogonal recurrence (recurrentInit: 'orthogonal').`,
      },
    ]);
  });

  it('tells nothing of a model without recurrent layers', async () => {
    class Flat extends Module {
      readonly head = this.child('head', new Linear({ inputSize: 1, outputSize: 1 }));
    }
    const model = new Flat();
    const loss = () => ({ loss: sum(model.head.forward(ones([1, 1]))), items: 1 });
    const training = { model, optimizer: new SGD(model, { learningRate: 0.1 }), batches: endless, loss };
    expect(watches(await all(new Trainer(training, { maxSteps: 3, watchEvery: 1 })))).toEqual([]);
  });

  it('refuses an interval that is none', () => {
    expect(() => createTrainer({ seed: 1, trainer: { maxSteps: 1, watchEvery: 0 } })).toThrow(
      '[Trainer] expected watchEvery to be a whole number ≥ 1, received 0.',
    );
  });
});

const endless: BatchSource<null> = {
  epoch: 0,
  batchesPerEpoch: 1000,
  next: () => null,
  position: () => ({ epoch: 0, index: 0 }),
  seek: () => undefined,
};

/** One relu unit that multiplies its state by `growth` and begins at 1; the loss is 4 times its last state. */
function descent({ growth = 1, steps = 3, learningRate = 0.1 } = {}) {
  class Unit extends Module {
    readonly rnn = this.child(
      'rnn',
      new RNN({ inputSize: 1, hiddenSize: 1, activation: 'relu', bias: false, recurrentInit: (v) => v.fill(growth) }),
    );
    readonly head = this.child('head', new Linear({ inputSize: 1, outputSize: 1 }));
    forward(x: Tensor, h: Tensor): Tensor {
      return this.head.forward(this.rnn.forward(x, h).state);
    }
  }
  const model = new Unit();
  model.rnn.namedParameters().get('weight_ih_l0')!.assign([0]);
  model.head.weight.assign([4]);
  model.head.bias!.assign([0]);
  const loss = () => ({ loss: sum(model.forward(ones([2, steps, 1]), ones([1, 2, 1]))), items: 2 });
  return { model, optimizer: new SGD(model, { learningRate }), batches: endless, loss };
}

describe('advice', () => {
  const layer: RecurrenceStatistics = {
    module: 'rnn',
    layer: 1,
    direction: 'forward',
    cell: 'LSTM',
    hiddenSize: 64,
    steps: 81,
    times: [0, 80],
    gradientNorms: [1, 1],
    growth: 1,
    gates: { i: { mean: 0.5, shut: 0, open: 0 }, f: { mean: 0.7, shut: 0, open: 0.2 }, o: { mean: 0.5, shut: 0, open: 0 } },
    deadUnits: 0,
    saturatedStates: 0,
  };
  const parameter: ParameterStatistics = { name: 'rnn.weight_hh_l1', norm: 3, gradientNorm: 0.2, updateRatio: 1e-3 };
  const told = (change: Partial<RecurrenceStatistics>, update: Partial<ParameterStatistics> = {}, times = 3): string[] => {
    const adviser = new Adviser();
    const event: WatchEvent = { type: 'watch', step: 1, layers: [{ ...layer, ...change }], parameters: [{ ...parameter, ...update }] };
    return Array.from({ length: times }, () => adviser.seen(event)).flat();
  };

  it('is silent where all is well, also on a forget gate that stays open', () => {
    expect(told({ gates: { ...layer.gates, f: { mean: 0.99, shut: 0, open: 1 } } })).toEqual([]);
  });

  it.each<[string, Partial<RecurrenceStatistics>, Partial<ParameterStatistics>, string]>([
    ['a gradient that grows', { growth: 12_345 }, {}, 'rnn, layer 2 (LSTM): gradient norm grew 1e4x between t=80 and t=0: clip it'],
    ['a gradient that vanishes', { growth: 3e-7 }, {}, 'gradient norm fell to 3e-7 of itself between t=80 and t=0: what lies that far'],
    ['one that is gone', { growth: 0 }, {}, 'gradient norm fell to nothing between'],
    ['the same in a simple network', { growth: 0, cell: 'RNN' }, {}, 'take an LSTM or a GRU'],
    ['the reverse direction', { growth: 1e6, direction: 'reverse' }, {}, '(LSTM, reverse): gradient norm grew 1e6x between t=0 and t=80'],
    [
      'a shut gate',
      { gates: { f: { mean: 0, shut: 0.97, open: 0 } } },
      {},
      'gate f is shut in 97 % of all cases, so nothing is remembered',
    ],
    ['dead units', { deadUnits: 0.75 }, {}, '75 % of its 64 units never move: lower the learning rate'],
    ['saturated states', { saturatedStates: 0.9 }, {}, '90 % of its states are saturated'],
    ['large updates', {}, { updateRatio: 0.4 }, 'rnn.weight_hh_l1: a single update changed it by 40 %'],
  ])('on %s', (_, change, update, message) => {
    const messages = told(change, update, 5);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(message);
  });

  it('waits until something has held for three looks in a row', () => {
    const adviser = new Adviser();
    const event = (growth: number): WatchEvent => ({ type: 'watch', step: 1, layers: [{ ...layer, growth }], parameters: [] });
    const growths = [1e5, 1e5, 1, 1e5, 1e5, 1e5];
    expect(growths.map((growth) => adviser.seen(event(growth)).length)).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it('does not judge biases by their updates: they begin near 0', () => {
    expect(told({}, { name: 'rnn.bias_hh_l1', updateRatio: 3 })).toEqual([]);
  });
});
