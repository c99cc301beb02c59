import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTrainer, tinyRun, tinyTraining } from '../../test/learning/tiny-training.ts';
import { mul } from '../autograd/ops/binary.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import type { BackendName } from '../backend/backend.ts';
import { getBackend, setBackend } from '../backend/select.ts';
import { BatchCounter, type BatchSource } from '../data/batch-source.ts';
import { BatchNorm2d } from '../nn/batch-norm2d.ts';
import { Module } from '../nn/module.ts';
import { ReduceOnPlateau } from '../optim/reduce-on-plateau.ts';
import { SGD } from '../optim/sgd.ts';
import { WeightAverage } from '../optim/weight-average.ts';
import { Random } from '../tensor/random.ts';
import type { StepEvent, TrainingEvent } from './events.ts';
import { loadModel } from './model-file.ts';
import { RunFolder } from './run-folder.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';
import type { Training } from './training.ts';

let folder: string;

beforeEach(() => {
  setBackend('native');
  folder = mkdtempSync(join(tmpdir(), 'unrolled-training-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function all(trainer: Pick<Trainer<never>, 'run'>, signal?: AbortSignal): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of trainer.run({ signal })) events.push(event);
  return events;
}

const ofType = <K extends TrainingEvent['type']>(events: readonly TrainingEvent[], type: K) =>
  events.filter((event): event is Extract<TrainingEvent, { type: K }> => event.type === type);

/** Everything but clocks, and where checkpoints are. */
const told = (events: readonly TrainingEvent[]) =>
  events
    .map((event) => ({ ...event, seconds: 0, itemsPerSecond: 0, file: 0, model: 0 }))
    .filter(({ type }) => type !== 'start' && type !== 'checkpoint');

/** Losses are given: batch i has the loss `values[i]` whatever is learnt, and validation says `validations` one after another. */
class Scripted extends Module {
  readonly w = this.parameter('w', [1], (values) => values.fill(1));
}

function scripted(
  validations: readonly number[],
  more: Partial<Omit<Training<number>, 'model'>> = {},
): Training<number> & { readonly model: Scripted } {
  const model = new Scripted();
  let index = 0;
  let epoch = 0;
  let validated = 0;
  const batches: BatchSource<number> = {
    get epoch() {
      return epoch;
    },
    batchesPerEpoch: 5,
    next: () => {
      const batch = index++;
      if (index === 5) {
        index = 0;
        epoch++;
      }
      return batch;
    },
    position: () => ({ epoch, index }),
    seek: (position) => {
      ({ epoch, index } = position);
    },
  };
  return {
    model,
    optimizer: new SGD(model, { learningRate: 0.5 }),
    batches,
    loss: () => ({ loss: sum(mul(model.w, tensor([1]))), items: 3 }), // each step takes 0.5 from w
    evaluate: () => ({ loss: validations[validated++] }),
    ...more,
  };
}

/** A batch normalisation alone, its weights and statistics averaged; batch i is always the same numbers. */
function normalising(): Training<number> & { readonly model: BatchNorm2d } {
  const model = new BatchNorm2d({ numFeatures: 3 });
  const counter = new BatchCounter(4);
  const loss = (batch: number) => {
    const y = model.forward(randomNormal([2, 3, 2, 2], new Random(batch)));
    return sum(mul(y, y));
  };
  return {
    model,
    optimizer: new SGD(model, { learningRate: 0.01 }),
    batches: {
      get epoch() {
        return counter.epoch;
      },
      batchesPerEpoch: counter.batchesPerEpoch,
      next: () => counter.take().index,
      position: () => counter.position(),
      seek: (position) => counter.seek(position),
    },
    loss: (batch) => ({ loss: loss(batch), items: 2 }),
    evaluate: () => ({ loss: loss(9).item() }),
    average: new WeightAverage(model, { decay: 0.8 }),
  };
}

describe('a training', () => {
  it('tells each step, and ends at its limit with the weights of the best validation', async () => {
    const training = scripted([3, 1, 2, 4]);
    const events = await all(new Trainer(training, { maxSteps: 8, validateEvery: 2 }));
    expect(events.map(({ type }) => type).join(' ')).toBe(
      'start step step validation step step validation step step validation step step validation done',
    );
    expect(
      ofType(events, 'step').map(({ step, epoch, loss, items, learningRate, gradientNorm }) => [
        step,
        epoch,
        loss,
        items,
        learningRate,
        gradientNorm,
      ]),
    ).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((step) => [step, step / 5, 1 - 0.5 * (step - 1), 3, 0.5, 1]));
    expect(ofType(events, 'validation').map(({ metrics, isBest }) => [metrics.loss, isBest])).toEqual([
      [3, true],
      [1, true],
      [2, false],
      [4, false],
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'steps', step: 8, best: { step: 4, metrics: { loss: 1 } } });
    expect(training.model.w.item()).toBe(-1); // after step 4
  });

  it('validates at the end of each epoch when not told otherwise, and at the end', async () => {
    const events = await all(new Trainer(scripted([3, 2, 1, 0]), { maxSteps: 12 }));
    expect(ofType(events, 'validation').map(({ step }) => step)).toEqual([5, 10, 12]);
  });

  it('stops early when nothing improves', async () => {
    const training = scripted([5, 4, 4.5, 4, 4.2, 1]);
    const events = await all(new Trainer(training, { maxSteps: 100, validateEvery: 1, patience: 3 }));
    expect(events.at(-1)).toMatchObject({ reason: 'early-stopping', step: 5, best: { step: 2 } });
    expect(training.model.w.item()).toBe(0);
  });

  it('follows the metric it is told to', async () => {
    let n = 0;
    const evaluate = () => ({ loss: 0, accuracy: [0.5, 0.9, 0.7][n++] });
    const monitor = { metric: 'accuracy', mode: 'max' } as const;
    const events = await all(new Trainer(scripted([], { evaluate }), { maxSteps: 3, validateEvery: 1, monitor }));
    expect(events.at(-1)).toMatchObject({ best: { step: 2, metrics: { loss: 0, accuracy: 0.9 } } });
    const wrong = new Trainer(scripted([1]), { maxSteps: 1, monitor });
    await expect(all(wrong)).rejects.toThrow('expected evaluate to return "accuracy", which is monitored; received loss');
  });

  it('adds the gradients of several batches up to their mean', async () => {
    const training = scripted([]);
    const events = await all(new Trainer({ ...training, evaluate: undefined }, { maxEpochs: 2, accumulate: 5 }));
    expect(ofType(events, 'start')[0].totalSteps).toBe(2);
    expect(ofType(events, 'step').map(({ loss, items, epoch }) => [loss, items, epoch])).toEqual([
      [1, 15, 1],
      [0.5, 15, 2],
    ]);
    expect(training.model.w.item()).toBe(0);
    expect(events.at(-1)).toMatchObject({ reason: 'epochs', best: null });
  });

  it('lowers the learning rate on a plateau', async () => {
    const events = await all(
      new Trainer(scripted([5, 5, 5, 5, 5, 5], { plateau: new ReduceOnPlateau({ factor: 0.1, patience: 1 }) }), {
        maxSteps: 6,
        validateEvery: 1,
      }),
    );
    expect(ofType(events, 'step').map(({ learningRate }) => learningRate)).toEqual(
      [0.5, 0.5, 0.5, 0.05, 0.05, 0.005].map((rate) => expect.closeTo(rate, 12)),
    );
  });

  it('carries the state of a stream from window to window, without its history', async () => {
    const training = tinyTraining({ seed: 1, dropout: 0 });
    const carried: (number[] | null)[] = [];
    const loss: typeof training.loss = (batch, state) => {
      carried.push(state === null ? null : [...state[0].dataSync()]);
      expect(state?.every(({ node, requiresGrad }) => node === null && !requiresGrad) ?? true).toBe(true);
      return training.loss(batch, state);
    };
    await all(new Trainer({ ...training, loss, evaluate: undefined }, { maxSteps: 3 }));
    expect(carried[0]).toBeNull();
    expect(carried[1]).not.toEqual(carried[2]);
  });

  it('samples in evaluation mode, after validation or as often as it is told', async () => {
    const seen: [number, boolean][] = [];
    const training = scripted([2, 1]);
    const sample = (step: number) => {
      seen.push([step, training.model.isTraining]);
      return `text ${step}`;
    };
    const events = await all(new Trainer({ ...training, sample }, { maxSteps: 4, validateEvery: 2, sampleEvery: 3 }));
    expect(seen).toEqual([[3, false]]);
    expect(ofType(events, 'sample')).toEqual([{ type: 'sample', step: 3, text: 'text 3' }]);
    expect(training.model.isTraining).toBe(true);
  });

  it('lets the host live: a timer ticks while it trains', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await all(new Trainer(tinyTraining({ seed: 1 }), { maxSteps: 100, validateEvery: 50 }));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
  });

  it('holds its memory flat', async () => {
    const { memory } = getBackend();
    const bytes: number[] = [];
    for await (const event of new Trainer(tinyTraining({ seed: 1 }), { maxSteps: 300, validateEvery: 50 }).run()) {
      if (event.type === 'step' && event.step % 100 === 0) bytes.push(memory.bytes);
    }
    expect(bytes[2]).toBeLessThanOrEqual(bytes[0]);
  });

  it('runs once', async () => {
    const trainer = new Trainer(scripted([1]), { maxSteps: 1 });
    await all(trainer);
    await expect(all(trainer)).rejects.toThrow('this training has run; make another Trainer');
  });

  it('refuses options that cannot be', () => {
    const wrong: [TrainerOptions, string, Partial<Omit<Training<number>, 'model'>>?][] = [
      [{}, 'expected an end: maxSteps, maxEpochs or maxMinutes'],
      [{ maxSteps: 0 }, 'expected maxSteps to be a whole number ≥ 1, received 0'],
      [{ maxMinutes: -1 }, 'expected maxMinutes > 0, received -1'],
      [{ maxSteps: 1, patience: 1 }, 'need validation', { evaluate: undefined }],
      [
        { maxSteps: 1 },
        'a schedule or ReduceOnPlateau, received both',
        { plateau: new ReduceOnPlateau(), optimizer: new SGD(new Scripted(), { learningRate: () => 1 }) },
      ],
    ];
    for (const [options, message, more] of wrong) expect(() => new Trainer(scripted([], more), options)).toThrow(message);
  });
});

describe('a training in a folder', () => {
  const options = { maxSteps: 40, validateEvery: 10, checkpointEvery: 7 };
  const run = () => join(folder, 'run');

  it('leaves config, events, the last two checkpoints and the best, and the model', async () => {
    const events = await all(await tinyRun(run(), true, options));
    expect(JSON.parse(readFileSync(join(run(), 'config.json'), 'utf8'))).toEqual({ seed: 3 });
    const lines = readFileSync(join(run(), 'events.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(events)));
    // 30 was the best when 35 was written.
    expect(readdirSync(join(run(), 'checkpoints'))).toEqual([30, 35, 40].map((step) => `step-0000000${step}.safetensors`));
    const { config, tensors } = await loadModel(join(run(), 'model.safetensors'));
    expect(config).toMatchObject({ task: 'tiny', training: { step: 40, steps: 40, backend: 'native' } });
    expect(tensors.get('lstm.weight_hh_l1')!.shape).toEqual([48, 12]);
  });

  it.each(['native', 'wasm', 'reference'] satisfies BackendName[])(
    'goes on from any checkpoint on %s as if it had never stopped: the same events, the same weights to the bit',
    async (backend) => {
      setBackend(backend);
      const straight = await all(await tinyRun(join(folder, 'straight'), true, options));
      const stops = [3, 7, 10, 26, 35];
      const told1: unknown[] = [];
      for (const [i, maxSteps] of [...stops, 40].entries()) {
        const events = await all(await tinyRun(run(), i === 0, { ...options, maxSteps }));
        // The validation that ends a part off the grid is not the whole run's.
        told1.push(...told(events).filter((event) => event.type === 'step' || (event.type === 'validation' && event.step % 10 === 0)));
      }
      expect(told1).toEqual(told(straight).filter(({ type }) => type !== 'done'));
      expect(readFileSync(join(run(), 'model.safetensors'))).toEqual(readFileSync(join(folder, 'straight', 'model.safetensors')));
    },
  );

  it.each(['native', 'wasm', 'reference'] satisfies BackendName[])(
    'goes on exactly with averaged statistics too, on %s',
    async (backend) => {
      setBackend(backend);
      const modelConfig = { task: 'normalising', architecture: {} };
      const runOf = async (path: string, maxSteps: number, isNew: boolean) => {
        const runFolder = isNew ? await RunFolder.create(path, {}) : await RunFolder.open(path);
        const training = normalising();
        await all(new Trainer(training, { ...options, maxSteps, folder: runFolder, modelConfig }));
        return training.model;
      };
      const straight = join(folder, 'straight');
      const model = await runOf(straight, 40, true);
      for (const [i, maxSteps] of [3, 7, 26, 40].entries()) await runOf(run(), maxSteps, i === 0);
      expect(readFileSync(join(run(), 'model.safetensors'))).toEqual(readFileSync(join(straight, 'model.safetensors')));
      const { tensors } = await loadModel(join(straight, 'model.safetensors'));
      expect([...tensors.get('running_mean')!.values]).toEqual([...model.runningMean.dataSync()].map(Math.fround));
    },
  );

  it('when aborted saves a checkpoint, and goes on from it', async () => {
    const straight = join(folder, 'straight');
    await all(await tinyRun(straight, true, options));
    for (const at of [5, 20, 33]) {
      rmSync(run(), { recursive: true, force: true });
      const abort = new AbortController();
      const first: TrainingEvent[] = [];
      for await (const event of (await tinyRun(run(), true, options)).run({ signal: abort.signal })) {
        first.push(event);
        if (event.type === 'step' && event.step === at) abort.abort(); // at 20 a validation is due and waits
      }
      expect(first.at(-1)).toMatchObject({ type: 'done', reason: 'aborted', step: at });
      expect(ofType(first, 'checkpoint').at(-1)!.step).toBe(at);
      const rest = await all(await tinyRun(run(), false, options));
      expect(rest[0]).toMatchObject({
        type: 'start',
        step: at,
        resumedFrom: expect.stringContaining(`step-0000000${String(at).padStart(2, '0')}`),
      });
      expect(readFileSync(join(run(), 'model.safetensors'))).toEqual(readFileSync(join(straight, 'model.safetensors')));
    }
  });

  it('cuts events.jsonl back to the checkpoint it goes on from', async () => {
    const trainer = await tinyRun(run(), true, options);
    for await (const event of trainer.run()) if (event.type === 'step' && event.step === 18) break; // no checkpoint: as killed
    await all(await tinyRun(run(), false, options));
    const steps = readFileSync(join(run(), 'events.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as TrainingEvent)
      .filter((event): event is StepEvent => event.type === 'step')
      .map(({ step }) => step);
    expect(steps).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it.each(['cut', 'flipped', 'empty'])('goes back to the checkpoint before when the newest is %s', async (damage) => {
    const straight = join(folder, 'straight');
    await all(await tinyRun(straight, true, options));
    await all(await tinyRun(run(), true, { ...options, maxSteps: 30 }));
    const newest = join(run(), 'checkpoints', 'step-000000030.safetensors');
    damageFile(newest, damage);
    const events = await all(await tinyRun(run(), false, options));
    expect(events[0]).toMatchObject({ type: 'start', step: 28 });
    expect(events[1]).toMatchObject({ type: 'warning', message: `${newest} is damaged; going back to the one before it.` });
    expect(readFileSync(join(run(), 'model.safetensors'))).toEqual(readFileSync(join(straight, 'model.safetensors')));
  });

  it('removes what a killed run was writing', async () => {
    await all(await tinyRun(run(), true, { ...options, maxSteps: 7 }));
    writeFileSync(join(run(), 'model.safetensors.123-4.tmp'), 'half');
    writeFileSync(join(run(), 'checkpoints', 'step-000000014.safetensors.123-3.tmp'), 'half');
    await all(await tinyRun(run(), false, options));
    expect([...readdirSync(run()), ...readdirSync(join(run(), 'checkpoints'))].filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('says so when no checkpoint can be read', async () => {
    await all(await tinyRun(run(), true, { ...options, maxSteps: 30 }));
    for (const name of readdirSync(join(run(), 'checkpoints'))) damageFile(join(run(), 'checkpoints', name), 'cut');
    await expect(all(await tinyRun(run(), false, options))).rejects.toThrow(/no checkpoint in .*run can be read/);
  });

  it('refuses a folder that holds a run, and one that holds none', async () => {
    await RunFolder.create(run(), {});
    await expect(RunFolder.create(run(), {})).rejects.toThrow('already holds a training. Resume it, or choose another folder');
    await expect(RunFolder.open(folder)).rejects.toThrow('there is no training to resume in');
    writeFileSync(join(run(), 'config.json'), '{');
    await expect(RunFolder.open(run())).rejects.toThrow(/config.json: expected JSON/);
  });

  it('names the last good checkpoint when the loss diverges', async () => {
    const training = scripted([3, 2, 1], {
      loss: () => ({ loss: sum(mul(training.model.w, tensor([training.optimizer.steps === 8 ? Number.NaN : 1]))), items: 1 }),
    });
    const trainer = new Trainer(training, { maxSteps: 20, folder: await RunFolder.create(run(), {}), checkpointEvery: 3 });
    const error = await all(trainer).catch((caught: unknown) => caught);
    const checkpoint = join(run(), 'checkpoints', 'step-000000006.safetensors');
    expect(error).toMatchObject({ name: 'DivergenceError', step: 9, tensor: 'loss', checkpoint });
    expect((error as Error).message).toContain(`Last good checkpoint: ${checkpoint}`);
  });

  it('refuses a checkpoint of another training', async () => {
    await all(await tinyRun(run(), true, { ...options, maxSteps: 7 }));
    const { average: _, ...other } = tinyTraining({ seed: 3 });
    const trainer = new Trainer(other, { ...options, folder: await RunFolder.open(run()) });
    await expect(all(trainer)).rejects.toThrow('differs from its checkpoint in "average": expected true, received none');
    const larger = createTrainer({ seed: 3, hiddenSize: 13, trainer: { ...options, folder: await RunFolder.open(run()) } });
    await expect(all(larger)).rejects.toThrow(/expected "lstm.weight_ih_l0" of shape \[52, 8\], received \[48, 8\]/);
  });
});

function damageFile(path: string, damage: string): void {
  const bytes = readFileSync(path);
  if (damage === 'cut') truncateSync(path, bytes.length - 5);
  if (damage === 'empty') truncateSync(path, 0);
  if (damage === 'flipped') {
    bytes[bytes.length - 100] ^= 4;
    writeFileSync(path, bytes);
  }
}
