/** Choosing the next token from a model's logits. */
import { ConfigError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';

/** How bold a choice is. */
export interface SamplingOptions {
  /** Divides the logits: below 1 safer, above 1 bolder; 0 takes the likeliest token. Default 1. */
  readonly temperature?: number;
  /** Only the k likeliest tokens; 0 (default): all. */
  readonly topK?: number;
  /** Only the likeliest tokens that together have this probability, in (0, 1]; 1 (default): all (Holtzman et al. 2020). */
  readonly topP?: number;
  /** Tokens that are never chosen, such as the unknown token. */
  readonly forbidden?: readonly number[];
}

/** @throws ConfigError when an option is out of range */
export function checkSampling({ temperature = 1, topK = 0, topP = 1 }: SamplingOptions): void {
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    throw new ConfigError(`temperature: expected 0 or more, received ${temperature}.`);
  if (!(Number.isInteger(topK) && topK >= 0)) throw new ConfigError(`topK: expected an integer of 0 (all) or more, received ${topK}.`);
  if (!(topP > 0 && topP <= 1)) throw new ConfigError(`topP: expected a probability in (0, 1], received ${topP}.`);
}

/**
 * An index drawn with probability softmax(logits / temperature), restricted to the top k and the top p.
 *
 * @param logits one number a token (logarithms of probabilities will do)
 * @param rng    one uniform number is drawn, unless the temperature is 0
 * @example sample(logits, { temperature: 0.8, topK: 40 }, rng);
 */
export function sample(logits: ArrayLike<number>, options: SamplingOptions, rng: Random): number {
  checkSampling(options);
  const { temperature = 1, topK = 0, topP = 1, forbidden = [] } = options;
  const scores = Float64Array.from(logits);
  for (const id of forbidden) scores[id] = Number.NEGATIVE_INFINITY;
  const best = argmax(scores);
  if (temperature === 0) return best;

  const weights = scores.map((score) => Math.exp((score - scores[best]) / temperature));
  if (topK === 0 && topP === 1) return draw(weights, null, rng);
  const ranked = Array.from(weights.keys())
    .filter((id) => weights[id] > 0)
    .sort((a, b) => weights[b] - weights[a] || a - b);
  const candidates = nucleus(topK === 0 ? ranked : ranked.slice(0, topK), weights, topP);
  return draw(weights, candidates, rng);
}

/** The shortest beginning of `ranked` that holds the share `topP` of its weight. */
function nucleus(ranked: readonly number[], weights: Float64Array, topP: number): readonly number[] {
  if (topP === 1) return ranked;
  const wanted = topP * ranked.reduce((sum, id) => sum + weights[id], 0);
  let held = 0;
  const end = ranked.findIndex((id) => {
    held += weights[id];
    return held >= wanted;
  });
  return end < 0 ? ranked : ranked.slice(0, end + 1);
}

/** One of the candidates (null: every index), with probability in proportion to its weight. */
function draw(weights: Float64Array, candidates: readonly number[] | null, rng: Random): number {
  const ids = candidates ?? weights.keys();
  let total = 0;
  for (const id of candidates ?? weights.keys()) total += weights[id];
  let left = rng.uniform() * total;
  let last = 0;
  for (const id of ids) {
    if (weights[id] === 0) continue;
    last = id;
    left -= weights[id];
    if (left < 0) return id;
  }
  return last;
}

/** The index of the largest number, the first of equals. */
export function argmax(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
  return best;
}
