/** Recurrent layers against PyTorch: outputs, states, every gradient and ten steps of training, on every backend. */
import { expect, test } from 'vitest';
import { add, mul, sub } from '../../src/autograd/ops/binary.ts';
import { square } from '../../src/autograd/ops/elementwise.ts';
import { mean, sum } from '../../src/autograd/ops/reduce.ts';
import { scope } from '../../src/autograd/scope.ts';
import { backward } from '../../src/autograd/tape.ts';
import type { Tensor } from '../../src/autograd/tensor.ts';
import { GRU, type GRUOptions } from '../../src/nn/gru.ts';
import { LSTM, type LSTMOptions } from '../../src/nn/lstm.ts';
import { RNN, type RNNOptions } from '../../src/nn/rnn.ts';
import { Adam } from '../../src/optim/adam.ts';
import { Random } from '../../src/tensor/random.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, expectNumbersClose, type Recorded, readFixture, stateDictOf, tensorOf, tolerances } from './fixture.ts';

interface RecurrentCase {
  readonly case: { readonly kind: 'RNN' | 'LSTM' | 'GRU'; readonly lengths?: number[]; readonly seed?: number } & RNNOptions &
    LSTMOptions &
    GRUOptions;
  readonly parameters: Readonly<Record<string, Recorded>>;
  readonly x: Recorded;
  readonly state?: readonly Recorded[];
  readonly weightOutput: Recorded;
  readonly weightState: readonly Recorded[];
  readonly target: Recorded;
  readonly output: Recorded;
  readonly lastState: readonly Recorded[];
  readonly gradients: {
    readonly x: Recorded;
    readonly state: readonly Recorded[];
    readonly parameters: Readonly<Record<string, Recorded>>;
  };
  readonly training: { readonly losses: readonly number[]; readonly output: Recorded };
}

const { cases } = readFixture<{ cases: RecurrentCase[] }>('recurrent');

/** The three layers under one face: the state as a list. */
function layerOf(record: RecurrentCase) {
  const { kind, lengths, seed = 0, ...options } = record.case;
  const rng = new Random(0);
  const layer =
    kind === 'RNN' ? new RNN({ ...options, rng }) : kind === 'GRU' ? new GRU({ ...options, rng }) : new LSTM({ ...options, rng });
  layer.loadStateDict(stateDictOf(record.parameters));
  const forward = (x: Tensor, state: readonly Tensor[] | null): { output: Tensor; state: readonly Tensor[] } => {
    rng.state = new Random(seed).state;
    if (layer instanceof LSTM) return layer.forward(x, state === null ? null : [state[0], state[1]], { lengths });
    const result = layer.forward(x, state === null ? null : state[0], { lengths });
    return { output: result.output, state: [result.state] };
  };
  return { layer, forward };
}

function nameOf({ kind, ...options }: RecurrentCase['case']): string {
  return `${kind} ${JSON.stringify(options)}`;
}

onEveryBackend((backend) => {
  test.each(cases.map((record) => [nameOf(record.case), record] as const))('%s', (_, record) => {
    const { layer, forward } = layerOf(record);
    const x = tensorOf(record.x, backend, { requiresGrad: true });
    const state = record.state?.map((s) => tensorOf(s, backend, { requiresGrad: true })) ?? null;

    const result = scope(() => {
      const { output, state: last } = forward(x, state);
      let loss = sum(mul(output, tensorOf(record.weightOutput, backend)));
      last.forEach((s, i) => {
        loss = add(loss, sum(mul(s, tensorOf(record.weightState[i], backend))));
      });
      backward(loss);
      return { output: output.detach(), last: last.map((s) => s.detach()) };
    });

    expectClose(result.output, record.output, 'output');
    result.last.forEach((s, i) => {
      expectClose(s, record.lastState[i], `state ${i}`);
    });
    expectClose(x.grad!, record.gradients.x, 'gradient of x');
    state?.forEach((s, i) => {
      expectClose(s.grad!, record.gradients.state[i], `gradient of state ${i}`);
    });
    const named = layer.namedParameters();
    expect([...named.keys()].sort()).toEqual(Object.keys(record.gradients.parameters).sort());
    for (const [name, parameter] of named) expectClose(parameter.grad!, record.gradients.parameters[name], `gradient of ${name}`);
  });

  test.each(cases.map((record) => [nameOf(record.case), record] as const))('ten steps of Adam: %s', (_, record) => {
    const { layer, forward } = layerOf(record);
    const optimizer = new Adam(layer.parameters(), { learningRate: 0.01 });
    const x = tensorOf(record.x, backend);
    const target = tensorOf(record.target, backend);
    const state = record.state?.map((s) => tensorOf(s, backend)) ?? null;
    const losses = record.training.losses.map(() => {
      return optimizer.step(() => mean(square(sub(forward(x, state).output, target)))).item();
    });
    expectNumbersClose(losses, record.training.losses, 'losses', tolerances[backend.float]);
    expectClose(
      scope(() => forward(x, state).output.detach()),
      record.training.output,
      'output after training',
    );
  });
});
