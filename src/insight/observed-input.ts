/** What recurrent layers read, found out by watching: a task need not say how it makes it. */

import { scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { contiguous, type Tensor, tensor } from '../autograd/tensor.ts';
import { watchRecurrences } from '../nn/recurrence-watch.ts';
import type { TracedLayers } from './figure/trace.ts';

/**
 * @param layers   of the model
 * @param forward  runs the model on one sequence, in evaluation mode
 * @returns        the first layer's input, [1, T, I], of the layers' first run
 */
export function inputRead(layers: TracedLayers, forward: () => unknown): Tensor {
  return inputsRead(layers, forward)[0];
}

/** As `inputRead`, of every run of the layers; their sequences side by side lie one after another, [1, B·T, I]. */
export function inputsRead(layers: TracedLayers, forward: () => unknown): Tensor[] {
  const first = layers.namedParameters().get('weight_hh_l0')!;
  const { inputSize: I } = layers.options;
  const runs: Float64Array[] = [];
  const { isTraining } = layers;
  scope(() =>
    noGrad(() =>
      watchRecurrences(
        {
          ran: ({ parameter, input }) => {
            if (parameter !== first || input === null) return null;
            const rows = contiguous(input.rows).dataSync();
            const ids = input.ids?.dataSync();
            runs.push(
              ids === undefined
                ? new Float64Array(rows)
                : Float64Array.from({ length: ids.length * I }, (_, i) => rows[ids[Math.floor(i / I)] * I + (i % I)]),
            );
            return null;
          },
        },
        () => void forward(),
      ),
    ),
  );
  layers.train(isTraining);
  if (runs.length === 0) throw new Error('the model did not run its layers');
  return runs.map((read) => tensor(read, { shape: [1, read.length / I, I], backend: first.backend }));
}
