import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { noGrad } from '../autograd/tape.ts';
import { randomNormal, type Tensor } from '../autograd/tensor.ts';
import { Random } from '../tensor/random.ts';
import { GRU } from './gru.ts';
import { LSTM } from './lstm.ts';
import { RNN } from './rnn.ts';

/** Two parts of unequal length, as `noGrad` takes them: above 2,048 rows. */
const [T, B, I, H] = [131, 16, 3, 5];
const common = { inputSize: I, hiddenSize: H, bidirectional: true, numLayers: 2 };
const lengths = Array.from({ length: B }, (_, b) => [T, 1, 64, 65, 66, 100, 130, 0][b % 8]);

type Layers = { forward(x: Tensor, state: null, options: { lengths?: number[] }): { output: Tensor; state: Tensor | readonly Tensor[] } };

const kinds: Record<string, (rng: Random) => Layers> = {
  RNN: (rng) => new RNN({ ...common, rng }),
  LSTM: (rng) => new LSTM({ ...common, rng }),
  'LSTM, projected, with peepholes': (rng) => new LSTM({ ...common, projSize: 2, peepholes: true, rng }),
  'LSTM, normalised': (rng) => new LSTM({ ...common, layerNorm: true, rng }),
  GRU: (rng) => new GRU({ ...common, rng }),
  'GRU, normalised': (rng) => new GRU({ ...common, layerNorm: true, rng }),
};

onEveryBackend(() => {
  describe('some steps at a time', () => {
    test.each(Object.entries(kinds))('%s gives what all at once does, with and without lengths', (_, make) => {
      const layers = make(new Random(1));
      const x = randomNormal([B, T, I], new Random(2));
      for (const options of [{}, { lengths }]) {
        const whole = layers.forward(x, null, options); // on the tape
        const parts = noGrad(() => layers.forward(x, null, options));
        for (const [a, b] of [
          [whole.output, parts.output],
          ...[whole.state].flat().map((s, i) => [s, [parts.state].flat()[i]]),
        ] as Tensor[][]) {
          expect(b.shape).toEqual(a.shape);
          const expected = a.dataSync();
          const largest = Math.max(...Array.from(b.dataSync(), (value, i) => Math.abs(value - expected[i])));
          expect(largest).toBeLessThan(1e-5);
        }
      }
    });
  });
});
