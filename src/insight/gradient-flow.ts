/** A model and a batch, looked at from inside: how the loss reaches each state, and what gates and units do. */
import { scope } from '../autograd/scope.ts';
import { backward } from '../autograd/tape.ts';
import type { Tensor } from '../autograd/tensor.ts';
import type { Module } from '../nn/module.ts';
import { RecurrenceRecorder, type RecurrenceStatistics } from '../nn/recurrence-statistics.ts';
import { type WatchedRun, watchRecurrences } from '../nn/recurrence-watch.ts';
import { ConfigError } from '../tensor/errors.ts';

/** What `gradientFlow` saw. */
export interface GradientFlow {
  readonly loss: number;
  /** Each direction of each recurrent layer, at every step; in the order in which they ran. */
  readonly layers: readonly RecurrenceStatistics[];
}

/**
 * Runs a forward and a backward, and tells how the gradient came back through every recurrent layer of the model, step by step.
 * Gradients of parameters are zero afterwards.
 *
 * @param model  whose layers `loss` calls, among others perhaps; they are named by their place in it
 * @param loss   a scalar, such as the mean loss of a batch
 * @throws ConfigError when no recurrent layer ran
 * @example
 * const { layers } = gradientFlow(model, () => crossEntropy(model.forward(x), y));
 * for (const { module, layer, gradientNorms } of layers) console.log(module, layer, gradientNorms); // ‖∂L/∂h_t‖, [T]
 */
export function gradientFlow(model: Module, loss: () => Tensor): GradientFlow {
  const recorder = new RecurrenceRecorder();
  const own = new Set(model.parameters());
  // A loss may run other layers too, such as a decoder above those that are asked about.
  const ran = (run: WatchedRun) => (run.parameter === null || own.has(run.parameter) ? recorder.ran(run) : null);
  const value = scope(() =>
    watchRecurrences({ ran }, () => {
      const result = loss();
      backward(result);
      return result.item();
    }),
  );
  model.zeroGrad();
  if (recorder.isEmpty) {
    throw new ConfigError('[gradientFlow] expected the loss to run a recurrent layer (RNN, LSTM, GRU, a cell, or Recurrent); none ran.');
  }
  return { loss: value, layers: recorder.read(model.namedParameters()) };
}
