import { describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { linear } from '../autograd/ops/matmul.ts';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { type CandidateSampler, logUniformSampler, unigramSampler } from './candidate-sampler.ts';
import { crossEntropy } from './cross-entropy.ts';
import { sampledSoftmax } from './sampled-softmax.ts';

setBackend('reference');
const rng = new Random(24);
const [H, V] = [3, 6];
const weight = randomNormal([V, H], rng);
const bias = randomNormal([V], rng);
const targets = tensor(
  [
    [2, 5, -100],
    [1, 3, 0],
  ],
  { dtype: 'int32' },
);

describe.each(Object.entries(layouts))('hidden states lying %s', (_, make) => {
  const { leaf, view } = make([2, 3, H], rng);

  it.each(['mean', 'sum', 'none'] as const)('has its gradients for a given draw, %s', (reduction) => {
    const options = () => ({ sampler: logUniformSampler(V), sampleCount: 5, rng: new Random(1), reduction });
    checkGradients((h, w, b) => sampledSoftmax(view(h), w, b, targets, options()), [leaf, weight, bias]);
    checkGradients((h, w) => sampledSoftmax(view(h), w, null, targets, options()), [leaf, weight]);
  });

  it('comes to the whole softmax with many samples', () => {
    const options = { sampler: unigramSampler([5, 4, 3, 2, 1, 1]), sampleCount: 200_000, rng: new Random(2), reduction: 'none' } as const;
    const whole = crossEntropy(linear(view(leaf), weight, bias), targets, { reduction: 'none' });
    // Relative deviation of the denominator: at most about max(e^s/q)/√S ≈ 1 %.
    expectClose(sampledSoftmax(view(leaf), weight, bias, targets, options), whole.dataSync(), 1.3);
  });
});

it('is the formula, written out', () => {
  const drawn = [4, 1, 4];
  const sampler: CandidateSampler = {
    vocabularySize: V,
    sample: () => Int32Array.from(drawn),
    logProbability: (id) => Math.log((id + 1) / 21),
  };
  const hidden = randomNormal([1, H], rng);
  const s = [...linear(hidden, weight, bias).dataSync()];
  const expected = (y: number) =>
    Math.log(Math.exp(s[y]) + drawn.filter((j) => j !== y).reduce((sum, j) => sum + Math.exp(s[j]) / ((3 * (j + 1)) / 21), 0)) - s[y];
  for (const y of [0, 1, 4]) {
    const loss = sampledSoftmax(hidden, weight, bias, tensor([y], { dtype: 'int32' }), { sampler, sampleCount: 3, rng });
    expectClose(loss, [expected(y)]);
  }
});

describe('samplers', () => {
  it.each([
    ['log-uniform', logUniformSampler(5)],
    ['unigram', unigramSampler([8, 0, 4, 2, 1])],
  ])('%s draws as often as it says', (_, sampler) => {
    const n = 100_000;
    const counts = new Array<number>(5).fill(0);
    for (const id of sampler.sample(n, new Random(3))) counts[id]++;
    const probabilities = counts.map((__, id) => Math.exp(sampler.logProbability(id)));
    expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    counts.forEach((count, id) => {
      const p = probabilities[id];
      expect(Math.abs(count / n - p)).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / n)); // 4 deviations
    });
  });

  it('flatten counts by a power', () => {
    const sampler = unigramSampler([16, 1], 0.5);
    expect(Math.exp(sampler.logProbability(0))).toBeCloseTo(0.8, 12);
  });

  it('refuse what is no distribution', () => {
    expect(() => logUniformSampler(0)).toThrow(ConfigError);
    expect(() => unigramSampler([1, -1])).toThrow(/expected counts of 0 or more, received -1 for class 1/);
    expect(() => unigramSampler([0, 0])).toThrow(/at least one count above 0/);
  });
});

it('refuses a sampler for another vocabulary, and no samples', () => {
  const hidden = randomNormal([2, 3, H], rng);
  const options = { sampler: logUniformSampler(V + 1), sampleCount: 5, rng };
  expect(() => sampledSoftmax(hidden, weight, bias, targets, options)).toThrow(/expected a sampler of 6 classes, received one of 7/);
  expect(() => sampledSoftmax(hidden, weight, bias, targets, { ...options, sampler: logUniformSampler(V), sampleCount: 0 })).toThrow(
    ConfigError,
  );
});
