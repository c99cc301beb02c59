import { expect, it } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Transducer, type TransducerOptions } from './transducer.ts';

const sizes: TransducerOptions = { encoderSize: 3, vocabularySize: 6, embeddingSize: 4, hiddenSize: 5, jointSize: 7, blank: 2 };
const targets = [[1, 3, 3, 0], [5], []];

onEveryBackend((backend) => {
  const digits = backend.float === 'float64' ? 10 : 4;

  it.each([
    ['lstm', 1],
    ['gru', 2],
  ] as const)('gives symbol after symbol what it gives in one go: %s, %i layers', (cell, numLayers) => {
    const transducer = new Transducer({ ...sizes, cell, numLayers, rng: new Random(1) });
    const [B, T] = [3, 4];
    const encoded = randomNormal([B, T, 3], new Random(2), { backend });
    const frames = encoded.dataSync();
    const logits = scope(() => noGrad(() => transducer.forward(encoded, targets).dataSync()));
    const steps = transducer.eval().decoder();
    // All three side by side, the short ones by what pads them: the blank.
    let states = targets.map(() => steps.start());
    for (let u = 0; u <= 4; u++) {
      for (let b = 0; b < B; b++) {
        for (let t = 0; t < T; t++) {
          const stepped = steps.joint(frames.subarray((b * T + t) * 3, (b * T + t + 1) * 3), [states[b]]);
          for (let v = 0; v < 6; v++) expect(stepped[v]).toBeCloseTo(logits[((b * T + t) * 5 + u) * 6 + v], digits);
        }
      }
      if (u < 4) {
        states = steps.advance(
          states,
          targets.map((target) => target[u] ?? 2),
        );
      }
    }
  });

  it('takes targets as a tensor too', () => {
    const transducer = new Transducer({ ...sizes, rng: new Random(3) });
    const encoded = randomNormal([2, 3, 3], new Random(4), { backend });
    const padded = tensor(
      [
        [1, 3],
        [5, 2],
      ],
      { dtype: 'int32', backend },
    );
    const [a, b] = [transducer.forward(encoded, padded), transducer.forward(encoded, [[1, 3], [5]])];
    expect(a.shape).toEqual([2, 3, 3, 6]);
    expect([...a.dataSync()]).toEqual([...b.dataSync()]);
  });

  if (backend.name === 'reference') {
    it('has the gradients that differences have', () => {
      const transducer = new Transducer({ ...sizes, rng: new Random(5) });
      const encoded = randomNormal([2, 2, 3], new Random(6), { requiresGrad: true });
      checkGradients((x) => transducer.forward(x, [[1, 0], [3]]), [encoded, ...transducer.parameters()], { maxElements: 12 });
    });
  }
});

it('refuses what does not fit', () => {
  expect(() => new Transducer({ ...sizes, blank: 6 })).toThrow(ConfigError);
  expect(() => new Transducer({ ...sizes, hiddenSize: 0 })).toThrow(/hiddenSize/);
  const transducer = new Transducer({ ...sizes, rng: new Random(7) });
  const encoded = randomNormal([2, 2, 3], new Random(8));
  expect(() => transducer.forward(randomNormal([2, 2, 4], new Random(8)), targets)).toThrow(/encoded of shape \[B, T, 3\]/);
  expect(() => transducer.forward(encoded, [[1]])).toThrow(ShapeError);
  expect(() => transducer.forward(encoded, [[1], [6]])).toThrow(ShapeError);
  expect(() => transducer.forward(encoded, tensor([[1], [2]]))).toThrow(/int32 targets of shape \[2, U\]/);
});
