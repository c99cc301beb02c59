/** Laws of the decoder with attention, on every backend; its numbers are in test/golden and test/backends. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../../test/backends/every.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { add, sub } from '../autograd/ops/binary.ts';
import { concat, stack } from '../autograd/ops/concat.ts';
import { square } from '../autograd/ops/elementwise.ts';
import { gather } from '../autograd/ops/gather.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { select, slice, unsqueeze } from '../autograd/ops/shape.ts';
import { randomNormal, type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import { getBackend, setBackend } from '../backend/select.ts';
import { Random } from '../tensor/random.ts';
import type { AttentionKind } from './attention.ts';
import { Attention } from './attention.ts';
import { AttentionDecoder, type AttentionDecoderOptions } from './attention-decoder.ts';
import { GRUCell } from './gru-cell.ts';
import { LSTMCell } from './lstm-cell.ts';

const [B, S, T] = [3, 5, 4];
const memoryLengths = [5, 2, 3];

const drawn = fc.record({
  cell: fc.constantFrom('lstm' as const, 'gru' as const),
  attention: fc.constantFrom<AttentionKind>('additive', 'general', 'dot'),
  attendFirst: fc.boolean(),
  bias: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1000 }),
});

function made({ seed, ...options }: Partial<AttentionDecoderOptions> & { readonly seed: number }) {
  const rng = new Random(seed);
  const decoder = new AttentionDecoder({ inputSize: 3, hiddenSize: 6, memorySize: 6, ...options, rng });
  const values = randomNormal([B, S, 6], rng, { requiresGrad: true });
  const x = randomNormal([B, T, 3], rng, { requiresGrad: true });
  const state = decoder.stateSizes.map((width) => randomNormal([B, width], rng));
  return { decoder, values, x, state, memory: decoder.attention.memory(values, { lengths: memoryLengths }) };
}

function expectClose(actual: Tensor, expected: Tensor, what: string): void {
  expect(actual.shape, `shape of ${what}`).toEqual(expected.shape);
  const tolerance = actual.backend.float === 'float64' ? 1e-11 : 1e-5;
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  for (let i = 0; i < a.length; i++) {
    if (!(Math.abs(a[i] - b[i]) <= tolerance)) expect.fail(`${what}: element ${i} is ${a[i]}, expected ${b[i]}`);
  }
}

onEveryBackend(() => {
  test('is the cell whose input is [x, context], and Attention, step by step', () => {
    fc.assert(
      fc.property(drawn, (options) => {
        const { decoder, x, memory, state } = made(options);
        const { output, context, weights, state: last } = decoder.forward(x, memory, state);
        const { attention } = decoder;
        const cellOptions = { inputSize: 9, hiddenSize: 6, bias: options.bias };
        const cell = options.cell === 'lstm' ? new LSTMCell(cellOptions) : new GRUCell(cellOptions);
        const own = decoder.stateDict();
        const [ih, ch] = [own.get('weight_ih')!, own.get('weight_context')!];
        const both = Array.from({ length: ih.shape[0] }, (_, row) => [
          ...ih.values.slice(row * 3, row * 3 + 3),
          ...ch.values.slice(row * 6, row * 6 + 6),
        ]).flat();
        cell.loadStateDict(
          new Map(
            [...own]
              .filter(([name]) => /^(bias_.h|weight_hh)$/.test(name))
              .concat([['weight_ih', { shape: [ih.shape[0], 9], values: Float64Array.from(both) }]]),
          ),
        );
        let h = state[0];
        let c = options.cell === 'lstm' ? state[1] : null;
        let seen = state.at(-1)!;
        const steps: Tensor[][] = [[], [], []];
        for (let t = 0; t < T; t++) {
          let where: Tensor | null = null;
          const attend = () => {
            const found = attention.forward(unsqueeze(h, 1), memory);
            seen = select(found.context, 1, 0);
            where = select(found.weights, 1, 0);
          };
          if (options.attendFirst) attend();
          const input = concat([select(x, 1, t), seen], 1);
          if (cell instanceof LSTMCell) [h, c] = cell.forward(input, [h, c!]);
          else h = cell.forward(input, h);
          if (!options.attendFirst) attend();
          [h, seen, where!].forEach((value, i) => {
            steps[i].push(value);
          });
        }
        [output, context, weights].forEach((whole, i) => {
          expectClose(whole, stack(steps[i], 1), ['output', 'context', 'weights'][i]);
        });
        expectClose(last[0], h, 'last h');
        expectClose(last.at(-1)!, seen, 'last context');
      }),
      { numRuns: 12 },
    );
  });

  test('step repeated is forward, and hypotheses may share a memory', () => {
    fc.assert(
      fc.property(drawn, (options) => {
        const { decoder, x, memory } = made(options);
        const whole = decoder.forward(x, memory);
        let state: readonly Tensor[] | null = null;
        // Each sequence twice, the second time beside the first: row 2b and 2b+1 look at memory b.
        const rows = [0, 0, 1, 1, 2, 2];
        for (let t = 0; t < T; t++) {
          const once = decoder.step(gather(select(x, 1, t), tensor(rows, { dtype: 'int32' })), memory, state, { rows });
          state = once.state;
          const every = tensor([0, 2, 4], { dtype: 'int32' });
          expect(once.output.requiresGrad).toBe(false); // memories are shared
          expectClose(gather(once.output, every), select(whole.output, 1, t), `output ${t}`);
          expectClose(gather(once.weights, tensor([1, 3, 5], { dtype: 'int32' })), select(whole.weights, 1, t), `weights ${t}`);
        }
        expectClose(gather(state!.at(-1)!, tensor([1, 3, 5], { dtype: 'int32' })), whole.state.at(-1)!, 'context');
      }),
      { numRuns: 10 },
    );
  });

  test('a sequence in one call is the same cut in two, and padding changes nothing', () => {
    fc.assert(
      fc.property(drawn, (options) => {
        const { decoder, x, memory, state } = made(options);
        const whole = decoder.forward(x, memory, state, { lengths: [4, 3, 1] });
        const first = decoder.forward(slice(x, 1, 0, 1), memory, state);
        const second = decoder.forward(slice(x, 1, 1, 4), memory, first.state, { lengths: [3, 2, 0] });
        expectClose(concat([first.context, second.context], 1), whole.context, 'context');
        expectClose(concat([first.output, second.output], 1), whole.output, 'output');
        whole.state.forEach((last, i) => {
          expectClose(second.state[i], last, `state ${i}`);
        });
        const sums = sum(whole.weights, -1).dataSync();
        expect([...sums].map((x) => Math.round(x * 1e4) / 1e4)).toEqual([1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0]);
      }),
      { numRuns: 10 },
    );
  });
});

describe('gradients', () => {
  test.each(['additive', 'general', 'dot'] as const)('of everything, %s, with a penalty on the weights', (attention) => {
    setBackend(getBackend('reference'));
    for (const cell of ['lstm', 'gru'] as const) {
      const { decoder, values, x } = made({ cell, attention, attendFirst: cell === 'gru', seed: 5 });
      const initial = decoder.stateSizes.map((width) => randomNormal([B, width], new Random(2), { requiresGrad: true }));
      const loss = () => {
        const memory = decoder.attention.memory(values, { lengths: memoryLengths });
        const { output, context, weights } = decoder.forward(x, memory, initial, { lengths: [4, 2, 0] });
        const coverage = sum(square(sub(1, sum(weights, 1))));
        return add(add(sum(square(output)), sum(square(context))), coverage);
      };
      checkGradients(loss, [x, values, ...initial, ...decoder.parameters()], { maxElements: 12 });
    }
  });

  test('of Attention over all states at once', () => {
    setBackend(getBackend('reference'));
    const rng = new Random(3);
    for (const kind of ['additive', 'general', 'dot'] as const) {
      const attention = new Attention({ querySize: 4, memorySize: 4, kind, rng });
      const [states, values] = [randomNormal([2, 3, 4], rng, { requiresGrad: true }), randomNormal([2, 5, 4], rng, { requiresGrad: true })];
      const look = () => attention.forward(states, attention.memory(values, { lengths: [5, 2] })).context;
      checkGradients(look, [states, values, ...attention.parameters()]);
    }
  });
});

describe('what does not fit', () => {
  const decoder = () => new AttentionDecoder({ inputSize: 3, hiddenSize: 6, memorySize: 5 });
  const memory = (d: AttentionDecoder) => d.attention.memory(zeros([2, 4, 5]));

  test('is refused with what was expected', () => {
    const d = decoder();
    expect(() => d.attention.memory(zeros([2, 4, 6]))).toThrow(
      '[Attention] expected a memory of shape [B, S, 5] (memorySize 5), received [2, 4, 6].',
    );
    expect(() => d.attention.memory(zeros([2, 4, 5]), { lengths: [4, 5] })).toThrow(
      '[Attention] expected 2 lengths in 0…4 (S), received [4, 5].',
    );
    expect(() => d.forward(zeros([3, 2, 3]), memory(d))).toThrow('expected one memory for each of 3 sequences, received 2.');
    expect(() => d.forward(zeros([2, 2, 4]), memory(d))).toThrow(
      '[AttentionDecoder] expected x of shape [B, T, 3] (inputSize 3), received [2, 2, 4].',
    );
    expect(() => d.step(zeros([3, 3]), memory(d))).toThrow('Say with rows which each looks at.');
    expect(() => d.step(zeros([3, 3]), memory(d), null, { rows: [0, 1, 2] })).toThrow('expected 3 rows in 0…1, received [0, 1, 2].');
    expect(() => d.forward(zeros([2, 2, 3]), memory(d), [zeros([2, 6])])).toThrow('expected a state of 3 tensors, received 1.');
    expect(() => d.forward(zeros([2, 2, 3]), memory(d), [zeros([2, 5]), null, null])).toThrow(
      'tensor 0 of the state of shape [2, 6], received [2, 5].',
    );
    expect(() => new AttentionDecoder({ inputSize: 3, hiddenSize: 6, memorySize: 5, attention: 'dot' })).toThrow(
      "'dot' needs states as wide as the memory",
    );
    expect(() => new Attention({ querySize: 3, memorySize: 3, kind: 'general', attentionSize: 3 })).toThrow(
      "attentionSize belongs to 'additive'",
    );
    expect(() => new Attention({ querySize: 3, memorySize: 3, kind: 'addtive' as 'additive' })).toThrow(
      'unknown kind "addtive"; did you mean "additive"?',
    );
  });
});
