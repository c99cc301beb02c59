import { beforeAll, describe, expect, it } from 'vitest';
import { checkGradients } from '../autograd/check-gradients.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { permute } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { backward } from '../autograd/tape.ts';
import { randomNormal, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { LinearChainCrf } from './crf.ts';
import { type CrfConstraints, entityConstraints } from './crf-constraints.ts';

beforeAll(() => {
  setBackend('reference');
});

const labels = ['O', 'B-A', 'I-A', 'B-C', 'I-C'];
const C = labels.length;
const [B, T] = [3, 4];
const lengths = [4, 0, 2];

/** Every path of n tags with its score, the best first. */
function everyPath(crf: LinearChainCrf, emissions: Tensor, b: number, n: number, allowed: CrfConstraints | null) {
  const [x, start, end, transitions] = [emissions, crf.start, crf.end, crf.transitions].map((tensor) => tensor.dataSync());
  const steps = emissions.shape[1];
  let paths: { tags: number[]; score: number }[] = [{ tags: [], score: 0 }];
  for (let t = 0; t < n; t++) {
    paths = paths
      .flatMap(({ tags, score }) =>
        Array.from({ length: C }, (_, j) => {
          const arriving = t === 0 ? start[j] : transitions[tags[t - 1] * C + j];
          const leaving = t === n - 1 ? end[j] : 0;
          const may = (t === 0 ? allowed?.starts[j] : allowed?.transitions[tags[t - 1] * C + j]) !== 0;
          const mayEnd = t < n - 1 || allowed?.ends[j] !== 0;
          const next = score + arriving + x[(b * steps + t) * C + j] + leaving;
          return { tags: [...tags, j], score: may && mayEnd ? next : Number.NEGATIVE_INFINITY };
        }),
      )
      .filter(({ score }) => score > Number.NEGATIVE_INFINITY);
  }
  return paths.sort((p, q) => q.score - p.score);
}

function drawn(seed: number, options: { readonly batchFirst?: boolean } = {}) {
  const rng = new Random(seed);
  const crf = new LinearChainCrf({ numTags: C, rng, ...options });
  for (const p of crf.parameters()) p.assign(rng.fillNormal(new Float64Array(p.size)));
  const tags = tensor(
    [
      [0, 1, 2, 0],
      [9, 9, 9, 9],
      [3, 4, -100, -100],
    ],
    { dtype: 'int32' },
  );
  return { crf, tags, emissions: randomNormal([B, T, C], rng), rng };
}

it('starts uniform in ±0.1 under the names of pytorch-crf', () => {
  const crf = new LinearChainCrf({ numTags: 30, rng: new Random(1) });
  expect([...crf.stateDict().entries()].map(([name, { shape }]) => [name, shape])).toEqual([
    ['start_transitions', [30]],
    ['end_transitions', [30]],
    ['transitions', [30, 30]],
  ]);
  const values = [...crf.transitions.dataSync()];
  expect(Math.max(...values.map(Math.abs))).toBeLessThan(0.1);
  expect(values.reduce((total, x) => total + x * x, 0) / 900).toBeCloseTo(0.01 / 3, 3);
});

const bio = entityConstraints(labels, 'BIO');
describe.each([
  ['every path', null],
  ['constraints', bio],
] as const)('equals the sum over all paths: %s', (_, allowed) => {
  it('log-likelihood, in each reduction', () => {
    const { crf, emissions, tags } = drawn(2);
    const expected = lengths.map((n, b) => {
      const paths = everyPath(crf, emissions, b, n, allowed);
      const logZ = Math.log(paths.reduce((total, { score }) => total + Math.exp(score), 0));
      const gold = [...tags.dataSync().slice(b * T, b * T + n)].join();
      return logZ - paths.find((path) => path.tags.join() === gold)!.score;
    });
    expect(expected[1]).toBe(0);
    const options = { lengths, allowed };
    const losses = crf.loss(emissions, tags, { ...options, reduction: 'none' }).dataSync();
    expected.forEach((loss, b) => {
      expect(losses[b]).toBeCloseTo(loss, 12);
    });
    const total = expected[0] + expected[2];
    expect(crf.loss(emissions, tags, { ...options, reduction: 'sum' }).item()).toBeCloseTo(total, 12);
    expect(crf.loss(emissions, tags, options).item()).toBeCloseTo(total / B, 12);
  });

  it('marginals, which sum to 1 and are the gradient of log Z', () => {
    const { crf, emissions, tags } = drawn(3);
    const marginals = crf.marginals(emissions, { lengths, allowed });
    expect(marginals.shape).toEqual([B, T, C]);
    const p = marginals.dataSync();
    lengths.forEach((n, b) => {
      const paths = everyPath(crf, emissions, b, n, allowed);
      const z = paths.reduce((total, { score }) => total + Math.exp(score), 0);
      for (let t = 0; t < T; t++) {
        const row = [...p.slice((b * T + t) * C, (b * T + t + 1) * C)];
        expect(row.reduce((a, x) => a + x, 0)).toBeCloseTo(t < n ? 1 : 0, 12);
        row.forEach((x, j) => {
          const through = paths.filter(({ tags }) => tags[t] === j).reduce((total, { score }) => total + Math.exp(score), 0);
          expect(x).toBeCloseTo(t < n ? through / z : 0, 12);
        });
      }
    });
    // ∂(log Z − s(tags)) is the marginals less one at each tag.
    emissions.requiresGrad = true;
    scope(() => backward(crf.loss(emissions, tags, { lengths, allowed, reduction: 'sum' })));
    const gradient = emissions.grad!.dataSync();
    lengths.forEach((n, b) => {
      for (let t = 0; t < n; t++) {
        for (let j = 0; j < C; j++) {
          const isGold = tags.dataSync()[b * T + t] === j;
          expect(gradient[(b * T + t) * C + j]).toBeCloseTo(p[(b * T + t) * C + j] - (isGold ? 1 : 0), 12);
        }
      }
    });
  });

  it('the best path, and the k best', () => {
    const { crf, emissions } = drawn(4);
    const best = crf.decode(emissions, { lengths, allowed });
    for (const k of [1, 3, 40]) {
      const found = crf.nBest(emissions, k, { lengths, allowed });
      lengths.forEach((n, b) => {
        const paths = everyPath(crf, emissions, b, n, allowed).slice(0, k);
        expect(found[b].map(({ tags }) => [...tags])).toEqual(paths.map(({ tags }) => tags));
        found[b].forEach(({ score }, rank) => {
          expect(score).toBeCloseTo(paths[rank].score, 12);
        });
        expect([...best[b]]).toEqual(paths[0].tags);
      });
    }
  });
});

it('has the gradients of differences, of emissions and of every parameter', () => {
  const { crf, emissions, tags } = drawn(5);
  for (const options of [{}, { lengths }, { lengths, allowed: bio }, { lengths, allowed: bio, reduction: 'none' as const }]) {
    const whole = tensor([0, 1, 2, 0, 0, 0, 3, 4, 3, 4, 4, 0], { shape: [B, T], dtype: 'int32' });
    const gold = 'lengths' in options ? tags : whole;
    checkGradients((x) => crf.loss(x, gold, options), [emissions, ...crf.parameters()]);
  }
});

it('leaves parameters that are frozen alone', () => {
  const { crf, emissions, tags } = drawn(6);
  emissions.requiresGrad = true;
  crf.transitions.requiresGrad = false;
  scope(() => backward(crf.loss(emissions, tags, { lengths })));
  expect(crf.transitions.grad).toBeNull();
  expect(sum(crf.start.grad!).item()).toBeCloseTo(0, 12); // Σ p − Σ one-hot
});

it('takes time-major emissions, as views or as its layout', () => {
  const { crf, emissions, tags } = drawn(7);
  const timeMajor = new LinearChainCrf({ numTags: C, batchFirst: false });
  timeMajor.loadStateDict(crf.stateDict());
  const [x, y] = [permute(emissions, [1, 0, 2]), permute(tags, [1, 0])];
  expect(timeMajor.loss(x, y, { lengths }).item()).toBe(crf.loss(emissions, tags, { lengths }).item());
  expect(timeMajor.decode(x, { lengths })).toEqual(crf.decode(emissions, { lengths }));
  expect(timeMajor.nBest(x, 2, { lengths })).toEqual(crf.nBest(emissions, 2, { lengths }));
  const marginals = permute(timeMajor.marginals(x, { lengths }), [1, 0, 2]);
  expect(marginals.dataSync()).toEqual(crf.marginals(emissions, { lengths }).dataSync());
});

it('keeps its precision over long sequences in float32', () => {
  for (const name of ['native', 'wasm'] as const) {
    try {
      setBackend(name);
    } catch {
      continue; // not on this machine
    }
    const crf = new LinearChainCrf({ numTags: C, rng: new Random(8) });
    const emissions = randomNormal([1, 5000, C], new Random(9));
    const marginals = [...crf.marginals(emissions).dataSync()];
    for (const t of [0, 2500, 4999]) {
      expect(marginals.slice(t * C, (t + 1) * C).reduce((total, p) => total + p, 0)).toBeCloseTo(1, 4);
    }
  }
  setBackend('reference');
});

it('holds no memory after a step', () => {
  const { crf, emissions, tags } = drawn(10);
  const step = () => scope(() => backward(crf.loss(emissions, tags, { lengths, allowed: bio })));
  step();
  const { bytes } = crf.backend.memory;
  step();
  crf.decode(emissions, { lengths });
  expect(crf.backend.memory.bytes).toBe(bytes);
});

describe('entityConstraints', () => {
  const allowed = (names: readonly string[], { starts, transitions, ends }: CrfConstraints) => ({
    starts: names.filter((_, j) => starts[j]),
    pairs: names.flatMap((from, i) => names.filter((_, j) => !transitions[i * names.length + j]).map((to) => `${from} ${to}`)),
    ends: names.filter((_, j) => ends[j]),
  });

  it('BIO forbids I-x except after B-x and I-x', () => {
    expect(allowed(labels, bio)).toEqual({
      starts: ['O', 'B-A', 'B-C'],
      pairs: ['O I-A', 'O I-C', 'B-A I-C', 'I-A I-C', 'B-C I-A', 'I-C I-A'],
      ends: labels,
    });
  });

  it('IOB1 forbids B-x except after B-x and I-x', () => {
    expect(allowed(labels, entityConstraints(labels, 'IOB1'))).toEqual({
      starts: ['O', 'I-A', 'I-C'],
      pairs: ['O B-A', 'O B-C', 'B-A B-C', 'I-A B-C', 'B-C B-A', 'I-C B-A'],
      ends: labels,
    });
  });

  it('BIOES lets an open entity go on or end, and nothing else', () => {
    const names = ['O', 'B-A', 'I-A', 'E-A', 'S-A', 'E-C'];
    const { starts, pairs, ends } = allowed(names, entityConstraints(names, 'BIOES'));
    expect(starts).toEqual(['O', 'B-A', 'S-A']);
    expect(ends).toEqual(['O', 'E-A', 'S-A', 'E-C']);
    const closed = ['O', 'E-A', 'S-A', 'E-C'];
    const expected = names.flatMap((from) => {
      const may = closed.includes(from) ? ['O', 'B-A', 'S-A'] : ['I-A', 'E-A'];
      return names.filter((to) => !may.includes(to)).map((to) => `${from} ${to}`);
    });
    expect(pairs).toEqual(expected);
  });

  it.each([
    ['BIO', ['O', 'B'], ['O I']],
    ['IOB1', ['O', 'I'], ['O B']],
    ['BIOES', ['O', 'B', 'S'], ['O I', 'O E', 'B O', 'B B', 'B S', 'I O', 'I B', 'I S', 'E I', 'E E', 'S I', 'S E']],
  ] as const)('takes entities without kinds for those of one: %s', (scheme, starts, pairs) => {
    const names = scheme === 'BIOES' ? ['O', 'B', 'I', 'E', 'S'] : ['O', 'B', 'I'];
    const ofOneKind = names.map((name) => (name === 'O' ? name : `${name}-A`));
    expect(entityConstraints(names, scheme)).toEqual(entityConstraints(ofOneKind, scheme));
    expect(allowed(names, entityConstraints(names, scheme))).toMatchObject({ starts, pairs });
  });

  it('names the label it does not understand', () => {
    expect(() => entityConstraints(['O', 'S-A'], 'BIO')).toThrow(
      '[entityConstraints] expected labels of BIO: "O", "B", "B-…", "I", "I-…"; received "S-A".',
    );
  });
});

it('refuses what does not fit', () => {
  const { crf, emissions, tags, rng } = drawn(11);
  expect(() => new LinearChainCrf({ numTags: 0 })).toThrow(ConfigError);
  expect(() => crf.loss(randomNormal([B, T, 4], rng), tags)).toThrow(
    '[LinearChainCrf] expected emissions of shape [B, T, 5] (numTags 5), received [3, 4, 4].',
  );
  expect(() => crf.loss(emissions, tensor([[0, 1, 2, 0]], { dtype: 'int32' }))).toThrow(
    /expected int32 tags of shape \[3, 4\], received int32/,
  );
  expect(() => crf.loss(emissions, tags)).toThrow('[LinearChainCrf] expected tags in 0…4, received 9 at step 0 of sequence 1.');
  expect(() => crf.loss(emissions, tags, { lengths: [4, 0, 5] })).toThrow(/expected lengths in 0…4 \(T\), received 5 for sequence 2/);
  expect(() => crf.loss(emissions, tags, { lengths, reduction: 'men' as 'mean' })).toThrow(/unknown reduction "men"; did you mean "mean"/);
  const wrong = tensor([0, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0], { shape: [B, T], dtype: 'int32' });
  expect(() => crf.loss(emissions, wrong, { allowed: bio })).toThrow(
    /the constraints forbid tag 4 after 2, at step 3 of sequence 0: its loss is infinite\. Repair the tags/,
  );
  expect(() => crf.loss(emissions, tags, { lengths, allowed: entityConstraints(['O', 'B-A'], 'BIO') })).toThrow(ShapeError);
  const nothing = { ...bio, ends: new Uint8Array(C) };
  expect(() => crf.decode(emissions, { allowed: nothing })).toThrow(/forbid every path of 4 tags for sequence 0/);
  expect(() => crf.nBest(emissions, 2, { allowed: nothing })).toThrow(/forbid every path of 4 tags for sequence 0/);
  expect(() => crf.nBest(emissions, 0)).toThrow(ConfigError);
});
