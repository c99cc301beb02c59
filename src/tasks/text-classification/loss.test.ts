import { beforeEach, describe, expect, test } from 'vitest';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { scope } from '../../autograd/scope.ts';
import { backward } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import { setBackend } from '../../backend/select.ts';
import { classifierLoss, classWeightsOf, disagreement } from './loss.ts';

beforeEach(() => {
  setBackend('reference');
});

const logits = () =>
  tensor(
    [
      [0.5, -1.2, 2],
      [1.5, 0.3, -0.7],
      [-0.4, 0.9, 0.1],
      [0.2, 0.2, -2.2],
    ],
    { requiresGrad: true },
  );
const weights = Float32Array.of(0.5, 2, 1.25);

/** Numbers of torch 1.13 in float64. */
describe('the loss is PyTorch’s', () => {
  test('of one label: cross_entropy(weight=w, label_smoothing=0.1)', () => {
    const x = logits();
    const options = { isMultiLabel: false, classWeights: weights, labelSmoothing: 0.1 };
    const loss = scope(() => {
      const y = classifierLoss(x, [[2], [0], [1], [1]], options);
      backward(y);
      return y;
    });
    expect(loss.item()).toBeCloseTo(0.612501019013352, 12);
    const expected = [
      0.03548015772457344, -0.0045830451904563755, -0.03089711253411706, -0.010337758645714122, 0.009736871666668942, 0.0006008869790451738,
      0.05008999915983863, -0.13020697164633532, 0.0801169724864967, 0.15722950871490793, -0.1645096217198747, 0.007280113004966762,
    ];
    [...x.grad!.dataSync()].forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 12);
    });
  });

  test('of several labels: binary_cross_entropy_with_logits(pos_weight=w)', () => {
    const x = logits();
    const labels = [[0, 2], [], [1], [0, 1, 2]];
    const loss = scope(() => {
      const y = classifierLoss(x, labels, { isMultiLabel: true, classWeights: weights });
      backward(y);
      return y;
    });
    expect(loss.item()).toBeCloseTo(0.8278630441392574, 12);
    const expected = [
      -0.015730861199922726, 0.019289601375081865, -0.012416971043970585, 0.0681312063494703, 0.04787020973430492, 0.027651018985986157,
      0.033442694990629, -0.04817508289583269, 0.043748265623245, -0.018756916778646753, -0.07502766711458701, -0.09377599071669947,
    ];
    [...x.grad!.dataSync()].forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 12);
    });
    checkGradients((y) => classifierLoss(y, labels, { isMultiLabel: true }), [logits()]);
  });
});

describe('how far two readings disagree', () => {
  const other = () =>
    tensor(
      [
        [0.1, -0.4, 1.1],
        [2.5, 0, -0.7],
        [-0.4, 0.9, 0.1],
        [-1, 3, 0],
      ],
      { requiresGrad: true },
    );
  const ofOne = (a: number, b: number) => a * Math.log(a / b);

  test.each([false, true])('is the mean of both divergences; several labels: %s', (isMultiLabel) => {
    const [a, b] = [logits(), other()].map((x) => x.toArray() as number[][]);
    const [p, q] = [a, b].map((rows) =>
      rows.map((row) => {
        const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
        return row.map((x) => (isMultiLabel ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / total));
      }),
    );
    const divergences = p.flat().map((pk, i) => {
      const qk = q.flat()[i];
      return ofOne(pk, qk) + ofOne(qk, pk) + (isMultiLabel ? ofOne(1 - pk, 1 - qk) + ofOne(1 - qk, 1 - pk) : 0);
    });
    const expected = divergences.reduce((sum, x) => sum + x, 0) / 2 / (isMultiLabel ? 12 : 4);
    expect(disagreement(logits(), other(), { isMultiLabel }).item()).toBeCloseTo(expected, 12);
    expect(disagreement(logits(), logits(), { isMultiLabel }).item()).toBe(0);
    checkGradients((x, y) => disagreement(x, y, { isMultiLabel }), [logits(), other()]);
  });
});

describe('weights of labels', () => {
  const labels = ['a', 'b', 'c=d'];
  const facts = { counts: [1, 6, 3], total: 10, isMultiLabel: false };

  test('balanced: n / (K n_k), and (n − n_k) / n_k where there are several', () => {
    expect(classWeightsOf(['balanced'], labels, facts)).toEqual(Float32Array.of(10 / 3, 10 / 18, 10 / 9));
    expect(classWeightsOf(['balanced'], labels, { ...facts, isMultiLabel: true })).toEqual(Float32Array.of(9, 4 / 6, 7 / 3));
  });

  test('given by name, 1 for the others', () => {
    expect(classWeightsOf(['b=0.5', 'c=d=3'], labels, facts)).toEqual(Float32Array.of(1, 0.5, 3));
    expect(classWeightsOf(undefined, labels, facts)).toBeNull();
  });

  test.each([
    [['b'], 'expected balanced, or label=weight with a weight above 0, received "b"'],
    [['b=0'], 'received "b=0"'],
    [['b='], 'received "b="'],
    [['=2'], 'received "=2"'],
    [['balanced', 'b=1'], 'received "balanced"'],
    [['B=2'], 'unknown label "B"'],
  ])('%j is refused', (given, message) => {
    expect(() => classWeightsOf(given, labels, facts)).toThrow(message);
  });
});
