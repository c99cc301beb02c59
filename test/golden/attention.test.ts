/** The decoder with attention against Bahdanau's and Luong's equations around PyTorch's cells: outputs, states, every gradient. */
import { expect, test } from 'vitest';
import { add, mul } from '../../src/autograd/ops/binary.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { backward } from '../../src/autograd/tape.ts';
import type { Tensor } from '../../src/autograd/tensor.ts';
import type { AttentionKind } from '../../src/nn/attention.ts';
import { AttentionDecoder } from '../../src/nn/attention-decoder.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, type Recorded, readFixture, stateDictOf, tensorOf } from './fixture.ts';

type Named = Readonly<Record<string, Recorded>>;

const fixture = readFixture<{
  sizes: { inputSize: number; hiddenSize: number; memorySize: number };
  lengths: number[];
  memoryLengths: number[];
  cases: Record<
    string,
    {
      cell: 'lstm' | 'gru';
      kind: AttentionKind;
      attendFirst: boolean;
      attentionSize: number | null;
      parameters: Named;
      x: Recorded;
      memory: Recorded;
      state: Named;
      scales: Named;
      results: Named;
      gradients: Named;
    }
  >;
}>('attention');

onEveryBackend((backend) => {
  test.each(Object.entries(fixture.cases))('%s', (_, recorded) => {
    const { cell, kind, attendFirst, attentionSize } = recorded;
    const decoder = new AttentionDecoder({
      ...fixture.sizes,
      cell,
      attention: kind,
      attendFirst,
      ...(attentionSize === null ? {} : { attentionSize }),
    });
    decoder.loadStateDict(stateDictOf(recorded.parameters));
    const leaf = (x: Recorded) => tensorOf(x, backend, { requiresGrad: true });
    const [x, values] = [leaf(recorded.x), leaf(recorded.memory)];
    const state = Object.entries(recorded.state).map(([name, value]) => [name, leaf(value)] as const);
    const memory = decoder.attention.memory(values, { lengths: fixture.memoryLengths });
    const initial = state.map(([, tensor]) => tensor);
    const { output, context, weights, state: last } = decoder.forward(x, memory, initial, { lengths: fixture.lengths });
    const results = new Map<string, Tensor>([
      ['output', output],
      ['context', context],
      ['weights', weights],
      ...state.map(([name], i) => [`last_${name}`, last[i]] as const),
    ]);
    expect([...results.keys()]).toEqual(Object.keys(recorded.results));
    for (const [name, result] of results) expectClose(result, recorded.results[name], name);

    const terms = [...results].map(([name, result]) => sum(mul(result, tensorOf(recorded.scales[name], backend))));
    backward(terms.reduce((a, b) => add(a, b)));
    const leaves = new Map<string, Tensor>([...decoder.namedParameters(), ['x', x], ['memory', values], ...state]);
    expect([...leaves.keys()].sort()).toEqual(Object.keys(recorded.gradients).sort());
    for (const [name, gradient] of Object.entries(recorded.gradients)) {
      expectClose(leaves.get(name)!.grad!, gradient, `gradient of ${name}`);
    }
  });
});
