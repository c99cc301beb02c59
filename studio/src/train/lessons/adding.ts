/**
 * The adding problem: of a sequence of numbers two are marked, and their sum is wanted at the end. Says how far a cell remembers.
 *
 * @see Hochreiter & Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735
 */
import {
  Adam,
  type BatchPosition,
  type BatchSource,
  formatModel,
  GRU,
  initializers,
  Linear,
  LSTM,
  Module,
  mse,
  noGrad,
  Random,
  RNN,
  scope,
  select,
  Tensor,
  Trainer,
  tensor,
} from 'unrolled';
import type { Cell, Lesson } from '../lesson.ts';

export interface AddingData {
  readonly length: number;
  readonly cell: Cell;
  readonly hiddenSize: number;
  readonly steps: number;
}

/** Sums and what the model says of them. */
export interface AddingView {
  readonly wanted: readonly number[];
  readonly said: readonly number[];
  /** One of the sequences: its numbers, and which two are marked. */
  readonly example: { readonly values: readonly number[]; readonly marked: readonly number[] };
}

class Adder extends Module {
  readonly layer: RNN | GRU | LSTM;
  readonly head: Linear;

  constructor(cell: Cell, hiddenSize: number, rng: Random) {
    super();
    const options = { inputSize: 2, hiddenSize, rng };
    this.layer = this.child(
      'layer',
      cell === 'lstm'
        ? new LSTM({ ...options, forgetBias: 2 })
        : cell === 'gru'
          ? new GRU(options)
          : new RNN({ ...options, recurrentInit: 'orthogonal' }),
    );
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: 1, rng }));
    initializers.initialize(this.head.bias!, (values) => values.fill(1)); // the mean of what is wanted
  }

  /** @param x [B, T, 2]; @returns [B, 1] */
  forward(x: Tensor): Tensor {
    const { state } = this.layer.forward(x);
    return this.head.forward(select(state instanceof Tensor ? state : state[0], 0, 0));
  }
}

interface Batch {
  readonly x: Float32Array;
  readonly sums: Float32Array;
}

function batchOf(rng: Random, B: number, T: number): Batch {
  const x = new Float32Array(B * T * 2);
  const sums = new Float32Array(B);
  for (let b = 0; b < B; b++) {
    const half = Math.floor(T / 2);
    const marked = [rng.integer(half), half + rng.integer(T - half)];
    for (let t = 0; t < T; t++) x[(b * T + t) * 2] = rng.uniform();
    for (const t of marked) {
      x[(b * T + t) * 2 + 1] = 1;
      sums[b] += x[(b * T + t) * 2];
    }
  }
  return { x, sums };
}

/** Endless; an epoch is so many batches. */
class Sums implements BatchSource<Batch> {
  readonly batchesPerEpoch = 100;
  #count = 0;
  constructor(
    readonly seed: number,
    readonly B: number,
    readonly T: number,
  ) {}
  get epoch(): number {
    return Math.floor(this.#count / this.batchesPerEpoch);
  }
  next(): Batch {
    return batchOf(new Random(this.seed + this.#count++), this.B, this.T);
  }
  position(): BatchPosition {
    return { epoch: this.epoch, index: this.#count % this.batchesPerEpoch };
  }
  seek({ epoch, index }: BatchPosition): void {
    this.#count = epoch * this.batchesPerEpoch + index;
  }
}

export const lesson: Lesson<AddingData> = {
  async prepare({ length: T, cell, hiddenSize, steps }) {
    const model = new Adder(cell, hiddenSize, new Random(1));
    const B = 32;
    const held = batchOf(new Random(99), 256, T);
    const say = (): Float32Array =>
      scope(() => noGrad(() => Float32Array.from(model.forward(tensor(held.x, { shape: [256, T, 2] })).dataSync())));
    const trainer = new Trainer<Batch>(
      {
        model,
        optimizer: new Adam(model, { learningRate: 0.005, clipNorm: 1 }),
        batches: new Sums(7, B, T),
        loss: ({ x, sums }) => ({ loss: mse(model.forward(tensor(x, { shape: [B, T, 2] })), tensor(sums, { shape: [B, 1] })), items: B }),
        evaluate: () => {
          const said = say();
          return { loss: said.reduce((sum, value, b) => sum + (value - held.sums[b]) ** 2, 0) / said.length };
        },
      },
      { maxSteps: steps, validateEvery: Math.max(10, Math.round(steps / 40)), watchEvery: 20 },
    );
    return {
      name: `adding-${T}`,
      facts: [
        ['task', `add the two marked of ${T} numbers; who always says 1 has an error of 0.167`],
        ['model', `${model.parameterCount.toLocaleString('en')} parameters`],
      ],
      run: (options) => trainer.run(options),
      view: (): AddingView => {
        const said = say();
        const values = Array.from({ length: T }, (_, t) => held.x[2 * t]);
        return {
          wanted: [...held.sums.subarray(0, 128)],
          said: [...said.subarray(0, 128)],
          example: { values, marked: values.flatMap((_, t) => (held.x[2 * t + 1] > 0 ? [t] : [])) },
        };
      },
      save: () => formatModel({ config: { task: 'adding', architecture: { cell, hiddenSize, length: T } }, tensors: model.stateDict() }),
    };
  },
};
