/** Cells against PyTorch: one step and its gradients. */
import { expect, test } from 'vitest';
import { add, mul } from '../../src/autograd/ops/binary.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { backward } from '../../src/autograd/tape.ts';
import { GRUCell } from '../../src/nn/gru-cell.ts';
import { LSTMCell } from '../../src/nn/lstm-cell.ts';
import { RNNCell } from '../../src/nn/rnn-cell.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, type Recorded, readFixture, stateDictOf, tensorOf } from './fixture.ts';

interface CellCase {
  readonly kind: 'RNNCell' | 'LSTMCell' | 'GRUCell';
  readonly bias: boolean;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly parameters: Readonly<Record<string, Recorded>>;
  readonly x: Recorded;
  readonly state: readonly Recorded[];
  readonly weights: readonly Recorded[];
  readonly result: readonly Recorded[];
  readonly gradients: {
    readonly x: Recorded;
    readonly state: readonly Recorded[];
    readonly parameters: Readonly<Record<string, Recorded>>;
  };
}

const { cases } = readFixture<{ cases: CellCase[] }>('cells');

onEveryBackend((backend) => {
  test.each(cases.map((record) => [`${record.kind}, bias ${record.bias}`, record] as const))('%s', (_, record) => {
    const cell = record.kind === 'RNNCell' ? new RNNCell(record) : record.kind === 'GRUCell' ? new GRUCell(record) : new LSTMCell(record);
    cell.loadStateDict(stateDictOf(record.parameters));
    const x = tensorOf(record.x, backend, { requiresGrad: true });
    const state = record.state.map((s) => tensorOf(s, backend, { requiresGrad: true }));

    const result = cell instanceof LSTMCell ? cell.forward(x, [state[0], state[1]]) : [cell.forward(x, state[0])];
    backward(result.map((s, i) => sum(mul(s, tensorOf(record.weights[i], backend)))).reduce(add));

    for (const [i, s] of result.entries()) expectClose(s, record.result[i], `state ${i}`);
    expectClose(x.grad!, record.gradients.x, 'gradient of x');
    for (const [i, s] of state.entries()) expectClose(s.grad!, record.gradients.state[i], `gradient of state ${i}`);
    const named = cell.namedParameters();
    expect([...named.keys()].sort()).toEqual(Object.keys(record.gradients.parameters).sort());
    for (const [name, parameter] of named) expectClose(parameter.grad!, record.gradients.parameters[name], `gradient of ${name}`);
  });
});
