/** The part of Listen, Attend and Spell that spells: a decoder with attention over what the encoder heard, symbol by symbol. */
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { gather } from '../../autograd/ops/gather.ts';
import { logSoftmax } from '../../autograd/ops/softmax.ts';
import { inScope, scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { padSequences } from '../../data/sequence-batches.ts';
import { type BeamModel, beamSearch } from '../../decode/beam-search.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import type { AttentionMemory } from '../../nn/attention.ts';
import { AttentionDecoder } from '../../nn/attention-decoder.ts';
import { Embedding } from '../../nn/embedding.ts';
import { Linear } from '../../nn/linear.ts';
import { Module } from '../../nn/module.ts';
import type { Random } from '../../tensor/random.ts';

/** Sizes of a speller. */
export interface AttentionSpellerOptions {
  /** V: symbols and the boundary, which begins and ends a transcript: class 0. */
  readonly classes: number;
  readonly hiddenSize: number;
  /** Numbers of a step of what was heard. */
  readonly memorySize: number;
  readonly cell: 'lstm' | 'gru';
  readonly dropout: number;
  readonly rng: Random;
}

/** A symbol, and the step at which the speller looked most. */
export interface SpelledSymbol {
  readonly symbol: number;
  readonly start: number;
  readonly end: number;
}

const boundary = 0;

/** Symbols written by a decoder that looks at all steps. Parameters: `embedding.weight` [V, H], `decoder.…`, `output.…` [V, H + M]. */
export class AttentionSpeller extends Module {
  readonly embedding: Embedding;
  readonly decoder: AttentionDecoder;
  readonly output: Linear;
  readonly #options: AttentionSpellerOptions;

  constructor(options: AttentionSpellerOptions) {
    super();
    const { classes, hiddenSize, memorySize, cell, rng } = options;
    this.#options = options;
    this.embedding = this.child('embedding', new Embedding({ vocabularySize: classes, embeddingSize: hiddenSize, rng }));
    this.decoder = this.child('decoder', new AttentionDecoder({ inputSize: hiddenSize, hiddenSize, memorySize, cell, rng }));
    this.output = this.child('output', new Linear({ inputSize: hiddenSize + memorySize, outputSize: classes, rng }));
  }

  /**
   * Mean −ln P(symbol | sound, symbols before) in nats, the end of each transcript among them.
   *
   * @param heard    [B, T', M]
   * @param lengths  in steps, [B]
   */
  loss(heard: Tensor, lengths: ArrayLike<number>, targets: readonly Int32Array[]): Tensor {
    const { dropout: p, rng } = this.#options;
    return inScope(() => {
      const inputs = padSequences(targets.map((target) => [boundary, ...target]));
      const expected = padSequences(
        targets.map((target) => [...target, boundary]),
        -100,
      );
      const shape = [inputs.batchSize, inputs.length];
      const ids = tensor(inputs.ids, { shape, dtype: 'int32', backend: this.backend });
      const memory = this.decoder.attention.memory(heard, { lengths });
      const { output, context } = this.decoder.forward(this.embedding.forward(ids), memory, null, { lengths: inputs.lengths });
      const read = concat([output, context], 2);
      const logits = this.output.forward(this.isTraining && p > 0 ? dropout(read, p, rng) : read);
      return crossEntropy(logits, tensor(expected.ids, { shape, dtype: 'int32', backend: this.backend }), { labelSmoothing: 0.1 });
    });
  }

  /** The likeliest transcripts. Each is at most as long as its sound has steps. */
  spell(heard: Tensor, lengths: Int32Array, beamWidth: number): { readonly symbols: readonly SpelledSymbol[]; readonly score: number }[] {
    return scope(() =>
      noGrad(() => {
        const memory = this.decoder.attention.memory(heard, { lengths });
        const found = beamSearch(this.#model(memory, lengths.length), {
          sentences: lengths.length,
          startToken: boundary,
          endToken: boundary,
          width: beamWidth,
          lengthPenalty: 1,
          maxLength: Int32Array.from(lengths, (length) => length + 1),
        });
        return found.map(([{ tokens, score, attention }]) => {
          const symbols = Array.from(tokens, (symbol, i) => {
            const weights = Array.from(attention![i]);
            const step = weights.indexOf(Math.max(...weights));
            return { symbol, start: step, end: step + 1 };
          });
          return { symbols, score };
        });
      }),
    );
  }

  #model(memory: AttentionMemory, B: number): BeamModel<readonly Tensor[]> {
    const { backend } = this;
    return {
      start: () => this.decoder.stateSizes.map((size) => tensor(new Float32Array(B * size), { shape: [B, size], backend })),
      step: ({ tokens, parents, sentences, state }) => {
        const rows = tensor(parents, { dtype: 'int32', backend });
        const before = state.map((part) => gather(part, rows));
        const x = this.embedding.forward(tensor(tokens, { dtype: 'int32', backend }));
        const { output, context, weights, state: next } = this.decoder.step(x, memory, before, { rows: sentences });
        const logP = logSoftmax(this.output.forward(concat([output, context], 1)));
        return {
          logProbabilities: logP.dataSync() as Float32Array | Float64Array,
          state: next,
          attention: weights.dataSync() as Float32Array | Float64Array,
        };
      },
    };
  }
}
