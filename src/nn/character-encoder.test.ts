import { beforeEach, describe, expect, it } from 'vitest';
import { checkGradients } from '../autograd/check-gradients.ts';
import { scope } from '../autograd/scope.ts';
import { tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { Random } from '../tensor/random.ts';
import { type CharacterBatch, CharacterEncoder } from './character-encoder.ts';

beforeEach(() => setBackend('reference'));

/** Numbers of characters, words side by side. */
function batchOf(words: readonly (readonly number[])[]): CharacterBatch {
  const length = Math.max(...words.map((word) => word.length));
  const ids = Int32Array.from(words.flatMap((word) => [...word, ...new Array<number>(length - word.length).fill(0)]));
  return { ids, lengths: Int32Array.from(words, (word) => word.length), count: words.length, length };
}

const words = [[3, 1, 4], [1], [5, 2, 6, 5, 3, 5, 1, 4], [2, 7, 1, 2, 7, 1], [3, 1, 4, 1, 5, 2, 6, 5, 3, 5, 4, 2, 1], [6, 2]];
const encoderOf = (seed: number) => new CharacterEncoder({ vocabularySize: 8, embeddingSize: 3, hiddenSize: 2, rng: new Random(seed) });

describe('CharacterEncoder', () => {
  it('ends in the last states of both directions, word by word', () => {
    const encoder = encoderOf(1);
    const together = encoder.forward(batchOf(words)).toArray() as number[][];
    words.forEach((word, w) => {
      const x = encoder.embedding.forward(tensor([word], { dtype: 'int32' }));
      const { output } = encoder.rnn.forward(x);
      const steps = (output.toArray() as number[][][])[0];
      const expected = [...steps[word.length - 1].slice(0, 2), ...steps[0].slice(2)];
      expect(together[w]).toHaveLength(4);
      expected.forEach((value, i) => {
        expect(together[w][i]).toBeCloseTo(value, 12);
      });
    });
  });

  it('has the numbers of torch.nn.LSTM', () => {
    // torch 1.13, float64: Embedding(3, 2), LSTM(2, 1, bidirectional=True), all parameters in the order of the state dict
    // from torch.linspace(-0.6, 0.7, 46); h_n of "1 2 1" and of "2".
    const expected = [0.2176098974771606, 0.6782906114055752, 0.11427085607654236, 0.35629163615037146];
    const encoder = new CharacterEncoder({ vocabularySize: 3, embeddingSize: 2, hiddenSize: 1 });
    const all = Array.from({ length: 46 }, (_, i) => -0.6 + (1.3 * i) / 45);
    let at = 0;
    for (const parameter of encoder.parameters()) {
      parameter.assign(all.slice(at, at + parameter.size));
      at += parameter.size;
    }
    const [first, second] = encoder.forward(batchOf([[1, 2, 1], [2]])).toArray() as number[][];
    expected.forEach((value, i) => {
      expect([...first, ...second][i]).toBeCloseTo(value, 10);
    });
  });

  it('passes gradients to every parameter', () => {
    const encoder = encoderOf(2);
    checkGradients(() => encoder.forward(batchOf(words)), encoder.parameters());
  });

  it('gives the same numbers on the default backend', () => {
    const reference = encoderOf(3).forward(batchOf(words)).dataSync();
    setBackend('native');
    const encoder = encoderOf(3);
    const values = scope(() => encoder.forward(batchOf(words))).dataSync();
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(reference[i], 5);
    });
  });

  it('refuses no words, and words of no characters', () => {
    expect(() => encoderOf(4).forward(batchOf([]))).toThrow('expected at least one word, received none');
    expect(() => encoderOf(4).forward(batchOf([[1], []]))).toThrow('received an empty one at 1');
  });
});
