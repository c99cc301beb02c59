import { beforeEach, describe, expect, it } from 'vitest';
import { createTrainer } from '../../test/learning/tiny-training.ts';
import { setBackend } from '../backend/select.ts';
import type { TrainingEvent } from './events.ts';
import { type TrainingJob, trainInWorker } from './train-in-worker.ts';

/** The sources as they are, TypeScript and all. */
const execArgv = ['--conditions=unrolled-source', '--import', new URL('../../test/learning/tsx-in-worker.mjs', import.meta.url).href];
const module = new URL('../../test/learning/tiny-training.ts', import.meta.url);

async function all(job: TrainingJob<unknown>, signal?: AbortSignal): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of trainInWorker({ execArgv, module, ...job }, { signal })) events.push(event);
  return events;
}

const untimed = (events: readonly TrainingEvent[]) => events.map((event) => ({ ...event, seconds: 0, itemsPerSecond: 0 }));

beforeEach(() => {
  setBackend('native');
});

describe('a training in a worker', () => {
  it('tells the same events with the same numbers as one in this thread', async () => {
    const options = { seed: 5, trainer: { maxSteps: 12, validateEvery: 5 } };
    const here: TrainingEvent[] = [];
    for await (const event of createTrainer(options).run()) here.push(event);
    expect(untimed(await all({ options }))).toEqual(untimed(here));
  });

  it('leaves the event loop free, however long a step takes', async () => {
    // Each step blocks its thread until a timer has come ten times in this one.
    const turns = new Int32Array(new SharedArrayBuffer(4));
    const timer = setInterval(() => {
      Atomics.add(turns, 0, 1);
      Atomics.notify(turns, 0);
    }, 1);
    const events = await all({ exportName: 'createBlockingTrainer', options: { turns, turnsPerStep: 10 } });
    clearInterval(timer);
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(3);
    expect(turns[0]).toBeGreaterThanOrEqual(3 * 10);
  });

  it('stops when told to', async () => {
    const abort = new AbortController();
    const events: TrainingEvent[] = [];
    for await (const event of trainInWorker(
      { execArgv, module, options: { seed: 5, trainer: { maxMinutes: 5 } } },
      { signal: abort.signal },
    )) {
      events.push(event);
      if (event.type === 'step') abort.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'aborted' });
  });

  it('passes errors on as what they are', async () => {
    const wrong = { seed: 5, trainer: { maxSteps: 0 } };
    await expect(all({ options: wrong })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('expected maxSteps'),
    });
    await expect(all({ options: {}, exportName: 'createDivergingTrainer' })).rejects.toMatchObject({
      name: 'DivergenceError',
      step: 2,
      tensor: 'loss',
    });
    await expect(all({ options: {}, exportName: 'none' })).rejects.toThrow(/to export a function "none", received undefined/);
    await expect(all({ options: {}, module: new URL('./none.ts', module) })).rejects.toThrow(/none.ts/);
    await expect(all({ options: {}, module: undefined })).rejects.toThrow('expected a module that exports createTrainer');
  });
});
