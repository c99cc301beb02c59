/** The linear-chain conditional random field: a layer above emissions that scores whole sequences of tags. */
import { arrange, discard, emptyInOrder } from '../autograd/layout.ts';
import { add } from '../autograd/ops/binary.ts';
import { mean, sum } from '../autograd/ops/reduce.ts';
import { inScope, releaseEarly } from '../autograd/scope.ts';
import { needsGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Parameter, type Tensor } from '../autograd/tensor.ts';
import type { Crf } from '../backend/backend.ts';
import { ConfigError, ShapeError, unknownName } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { bestPaths, type ScoredPath } from './best-paths.ts';
import { type Barriers, barriersOf, type CrfConstraints } from './crf-constraints.ts';
import { uniform } from './initializers.ts';
import { requireSizes } from './linear.ts';
import { Module } from './module.ts';
import { type Lengths, lengthsOf } from './sequence.ts';

/** Size and first values of a chain of tags. */
export interface LinearChainCrfOptions {
  /** Number of tags, C. */
  readonly numTags: number;
  /** Emissions are [B, T, C] and tags [B, T]; false: [T, B, C] and [T, B]. Default true. */
  readonly batchFirst?: boolean;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/** Which paths there are. */
export interface CrfPathOptions {
  /** True lengths in steps, [B]; T when absent. A sequence of length 0 has one path, the empty one, of score 0. */
  readonly lengths?: ArrayLike<number> | null;
  /** Which tags may begin, follow one another and end; all when absent. */
  readonly allowed?: CrfConstraints | null;
}

const reductions = ['mean', 'sum', 'none'] as const;

export interface CrfLossOptions extends CrfPathOptions {
  /** Default 'mean': over the sequences. 'none': one loss a sequence, [B]. */
  readonly reduction?: (typeof reductions)[number];
}

/**
 * Linear-chain conditional random field. With emissions x, a path y of n tags has the probability
 *
 *   P(y | x) = exp(s(y)) / Σ_y' exp(s(y'))
 *   s(y) = start[y_0] + Σ_t x_t[y_t] + Σ_t transitions[y_{t−1}, y_t] + end[y_{n−1}]
 *
 * Everything is exact: the sum is over all C^n paths, by the forward algorithm in logarithms. Constraints take the forbidden paths
 * out of it. Parameters, uniform in ±0.1 at first: `start_transitions` [C], `end_transitions` [C], `transitions` [C, C] (from, to).
 *
 * @example
 * const crf = new LinearChainCrf({ numTags: 9 });
 * const loss = crf.loss(emissions, tags, { lengths }); // emissions [B, T, 9], tags int32 [B, T]
 * const paths = crf.decode(emissions, { lengths, allowed: entityConstraints(labels, 'BIO') });
 * @see Lafferty, McCallum & Pereira (2001), Conditional random fields. Names, and numbers up to the sign of the loss, as
 *      pytorch-crf 0.7.
 */
export class LinearChainCrf extends Module {
  readonly numTags: number;
  readonly batchFirst: boolean;
  readonly start: Parameter; // [C]
  readonly end: Parameter; // [C]
  readonly transitions: Parameter; // [C, C]

  /** @throws ConfigError when numTags is not a positive integer */
  constructor({ numTags, batchFirst = true, rng = Random.fromEntropy() }: LinearChainCrfOptions) {
    super();
    requireSizes('LinearChainCrf', { numTags });
    this.numTags = numTags;
    this.batchFirst = batchFirst;
    const init = (values: Float32Array | Float64Array) => uniform(values, 0.1, rng);
    this.start = this.parameter('start_transitions', [numTags], init);
    this.end = this.parameter('end_transitions', [numTags], init);
    this.transitions = this.parameter('transitions', [numTags, numTags], init);
  }

