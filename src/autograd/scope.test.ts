import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { setBackend } from '../backend/select.ts';
import { BackendError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { add, mul } from './ops/binary.ts';
import { square, tanh } from './ops/elementwise.ts';
import { matmul } from './ops/matmul.ts';
import { sum } from './ops/reduce.ts';
import { transpose } from './ops/shape.ts';
import { keep, scope } from './scope.ts';
import { backward, noGrad } from './tape.ts';
import { Parameter, randomNormal, type Tensor, tensor } from './tensor.ts';

onEveryBackend((backend) => {
  const bytes = () => backend.memory.bytes;

  it('holds memory flat over 10,000 steps', () => {
    const w = new Parameter(new Random(1).fillNormal(new Float32Array(12)), [4, 3]);
    const x = randomNormal([5, 4], new Random(2));
    const step = (n: number): number => {
      let carried = tensor([0, 0, 0]);
      for (let i = 0; i < n; i++) {
        carried = scope(() => {
          const h = tanh(add(matmul(x, w), carried));
          backward(sum(square(h)));
          return transpose(h).detach();
        });
        carried = tensor([carried.dataSync()[0], 0, 0]);
      }
      return bytes();
    };
    const afterTwo = step(2);
    expect(step(10_000)).toBe(afterTwo);
  });

  describe('what leaves a scope', () => {
    const x = () => tensor([1, 2, 3]);

    it('by return, alone or within arrays, objects, maps and sets', () => {
      const before = bytes();
      const inner = () => mul(x(), 2);
      const { a, rest } = scope(() => ({ a: inner(), rest: [inner(), new Map([['k', inner()]]), new Set([inner()])] as const }));
      expect(bytes()).toBe(before);
      const all = [a, rest[0], rest[1].get('k')!, ...rest[2]];
      for (const y of all) expect(y.toArray()).toEqual([2, 4, 6]);
    });

    it('by keep, through every scope around it', () => {
      let kept: Tensor | undefined;
      scope(() => {
        scope(() => {
          kept = keep(mul(x(), 2));
        });
        expect(kept!.toArray()).toEqual([2, 4, 6]);
      });
      expect(kept!.toArray()).toEqual([2, 4, 6]);
    });

    it('into the outer scope ends with that', () => {
      let passed: Tensor | undefined;
      scope(() => {
        passed = scope(() => mul(x(), 2));
        expect(passed.toArray()).toEqual([2, 4, 6]);
      });
      expect(() => passed!.dataSync()).toThrow(BackendError);
    });

    it('as a view keeps its numbers', () => {
      const y = scope(() =>
        transpose(
          mul(
            tensor([
              [1, 2],
              [3, 4],
            ]),
            2,
          ),
        ),
      );
      expect(y.toArray()).toEqual([
        [2, 6],
        [4, 8],
      ]);
      expect(add(y, 1).toArray()).toEqual([
        [3, 7],
        [5, 9],
      ]);
    });
  });

  it('says what happened when a tensor that has ended is used', () => {
    let gone: Tensor | undefined;
    scope(() => {
      gone = mul(tensor([1]), 2);
    });
    const message = /this tensor ended with the scope \(or training step\) that made it\. Return it from the callback, or keep\(tensor\)/;
    expect(() => gone!.dataSync()).toThrow(message);
    expect(() => add(gone!, 1)).toThrow(message);
  });

  it('frees what an error left behind', () => {
    const before = bytes();
    expect(() =>
      scope(() => {
        mul(tensor([1, 2, 3]), 2);
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(bytes()).toBe(before);
  });

  it('refuses an asynchronous callback', () => {
    expect(() => scope(async () => 1)).toThrow(/expected a synchronous callback, received a promise/);
  });

  it('gives the same gradients inside and outside', () => {
    const run = (around: <T>(body: () => T) => T): number[] => {
      const w = new Parameter(new Random(3).fillNormal(new Float32Array(12)), [4, 3]);
      const x = randomNormal([5, 4], new Random(4), { requiresGrad: true });
      around(() => {
        const h = around(() => tanh(matmul(x, w)));
        const loss = around(() => sum(square(h)));
        around(() => backward(loss));
      });
      return [...w.grad!.dataSync(), ...x.grad!.dataSync()];
    };
    const plain = <T>(body: () => T): T => body();
    expect(run(scope)).toEqual(run(plain));
  });

  it('keeps what a gradient needs with a result that leaves', () => {
    const w = new Parameter(new Float32Array([1, 2, 3]), [3]);
    const before = bytes();
    const loss = scope(() => sum(square(tanh(mul(w, w)))));
    expect(bytes() - before).toBeLessThanOrEqual(64); // the parameter alone, aligned
    backward(loss);
    const expected = [1, 2, 3].map((v) => 2 * Math.tanh(v * v) * (1 - Math.tanh(v * v) ** 2) * 2 * v);
    w.grad!.dataSync().forEach((g, i) => {
      expect(g).toBeCloseTo(expected[i], 5);
    });
  });
});

it('an early release never takes what is still in use: random graphs give the gradients of one that frees nothing early', () => {
  const backend = setBackend('reference'); // which fills freed memory with NaN and refuses to read it
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(6), fc.nat(), fc.nat()), { minLength: 3, maxLength: 25 }),
      fc.nat(),
      fc.boolean(),
      (ops, seed, nested) => {
        const build = (): { loss: Tensor; leaves: Tensor[] } => {
          const rng = new Random(seed);
          const leaves = [randomNormal([3, 3], rng), randomNormal([3, 3], rng), randomNormal([3], rng)];
          for (const leaf of leaves) leaf.requiresGrad = true;
          const known: Tensor[] = [...leaves.slice(0, 2)];
          const pick = (n: number) => known[n % known.length];
          for (const [op, i, j] of ops) {
            const next = () => {
              switch (op) {
                case 0:
                  return add(pick(i), pick(j));
                case 1:
                  return mul(pick(i), pick(j));
                case 2:
                  return tanh(pick(i));
                case 3:
                  return transpose(pick(i));
                case 4:
                  return mul(matmul(pick(i), pick(j)), 0.3);
                case 5:
                  return add(pick(i), leaves[2]);
                default:
                  return noGrad(() => square(pick(i)));
              }
            };
            known.push(nested ? scope(next) : next());
          }
          return { loss: known.slice(-3).reduce((total, x) => add(total, sum(x)), sum(known[2] ?? known[0])), leaves };
        };
        const inScope = scope(() => {
          const { loss, leaves } = build();
          if (loss.requiresGrad) backward(loss);
          return leaves;
        });
        // Outside of every scope each operation has its own: nothing is released before its end.
        const { loss, leaves } = build();
        if (loss.requiresGrad) backward(loss);
        leaves.forEach((leaf, i) => {
          expect(inScope[i].grad?.dataSync()).toEqual(leaf.grad?.dataSync());
        });
      },
    ),
    { numRuns: 300 },
  );
  expect(backend.memory.bytes).toBeLessThan(1e6);
});
