/** A linear chain of tags: the forward algorithm, its gradients, and the best path. Every equation stands in ../backend.ts. */
import type { Crf, CrfBackward, CrfDecode, CrfForward } from '../backend.ts';
import { checkApart, checkRange, floats, integers } from './memory.ts';
import { logSumExp, row } from './rows.ts';

const impossible = Number.NEGATIVE_INFINITY;

export function crfForward(chain: CrfForward): void {
  const { T, B, C } = chain;
  const scores = scoresOf('crfForward', chain);
  const { emission, transitions, start, end, lengths } = scores;
  const tags = tagsOf('crfForward', chain, lengths);
  const losses = floats('crfForward', 'losses', chain.losses, B);
  const alphas = floats('crfForward', 'alphas', chain.alphas, T * B * C);
  const shifts = floats('crfForward', 'shifts', chain.shifts, T * B);
  checkApart('crfForward', [losses, alphas, shifts], scores.inputs);

  for (let b = 0; b < B; b++) {
    const n = lengths[b];
    let logZ = 0;
    for (let t = 0; t < n; t++) {
      const a = row(alphas, t * B + b, C);
      if (t === 0) a.set(start);
      else {
        const before = row(alphas, (t - 1) * B + b, C);
        for (let j = 0; j < C; j++) {
          a[j] = logSumExp(before.map((alpha, i) => alpha + emission(t - 1, b, i) + transitions[i * C + j]));
        }
      }
      const largest = Math.max(...a);
      const shift = largest === impossible ? 0 : largest;
      for (let j = 0; j < C; j++) a[j] -= shift;
      shifts[t * B + b] = shift;
      logZ += shift;
    }
    if (n > 0) logZ += logSumExp(row(alphas, (n - 1) * B + b, C).map((alpha, j) => alpha + emission(n - 1, b, j) + end[j]));
    losses[b] = logZ - (tags === null ? 0 : scoreOf(scores, b, (t) => tags[t * B + b]));
  }
}

/** s(y) of row b. */
function scoreOf({ emission, transitions, start, end, lengths, C }: Scores, b: number, tag: (t: number) => number): number {
  const n = lengths[b];
  if (n === 0) return 0;
  let score = start[tag(0)] + end[tag(n - 1)];
  for (let t = 0; t < n; t++) score += emission(t, b, tag(t));
  for (let t = 1; t < n; t++) score += transitions[tag(t - 1) * C + tag(t)];
  return score;
}

/**
 * From the last step to the first: with p_t[j] = P(y_t = j) and the share of i in what arrives at j,
 *
 *   P(y_{t−1} = i, y_t = j) = p_t[j] · exp(alphas_{t−1}[i] + emissions_{t−1}[i] + transitions[i, j] − a_t[j])
 *
 * whose sum over j is p_{t−1}[i]. The gradients of log Z are these probabilities; those of −s(tags), minus one at each of its terms.
 */
export function crfBackward(chain: CrfBackward): void {
  const { T, B, C } = chain;
  const scores = scoresOf('crfBackward', chain);
  const { emission, transitions, end, lengths } = scores;
  const tags = tagsOf('crfBackward', chain, lengths);
  const alphas = floats('crfBackward', 'alphas', chain.alphas, T * B * C);
  const shifts = floats('crfBackward', 'shifts', chain.shifts, T * B);
  const scale = floats('crfBackward', 'scale', chain.scale, chain.scale.length === 1 ? 1 : B);
  const dEmissions = floats('crfBackward', 'dEmissions', chain.dEmissions, T * B * C);
  const dTransitions = floats('crfBackward', 'dTransitions', chain.dTransitions, C * C);
  const dStart = floats('crfBackward', 'dStart', chain.dStart, C);
  const dEnd = floats('crfBackward', 'dEnd', chain.dEnd, C);
  checkApart('crfBackward', [dEmissions, dTransitions, dStart, dEnd], [...scores.inputs, alphas, shifts, scale]);

  dEmissions.fill(0);
  for (let b = 0; b < B; b++) {
    const n = lengths[b];
    const k = scale[b % scale.length];
    if (n === 0) continue;
    const last = row(alphas, (n - 1) * B + b, C).map((alpha, j) => alpha + emission(n - 1, b, j) + end[j]);
    const total = logSumExp(last);
    let p = last.map((x) => (total === impossible ? 0 : Math.exp(x - total)));
    for (let j = 0; j < C; j++) dEnd[j] += k * p[j];
    for (let t = n - 1; t >= 0; t--) {
      for (let j = 0; j < C; j++) dEmissions[(t * B + b) * C + j] = k * p[j];
      if (t === 0) break;
      const earlier = new Float64Array(C);
      for (let i = 0; i < C; i++) {
        for (let j = 0; j < C; j++) {
          if (p[j] === 0) continue;
          const arriving = alphas[(t * B + b) * C + j] + shifts[t * B + b];
          const x = alphas[((t - 1) * B + b) * C + i] + emission(t - 1, b, i) + transitions[i * C + j];
          const both = p[j] * Math.exp(x - arriving);
          earlier[i] += both;
          dTransitions[i * C + j] += k * both;
        }
      }
      p = earlier;
    }
    for (let j = 0; j < C; j++) dStart[j] += k * p[j];

    if (tags === null) continue;
    const tag = (t: number) => tags[t * B + b];
    for (let t = 0; t < n; t++) dEmissions[(t * B + b) * C + tag(t)] -= k;
    for (let t = 1; t < n; t++) dTransitions[tag(t - 1) * C + tag(t)] -= k;
    dStart[tag(0)] -= k;
    dEnd[tag(n - 1)] -= k;
  }
}

