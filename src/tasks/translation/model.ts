/** The translator: a bidirectional encoder, and a decoder that looks at what it read at every step. */
import { mul } from '../../autograd/ops/binary.ts';
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { tanh } from '../../autograd/ops/elementwise.ts';
import { gather } from '../../autograd/ops/gather.ts';
import { linear } from '../../autograd/ops/matmul.ts';
import { argmax } from '../../autograd/ops/reduce.ts';
import { reshape, slice, transpose } from '../../autograd/ops/shape.ts';
import { logSoftmax } from '../../autograd/ops/softmax.ts';
import { inScope, scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { ones, type Parameter, type Tensor, tensor } from '../../autograd/tensor.ts';
import type { PaddedSequences } from '../../data/sequence-batches.ts';
import type { BeamModel } from '../../decode/beam-search.ts';
import { linearCrossEntropy } from '../../losses/linear-cross-entropy.ts';
import type { AttentionMemory } from '../../nn/attention.ts';
import { AttentionDecoder } from '../../nn/attention-decoder.ts';
import { Embedding } from '../../nn/embedding.ts';
import { GRU } from '../../nn/gru.ts';
import { constant, initialize, normal } from '../../nn/initializers.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import { meanPooling } from '../../nn/pooling.ts';
import { Random } from '../../tensor/random.ts';
import type { TranslatorArchitecture } from './config.ts';
import { paddingId } from './vocabulary.ts';

/** An architecture, and what training needs. */
export interface TranslatorOptions extends TranslatorArchitecture {
  /** For initial values and dropout; default: different each time. */
  readonly rng?: Random;
}

/** Sentences and their translations as numbers, side by side. */
export interface TranslationBatch {
  /** Sources, with their ends. */
  readonly source: PaddedSequences;
  /** What the decoder reads: the start mark, then the translation without its end. */
  readonly inputs: PaddedSequences;
  /** What it is to say: the translation and its end; `paddingId` past it. */
  readonly targets: Int32Array;
}

/** A sentence that was read: what the decoder looks at, and its first state. */
export interface EncodedSentences {
  readonly memory: AttentionMemory;
  readonly state: readonly Tensor[];
}

/**
 * A translator.
 *
 *   m = encoder(embedding(source))                    both directions, [B, S, 2·encoderSize]
 *   h₀ = tanh(W mean(m) + b)                          (and an LSTM's c₀)
 *   h_t, context_t = decoder(embedding(y_{t−1}), m)   AttentionDecoder; further layers read [h_t, context_t]
 *   P(y_t) = softmax(E tanh(W_o [h_t, context_t, embedding(y_{t−1})] + b_o) + b)
 *
 * Parameters: `source.weight`, `target.weight` [V, E] (tied: one), `encoder.…` as GRU's or LSTM's, `bridge.…`, `decoder.…` as
 * AttentionDecoder's, `upper.…` as GRU's or LSTM's, `readout.…` [E, ·], `output.weight` [V, E] and `output.bias` [V].
 *
 * @example const loss = model.loss(batch); // nats a piece
 * @see Bahdanau, Cho & Bengio (2015), arXiv:1409.0473; tied tables Press & Wolf (2017), arXiv:1608.05859.
 */
export class Translator extends Module {
  readonly architecture: TranslatorArchitecture;
  readonly source: Embedding;
  readonly target: Embedding;
  readonly encoder: GRU | LSTM;
  readonly bridge: Linear;
  readonly decoder: AttentionDecoder;
  /** Layers above the one that looks; null: none. */
  readonly upper: GRU | LSTM | null;
  readonly readout: Linear;
  readonly #outputWeight: Parameter; // [V, E]
  readonly #outputBias: Parameter; // [V]
  /** What dropout is drawn from; a checkpoint keeps its state. */
  readonly rng: Random;

  constructor({ rng = Random.fromEntropy(), ...architecture }: TranslatorOptions) {
    super();
    const { embeddingSize: E, encoderSize, encoderLayers, decoderSize: H, decoderLayers, cell, tied, attention } = architecture;
    const { sourceVocabularySize, targetVocabularySize: V, dropout: p, recurrentDropout } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    const table = (vocabularySize: number, weight?: Parameter) => {
      const embedding = new Embedding({ vocabularySize, embeddingSize: E, paddingIndex: paddingId, weight, rng });
      // A table that is an output's too gives logits of about 1 at first, and no larger ones.
      if (weight === undefined) initialize(embedding.weight, (values) => normal(values, 1 / Math.sqrt(E), rng));
      return embedding;
    };
    this.target = this.child('target', table(V));
    this.source = this.child('source', table(sourceVocabularySize, tied === 'all' ? this.target.weight : undefined));
    const layers = { dropout: p, recurrentDropout, rng };
    this.encoder = this.child(
      'encoder',
      recurrent(cell, { ...layers, inputSize: E, hiddenSize: encoderSize, numLayers: encoderLayers, bidirectional: true }),
    );
    const memorySize = 2 * encoderSize;
    const attentionSize = attention === 'additive' ? architecture.attentionSize : undefined;
    const { attendFirst } = architecture;
    this.bridge = this.child('bridge', new Linear({ inputSize: memorySize, outputSize: (cell === 'lstm' ? 2 : 1) * H, rng }));
    this.decoder = this.child(
      'decoder',
      new AttentionDecoder({ inputSize: E, hiddenSize: H, memorySize, cell, attention, attentionSize, attendFirst, recurrentDropout, rng }),
    );
    this.upper =
      decoderLayers === 1
        ? null
        : this.child('upper', recurrent(cell, { ...layers, inputSize: H + memorySize, hiddenSize: H, numLayers: decoderLayers - 1 }));
    this.readout = this.child('readout', new Linear({ inputSize: H + memorySize + E, outputSize: E, rng }));
    this.#outputWeight = this.parameter(
      'output.weight',
      [V, E],
      tied === 'none' ? (values) => normal(values, 1 / Math.sqrt(E), rng) : this.target.weight,
    );
    this.#outputBias = this.parameter('output.bias', [V], (values) => constant(values, 0));
  }

  /** Reads sentences. @param source with their ends; at least one piece each */
  encode(source: PaddedSequences): EncodedSentences {
    return inScope(() => {
      const { lengths } = source;
      return this.remember(this.encoder.forward(this.#embedded(this.source, source), null, { lengths }).output, lengths);
    });
  }

  /** What the decoder has of what the encoder read. @param output of the encoder, [B, S, 2·encoderSize] */
  remember(output: Tensor, lengths: Int32Array): EncodedSentences {
    const { decoderSize: H, dropout: p } = this.architecture;
    return inScope(() => {
      const read = this.#drop(output, p);
      const bridged = tanh(this.bridge.forward(meanPooling(read, lengths)));
      const first = Array.from({ length: bridged.shape[1] / H }, (_, i) => slice(bridged, 1, i * H, (i + 1) * H));
      const none = this.decoder.stateSizes.slice(first.length).map((width) => zerosOf(lengths.length, width, this));
      return { memory: this.decoder.attention.memory(read, { lengths }), state: [...first, ...none] };
    });
  }

  /** Mean −ln P of a piece of the translations. */
  loss({ source, inputs, targets }: TranslationBatch, { labelSmoothing = 0 }: { readonly labelSmoothing?: number } = {}): Tensor {
    return inScope(() => {
      const { memory, state } = this.encode(source);
      const y = this.words(inputs);
      const { output, context } = this.decoder.forward(y, memory, state, { lengths: inputs.lengths });
      const top = this.#climb(output, context, inputs.lengths);
      const hidden = this.#drop(this.#read(top, context, y), this.architecture.dropout);
      const expected = tensor(targets, { shape: [inputs.batchSize, inputs.length], dtype: 'int32', backend: this.backend });
      return linearCrossEntropy(hidden, this.#outputWeight, this.#outputBias, expected, { ignoreIndex: paddingId, labelSmoothing });
    });
  }

  /** Vectors of what the decoder reads, [B, T, E]. */
  words(inputs: PaddedSequences): Tensor {
    return this.#embedded(this.target, inputs);
  }

  /**
   * Scores of the pieces that may follow, [B, T, V], before softmax.
   *
   * @param output   states of the decoder, [B, T, H]
   * @param context  what each step found, [B, T, 2·encoderSize]
   * @param words    what each step read, [B, T, E]
   */
  logits(output: Tensor, context: Tensor, words: Tensor): Tensor {
    return inScope(() => linear(this.#read(this.#climb(output, context, null), context, words), this.#outputWeight, this.#outputBias));
  }

  /**
   * What the decoder would read where a share of its inputs are its own likeliest pieces: scheduled sampling. Each sentence is said
   * step by step, without gradients and dropout, from inputs that are drawn on the way.
   *
   * @param rate of the inputs behind the first one, in [0, 1]
   * @see Bengio et al. (2015), arXiv:1506.03099; as there, no gradient goes through the choice
   */
  sampledInputs({ source, inputs }: TranslationBatch, rate: number, rng: Random): PaddedSequences {
    const { batchSize: B, length: T, lengths } = inputs;
    const wasTraining = this.isTraining;
    this.eval();
    try {
      return scope(() =>
        noGrad(() => {
          const ids = Int32Array.from(inputs.ids);
          const { memory, state: first } = this.encode(source);
          let state: readonly Tensor[] = this.#firstStates(first);
          const current = new Int32Array(B);
          for (let t = 0; t + 1 < T; t++) {
            for (let b = 0; b < B; b++) current[b] = ids[b * T + t];
            const { hidden, state: next } = this.#step(current, memory, state, null);
            const said = argmax(linear(hidden, this.#outputWeight, this.#outputBias), -1).dataSync();
            state = next;
            for (let b = 0; b < B; b++) if (t + 1 < lengths[b] && rng.uniform() < rate) ids[b * T + t + 1] = said[b];
          }
          return { ...inputs, ids };
        }),
      );
    } finally {
      this.train(wasTraining);
    }
  }

  /** Sentences as a beam search asks for them. Call it, and the search, in a scope. */
  searchable(source: PaddedSequences): BeamModel<readonly Tensor[]> {
    const { memory, state } = noGrad(() => this.encode(source));
    return {
      start: () => noGrad(() => this.#firstStates(state)),
      step: ({ tokens, parents, sentences, state: states }) => {
        let scores: { logProbabilities: Float32Array | Float64Array; attention: Float32Array | Float64Array };
        const next = scope(() =>
          noGrad(() => {
            const rows = tensor(parents, { dtype: 'int32', backend: this.backend });
            const chosen = isIdentity(parents, states[0].shape[0]) ? states : states.map((one) => gather(one, rows));
            const { hidden, state: after, weights } = this.#step(tokens, memory, chosen, sentences);
            const logits = linear(hidden, this.#outputWeight, this.#outputBias);
            scores = { logProbabilities: floatsOf(logSoftmax(logits)), attention: floatsOf(weights) };
            return after;
          }),
        );
        return { ...scores!, state: next };
      },
    };
  }

  /** One piece of each row. @param rows of the memory; null: each row's own */
  #step(tokens: Int32Array, memory: AttentionMemory, state: readonly Tensor[], rows: Int32Array | null) {
    const y = this.target.forward(tensor(tokens, { dtype: 'int32', backend: this.backend }));
    const depth = this.decoder.stateSizes.length;
    const { output, context, weights, state: lower } = this.decoder.step(y, memory, state.slice(0, depth), { rows });
    let top = output;
    let upper: readonly Tensor[] = [];
    if (this.upper !== null) {
      const both = concat([output, context], 1);
      const { decoderLayers, decoderSize: H } = this.architecture;
      const L = decoderLayers - 1;
      const B = tokens.length;
      // A state is [B, L·H] between steps, so that rows are hypotheses, and [L, B, H] in the layers.
      const given = state.slice(depth).map((one) => transpose(reshape(one, [B, L, H]), 0, 1));
      const result = this.upper instanceof LSTM ? this.upper.step(both, [given[0], given[1]]) : this.upper.step(both, given[0]);
      top = result.output;
      const after = Array.isArray(result.state) ? (result.state as Tensor[]) : [result.state as Tensor];
      upper = after.map((one) => reshape(transpose(one, 0, 1), [B, L * H]));
    }
    return { hidden: this.#read(top, context, y), state: [...lower, ...upper], weights };
  }

  /** The decoder's first states, and zeros for the layers above. */
  #firstStates(state: readonly Tensor[]): readonly Tensor[] {
    if (this.upper === null) return state;
    const { decoderLayers, decoderSize: H, cell } = this.architecture;
    const [B] = state[0].shape;
    return [...state, ...Array.from({ length: cell === 'lstm' ? 2 : 1 }, () => zerosOf(B, (decoderLayers - 1) * H, this))];
  }

  #climb(output: Tensor, context: Tensor, lengths: Int32Array | null): Tensor {
    if (this.upper === null) return output;
    return this.upper.forward(this.#drop(concat([output, context], 2), this.architecture.dropout), null, { lengths }).output;
  }

  /** What the output reads: tanh(W_o [h, context, y] + b_o). */
  #read(top: Tensor, context: Tensor, y: Tensor): Tensor {
    return tanh(this.readout.forward(concat([top, context, y], top.rank - 1)));
  }

  #embedded(embedding: Embedding, { ids, batchSize: B, length: T }: PaddedSequences): Tensor {
    const { embeddingDropout, wordDropout } = this.architecture;
    const x = this.#drop(embedding.forward(tensor(ids, { shape: [B, T], dtype: 'int32', backend: this.backend })), embeddingDropout);
    if (!this.isTraining || wordDropout === 0) return x;
    return mul(x, dropout(ones([B, T, 1], { backend: this.backend }), wordDropout, this.rng));
  }

  #drop(x: Tensor, p: number): Tensor {
    return this.isTraining && p > 0 ? dropout(x, p, this.rng) : x;
  }
}

function recurrent(cell: TranslatorArchitecture['cell'], options: ConstructorParameters<typeof GRU>[0]): GRU | LSTM {
  return cell === 'gru' ? new GRU({ ...options, recurrentInit: 'orthogonal' }) : new LSTM({ ...options, forgetBias: 1 });
}

function zerosOf(B: number, width: number, { backend }: Module): Tensor {
  return tensor(new Float32Array(B * width), { shape: [B, width], backend });
}

function floatsOf(x: Tensor): Float32Array | Float64Array {
  return x.dataSync() as Float32Array | Float64Array;
}

function isIdentity(parents: Int32Array, rows: number): boolean {
  return parents.length === rows && parents.every((parent, r) => parent === r);
}
