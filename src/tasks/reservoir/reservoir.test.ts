import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { mackeyGlass, narma } from '../../reservoir/systems.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { formatModel, loadModel, parseModel } from '../../training/model-file.ts';
import { parseOptions } from '../schema.ts';
import { trainSchema } from './options.ts';
import { predictTable } from './predict.ts';
import { loadReservoir, reservoirFile, reservoirFrom } from './saved.ts';
import { evaluateReservoir } from './task.ts';
import { prepareReservoir, type ReservoirTraining, resumeReservoir } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-reservoir-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const glass = mackeyGlass(1300);
const glassFile = file('glass.txt', `${[...glass.slice(0, 1200)].join('\n')}\n`);
const quick = { hiddenSize: 80, leakRate: 0.4, inputScaling: 0.5, washout: 50, ridge: 1e-7 };

async function trained(training: ReservoirTraining, signal?: AbortSignal): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of training.run(signal === undefined ? {} : { signal })) events.push(event);
  return events;
}

describe('a series that foretells itself', () => {
  test('is learnt in one step, told in the order of a training, and goes on from where it ended', async () => {
    const out = join(folder, 'glass');
    const training = await prepareReservoir({ train: [glassFile], valid: [] }, quick, out);
    const events = await trained(training);
    expect(events.map(({ type }) => type)).toEqual(['start', 'step', 'validation', 'done']);
    expect(events[1]).toMatchObject({ step: 1, items: 1080, learningRate: 0, gradientNorm: 0 });
    expect(training.evaluate().nrmse).toBeLessThan(0.01);
    expect(readFileSync(join(out, 'events.jsonl'), 'utf8').trim().split('\n')).toHaveLength(4);

    const saved = await loadReservoir(join(out, 'model.safetensors'));
    const { columns, rows } = await predictTable(saved, null, { steps: 40 });
    expect(columns).toEqual(['step', '1']);
    rows.slice(0, 20).forEach((row, t) => {
      expect(Math.abs((row['1'] as number) - glass[1200 + t])).toBeLessThan(0.05);
    });
  });

  test('goes on from the rows of a file, the truth being given up to its end', async () => {
    const saved = reservoirFrom(await loadModel(join(folder, 'glass', 'model.safetensors')));
    const whole = await predictTable(saved, textFile(glassFile), { steps: 10 });
    const own = await predictTable(saved, null, { steps: 10 });
    // From zeros or from the training's beginning: after 1,200 rows it is the same state.
    whole.rows.forEach((row, t) => {
      expect(row['1']).toBeCloseTo(own.rows[t]['1'] as number, 3);
    });
    const early = await predictTable(saved, textOf(`${[...glass.slice(0, 700)].join('\n')}\n`, 'early'), { steps: 20 });
    early.rows.forEach((row, t) => {
      expect(Math.abs((row['1'] as number) - glass[700 + t])).toBeLessThan(0.03);
    });
  });

  test('is judged step by step, or by free runs', async () => {
    const saved = await loadReservoir(join(folder, 'glass', 'model.safetensors'));
    const stepwise = await evaluateReservoir(saved, [glassFile]);
    expect(stepwise.samples).toBe(1199 - 50);
    expect(stepwise.metrics.nrmse).toBeLessThan(0.01);
    const free = await evaluateReservoir(saved, [glassFile], { freeRun: 50 });
    expect(free.samples).toBe(50);
    expect(free.metrics.nrmse).toBeGreaterThan(stepwise.metrics.nrmse);
    expect(free.metrics.nrmse).toBeLessThan(0.3);
  });

  test('the same seed gives the same file, and what is read is what was written', async () => {
    const [a, b] = await Promise.all(
      [0, 1].map(async () => {
        const training = await prepareReservoir({ train: [glassFile], valid: [] }, quick);
        await trained(training);
        return formatModel(reservoirFile(training.saved()));
      }),
    );
    expect(b).toEqual(a);
    expect(formatModel(reservoirFile(reservoirFrom(parseModel(a))))).toEqual(a);
  });

  test('several steps ahead it is told at each row, and cannot feed itself', async () => {
    const training = await prepareReservoir({ train: [glassFile], valid: [] }, { ...quick, ahead: 6 });
    await trained(training);
    expect(training.evaluate().nrmse).toBeLessThan(0.1);
    const saved = training.saved();
    await expect(predictTable(saved, null, {})).rejects.toThrow('a free run needs ahead 1');
    const { rows } = await predictTable(saved, textFile(glassFile), {});
    expect(rows).toHaveLength(1200);
    expect(Math.abs((rows[1199]['1'] as number) - glass[1205])).toBeLessThan(0.15);
  });
});