/** best_t[j] = max_i (best_{t−1}[i] + transitions[i, j]) + emissions_t[j]; the i that it was, for the way back. */
export function crfDecode(chain: CrfDecode): void {
  const { T, B, C } = chain;
  const scores = scoresOf('crfDecode', chain);
  const { emission, transitions, start, end, lengths } = scores;
  const tags = integers('crfDecode', 'tags', chain.tags, T * B);
  const best = floats('crfDecode', 'scores', chain.scores, B);
  checkApart('crfDecode', [tags, best], scores.inputs);

  tags.fill(0);
  for (let b = 0; b < B; b++) {
    const n = lengths[b];
    best[b] = 0;
    if (n === 0) continue;
    const cameFrom: Int32Array[] = [];
    let score = start.map((x, j) => x + emission(0, b, j));
    for (let t = 1; t < n; t++) {
      const arriving = Array.from(score, (_, j) => score.map((x, i) => x + transitions[i * C + j]));
      const from = Int32Array.from(arriving, firstLargest);
      cameFrom.push(from);
      score = score.map((_, j) => arriving[j][from[j]] + emission(t, b, j));
    }
    score = score.map((x, j) => x + end[j]);
    let tag = firstLargest(score);
    best[b] = score[tag];
    for (let t = n - 1; t >= 0; t--) {
      tags[t * B + b] = tag;
      if (t > 0) tag = cameFrom[t - 1][tag];
    }
  }
}

function firstLargest(x: Float64Array): number {
  return x.reduce((at, value, i) => (value > x[at] ? i : at), 0);
}

interface Scores {
  readonly C: number;
  readonly emission: (t: number, b: number, j: number) => number;
  readonly transitions: Float64Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly lengths: Int32Array;
  readonly inputs: readonly (Float64Array | Int32Array)[];
}

function scoresOf(kernel: string, chain: Crf): Scores {
  const { T, B, C } = chain;
  const emissions = floats(kernel, 'emissions', chain.emissions, T * B * C);
  const transitions = floats(kernel, 'transitions', chain.transitions, C * C);
  const start = floats(kernel, 'start', chain.start, C);
  const end = floats(kernel, 'end', chain.end, C);
  const lengths = chain.lengths === null ? new Int32Array(B).fill(T) : integers(kernel, 'lengths', chain.lengths, B);
  checkRange(kernel, 'lengths', lengths, 0, T + 1);
  const emission = (t: number, b: number, j: number) => emissions[(t * B + b) * C + j];
  return { C, emission, transitions, start, end, lengths, inputs: [emissions, transitions, start, end, lengths] };
}

function tagsOf(kernel: string, { T, B, C, tags }: CrfForward | CrfBackward, lengths: Int32Array): Int32Array | null {
  if (tags === null) return null;
  const values = integers(kernel, 'tags', tags, T * B);
  checkRange(
    kernel,
    'tags',
    values.filter((_, tb) => Math.floor(tb / B) < lengths[tb % B]),
    0,
    C,
  );
  return values;
}
