/**
 * Utterances as a model learns from them: drawn anew in each epoch, joined, sped up, made louder or noisy, turned into features and
 * partly hidden. All of it follows from the seed, the epoch and the place in it, so that a training goes on exactly where it was.
 */
import { addNoise, gain, perturbSpeed } from '../../data/audio/augment.ts';
import type { FrontEnd } from '../../data/audio/front-end.ts';
import { joined } from '../../data/audio/resample.ts';
import { specAugment } from '../../data/audio/spec-augment.ts';
import { BatchCounter, type BatchPosition, type BatchSource } from '../../data/batch-source.ts';
import { type PaddedFeatures, padFeatures } from '../../data/sequence-batches.ts';
import { Random } from '../../tensor/random.ts';
import type { ResolvedOptions } from './options.ts';

/** An utterance in memory. */
export interface HeardUtterance {
  /** Of one channel, at the model's rate. */
  readonly samples: () => Promise<Float32Array>;
  /** Number of samples. */
  readonly length: number;
  readonly transcript: string;
  readonly speaker: string | null;
}

/** Utterances side by side, and their classes. */
export interface SpeechBatch extends PaddedFeatures {
  readonly targets: readonly Int32Array[];
}

/** Seconds of silence between two that are joined, at most. */
const longestPause = 0.15;
/** Batches whose utterances are sorted by length together. */
const poolSize = 20;

export class SpeechBatches implements BatchSource<SpeechBatch> {
  readonly #utterances: readonly HeardUtterance[];
  readonly #frontEnd: FrontEnd;
  readonly #encode: (transcript: string) => Int32Array;
  readonly #separator: string;
  readonly #options: ResolvedOptions;
  /** How many utterances of each speaker are joined, group by group: the same in all epochs, so that these have equally many batches. */
  readonly #plans: readonly { readonly members: readonly number[]; readonly sizes: readonly number[] }[];
  readonly #counter: BatchCounter;
  #epochPlan: { readonly epoch: number; readonly batches: readonly (readonly (readonly number[])[])[] } | null = null;

  /**
   * @param encode  a transcript's classes
   * @param separator  between the transcripts of utterances that are joined
   */
  constructor(
    utterances: readonly HeardUtterance[],
    options: ResolvedOptions,
    given: { readonly frontEnd: FrontEnd; readonly encode: (transcript: string) => Int32Array; readonly separator?: string },
  ) {
    this.#utterances = utterances;
    this.#options = options;
    this.#frontEnd = given.frontEnd;
    this.#encode = given.encode;
    this.#separator = given.separator ?? ' ';
    const rng = new Random(options.seed).fork('joins');
    const bySpeaker = new Map<string, number[]>();
    utterances.forEach(({ speaker }, i) => {
      const members = bySpeaker.get(speaker ?? '');
      if (members === undefined) bySpeaker.set(speaker ?? '', [i]);
      else members.push(i);
    });
    this.#plans = [...bySpeaker.values()].map((members) => ({ members, sizes: groupSizes(members.length, options.join, rng) }));
    const groups = this.#plans.reduce((sum, { sizes }) => sum + sizes.length, 0);
    this.#counter = new BatchCounter(Math.ceil(groups / options.batchSize));
  }

  get epoch(): number {
    return this.#counter.epoch;
  }

  get batchesPerEpoch(): number {
    return this.#counter.batchesPerEpoch;
  }

  position(): BatchPosition {
    return this.#counter.position();
  }

  seek(position: BatchPosition): void {
    this.#counter.seek(position);
  }

  async next(): Promise<SpeechBatch> {
    const { epoch, index } = this.#counter.take();
    if (this.#epochPlan?.epoch !== epoch) this.#epochPlan = { epoch, batches: this.#arrange(epoch) };
    const rng = new Random(this.#options.seed).fork(`batch ${epoch} ${index}`);
    const features: Float32Array[] = [];
    const targets: Int32Array[] = [];
    for (const group of this.#epochPlan.batches[index]) {
      const sound = await this.#sound(group, rng);
      features.push(this.#features(sound, rng));
      targets.push(this.#encode(group.map((i) => this.#utterances[i].transcript).join(this.#separator)));
    }
    return { ...padFeatures(features, this.#frontEnd.size), targets };
  }

  /** Which utterances are in each batch, joined group by group. */
  #arrange(epoch: number): (readonly (readonly number[])[])[] {
    const rng = new Random(this.#options.seed).fork(`epoch ${epoch}`);
    const groups = this.#plans.flatMap(({ members, sizes }) => {
      const order = rng.permutation(members.length);
      let at = 0;
      return sizes.map((size) => Array.from({ length: size }, () => members[order[at++]]));
    });
    const order = rng.permutation(groups.length);
    const { batchSize } = this.#options;
    const batches: (readonly number[])[][] = [];
    for (let begin = 0; begin < groups.length; begin += batchSize * poolSize) {
      const pool = Array.from(order.subarray(begin, begin + batchSize * poolSize), (i) => groups[i]);
      const length = (group: readonly number[]): number => group.reduce((sum, i) => sum + this.#utterances[i].length, 0);
      pool.sort((a, b) => length(a) - length(b));
      for (let at = 0; at < pool.length; at += batchSize) batches.push(pool.slice(at, at + batchSize));
    }
    return [...rng.permutation(batches.length)].map((i) => batches[i]);
  }

  async #sound(group: readonly number[], rng: Random): Promise<Float32Array> {
    const { speeds, gain: decibels, noise } = this.#options;
    const parts: Float32Array[] = [];
    for (const [k, i] of group.entries()) {
      if (k > 0) parts.push(new Float32Array(Math.floor(rng.uniform() * longestPause * this.#frontEnd.options.sampleRateHz)));
      parts.push(await this.#utterances[i].samples());
    }
    let sound = parts.length === 1 ? parts[0] : joined(parts);
    const speed = speeds[rng.integer(speeds.length)];
    if (speed !== 1) sound = perturbSpeed(sound, speed);
    if (decibels > 0) sound = gain(sound, (2 * rng.uniform() - 1) * decibels);
    if (noise !== undefined) sound = addNoise(sound, noise + 20 * rng.uniform(), rng);
    return sound;
  }

  #features(sound: Float32Array, rng: Random): Float32Array {
    const features = this.#frontEnd.forward(sound);
    const { specAugment: isHidden, frequencyMasks, frequencyMaskSize, timeMasks, timeMaskSize, timeMaskShare, timeWarp } = this.#options;
    if (!isHidden) return features;
    const { size } = this.#frontEnd;
    const widest = frequencyMaskSize ?? Math.floor(size / 5);
    return specAugment(
      features,
      size,
      { frequencyMasks, frequencyMaskSize: widest, timeMasks, timeMaskSize, timeMaskShare, timeWarp },
      rng,
    );
  }
}

/** Sizes of 1 … most that add up to n. */
function groupSizes(n: number, most: number, rng: Random): number[] {
  const sizes: number[] = [];
  for (let left = n; left > 0; left -= sizes.at(-1)!) sizes.push(Math.min(left, 1 + rng.integer(most)));
  return sizes;
}
