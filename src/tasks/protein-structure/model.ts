/** The model of protein structure: features of each residue and its neighbours → bidirectional layers → states. */
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { relu } from '../../autograd/ops/elementwise.ts';
import { embedding } from '../../autograd/ops/gather.ts';
import { reshape } from '../../autograd/ops/shape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { EmbeddedSequence, Embedding } from '../../nn/embedding.ts';
import { GRU } from '../../nn/gru.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import { Random } from '../../tensor/random.ts';
import { aminoAcids, symbolCount } from './alphabet.ts';
import { batchTensors, type StructureBatch, unknownResidue } from './batches.ts';
import { blosumRow } from './blosum62.ts';
import type { Architecture } from './config.ts';

/** An architecture, and where chance comes from. */
export interface ProteinStructureModelOptions extends Architecture {
  /** For initial values and dropout. */
  readonly rng?: Random;
}

/**
 * Predicts the secondary structure of each residue. Parameters: `embedding.weight` [22, E] (with the feature 'embedding'),
 * `projection.…` (with projectionSize), `rnn.…` as PyTorch's bidirectional LSTM or GRU, `decoder.weight` [C, 2H] and `decoder.bias`.
 *
 * @example const logits = model.forward(collate(samples, model.architecture.window, 0)); // [B, T, C]
 */
export class ProteinStructureModel extends Module {
  readonly architecture: Architecture;
  readonly embedding: Embedding | null;
  readonly projection: Linear | null;
  readonly rnn: LSTM | GRU;
  readonly decoder: Linear;
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;
  /** [22, F] columns that are not learnt; null without any. */
  readonly #fixed: Tensor | null;

  constructor({ rng = Random.fromEntropy(), ...architecture }: ProteinStructureModelOptions) {
    super();
    const { features, embeddingSize, profileSize, window, projectionSize, cell, hiddenSize, numLayers, states } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    const fixed = fixedColumns(features);
    this.#fixed =
      fixed.length === 0 ? null : tensor(Float32Array.from(fixed.flat()), { shape: [symbolCount, fixed[0].length], backend: this.backend });
    this.embedding = features.includes('embedding')
      ? this.child('embedding', new Embedding({ vocabularySize: symbolCount, embeddingSize, rng }))
      : null;
    const width =
      (this.#fixed?.shape[1] ?? 0) + (this.embedding === null ? 0 : embeddingSize) + (features.includes('profile') ? profileSize : 0);
    const seen = width * window;
    this.projection =
      projectionSize === 0 ? null : this.child('projection', new Linear({ inputSize: seen, outputSize: projectionSize, rng }));
    const options = {
      inputSize: projectionSize === 0 ? seen : projectionSize,
      hiddenSize,
      numLayers,
      bidirectional: true,
      dropout: architecture.dropout,
      rng,
    };
    this.rnn = this.child('rnn', cell === 'lstm' ? new LSTM({ ...options, forgetBias: 1 }) : new GRU(options));
    this.decoder = this.child('decoder', new Linear({ inputSize: 2 * hiddenSize, outputSize: states, rng }));
  }

  /** @returns logits [B, T, C]; what is past a protein's length means nothing */
  forward(batch: StructureBatch): Tensor {
    const { lengths } = batch;
    const x = this.#features(batch);
    const { output } = this.rnn.forward(x, null, { lengths });
    return this.decoder.forward(this.#dropped(output, this.architecture.dropout));
  }

  /** Mean cross entropy of the residues that count, in nats. */
  loss(batch: StructureBatch): Tensor {
    return crossEntropy(this.forward(batch), batchTensors(batch, this.backend).targets);
  }

  /** [B, T, W·F], or what is looked up later. */
  #features(batch: StructureBatch): Tensor | EmbeddedSequence {
    const { window, inputDropout, residueDropout, features } = this.architecture;
    const { ids, profile } = batchTensors(this.isTraining && residueDropout > 0 ? this.#withUnknown(batch) : batch, this.backend);
    const [B, T] = ids.shape;
    const table = this.#table();
    const drop = inputDropout > 0 && this.isTraining;
    if (table !== null && window === 1 && profile === null && this.projection === null && !drop) {
      return new EmbeddedSequence(reshape(ids, [B, T]), table);
    }
    const parts: Tensor[] = [];
    if (table !== null) parts.push(reshape(embedding(ids, table), [B, T, window * table.shape[1]]));
    if (features.includes('profile')) parts.push(profile!);
    let x = parts.length === 1 ? parts[0] : concat(parts, 2);
    if (this.projection !== null) x = relu(this.projection.forward(x));
    return this.#dropped(x, inputDropout);
  }

  /** The features of each symbol, [22, F]; null where a profile is all there is. */
  #table(): Tensor | null {
    const parts = [this.#fixed, this.embedding?.weight ?? null].filter((part) => part !== null);
    return parts.length < 2 ? (parts[0] ?? null) : concat(parts, 1);
  }

  /** Some residues made unknown, each in all windows that show it. */
  #withUnknown(batch: StructureBatch): StructureBatch {
    const { residueDropout, window } = this.architecture;
    const { batchSize, length } = batch;
    const ids = batch.ids.slice();
    const half = (window - 1) / 2;
    for (let b = 0; b < batchSize; b++) {
      for (let t = 0; t < batch.lengths[b]; t++) {
        if (this.rng.uniform() >= residueDropout) continue;
        for (let k = Math.max(0, t - half); k <= Math.min(length - 1, t + half); k++) {
          const at = (b * length + k) * window + (t - k + half);
          if (k < batch.lengths[b]) ids[at] = unknownResidue;
        }
      }
    }
    return { ...batch, ids };
  }

  #dropped(x: Tensor, p: number): Tensor {
    return this.isTraining && p > 0 ? dropout(x, p, this.rng) : x;
  }
}

/** One-hot and BLOSUM62 columns of each symbol; what is beyond the ends has zeros. */
function fixedColumns(features: Architecture['features']): number[][] {
  const columns = (letter: string, id: number): number[] => [
    ...(features.includes('one-hot') ? Array.from(aminoAcids, (_, i) => Number(i === id)) : []),
    // Scores are in −4…11; a quarter of them is about as large as other features.
    ...(features.includes('blosum62') ? Array.from(blosumRow(letter), (score) => score / 4) : []),
  ];
  const rows = [...aminoAcids].map(columns);
  if (rows[0].length === 0) return [];
  return [...rows, rows[0].map(() => 0)];
}