describe('targets from inputs', () => {
  const { u, y } = narma(1500, new Random(3));
  const table = (from: number, to: number) =>
    `u,y\n${Array.from({ length: to - from }, (_, i) => `${u[from + i]},${y[from + i]}`).join('\n')}\n`;
  const train = file('narma.csv', table(0, 1200));
  const later = file('narma-later.csv', table(1100, 1500));
  const options = { ...quick, inputs: ['u'], targets: ['y'], spectralRadius: 1.1, leakRate: 0.93, inputScaling: 0.05, biasScaling: 0.75 };

  test('NARMA-10 is told at each row, from a table without targets too', async () => {
    const training = await prepareReservoir({ train: [train], valid: [later] }, options);
    await trained(training);
    expect(training.evaluate().nrmse).toBeLessThan(0.6);
    const { columns, rows } = await predictTable(training.saved(), textOf(`u\n${[...u.slice(1100)].join('\n')}\n`, 'inputs'), {});
    expect(columns).toEqual(['step', 'y']);
    const errors = rows.slice(100).map((row, i) => ((row.y as number) - y[1200 + i]) ** 2);
    expect(Math.sqrt(errors.reduce((sum, error) => sum + error, 0) / errors.length)).toBeLessThan(0.08);
    await expect(predictTable(training.saved(), null, {})).rejects.toThrow('expected a table with the inputs u');
    await expect(predictTable(training.saved(), textFile(later), { steps: 5 })).rejects.toThrow('goes as far as they do');
  });

  test('with feedback what was told is fed back; known targets stand in its place', async () => {
    const training = await prepareReservoir({ train: [train], valid: [] }, { ...options, feedbackScaling: 0.3, ridge: 1e-4 });
    await trained(training);
    const saved = training.saved();
    const known = await predictTable(saved, textFile(later), {});
    const alone = await predictTable(saved, textOf(`u\n${[...u.slice(1100)].join('\n')}\n`, 'inputs'), {});
    expect(known.rows[50].y).not.toBe(alone.rows[50].y);
    expect((await evaluateReservoir(saved, [later], { freeRun: 100 })).samples).toBe(100);
  });
});

describe('classes of sequences', () => {
  const rng = new Random(5);
  const rows = Array.from({ length: 40 }, (_, s) => {
    const phase = 6 * rng.uniform();
    const length = 20 + rng.integer(15);
    const rate = s % 2 === 0 ? 0.25 : 0.5;
    return Array.from({ length }, (_, t) => `s${s},${s % 2 === 0 ? 'slow' : 'fast'},${Math.sin(phase + rate * t) + 0.1 * rng.uniform()}`);
  }).flat();
  const train = file('waves.csv', `id,class,x\n${rows.join('\n')}\n`);
  const options = { hiddenSize: 60, sequence: 'id', label: 'class', biasScaling: 1, leakRate: 0.3, validFraction: 0.25 };

  test('are learnt, judged and told', async () => {
    const training = await prepareReservoir({ train: [train], valid: [] }, options);
    await trained(training);
    expect(training.sizes).toEqual({ train: 30, valid: 10, sequences: 30 });
    expect(training.evaluate().accuracy).toBeGreaterThanOrEqual(0.9);
    const saved = reservoirFrom(parseModel(formatModel(reservoirFile(training.saved()))));
    const { metrics, samples, report } = await evaluateReservoir(saved, [train]);
    expect(samples).toBe(40);
    expect(metrics.accuracy).toBeGreaterThan(0.95);
    expect(report).toContain('Confusion matrix');
    const { columns, rows: told } = await predictTable(saved, textFile(train), {});
    expect(columns).toEqual(['id', 'class', 'output fast', 'output slow']);
    expect(told[0]).toMatchObject({ id: 's0', class: 'slow' });
    await expect(predictTable(saved, textFile(train), { steps: 3 })).rejects.toThrow('a classification has no free run');
    await expect(predictTable(saved, null, {})).rejects.toThrow('expected sequences to classify');
  });

  test('a search finds a reservoir that tells them', async () => {
    const training = await prepareReservoir({ train: [train], valid: [] }, { ...options, biasScaling: 0, search: 9 });
    await trained(training);
    expect(training.evaluate().accuracy).toBeGreaterThanOrEqual(0.8);
  });

  test('one class, or one sequence of a class, is too little', async () => {
    const one = file('one.csv', 'id,class,x\na,up,1\nb,up,2\n');
    await expect(prepareReservoir({ train: [one], valid: [] }, { sequence: 'id', label: 'class' })).rejects.toThrow(
      'expected at least two classes',
    );
    const few = file('few.csv', 'id,class,x\na,up,1\nb,down,2\nc,down,2\n');
    await expect(prepareReservoir({ train: [few], valid: [] }, { sequence: 'id', label: 'class' })).rejects.toThrow('received 1 of "up"');
  });
});

