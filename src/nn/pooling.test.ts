import { beforeEach, describe, expect, test } from 'vitest';
import { checkGradients } from '../autograd/check-gradients.ts';
import { transpose } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { randomNormal, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { AttentionPooling, lastPooling, maxPooling, meanPooling, weightedSum } from './pooling.ts';

beforeEach(() => {
  setBackend('reference');
});

const [B, T, H] = [3, 5, 4];
const lengths = [5, 1, 3];
const rng = new Random(7);
const normal = (...shape: number[]) => randomNormal(shape, rng);
/** As recurrent layers leave theirs. */
const timeMajor = (x: Tensor) => transpose(x, 0, 1);

/** x[b][t][h] of a fresh [B, T, H]. */
function nested(x: Tensor): number[][][] {
  return x.toArray() as number[][][];
}

const poolings = {
  last: (x: Tensor, ends?: number[]) => lastPooling(x, ends),
  'last of two directions': (x: Tensor, ends?: number[]) => lastPooling(x, ends, { bidirectional: true }),
  mean: (x: Tensor, ends?: number[]) => meanPooling(x, ends),
  max: (x: Tensor, ends?: number[]) => maxPooling(x, ends),
};

/** The same in plain words: of one sequence's vectors. */
const plain: Record<keyof typeof poolings, (steps: number[][]) => number[]> = {
  last: (steps) => steps[steps.length - 1],
  'last of two directions': (steps) => [...steps[steps.length - 1].slice(0, H / 2), ...steps[0].slice(H / 2)],
  mean: (steps) => steps[0].map((_, h) => steps.reduce((sum, x) => sum + x[h], 0) / steps.length),
  max: (steps) => steps[0].map((_, h) => Math.max(...steps.map((x) => x[h]))),
};

describe.each(Object.keys(poolings) as (keyof typeof poolings)[])('%s pooling', (name) => {
  test.each([
    ['sequences of different lengths', lengths],
    ['sequences of one length', undefined],
  ])('of %s', (_, ends) => {
    const x = normal(B, T, H);
    const pooled = poolings[name](x, ends).toArray() as number[][];
    nested(x).forEach((steps, b) => {
      plain[name](steps.slice(0, ends?.[b] ?? T)).forEach((value, h) => {
        expect(pooled[b][h]).toBeCloseTo(value, 6);
      });
    });
  });

  test('has the gradients that differences say', () => {
    checkGradients((x) => poolings[name](x, lengths), [normal(B, T, H)]);
    checkGradients((x) => poolings[name](timeMajor(x), lengths), [normal(T, B, H)]);
    checkGradients((x) => poolings[name](x), [normal(B, 1, H)]);
  });

  test('sees nothing past a length', () => {
    const x = normal(B, T, H);
    const values = x.dataSync();
    const changed = values.map((value, i) => (Math.floor(i / H) % T < lengths[Math.floor(i / H / T)] ? value : 100));
    const other = tensor(changed, { shape: [B, T, H] });
    expect(poolings[name](other, lengths).dataSync()).toEqual(poolings[name](x, lengths).dataSync());
  });

  test.each(['native', 'wasm'] as const)('gives the same numbers on %s', (backend) => {
    const values = new Random(3).fillNormal(new Float32Array(7 * 12 * 20));
    const ends = [12, 5, 7, 1, 12, 9, 2];
    const run = () => scope(() => noGrad(() => poolings[name](timeMajor(tensor(values, { shape: [12, 7, 20] })), ends))).dataSync();
    const expected = run();
    setBackend(backend);
    run().forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
  });

  test.each([
    [[5, 1], 'expected 3 lengths, one a sequence, received 2'],
    [[5, 0, 1], 'expected lengths in 1…5 (T), received 0 for sequence 1'],
    [[5, 1, 6], 'expected lengths in 1…5 (T), received 6 for sequence 2'],
  ])('refuses lengths %j', (wrong, message) => {
    expect(() => poolings[name](normal(B, T, H), wrong)).toThrow(message);
  });
});

test('of equal largest numbers the first gets the gradient', () => {
  const x = tensor([[[1], [2], [2], [0]]], { requiresGrad: true });
  expect(() => checkGradients((y) => maxPooling(y, [2]), [tensor([[[1], [2], [2]]])])).not.toThrow();
  const weights = tensor([[[0], [0], [0], [0]]]);
  scope(() => {
    const y = maxPooling(x);
    y.node!.backward!([tensor([[3]])], { wants: () => true, accumulator: () => weights, releaseGradients() {} })!.forEach((gradient) => {
      expect([...gradient!.dataSync()]).toEqual([0, 3, 0, 0]);
    });
  });
});

test('a weighted sum, and the gradients of both', () => {
  // [1, 2]·0.5 + [3, 4]·2 = [6.5, 9]
  expect(
    weightedSum(
      tensor([
        [
          [1, 2],
          [3, 4],
        ],
      ]),
      tensor([[0.5, 2]]),
    ).toArray(),
  ).toEqual([[6.5, 9]]);
  checkGradients(weightedSum, [normal(B, T, H), normal(B, T)]);
  checkGradients((x, w) => weightedSum(timeMajor(x), timeMajor(w)), [normal(T, B, H), normal(T, B)]);
  expect(() => weightedSum(normal(B, T, H), normal(B, H))).toThrow('expected weights of shape [3, 5], one a step, received [3, 4]');
});

describe('attention pooling', () => {
  const attention = () => new AttentionPooling({ inputSize: H, attentionSize: 6, rng: new Random(2) });

  test('weighs the steps as its equations say', () => {
    const layer = attention();
    const x = normal(B, T, H);
    const { pooled, weights } = layer.forward(x, lengths);
    const matrix = (parameter: Tensor) => parameter.toArray() as number[][];
    const [W, [v]] = [matrix(layer.projection.weight), matrix(layer.score.weight)];
    const bias = layer.projection.bias!.dataSync();
    nested(x).forEach((steps, b) => {
      const within = steps.slice(0, lengths[b]);
      const scores = within.map((xt) =>
        v.reduce((sum, va, a) => sum + va * Math.tanh(W[a].reduce((dot, w, h) => dot + w * xt[h], bias[a])), 0),
      );
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      const alpha = steps.map((_, t) => (t < lengths[b] ? Math.exp(scores[t]) / total : 0));
      alpha.forEach((weight, t) => {
        expect((weights.toArray() as number[][])[b][t]).toBeCloseTo(weight, 6);
      });
      for (let h = 0; h < H; h++) {
        const expected = within.reduce((sum, xt, t) => sum + alpha[t] * xt[h], 0);
        expect((pooled.toArray() as number[][])[b][h]).toBeCloseTo(expected, 6);
      }
    });
  });

  test('has the gradients that differences say, in x, its parameters and through the weights', () => {
    const layer = attention();
    checkGradients(
      (x) => {
        const { pooled, weights } = layer.forward(timeMajor(x), lengths);
        return [pooled, weights];
      },
      [normal(T, B, H), ...layer.parameters()],
    );
  });

  test('has parameters of these names and shapes', () => {
    expect([...attention().namedParameters()].map(([name, { shape }]) => `${name} ${shape}`)).toEqual([
      'projection.weight 6,4',
      'projection.bias 6',
      'score.weight 1,6',
    ]);
  });
});

test('what is no batch of sequences is refused', () => {
  expect(() => maxPooling(normal(B, H))).toThrow(ShapeError);
  expect(() => lastPooling(normal(B, T, 3), null, { bidirectional: true })).toThrow('two directions of one width');
});
