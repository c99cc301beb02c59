/** Words as vectors, read from their characters. */
import { concat } from '../autograd/ops/concat.ts';
import { gather } from '../autograd/ops/gather.ts';
import { select } from '../autograd/ops/shape.ts';
import { inScope } from '../autograd/scope.ts';
import { type Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Embedding } from './embedding.ts';
import { LSTM } from './lstm.ts';
import { Module } from './module.ts';

/** Sizes of a character encoder. */
export interface CharacterEncoderOptions {
  /** Number of characters, the padding included. */
  readonly vocabularySize: number;
  /** Numbers per character. */
  readonly embeddingSize: number;
  /** Units in each direction; a word's vector has twice as many numbers. */
  readonly hiddenSize: number;
  /** The character that stands after a word's end. Default 0. */
  readonly paddingIndex?: number;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/** Words as characters, side by side; best each word once. */
export interface CharacterBatch {
  /** [W, L] row-major: the words' characters, padded at their ends. */
  readonly ids: Int32Array;
  /** Characters of each word, [W]; at least 1. */
  readonly lengths: Int32Array;
  /** W: words. */
  readonly count: number;
  /** L: characters of the longest. */
  readonly length: number;
}

/**
 * Words as vectors: what a bidirectional LSTM over a word's characters ends in, the forward direction at its last character
 * and the reverse one at its first. Words that share a length are read together, so a few long ones cost the many
 * short ones nothing. Parameters: `embedding.weight` [V, E]; `rnn.…` as torch.nn.LSTM's.
 *
 * @example
 * const encoder = new CharacterEncoder({ vocabularySize: 100, embeddingSize: 32, hiddenSize: 50, rng });
 * const vectors = encoder.forward({ ids, lengths, count, length }); // [W, 100]
 * @see Ling et al. (2015), arXiv:1508.02096; Lample et al. (2016), arXiv:1603.01360
 */
export class CharacterEncoder extends Module {
  readonly embedding: Embedding;
  readonly rnn: LSTM;
  /** Numbers of a word's vector: 2 · hiddenSize. */
  readonly outputSize: number;
  readonly #paddingIndex: number;

  /** @throws ConfigError when a size is not a positive integer */
  constructor({ vocabularySize, embeddingSize, hiddenSize, paddingIndex = 0, rng = Random.fromEntropy() }: CharacterEncoderOptions) {
    super();
    this.embedding = this.child('embedding', new Embedding({ vocabularySize, embeddingSize, paddingIndex, rng }));
    this.rnn = this.child('rnn', new LSTM({ inputSize: embeddingSize, hiddenSize, bidirectional: true, rng }));
    this.outputSize = 2 * hiddenSize;
    this.#paddingIndex = paddingIndex;
  }

  /**
   * @param words  W words, at least one, of at least one character each
   * @returns      [W, outputSize]
   * @throws ConfigError when there are no words, or empty ones
   */
  forward(words: CharacterBatch): Tensor {
    const groups = groupsByLength(words.lengths);
    return inScope(() => {
      const vectors = groups.map((members) => this.#encode(words, members));
      if (vectors.length === 1) return vectors[0];
      // Back in the order they came in.
      const places = new Int32Array(words.count);
      groups.flat().forEach((word, place) => {
        places[word] = place;
      });
      return gather(concat(vectors, 0), tensor(places, { dtype: 'int32', backend: this.backend }));
    });
  }

  #encode({ ids, lengths, length }: CharacterBatch, members: readonly number[]): Tensor {
    const L = members.reduce((longest, word) => Math.max(longest, lengths[word]), 0);
    const characters = new Int32Array(members.length * L).fill(this.#paddingIndex);
    members.forEach((word, row) => {
      characters.set(ids.subarray(word * length, word * length + lengths[word]), row * L);
    });
    const sequence = tensor(characters, { shape: [members.length, L], dtype: 'int32', backend: this.backend });
    const { state } = this.rnn.forward(this.embedding.deferred(sequence), null, { lengths: members.map((word) => lengths[word]) });
    const [hidden] = state; // [2, W, H]
    return concat([select(hidden, 0, 0), select(hidden, 0, 1)], 1);
  }
}

/** Where a group of words ends: no word of a group is much longer than another, and no more calls are made than pay. */
const groupEnds = [4, 7, 11, 17];

/** Indices of words of about the same length: shorter groups first, within a group in their order. */
function groupsByLength(lengths: Int32Array): number[][] {
  if (lengths.length === 0) throw new ConfigError('[CharacterEncoder] expected at least one word, received none.');
  const empty = lengths.findIndex((n) => n < 1);
  if (empty >= 0) throw new ConfigError(`[CharacterEncoder] expected words of at least one character, received an empty one at ${empty}.`);
  const groups: number[][] = [...groupEnds, Number.POSITIVE_INFINITY].map(() => []);
  lengths.forEach((length, word) => {
    const group = groupEnds.findIndex((end) => length <= end);
    groups.at(group)!.push(word); // the last one where no end is far enough
  });
  return groups.filter((group) => group.length > 0);
}
