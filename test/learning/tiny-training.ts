/** A training small enough to be run dozens of times: a character model of one sentence, with everything that has a state. */
import { mul } from '../../src/autograd/ops/binary.ts';
import { reshape } from '../../src/autograd/ops/shape.ts';
import { type Tensor, tensor } from '../../src/autograd/tensor.ts';
import { type StreamBatch, StreamBatches } from '../../src/data/stream-batches.ts';
import { crossEntropy } from '../../src/losses/cross-entropy.ts';
import { Embedding } from '../../src/nn/embedding.ts';
import { Linear } from '../../src/nn/linear.ts';
import { LSTM } from '../../src/nn/lstm.ts';
import { Module } from '../../src/nn/module.ts';
import { Adam } from '../../src/optim/adam.ts';
import { cosine } from '../../src/optim/schedule.ts';
import { WeightAverage } from '../../src/optim/weight-average.ts';
import { Random } from '../../src/tensor/random.ts';
import { RunFolder } from '../../src/training/run-folder.ts';
import { Trainer, type TrainerOptions } from '../../src/training/trainer.ts';
import type { Carried, Training } from '../../src/training/training.ts';

export const sentence = 'call me ishmael. some years ago, never mind how long precisely, having little or no money in my purse. ';

export class TinyModel extends Module {
  readonly embedding: Embedding;
  readonly lstm: LSTM;
  readonly head: Linear;

  constructor(vocabularySize: number, hiddenSize: number, rng: Random, dropout = 0) {
    super();
    this.embedding = this.child('embedding', new Embedding({ vocabularySize, embeddingSize: 8, rng }));
    this.lstm = this.child('lstm', new LSTM({ inputSize: 8, hiddenSize, numLayers: 2, dropout, rng }));
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: vocabularySize, rng }));
  }

  loss(batch: StreamBatch, carried: Carried): { loss: Tensor; carried: readonly Tensor[]; items: number } {
    const { batchSize, length, isFirst } = batch;
    const inputs = tensor(batch.inputs, { shape: [batchSize, length], dtype: 'int32' });
    const targets = tensor(batch.targets, { shape: [batchSize, length], dtype: 'int32' });
    const state = carried === null || isFirst ? null : ([carried[0], carried[1]] as const);
    const { output, state: next } = this.lstm.forward(this.embedding.forward(inputs), state);
    const logits = this.head.forward(output);
    const rows = batchSize * length;
    return { loss: crossEntropy(reshape(logits, [rows, logits.shape[2]]), reshape(targets, [rows])), carried: next, items: rows };
  }
}

export interface TinyOptions {
  readonly seed: number;
  readonly hiddenSize?: number;
  readonly dropout?: number;
  readonly trainer: TrainerOptions;
}

export function tinyTraining({
  seed,
  hiddenSize = 12,
  dropout = 0.1,
}: Omit<TinyOptions, 'trainer'>): Training<StreamBatch> & { readonly model: TinyModel } {
  const rng = new Random(seed);
  const characters = [...new Set(sentence)].sort();
  const ids = Uint8Array.from(sentence.repeat(3), (c) => characters.indexOf(c));
  const model = new TinyModel(characters.length, hiddenSize, rng, dropout);
  const validation = new StreamBatches(ids, { batchSize: 2, windowLength: 40 });
  return {
    model,
    optimizer: new Adam(model, { learningRate: cosine({ learningRate: 0.01, steps: 200 }), clipNorm: 1 }),
    batches: new StreamBatches(ids, { batchSize: 4, windowLength: 9 }),
    loss: (batch, carried) => model.loss(batch, carried),
    evaluate: async ({ pause }) => {
      validation.seek({ epoch: 0, index: 0 });
      let sum = 0;
      for (let i = 0; i < validation.batchesPerEpoch; i++) {
        const { loss } = model.loss(await validation.next(), null);
        sum += loss.item() / validation.batchesPerEpoch;
        await pause();
      }
      return { loss: sum };
    },
    randoms: { dropout: rng },
    average: new WeightAverage(model, { decay: 0.9 }),
  };
}

/** For a worker: what `trainInWorker` imports. */
export function createTrainer({ trainer, ...options }: TinyOptions): Trainer<StreamBatch> {
  return new Trainer(tinyTraining(options), trainer);
}

/** In a folder, new or begun before. */
export async function tinyRun(path: string, isNew: boolean, trainer: TrainerOptions): Promise<Trainer<StreamBatch>> {
  const config = { seed: 3 };
  const folder = isNew ? await RunFolder.create(path, config) : await RunFolder.open(path);
  const modelConfig = { task: 'tiny', architecture: { hiddenSize: 12 } };
  return createTrainer({ ...(folder.config as { seed: number }), trainer: { ...trainer, folder, modelConfig } });
}

/** Three steps, each of which blocks its thread until the host's has counted so many turns. */
export function createBlockingTrainer({
  turns,
  turnsPerStep,
}: {
  readonly turns: Int32Array;
  readonly turnsPerStep: number;
}): Trainer<StreamBatch> {
  const training = tinyTraining({ seed: 1 });
  const loss: typeof training.loss = (batch, carried) => {
    let now = Atomics.load(turns, 0);
    for (const end = now + turnsPerStep; now < end; now = Atomics.load(turns, 0)) {
      if (Atomics.wait(turns, 0, now, 60_000) === 'timed-out') throw new Error('the host has had no turn for a minute.');
    }
    return training.loss(batch, carried);
  };
  return new Trainer({ ...training, loss }, { maxSteps: 3 });
}

/** Its second loss is NaN. */
export function createDivergingTrainer(): Trainer<StreamBatch> {
  const training = tinyTraining({ seed: 1 });
  const loss: typeof training.loss = (batch, carried) => {
    const result = training.loss(batch, carried);
    return training.optimizer.steps === 1 ? { ...result, loss: mul(result.loss, Number.NaN) } : result;
  };
  return new Trainer({ ...training, loss }, { maxSteps: 3 });
}
