/** The tagger: words as vectors → bidirectional recurrent layers → a score of each tag → softmax or a chain of tags. */

import { add, mul, sub } from '../../autograd/ops/binary.ts';
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { sum } from '../../autograd/ops/reduce.ts';
import { logSoftmax, softmax } from '../../autograd/ops/softmax.ts';
import { inScope, scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { bestPaths, type ScoredPath } from '../../nn/best-paths.ts';
import { LinearChainCrf } from '../../nn/crf.ts';
import type { CrfConstraints } from '../../nn/crf-constraints.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Module } from '../../nn/module.ts';
import { Random } from '../../tensor/random.ts';
import type { WordBatch } from '../words/word-encoder.ts';
import { WordFeatures } from '../words/word-features.ts';
import type { CharacterContext } from './character-context.ts';
import type { Architecture } from './config.ts';

/** Sentences side by side. */
export interface SentenceBatch {
  readonly words: WordBatch;
  /** [B, T, D] states of language models; null where there are none. */
  readonly context: Float32Array | null;
}

/** A way to tag a sentence. */
export interface Tagging {
  /** [T] */
  readonly tags: Int32Array;
  /** Of all tags together, in [0, 1]. */
  readonly probability: number;
}

export interface TaggerOptions extends Architecture {
  /** The frozen language models, in the order of `contexts`. */
  readonly contextModels?: readonly CharacterContext[];
  /** What may follow what; only for output crf. */
  readonly allowed?: CrfConstraints | null;
  /** See `unknownRates`. */
  readonly unknownRates?: Float32Array | null;
  /** For first values, dropout and unknown words; default: different each time. */
  readonly rng?: Random;
}

/**
 * A tag for each word. Parameters: `words.…` as `WordFeatures`'; `rnn.…` as torch.nn.LSTM's; `output.weight` [C, 2H], `output.bias` [C];
 * with output crf `crf.…` as `LinearChainCrf`'s; `context.N.…` the language models'; of further members the same after `members.N.`.
 *
 * Members differ in their first values and in what dropout takes from them. Each learns by itself; together they tag by the means of
 * their scores and of their chains': the geometric mean of their probabilities, brought to a sum of 1.
 *
 * @see Huang, Xu & Yu (2015), arXiv:1508.01991; Lample et al. (2016), arXiv:1603.01360
 */
export class Tagger extends Module {
  readonly architecture: Architecture;
  readonly words: WordFeatures;
  readonly contexts: readonly CharacterContext[];
  readonly rnn: LSTM;
  readonly output: Linear;
  readonly crf: LinearChainCrf | null;
  /** The members beside this one, each a tagger of one. */
  readonly others: readonly Tagger[];
  readonly allowed: CrfConstraints | null;
  /** What dropout and unknown words are drawn from; a checkpoint keeps its state. */
  readonly rng: Random;
  /** What is added to the scores while tagging; null: nothing. [C] */
  readonly #bias: Tensor | null;

  constructor({ contextModels = [], allowed = null, unknownRates = null, rng = Random.fromEntropy(), ...architecture }: TaggerOptions) {
    super();
    const { words, numLayers, hiddenSize, numTags, members } = architecture;
    this.architecture = architecture;
    this.rng = rng;
    this.allowed = allowed;
    this.words = this.child('words', new WordFeatures({ ...words, unknownRates, rng }));
    this.contexts = contextModels.map((context, i) => this.child(`context.${i}`, context));
    const inputSize = architecture.contexts.reduce((sum, context) => sum + context.architecture.hiddenSize, this.words.outputSize);
    this.rnn = this.child(
      'rnn',
      new LSTM({ inputSize, hiddenSize, numLayers, bidirectional: true, dropout: architecture.dropout, forgetBias: 1, rng }),
    );
    this.output = this.child('output', new Linear({ inputSize: 2 * hiddenSize, outputSize: numTags, rng }));
    const { beginnings, entityBias } = architecture;
    const bias = Float32Array.from({ length: numTags }, (_, tag) => (beginnings.includes(tag) ? entityBias : 0));
    this.#bias = beginnings.length === 0 || entityBias === 0 ? null : tensor(bias, { backend: this.backend });
    this.crf = architecture.output === 'crf' ? this.child('crf', new LinearChainCrf({ numTags, rng })) : null;
    const alone = { ...architecture, members: 1, allowed, unknownRates, rng };
    this.others = Array.from({ length: members - 1 }, (_, i) => this.child(`members.${i + 1}`, new Tagger(alone)));
  }

  /** Scores of each tag, means over the members. [B, T, C] */
  forward(batch: SentenceBatch): Tensor {
    return inScope(() => {
      const scores = meanOf([this, ...this.others].map((member) => member.#scores(batch)));
      return this.isTraining || this.#bias === null ? scores : add(scores, this.#bias);
    });
  }

  /** Of this member. [B, T, C] */
  #scores({ words, context }: SentenceBatch): Tensor {
    const drop = (x: Tensor): Tensor => (this.isTraining ? dropout(x, this.architecture.dropout, this.rng) : x);
    return inScope(() => {
      const parts = [this.words.forward(words)];
      if (context !== null) {
        const { batchSize, length } = words;
        const size = context.length / (batchSize * length);
        parts.push(tensor(context, { shape: [batchSize, length, size], backend: this.backend }));
      }
      const x = parts.length === 1 ? parts[0] : concat(parts, 2);
      const { output } = this.rnn.forward(drop(x), null, { lengths: words.lengths });
      return this.output.forward(drop(output));
    });
  }

  /**
   * −log P(tags) in nats a word, the mean over the members: each learns by itself.
   *
   * @param tags         [B, T], notTagged past a sentence's end
   * @param consistency  c: sentences are read twice, and c times how far the readings disagree is added; 0: read once
   */
  loss(batch: SentenceBatch, tags: Int32Array, consistency = 0): Tensor {
    return inScope(() => meanOf([this, ...this.others].map((member) => member.#loss(batch, tags, consistency))));
  }

  #loss(batch: SentenceBatch, tags: Int32Array, consistency: number): Tensor {
    const { batchSize, length, lengths } = batch.words;
    const { crf, allowed, backend } = this;
    const expected = tensor(tags, { shape: [batchSize, length], dtype: 'int32', backend });
    const count = lengths.reduce((sum, n) => sum + n, 0);
    const wrong = (scores: Tensor): Tensor =>
      crf === null
        ? crossEntropy(scores, expected, { ignoreIndex: notTagged })
        : mul(crf.loss(scores, expected, { lengths, allowed, reduction: 'sum' }), 1 / count);
    const scores = this.#scores(batch);
    if (consistency === 0) return wrong(scores);
    const again = this.#scores(batch);
    const disagreement = mul(this.#disagreement(scores, again, batch.words), consistency / count);
    return add(meanOf([wrong(scores), wrong(again)]), disagreement);
  }

  /**
   * How far two readings of the same sentences are from agreeing, in nats. With scores a and b of the tags, and marginals μ and ν,
   *
   *   ½ KL(p ‖ q) + ½ KL(q ‖ p) = ½ Σ (μ − ν)(a − b)
   *
   * of chains as of single tags: what both add to a path's score, its transitions, and their log Z cancel. μ and ν are taken as they
   * are: the gradient is of each reading learning what the other says.
   *
   * @see Liang et al. (2021), R-Drop, arXiv:2106.14448
   */
  #disagreement(a: Tensor, b: Tensor, { batchSize, length, lengths }: WordBatch): Tensor {
    const { crf, allowed, backend } = this;
    const within = Float32Array.from({ length: batchSize * length }, (_, i) => (i % length < lengths[Math.floor(i / length)] ? 1 : 0));
    const words = tensor(within, { shape: [batchSize, length, 1], backend });
    const marginals = (scores: Tensor): Tensor =>
      crf === null ? mul(softmax(scores), words) : crf.marginals(scores, { lengths, allowed });
    const difference = noGrad(() => sub(marginals(a), marginals(b))); // [B, T, C]
    return mul(sum(mul(difference, sub(a, b))), 0.5);
  }

  /** The members' chain of tags: transitions are means, as scores are. */
  #chain(): LinearChainCrf | null {
    const { crf } = this;
    if (crf === null || this.others.length === 0) return crf;
    const mean = new LinearChainCrf({ numTags: crf.numTags, rng: new Random(0) });
    const chains = [crf, ...this.others.map((member) => member.crf!)].map((chain) => [...chain.parameters()]);
    [...mean.parameters()].forEach((parameter, p) => {
      const values = chains.map((ofMember) => ofMember[p].dataSync());
      parameter.assign(values[0].map((_, i) => values.reduce((sum, ofMember) => sum + ofMember[i], 0) / values.length));
    });
    return mean;
  }

  /** The most probable tags of each sentence. */
  tag(batch: SentenceBatch): Int32Array[] {
    const { lengths, length } = batch.words;
    const { numTags: C } = this.architecture;
    return scope(() =>
      noGrad(() => {
        const scores = this.forward(batch);
        const crf = this.#chain();
        if (crf !== null) return crf.decode(scores, { lengths, allowed: this.allowed });
        const values = scores.dataSync();
        return Array.from(lengths, (n, b) => Int32Array.from({ length: n }, (_, t) => highest(values, (b * length + t) * C, C)));
      }),
    );
  }

  /**
   * The most probable tags of each sentence, how sure each is, and the next best.
   *
   * @param nBest  taggings of each sentence, the best first; fewer where there are not so many
   * @returns      of each sentence its taggings, and the probabilities of all tags at each word, [T, C]
   */
  explore(batch: SentenceBatch, nBest: number): { readonly taggings: Tagging[]; readonly probabilities: Float32Array }[] {
    const { lengths, length } = batch.words;
    const { numTags: C } = this.architecture;
    const { allowed } = this;
    return scope(() =>
      noGrad(() => {
        const scores = this.forward(batch);
        const crf = this.#chain();
        const logarithms = logSoftmax(scores).dataSync();
        const marginals = crf === null ? logarithms.map(Math.exp) : crf.marginals(scores, { lengths, allowed }).dataSync();
        const paths =
          crf === null
            ? Array.from(lengths, (n, b) => independentPaths(logarithms.subarray(b * length * C, (b * length + n) * C), n, C, nBest))
            : crf.nBest(scores, nBest, { lengths, allowed });
        const logOfBest = crf === null ? paths.map(([best]) => best.score) : this.#logProbabilities(crf, scores, paths, batch.words);
        return paths.map((ofSentence, b) => ({
          taggings: ofSentence.map(({ tags, score }) => ({ tags, probability: Math.exp(logOfBest[b] + score - ofSentence[0].score) })),
          probabilities: Float32Array.from(marginals.subarray(b * length * C, (b * length + lengths[b]) * C)),
        }));
      }),
    );
  }

  /** log P of each sentence's first path. */
  #logProbabilities(
    crf: LinearChainCrf,
    scores: Tensor,
    paths: readonly (readonly { tags: Int32Array }[])[],
    { batchSize, length, lengths }: WordBatch,
  ): number[] {
    const tags = new Int32Array(batchSize * length);
    paths.forEach(([best], b) => {
      tags.set(best.tags, b * length);
    });
    const best = tensor(tags, { shape: [batchSize, length], dtype: 'int32', backend: this.backend });
    return Array.from(crf.loss(scores, best, { lengths, allowed: this.allowed, reduction: 'none' }).dataSync(), (loss) => -loss);
  }
}

/** Stands for a tag past a sentence's end: no tag, and what the loss passes over. */
export const notTagged = -100;

function meanOf(tensors: readonly Tensor[]): Tensor {
  return tensors.length === 1
    ? tensors[0]
    : mul(
        tensors.reduce((total, x) => add(total, x)),
        1 / tensors.length,
      );
}

function highest(values: ArrayLike<number>, from: number, count: number): number {
  let best = 0;
  for (let j = 1; j < count; j++) if (values[from + j] > values[from + best]) best = j;
  return best;
}

/** The k best ways to choose each tag by itself: a chain whose transitions say nothing, of each word's k best tags. */
function independentPaths(logarithms: ArrayLike<number>, n: number, C: number, k: number): ScoredPath[] {
  const most = Math.min(k, C);
  const ranked = Array.from({ length: n }, (_, t) => bestTags(logarithms, t * C, C, most));
  const nothing = new Float64Array(most * most);
  const emission = (t: number, rank: number): number => logarithms[t * C + ranked[t][rank]];
  const paths = bestPaths({ C: most, n, transitions: nothing, start: nothing, end: nothing, emission }, k);
  return paths.map(({ tags, score }) => ({ tags: tags.map((rank, t) => ranked[t][rank]), score }));
}

function bestTags(values: ArrayLike<number>, from: number, C: number, most: number): number[] {
  if (most === 1) return [highest(values, from, C)];
  const tags = Array.from({ length: C }, (_, j) => j);
  return tags.sort((a, b) => values[from + b] - values[from + a]).slice(0, most);
}
