import { beforeAll, expect, it } from 'vitest';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { ctcAlign } from './ctc-align.ts';
import { logSoftmaxRows } from './log-probabilities.ts';

beforeAll(() => {
  setBackend('reference');
});

it('finds the best of all paths that spell the target', () => {
  const [T, V, blank] = [6, 3, 1];
  for (let seed = 0; seed < 30; seed++) {
    const rng = new Random(seed);
    const n = 1 + rng.integer(T);
    const target = Array.from({ length: rng.integer(4) }, () => 2 * rng.integer(2));
    const logits = randomNormal([2, T, V], rng);
    const logP = logSoftmaxRows(logits.dataSync().subarray(T * V), V);
    let best = { score: Number.NEGATIVE_INFINITY, path: [] as number[] };
    for (let code = 0; code < V ** n; code++) {
      const path = Array.from({ length: n }, (_, t) => Math.floor(code / V ** t) % V);
      if (path.filter((v, t) => v !== blank && v !== path[t - 1]).join() !== target.join()) continue;
      const score = path.reduce((total, v, t) => total + logP[t * V + v], 0);
      if (score > best.score) best = { score, path };
    }
    const found = ctcAlign(logits, [[], target], { inputLengths: [T, n], blank })[1];
    if (best.score === Number.NEGATIVE_INFINITY) {
      expect(found).toBeNull();
      continue;
    }
    expect([...found!.path]).toEqual(best.path);
    expect(found!.logProbability).toBeCloseTo(best.score, 10);
  }
});

it('says which frames a symbol is on', () => {
  const path = [0, 2, 2, 0, 2, 1, 1];
  const logits = tensor(
    path.flatMap((v) => [0, 1, 2].map((w) => (w === v ? 5 : 0))),
    { shape: [1, 7, 3] },
  );
  expect(ctcAlign(logits, [[2, 2, 1]])[0]!.symbols).toEqual([
    { symbol: 2, start: 1, end: 3 },
    { symbol: 2, start: 4, end: 5 },
    { symbol: 1, start: 5, end: 7 },
  ]);
  expect(ctcAlign(logits, [[]])[0]!.symbols).toEqual([]);
  expect(ctcAlign(logits, [[2, 2, 2, 2, 2]])).toEqual([null]); // needs 9 frames
  expect(() => ctcAlign(logits, [[1]], { inputLengths: [8] })).toThrow(ShapeError);
  expect(() => ctcAlign(logits, [[1]], { inputLengths: [8] })).toThrow(/input lengths in 0…7 \(T\), received 8 for sequence 0/);
});
