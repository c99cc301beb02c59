import { describe, expect, test } from 'vitest';
import { extremes, smoothed, thinned } from './decimate.ts';
import { RunLog } from './run-log.ts';

const step = (number: number, loss = 1 / number) =>
  ({
    type: 'step',
    step: number,
    epoch: number / 10,
    loss,
    learningRate: 0.1,
    gradientNorm: 2,
    items: 5,
    itemsPerSecond: 50,
    seconds: number / 2,
  }) as const;
const start = (number: number) =>
  ({ type: 'start', step: number, epoch: 0, resumedFrom: null, totalSteps: 100, parameterCount: 7, backend: 'wasm' }) as const;

describe('a run’s log', () => {
  test('reads lines, and counts those that are no events', () => {
    const log = new RunLog();
    log.pushLines([start(0), step(1), step(2), { type: 'sample', step: 2, text: 'a\nb' }].map((event) => JSON.stringify(event)).join('\n'));
    log.pushLines('{"type":"st');
    log.pushLines(`{"type":"unheard-of"}`);
    expect([...log.columns.loss.values]).toEqual([1, 0.5]);
    expect(log.samples).toEqual([{ type: 'sample', step: 2, text: 'a\nb' }]);
    expect(log.strange).toBe(2);
  });

  test('goes back to the checkpoint that a training went on from, and time goes on', () => {
    const log = new RunLog();
    for (const event of [
      start(0),
      step(1),
      step(2),
      step(3),
      { type: 'validation', step: 3, epoch: 0, metrics: { loss: 1 }, isBest: true },
    ] as const)
      log.push(event);
    log.push(start(2));
    expect([...log.columns.step.values]).toEqual([1, 2]);
    expect(log.validations).toEqual([]);
    log.push({ ...step(3), seconds: 0.5 });
    expect([...log.columns.seconds.values]).toEqual([0.5, 1, 1.5]);
    expect(log.step).toBe(3);
  });

  test('takes a hundred thousand events in a moment’s work', () => {
    const log = new RunLog();
    for (let k = 1; k <= 100_000; k++) log.push(step(k));
    expect(log.columns.loss.length).toBe(100_000);
    expect(log.columns.loss.at(99_999)).toBe(1e-5);
  });
});

describe('long curves', () => {
  const x = Float64Array.from({ length: 10_000 }, (_, k) => k);

  test('keep their peaks', () => {
    const y = Float64Array.from(x, (k) => (k === 7123 ? 99 : Math.sin(k)));
    const { x: at, y: values } = extremes(x, y, 100);
    expect(values.length).toBeLessThanOrEqual(200);
    expect(Array.from(at)[Array.from(values).indexOf(99)]).toBe(7123);
    expect(Array.from(at)).toEqual([...Array.from(at)].sort((a, b) => a - b));
  });

  test('keep their extremes where some values are no numbers', () => {
    const y = Float64Array.from(x, (k) => (k % 3 === 0 ? Number.NaN : k));
    const { y: values } = extremes(x, y, 10);
    expect(Array.from(values).every((value) => !Number.isNaN(value))).toBe(true);
  });

  test('end where they ended', () => {
    const { x: at } = thinned(x, x, 50);
    expect([at.length, at[0], at[49]]).toEqual([50, 0, 9999]);
  });

  test('are smoothed without a pull to zero', () => {
    expect([...smoothed([4, 4, 4], 0.9)].map((value) => Number(value.toFixed(9)))).toEqual([4, 4, 4]);
    expect([...smoothed([1, 3], 0)]).toEqual([1, 3]);
  });
});
