import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sum } from '../autograd/ops/reduce.ts';
import { backward } from '../autograd/tape.ts';
import { randomNormal, tensor } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { PyramidalEncoder, type PyramidalEncoderOptions } from './pyramidal-encoder.ts';

const cases = fc.record({
  factors: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  mode: fc.constantFrom('concat', 'stride'),
  cell: fc.constantFrom('lstm', 'gru'),
  T: fc.integer({ min: 1, max: 14 }),
  seed: fc.integer({ min: 0, max: 999 }),
}) as fc.Arbitrary<Pick<PyramidalEncoderOptions, 'factors' | 'mode' | 'cell'> & { readonly T: number; readonly seed: number }>;

function close(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) expect(Math.abs(actual[i] - expected[i])).toBeLessThan(1e-5);
}

describe('PyramidalEncoder', () => {
  it('names its parameters as a list of layers', () => {
    const encoder = new PyramidalEncoder({ inputSize: 3, hiddenSize: 4, factors: [1, 2], bidirectional: true });
    expect(
      [...encoder.namedParameters()].map(([name, { shape }]) => `${name} ${shape.join('×')}`).filter((n) => n.includes('ih_l0')),
    ).toEqual([
      'layers.0.weight_ih_l0 16×3',
      'layers.0.bias_ih_l0 16',
      'layers.0.weight_ih_l0_reverse 16×3',
      'layers.0.bias_ih_l0_reverse 16',
      'layers.1.weight_ih_l0 16×16',
      'layers.1.bias_ih_l0 16',
      'layers.1.weight_ih_l0_reverse 16×16',
      'layers.1.bias_ih_l0_reverse 16',
    ]);
  });

  it('gives a sequence the same numbers alone and padded among others, in both directions', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), ({ T, seed, ...options }, bidirectional) => {
        const encoder = new PyramidalEncoder({ inputSize: 3, hiddenSize: 4, ...options, bidirectional, rng: new Random(seed) });
        const longer = T + 5;
        const x = new Random(seed + 1).fillNormal(new Float32Array(2 * longer * 3));
        x.fill(Number.NaN, longer * 3 + T * 3);
        const { output, lengths } = encoder.forward(tensor(x, { shape: [2, longer, 3] }), { lengths: [longer, T] });
        const alone = encoder.forward(tensor(x.slice(longer * 3, (longer + T) * 3), { shape: [1, T, 3] }));
        const [, steps, width] = output.shape;
        expect(lengths).toEqual(Int32Array.of(encoder.outputLength(longer), encoder.outputLength(T)));
        expect(alone.output.shape).toEqual([1, encoder.outputLength(T), width]);
        const row = output.dataSync().subarray(steps * width);
        close(row.subarray(0, lengths![1] * width), alone.output.dataSync());
        expect(row.subarray(lengths![1] * width).every((value) => value === 0)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('streams: step by step, with the state taken out and put back, as in one go', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 0, max: 13 }), ({ T, seed, ...options }, cut) => {
        const encoder = new PyramidalEncoder({ inputSize: 3, hiddenSize: 4, ...options, rng: new Random(seed) }).eval();
        const x = new Random(seed + 1).fillNormal(new Float32Array(T * 3));
        const { output } = encoder.forward(tensor(x, { shape: [1, T, 3] }));
        let stream = encoder.stream();
        const steps: number[] = [];
        for (let t = 0; t < T; t++) {
          if (t === cut) {
            const { state } = stream;
            stream = encoder.stream();
            stream.state = state;
          }
          steps.push(...(stream.step(x.subarray(3 * t, 3 * t + 3)) ?? []));
        }
        for (const last of stream.end()) steps.push(...last);
        close(steps, output.dataSync());
      }),
      { numRuns: 40 },
    );
  });

  it('gives padding no gradient, and every parameter one', () => {
    const encoder = new PyramidalEncoder({ inputSize: 3, hiddenSize: 4, factors: [1, 2, 2], bidirectional: true, rng: new Random(1) });
    const x = randomNormal([2, 9, 3], new Random(2), { requiresGrad: true });
    backward(sum(encoder.forward(x, { lengths: [9, 3] }).output));
    const gradient = x.grad!.dataSync();
    expect(gradient.subarray((9 + 3) * 3).every((value) => value === 0)).toBe(true);
    expect(gradient.subarray(0, (9 + 3) * 3).every((value) => value !== 0)).toBe(true);
    for (const parameter of encoder.parameters()) expect(parameter.grad!.dataSync().some((value) => value !== 0)).toBe(true);
  });

  it('says what is wrong', () => {
    const sizes = { inputSize: 3, hiddenSize: 4 };
    expect(() => new PyramidalEncoder({ ...sizes, factors: [] })).toThrow(ConfigError);
    expect(() => new PyramidalEncoder({ ...sizes, factors: [2, 0] })).toThrow(
      'expected a factor that is an integer of at least 1, received 0',
    );
    expect(() => new PyramidalEncoder({ ...sizes, factors: [2], bidirectional: true }).stream()).toThrow('needs the whole sequence');
  });
});
