/** Gradients and Jacobians through time against PyTorch's. */
import { expect, test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { slice } from '../../src/autograd/ops/shape.ts';
import { gradientFlow } from '../../src/insight/gradient-flow.ts';
import { jacobianNorms } from '../../src/insight/jacobians.ts';
import type { Stepping } from '../../src/insight/trajectory.ts';
import { GradientNorms } from '../../src/nn/gradient-norms.ts';
import { GRU } from '../../src/nn/gru.ts';
import { LSTM } from '../../src/nn/lstm.ts';
import type { CellState } from '../../src/nn/recurrent.ts';
import { RNN } from '../../src/nn/rnn.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectNumbersClose, type Recorded, readFixture, stateDictOf, tensorOf } from './fixture.ts';

interface Case {
  readonly kind: 'RNN' | 'GRU' | 'LSTM';
  readonly parameters: Readonly<Record<string, Recorded>>;
  readonly x: Recorded;
  readonly scales: Recorded;
  /** ‖∂L/∂h_t‖ over the batch, [L][T] */
  readonly norms: readonly (readonly number[])[];
  /** Of the first sequence's last state, for lags 1, 2, … */
  readonly jacobians: readonly { readonly state: number; readonly hidden: readonly number[]; readonly spectral: number }[];
}

const { cells } = readFixture<{ cells: readonly Case[] }>('insight');
const layers = { RNN, GRU, LSTM };

onEveryBackend((backend) => {
  test.each(cells)('$kind', async ({ kind, parameters, x: recordedX, scales, norms, jacobians }) => {
    const layer = new layers[kind]({ inputSize: 4, hiddenSize: 5, numLayers: 2 });
    layer.loadStateDict(stateDictOf(parameters));
    const x = tensorOf(recordedX, backend);
    const gradientNorms = new GradientNorms();
    const flow = gradientFlow(layer, () => sum(mul(layer.forward(x, null, { gradientNorms }).output, tensorOf(scales, backend))));
    const isExact = backend.float === 'float64';
    for (const [l, expected] of norms.entries()) {
      expectNumbersClose(await gradientNorms.perStep(l), expected, `gradient norms of layer ${l}`, isExact ? 1e-12 : 1e-5);
      expectNumbersClose(flow.layers[l].gradientNorms, expected, `norms as they are told, four digits, of layer ${l}`, 1e-3);
    }
    const measured = jacobianNorms(layer as unknown as Stepping<CellState>, slice(x, 0, 0, 1));
    const tolerance = isExact ? 1e-12 : 2e-5;
    const states = jacobians.map(({ state }) => state);
    expectNumbersClose(measured.state.slice(1), states, 'norms of Jacobians', tolerance);
    for (const l of [0, 1]) {
      const own = jacobians.map(({ hidden }) => hidden[l]);
      expectNumbersClose(measured.hidden[l].slice(1), own, `of layer ${l}`, tolerance);
    }
    const spectral = jacobians.map((j) => j.spectral);
    expectNumbersClose(measured.spectral!.slice(1), spectral, 'largest singular values', 1e-4); // by iteration
    expect(measured.state[0]).toBeCloseTo(1, 6);
  });
});
