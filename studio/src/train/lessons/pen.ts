/** Shapes drawn with a pen, told apart while they are drawn. */
import {
  Adam,
  type BatchPosition,
  type BatchSource,
  crossEntropy,
  formatModel,
  GRU,
  Linear,
  LSTM,
  Module,
  noGrad,
  parseModel,
  Random,
  RNN,
  scope,
  select,
  softmax,
  Tensor,
  Trainer,
  tensor,
} from 'unrolled';
import type { Cell, Lesson } from '../lesson.ts';
import { features, type PenExample, piecesOf, type Stroke, varied } from '../pen.ts';

export interface PenData {
  readonly labels: readonly string[];
  readonly examples: readonly PenExample[];
  readonly cell: Cell;
  readonly hiddenSize: number;
  readonly steps: number;
}

/** Probabilities after each piece of a drawing, by label. */
export type PenAnswer = readonly (readonly number[])[];

export class PenModel extends Module {
  readonly layer: RNN | GRU | LSTM;
  readonly head: Linear;

  constructor(cell: Cell, hiddenSize: number, classes: number, rng = new Random(1)) {
    super();
    const options = { inputSize: features, hiddenSize, rng };
    this.layer = this.child(
      'layer',
      cell === 'lstm' ? new LSTM({ ...options, forgetBias: 1 }) : cell === 'gru' ? new GRU(options) : new RNN(options),
    );
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: classes, rng }));
  }

  /** @param x [B, T, 3]; @returns logits after each sequence's last piece, [B, K] */
  forward(x: Tensor, lengths: readonly number[]): Tensor {
    const { state } = this.layer.forward(x, null, { lengths });
    return this.head.forward(select(state instanceof Tensor ? state : state[0], 0, 0));
  }

  /** After every piece. */
  follow(strokes: readonly Stroke[]): PenAnswer {
    const pieces = piecesOf(strokes);
    const T = pieces.length / features;
    if (T === 0) return [];
    return scope(() =>
      noGrad(() => {
        const { output } = this.layer.forward(tensor(pieces, { shape: [1, T, features] }));
        const probabilities = softmax(this.head.forward(output)).dataSync();
        const K = probabilities.length / T;
        return Array.from({ length: T }, (_, t) => Array.from(probabilities.subarray(t * K, (t + 1) * K)));
      }),
    );
  }
}

/** A model that this page saved. */
export function penModelFrom(bytes: Uint8Array): { readonly model: PenModel; readonly labels: readonly string[] } {
  const { config, tensors } = parseModel(bytes);
  const { cell, hiddenSize } = config.architecture as { cell: Cell; hiddenSize: number };
  const labels = config.vocabulary as string[];
  const model = new PenModel(cell, hiddenSize, labels.length);
  model.loadStateDict(tensors);
  return { model, labels };
}

interface Batch {
  readonly x: Float32Array;
  readonly lengths: readonly number[];
  readonly labels: readonly number[];
}

function batchOf(examples: readonly PenExample[], rng: Random, B: number, isWhole: boolean): Batch {
  const rows = Array.from({ length: B }, (_, b) => {
    const { label, strokes } = examples[isWhole ? b % examples.length : rng.integer(examples.length)];
    const pieces = piecesOf(varied(strokes, () => rng.uniform()));
    // Often only the beginning: so that it has something to say before a drawing ends.
    const T = pieces.length / features;
    const length = Math.max(1, isWhole || rng.uniform() < 0.4 ? T : Math.round(T * (0.3 + 0.7 * rng.uniform())));
    return { label, pieces: pieces.subarray(0, length * features), length };
  });
  const longest = Math.max(...rows.map(({ length }) => length));
  const x = new Float32Array(B * longest * features);
  rows.forEach(({ pieces }, b) => {
    x.set(pieces, b * longest * features);
  });
  return { x, lengths: rows.map(({ length }) => length), labels: rows.map(({ label }) => label) };
}

class Drawings implements BatchSource<Batch> {
  readonly batchesPerEpoch = 50;
  #count = 0;
  constructor(
    readonly examples: readonly PenExample[],
    readonly B: number,
  ) {}
  get epoch(): number {
    return Math.floor(this.#count / this.batchesPerEpoch);
  }
  next(): Batch {
    return batchOf(this.examples, new Random(1000 + this.#count++), this.B, false);
  }
  position(): BatchPosition {
    return { epoch: this.epoch, index: this.#count % this.batchesPerEpoch };
  }
  seek({ epoch, index }: BatchPosition): void {
    this.#count = epoch * this.batchesPerEpoch + index;
  }
}

export const lesson: Lesson<PenData> = {
  async prepare({ labels, examples, cell, hiddenSize, steps }) {
    const model = new PenModel(cell, hiddenSize, labels.length);
    const held = batchOf(examples, new Random(5), 4 * examples.length, true);
    const logitsOf = ({ x, lengths }: Batch): Tensor =>
      model.forward(tensor(x, { shape: [lengths.length, x.length / lengths.length / features, features] }), lengths);
    const trainer = new Trainer<Batch>(
      {
        model,
        optimizer: new Adam(model, { learningRate: 0.01, clipNorm: 1 }),
        batches: new Drawings(examples, 24),
        loss: (batch) => ({ loss: crossEntropy(logitsOf(batch), tensor(batch.labels, { dtype: 'int32' })), items: batch.labels.length }),
        evaluate: () => {
          const scores = scope(() => noGrad(() => logitsOf(held).dataSync()));
          const K = labels.length;
          const right = held.labels.filter((label, b) =>
            scores.subarray(b * K, (b + 1) * K).every((score, k) => k === label || score <= scores[b * K + label]),
          );
          return { accuracy: right.length / held.labels.length };
        },
      },
      { maxSteps: steps, validateEvery: 20, monitor: { metric: 'accuracy', mode: 'max' }, watchEvery: 20 },
    );
    return {
      name: 'pen',
      facts: [
        ['drawings', `${examples.length} of ${labels.length} shapes, each turned, stretched and trembled anew every time`],
        ['model', `${model.parameterCount.toLocaleString('en')} parameters`],
      ],
      run: (options) => trainer.run(options),
      ask: (strokes) => model.follow(strokes as Stroke[]),
      save: () =>
        formatModel({ config: { task: 'pen-shapes', architecture: { cell, hiddenSize }, vocabulary: labels }, tensors: model.stateDict() }),
    };
  },
};
