/** Small trainings that must reach a number: seeds fixed, seconds not minutes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { argmax } from '../../src/autograd/ops/reduce.ts';
import { select } from '../../src/autograd/ops/shape.ts';
import { scope } from '../../src/autograd/scope.ts';
import { noGrad } from '../../src/autograd/tape.ts';
import { type Tensor, tensor } from '../../src/autograd/tensor.ts';
import type { BackendName } from '../../src/backend/backend.ts';
import { setBackend } from '../../src/backend/select.ts';
import { padFeatures, SequenceBatches } from '../../src/data/sequence-batches.ts';
import { crossEntropy } from '../../src/losses/cross-entropy.ts';
import { mse } from '../../src/losses/pointwise.ts';
import { Embedding } from '../../src/nn/embedding.ts';
import { GRU } from '../../src/nn/gru.ts';
import { Linear } from '../../src/nn/linear.ts';
import { LSTM } from '../../src/nn/lstm.ts';
import { Module } from '../../src/nn/module.ts';
import { Adam } from '../../src/optim/adam.ts';
import { Random } from '../../src/tensor/random.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { tinyTraining } from './tiny-training.ts';

describe.each(['native', 'wasm'] satisfies BackendName[])('learning on %s', (backend) => {
  beforeEach(() => {
    setBackend(backend);
  });

  it('adds two marked numbers in sequences of 10 to 20 steps: mean square error below 0.01 (always 1: 0.167)', async () => {
    // Hochreiter & Schmidhuber (1997), experiment 4, shorter.
    const rng = new Random(1);
    const samples = Array.from({ length: 1000 }, () => addingProblem(rng));
    const model = new (class extends Module {
      readonly lstm = this.child('lstm', new LSTM({ inputSize: 2, hiddenSize: 24, forgetBias: 1, rng }));
      readonly head = this.child('head', new Linear({ inputSize: 24, outputSize: 1, rng }));
    })();
    const batches = new SequenceBatches(
      samples.map(({ x }) => x.length / 2),
      { batchSize: 50, seed: 2 },
      (indices) => {
        const { values, lengths, batchSize, length } = padFeatures(
          indices.map((i) => samples[i].x),
          2,
        );
        return { x: tensor(values, { shape: [batchSize, length, 2] }), y: tensor(indices.map((i) => [samples[i].sum])), lengths };
      },
    );
    const loss = ({ x, y, lengths }: { x: Tensor; y: Tensor; lengths: Int32Array }) => {
      const { state } = model.lstm.forward(x, null, { lengths });
      return { loss: mse(model.head.forward(select(state[0], 0, 0)), y), items: y.size };
    };
    const optimizer = new Adam(model, { learningRate: 0.01, clipNorm: 1 });
    let last = 0;
    for await (const event of new Trainer({ model, optimizer, batches, loss }, { maxSteps: 500 }).run())
      if (event.type === 'step') last = event.loss;
    expect(last).toBeLessThan(0.01);
  });

  it('repeats words of 5 symbols after a pause of 4 steps: less than 1 fault in 100 symbols (chance: 75)', () => {
    const rng = new Random(3);
    const V = 6; // 4 symbols, a blank, a sign to begin
    const model = new (class extends Module {
      readonly embedding = this.child('embedding', new Embedding({ vocabularySize: V, embeddingSize: 8, rng }));
      readonly gru = this.child('gru', new GRU({ inputSize: 8, hiddenSize: 48, rng }));
      readonly head = this.child('head', new Linear({ inputSize: 48, outputSize: V, rng }));
      forward(ids: Tensor): Tensor {
        const { output } = this.gru.forward(this.embedding.deferred(ids));
        return this.head.forward(output);
      }
    })();
    const optimizer = new Adam(model, { learningRate: 5e-3, clipNorm: 1 });
    for (let step = 0; step < 800; step++) {
      const { ids, targets } = copyTask(64, rng);
      optimizer.step(() => crossEntropy(model.forward(ids), targets, { ignoreIndex: -100 }));
    }
    const { ids, targets } = copyTask(100, rng);
    const said = scope(() => noGrad(() => argmax(model.forward(ids)).dataSync()));
    const wanted = targets.dataSync();
    let faults = 0;
    wanted.forEach((symbol, i) => {
      if (symbol >= 0 && said[i] !== symbol) faults++;
    });
    expect(faults / 500).toBeLessThan(0.01);
  });

  it('learns a sentence by heart: below 0.5 nats a character (chance: 3.0), by windows of 9 characters with the state carried', async () => {
    const training = tinyTraining({ seed: 2, hiddenSize: 48, dropout: 0 });
    let last = Infinity;
    for await (const event of new Trainer(training, { maxSteps: 200, validateEvery: 100 }).run()) {
      if (event.type === 'validation') last = event.metrics.loss;
    }
    expect(last).toBeLessThan(0.5);
  });
});

/** Steps (number, mark); the sum of the two numbers that are marked. */
function addingProblem(rng: Random): { readonly x: Float32Array; readonly sum: number } {
  const T = 10 + rng.integer(11);
  const x = new Float32Array(2 * T);
  for (let t = 0; t < T; t++) x[2 * t] = rng.uniform();
  const first = rng.integer(5);
  const second = 5 + rng.integer(5);
  x[2 * first + 1] = 1;
  x[2 * second + 1] = 1;
  return { x, sum: x[2 * first] + x[2 * second] };
}

/** 5 symbols, 4 blanks, the sign, 4 blanks; from the sign on the symbols are to be said again. */
function copyTask(B: number, rng: Random): { readonly ids: Tensor; readonly targets: Tensor } {
  const [length, blank, sign] = [5, 4, 5];
  const T = 14;
  const ids = new Int32Array(B * T).fill(blank);
  const targets = new Int32Array(B * T).fill(-100);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < length; i++) {
      const symbol = rng.integer(4);
      ids[b * T + i] = symbol;
      targets[b * T + 9 + i] = symbol;
    }
    ids[b * T + 9] = sign;
  }
  const options = { shape: [B, T], dtype: 'int32' } as const;
  return { ids: tensor(ids, options), targets: tensor(targets, options) };
}