  /**
   * −log P(tags | emissions) in nats, of whole sequences.
   *
   * @param emissions  [B, T, C], or [T, B, C] without batchFirst; −∞ forbids a tag at a step
   * @param tags       int32 [B, T] (or [T, B]), each in 0…C−1; past a sequence's length they are not looked at
   * @returns          a scalar; with reduction 'none' [B]
   * @throws ShapeError   when tags do not fit the emissions or are out of range, or lengths are not in 0…T
   * @throws ConfigError  when tags are a path that the constraints forbid, whose loss would be infinite
   */
  loss(emissions: Tensor, tags: Tensor, { reduction = 'mean', ...options }: CrfLossOptions = {}): Tensor {
    if (!reductions.includes(reduction)) throw new ConfigError(`[LinearChainCrf] ${unknownName('reduction', reduction, reductions)}`);
    const batch = this.#batch(emissions, options);
    this.#requireTags(tags, emissions, batch, options.allowed ?? null);
    const { T, B, order } = batch;
    const backend = backendOf('LinearChainCrf', [emissions, tags, this.transitions]);
    return inScope(() => {
      const scores = this.#scores(batch);
      const inputs = [emissions, scores.transitions, scores.start, scores.end, tags];
      const alphas = empty(backend, [T, B, this.numTags]);
      const shifts = empty(backend, [T, B]);
      const losses = empty(backend, [B]);
      const saved = () => ({ alphas: bufferOf(alphas), shifts: bufferOf(shifts) });
      /** The chain and its tags as kernels take them, for the length of `call`. */
      const withChain = (call: (chain: Crf & { readonly tags: ReturnType<typeof bufferOf> }) => void): void => {
        const copies = [arrange(emissions, order), arrange(tags, order.slice(0, 2))];
        call({ ...this.#chain(copies[0], scores, batch), tags: bufferOf(copies[1]) });
        discard(copies, [emissions, tags]);
      };
      withChain((chain) => backend.crfForward({ ...chain, ...saved(), losses: bufferOf(losses) }));
      if (!needsGrad(inputs)) for (const temporary of [alphas, shifts]) releaseEarly(temporary.storage);
      record(
        'LinearChainCrf',
        inputs,
        [losses],
        ([dLosses], sink) => {
          const dEmissions = emptyInOrder(backend, emissions.shape, order);
          const temporaries: Tensor[] = [];
          const into = (i: number) => {
            if (sink.wants(i)) return bufferOf(sink.accumulator(i));
            temporaries.push(empty(backend, inputs[i].shape));
            return bufferOf(temporaries.at(-1)!);
          };
          const scale = contiguous(dLosses!);
          withChain((chain) =>
            backend.crfBackward({
              ...chain,
              ...saved(),
              scale: bufferOf(scale),
              dEmissions: bufferOf(dEmissions),
              dTransitions: into(1),
              dStart: into(2),
              dEnd: into(3),
            }),
          );
          discard([scale], [dLosses!]);
          for (const temporary of temporaries) releaseEarly(temporary.storage);
          return [dEmissions];
        },
        [alphas, shifts],
      );
      return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses);
    });
  }

  /**
   * The most probable path of each sequence (Viterbi), as long as the sequence.
   *
   * @param emissions  as of `loss`
   * @throws ConfigError when the constraints forbid every path of a sequence
   */
  decode(emissions: Tensor, options: CrfPathOptions = {}): Int32Array[] {
    const batch = this.#batch(emissions, options);
    const { T, B, order, lengths } = batch;
    const backend = backendOf('LinearChainCrf', [emissions, this.transitions]);
    return inScope(() => {
      const tags = empty(backend, [T, B], 'int32');
      const scores = empty(backend, [B]);
      const arranged = arrange(emissions, order);
      backend.crfDecode({ ...this.#chain(arranged, this.#scores(batch), batch), tags: bufferOf(tags), scores: bufferOf(scores) });
      const found = tags.dataSync();
      scores.dataSync().forEach((score, b) => {
        if (score === Number.NEGATIVE_INFINITY) throw noPath(b, lengths?.values[b] ?? T);
      });
      return Array.from({ length: B }, (_, b) => Int32Array.from({ length: lengths?.values[b] ?? T }, (__, t) => found[t * B + b]));
    });
  }

  /**
   * The k most probable paths of each sequence, best first, with their scores s(y); fewer where there are not so many. Computed in
   * float64 on the host.
   *
   * @param emissions  as of `loss`
   * @throws ConfigError when k is not a positive integer, or the constraints forbid every path of a sequence
   */
  nBest(emissions: Tensor, k: number, options: CrfPathOptions = {}): ScoredPath[][] {
    requireSizes('LinearChainCrf', { k });
    const batch = this.#batch(emissions, options);
    const { T, B, order, lengths } = batch;
    return inScope(() => {
      const C = this.numTags;
      const { transitions, start, end } = this.#scores(batch);
      const facts = { C, transitions: transitions.dataSync(), start: start.dataSync(), end: end.dataSync() };
      const values = emissions.dataSync();
      const [stepStride, rowStride] = order[0] === 0 ? [B * C, C] : [C, T * C];
      return Array.from({ length: B }, (_, b) => {
        const n = lengths?.values[b] ?? T;
        const paths = bestPaths({ ...facts, n, emission: (t, j) => values[t * stepStride + b * rowStride + j] }, k);
        if (paths.length === 0) throw noPath(b, n);
        return paths;
      });
    });
  }

  /**
   * P(y_t = j | emissions), exactly: each step's sum to 1. Without gradients; 0 past a sequence's length.
   *
   * @param emissions  as of `loss`
   * @returns          of the emissions' shape
   */
  marginals(emissions: Tensor, options: CrfPathOptions = {}): Tensor {
    const batch = this.#batch(emissions, options);
    const { T, B, order } = batch;
    const backend = backendOf('LinearChainCrf', [emissions, this.transitions]);
    return inScope(() => {
      const scores = this.#scores(batch);
      const arranged = arrange(emissions, order);
      const probabilities = emptyInOrder(backend, emissions.shape, order);
      const [alphas, shifts] = [empty(backend, arranged.shape), empty(backend, [T, B])];
      const [losses, scale] = [empty(backend, [B]), empty(backend, [1])];
      const [dTransitions, dStart, dEnd] = [scores.transitions, scores.start, scores.end].map(({ shape }) => empty(backend, shape));
      const chain = { ...this.#chain(arranged, scores, batch), tags: null, alphas: bufferOf(alphas), shifts: bufferOf(shifts) };
      backend.crfForward({ ...chain, losses: bufferOf(losses) });
      backend.fill(bufferOf(scale), 1);
      backend.crfBackward({
        ...chain,
        scale: bufferOf(scale),
        dEmissions: bufferOf(probabilities),
        dTransitions: bufferOf(dTransitions),
        dStart: bufferOf(dStart),
        dEnd: bufferOf(dEnd),
      });
      discard([arranged], [emissions]);
      for (const x of [alphas, shifts, losses, scale, dTransitions, dStart, dEnd]) releaseEarly(x.storage);
      return probabilities;
    });
  }

  /** The parameters, −∞ where constraints forbid. */
  #scores({ barriers }: Batch): Scores {
    const { start, end, transitions } = this;
    if (barriers === null) return { start, end, transitions };
    return {
      start: add(start, barriers.starts),
      end: add(end, barriers.ends),
      transitions: add(transitions, barriers.transitions),
    };
  }

  #chain(emissions: Tensor, { start, end, transitions }: Scores, { T, B, lengths }: Batch): Crf {
    return {
      T,
      B,
      C: this.numTags,
      emissions: bufferOf(emissions),
      lengths: lengths === null ? null : bufferOf(lengths.tensor),
      transitions: bufferOf(contiguous(transitions)),
      start: bufferOf(contiguous(start)),
      end: bufferOf(contiguous(end)),
    };
  }

  #batch({ shape, backend }: Tensor, { lengths, allowed = null }: CrfPathOptions): Batch {
    const axes = this.batchFirst ? 'B, T' : 'T, B';
    if (shape.length !== 3 || shape[2] !== this.numTags) {
      throw new ShapeError(
        `[LinearChainCrf] expected emissions of shape [${axes}, ${this.numTags}] (numTags ${this.numTags}), received ${formatShape(shape)}.`,
      );
    }
    const [B, T] = this.batchFirst ? shape : [shape[1], shape[0]];
    if (B === 0 || T === 0) {
      throw new ShapeError(
        `[LinearChainCrf] expected at least one sequence of one step, received emissions of shape ${formatShape(shape)}.`,
      );
    }
    const known = lengths === null || lengths === undefined ? null : lengthsOf('LinearChainCrf', backend, lengths, B, T);
    const barriers = allowed === null ? null : barriersOf(allowed, this.numTags, backend);
    return { T, B, order: this.batchFirst ? [1, 0, 2] : [0, 1, 2], lengths: known, barriers };
  }

  /** Refuses tags of another shape, out of range, or on a path that is forbidden. */
  #requireTags(tags: Tensor, emissions: Tensor, { T, B, lengths }: Batch, allowed: CrfConstraints | null): void {
    const C = this.numTags;
    if (tags.dtype !== 'int32' || !sameShape(tags.shape, emissions.shape.slice(0, 2))) {
      throw new ShapeError(
        `[LinearChainCrf] expected int32 tags of shape ${formatShape(emissions.shape.slice(0, 2))}, received ${tags.dtype} of shape ${formatShape(tags.shape)}.`,
      );
    }
    const values = tags.dataSync();
    const [stepStride, rowStride] = this.batchFirst ? [1, T] : [B, 1];
    for (let b = 0; b < B; b++) {
      const n = lengths?.values[b] ?? T;
      let before = -1;
      for (let t = 0; t < n; t++) {
        const tag = values[t * stepStride + b * rowStride];
        if (tag < 0 || tag >= C) {
          throw new ShapeError(`[LinearChainCrf] expected tags in 0…${C - 1}, received ${tag} at step ${t} of sequence ${b}.`);
        }
        if (allowed !== null) {
          const mayFollow = t === 0 ? allowed.starts[tag] : allowed.transitions[before * C + tag];
          if (!mayFollow) throw forbidden(t === 0 ? `tag ${tag} to begin` : `tag ${tag} after ${before}`, t, b);
          if (t === n - 1 && !allowed.ends[tag]) throw forbidden(`tag ${tag} to end`, t, b);
        }
        before = tag;
      }
    }
  }
}

interface Scores {
  readonly start: Tensor; // [C]
  readonly end: Tensor; // [C]
  readonly transitions: Tensor; // [C, C]
}

interface Batch {
  readonly T: number;
  readonly B: number;
  /** Axes of the emissions, time first. */
  readonly order: readonly number[];
  /** null: all T. */
  readonly lengths: Lengths | null;
  readonly barriers: Barriers | null;
}

function forbidden(what: string, t: number, b: number): ConfigError {
  return new ConfigError(
    `[LinearChainCrf] the constraints forbid ${what}, at step ${t} of sequence ${b}: its loss is infinite. Repair the tags, or train without constraints and give them to decode alone.`,
  );
}

function noPath(b: number, n: number): ConfigError {
  return new ConfigError(`[LinearChainCrf] the constraints and emissions forbid every path of ${n} tags for sequence ${b}.`);
}