describe('a search', () => {
  const options = { ...quick, hiddenSize: 30, search: 6, map: join(folder, 'map.svg') };

  test('tries points, more on little data than on all, and takes the best; its map is drawn', async () => {
    const training = await prepareReservoir({ train: [glassFile], valid: [] }, options, join(folder, 'search'));
    const events = await trained(training);
    const steps = events.filter(({ type }) => type === 'step');
    expect(steps).toHaveLength(6 + 2 + 1 + 1);
    expect(training.steps).toBe(10);
    const { architecture, training: how } = training.saved().config;
    expect(architecture.spectralRadius).not.toBe(0.9);
    expect(how).toMatchObject({ trials: 9 });
    const map = readFileSync(options.map, 'utf8');
    expect(map).toContain('9 trials; best nrmse');
    expect(map).toContain('spectral radius');
  });

  test('that was stopped goes on where it was, and ends in the same weights', async () => {
    const out = join(folder, 'stopped');
    const controller = new AbortController();
    const training = await prepareReservoir({ train: [glassFile], valid: [] }, options, out);
    const events: TrainingEvent[] = [];
    for await (const event of training.run({ signal: controller.signal })) {
      events.push(event);
      if (event.type === 'step' && event.step === 4) controller.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'aborted', model: null });
    const trials = readFileSync(join(out, 'trials.jsonl'), 'utf8').trim().split('\n');
    expect(trials).toHaveLength(4);
    // A line that a killed run was writing.
    writeFileSync(join(out, 'trials.jsonl'), `${trials.join('\n')}\n{"key":`);

    const resumed = await resumeReservoir(out);
    await trained(resumed);
    expect(readFileSync(join(out, 'trials.jsonl'), 'utf8').trim().split('\n')).toHaveLength(9);
    expect(readFileSync(join(out, 'model.safetensors'))).toEqual(readFileSync(join(folder, 'search', 'model.safetensors')));
  });

  test('is not taken up with other data', async () => {
    const data = file('changing.txt', readFileSync(glassFile, 'utf8'));
    const out = join(folder, 'changing');
    await prepareReservoir({ train: [data], valid: [] }, quick, out);
    file('changing.txt', `${readFileSync(glassFile, 'utf8')}0.9\n`);
    await expect(resumeReservoir(out)).rejects.toThrow('have changed since it began');
  });
});

describe('what is refused', () => {
  test.each([
    [{ washout: 2000 }, 'expected more than 2001 rows to learn from in each sequence (washout 2000, ahead 1), received 1080'],
    [{ searchFreeRun: 5 }, 'searchFreeRun: expected a search beside it'],
    [{ map: 'x.svg' }, 'map: expected a search to draw'],
    [{ search: 3, searchFreeRun: 5, ahead: 2 }, 'a free run goes one step at a time: expected ahead 1, received 2'],
    [{ label: 'class', targets: ['1'] }, 'label: a classification tells one class a sequence'],
    [{ leakRate: 0 }, 'leakRate: expected more than 0'],
    [{ targets: ['2'] }, 'unknown column "2"'],
  ])('%o', async (options, message) => {
    const error = await prepareReservoir({ train: [glassFile], valid: [] }, options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(message);
  });

  test('a model file whose parts do not fit together', async () => {
    const model = await loadModel(join(folder, 'glass', 'model.safetensors'));
    const { config, tensors } = model;
    const damaged: [object, string][] = [
      [{ architecture: { ...config.architecture, hiddenSize: 65_536 } }, 'the file holds'],
      [{ architecture: { ...config.architecture, hiddenSize: 79 } }, 'expected'],
      [
        { normalization: { inputs: { mean: [], deviation: [] }, targets: { mean: [0], deviation: [1] } } },
        'expected 1 scales of inputs, received 0',
      ],
      [{ architecture: { ...config.architecture, leakRate: 3 } }, 'leakRate'],
    ];
    for (const [change, message] of damaged) {
      const load = () => reservoirFrom({ config: { ...config, ...change }, tensors } as typeof model, 'model.safetensors');
      expect(load).toThrow(FormatError);
      expect(load).toThrow(message);
    }
    const without = new Map([...tensors].filter(([name]) => name !== 'state.h'));
    expect(() => reservoirFrom({ config, tensors: without } as typeof model)).toThrow('expected the state at the end of the training');
  });

  test('every option says what it is', () => {
    expect(parseOptions(trainSchema(), {})).toMatchObject({ hiddenSize: 300, search: 0 });
  });
});
