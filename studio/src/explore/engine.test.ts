import { describe, expect, test } from 'vitest';
import { Engine } from './engine.ts';
import { reachOf, superscript, tellReach } from './horizon.ts';
import { cells, defaults, fromParams, toParams } from './settings.ts';

describe('the engine of Explore', () => {
  test('shows states, gates and gradients of all three cells on the text', async () => {
    const frame = await new Engine({ ...defaults, text: 'hello hello' }).look(9);
    expect(frame.T).toBe(10);
    expect(frame.tokens.join('')).toBe('hello hell');
    expect(frame.wanted.join('')).toBe('ello hello');
    expect(frame.cells.map(({ values }) => Object.keys(values).sort().join(''))).toEqual(['h', 'hnrz', 'cfghio']);
    for (const { gradient, values } of frame.cells) {
      expect([...gradient].every((norm) => norm > 0)).toBe(true);
      expect(values.h.length).toBe(160);
    }
  });

  test('a loss in the middle has no gradient after it', async () => {
    const frame = await new Engine(defaults).look(20);
    for (const { gradient } of frame.cells) {
      expect(gradient[20]).toBeGreaterThan(0);
      expect(gradient.subarray(21).every((norm) => norm === 0)).toBe(true);
    }
  });

  test('a simple RNN forgets sooner than an LSTM whose forget gate is open', async () => {
    const frame = await new Engine({ ...defaults, forgetBias: 4 }).look(1000);
    const [rnn, , lstm] = frame.cells.map(({ gradient }) => reachOf(gradient, frame.lossStep));
    expect(rnn.kind).toBe('falls');
    expect(lstm.kind).toBe('stays');
  });

  test('weights of a spectral radius of 2 let the gradient of a relu network explode', async () => {
    const frame = await new Engine({ ...defaults, weightScale: 2, activation: 'relu', lesson: 'recall', length: 60 }).look(59);
    expect(reachOf(frame.cells[0].gradient, 59).kind).toBe('grows');
  });

  test.each(['text', 'recall', 'brackets', 'sine'] as const)('all cells learn %s', async (lesson) => {
    const engine = new Engine({ ...defaults, lesson, length: 10, learningRate: 0.02 });
    for (let step = 0; step < 60; step++) engine.train();
    const { losses } = await engine.look(0);
    for (const [k, list] of losses.entries()) expect(list.at(-1)!.loss, cells[k]).toBeLessThan(0.7 * list[0].loss);
  });

  test('a training goes on at another rate', async () => {
    const engine = new Engine(defaults);
    engine.train();
    const before = await engine.look(0);
    engine.tune({ ...defaults, learningRate: 0 });
    engine.train();
    expect((await engine.look(0)).cells[2].values).toEqual(before.cells[2].values);
  });

  test('the same settings give the same numbers', async () => {
    const run = async () => {
      const engine = new Engine(defaults);
      engine.train();
      return engine.look(5);
    };
    expect(await run()).toEqual(await run());
  });
});

describe('an address', () => {
  test('gives back the settings that made it', () => {
    const settings = { ...defaults, lesson: 'brackets', forgetBias: -1.5, text: '(()) & more', seed: 3 } as const;
    expect(fromParams(new URLSearchParams(toParams(settings).toString()))).toEqual(settings);
    expect(toParams(defaults).toString()).toBe('');
  });

  test('that is out of range or nonsense gives what can be shown', () => {
    const settings = fromParams(new URLSearchParams('H=5000&lr=abc&input=nothing&forget=-99'));
    expect(settings).toEqual({ ...defaults, hiddenSize: 64, forgetBias: -4 });
  });
});

test('reach in words', () => {
  expect(tellReach('rnn', reachOf([0.001, 0.1, 1], 2))).toBe('RNN: influence falls to 1 % after 2 steps');
  expect(tellReach('lstm', reachOf([0.5, 0.7, 1], 2))).toBe('LSTM: still 50 % after all 2 steps');
  expect(tellReach('rnn', reachOf([1e6, 1e3, 1], 2))).toBe('RNN: grows 10⁶ times over 2 steps');
  expect(tellReach('gru', reachOf([0, 0], 1))).toBe('GRU: no gradient');
  expect(superscript(-12)).toBe('⁻¹²');
});
