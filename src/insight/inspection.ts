/** A trained model on one input, looked at from all sides: what `unrolled inspect MODEL INPUT` shows. */

import { square } from '../autograd/ops/elementwise.ts';
import { mean, sum } from '../autograd/ops/reduce.ts';
import { select, slice } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import type { Tensor } from '../autograd/tensor.ts';
import { LSTM } from '../nn/lstm.ts';
import type { RecurrenceStatistics } from '../nn/recurrence-statistics.ts';
import type { CellState } from '../nn/recurrent.ts';
import { ConfigError } from '../tensor/errors.ts';
import { findingsOf } from '../training/advice.ts';
import type { Observation, TracedLayers } from './figure/trace.ts';
import { gradientFlow } from './gradient-flow.ts';
import { type JacobianNorms, memoryHorizon, normsAlong } from './jacobians.ts';
import { exponentsAlong } from './lyapunov.ts';
import { type Stepping, Trajectory } from './trajectory.ts';

/** What was found. */
export interface Inspection {
  /** "LSTM" */
  readonly cell: string;
  /** T: of the input, what was looked at. */
  readonly steps: number;
  /** What each step read, [T]. */
  readonly tokens: readonly string[];
  /** The mean loss of the input; null: the task has none without labels. */
  readonly loss: number | null;
  /** Of the loss of all steps together; without a loss of the mean square of the output. Each layer and direction. */
  readonly layers: readonly RecurrenceStatistics[];
  /** Of the last step's loss or output alone: what this one answer depends on. */
  readonly ofLast: readonly RecurrenceStatistics[];
  /** Through time, from the last step back; null: a reverse direction has no steps that go on from a state. */
  readonly jacobians: JacobianNorms | null;
  /** The lag at which the input's influence on the last state falls to a hundredth; null: further back than the input goes. */
  readonly memoryHorizon: number | null;
  /** The largest ones, in nats a step; empty where there is no state to go on from, or too few steps. */
  readonly lyapunovExponents: readonly number[];
  /** What is wrong, and what helps. */
  readonly advice: readonly string[];
}

/** With fewer steps an exponent says nothing. */
const fewestSteps = 20;

/**
 * @param most  steps at most: the last ones of a longer input are taken
 * @throws ConfigError when there are fewer than two steps
 */
export function inspectAt(observation: Observation, most = 200): Inspection {
  const { layers } = observation;
  const T = observation.x.shape[1];
  if (T < 2) throw new ConfigError(`expected an input of at least two steps, received ${T}: there is no time to look back through.`);
  const first = Math.max(0, T - most);
  const x = scope(() => slice(observation.x.detach(), 1, first));
  const steps = T - first;
  // Later steps go on from a state that has forgotten the first one.
  const initial = first === 0 && observation.state !== undefined ? stateFor(layers, observation.state) : null;
  const run = (): Tensor => (layers.forward as (x: Tensor, state: CellState | null) => { output: Tensor })(x, initial).output; // [1, T, D·P]
  const { isTraining } = layers;
  layers.eval();
  try {
    const losses = (output: Tensor): Tensor =>
      observation.losses === undefined ? mean(square(select(output, 0, 0)), 1) : observation.losses(output, first);
    const whole = gradientFlow(layers, () => mean(losses(run())));
    const last = gradientFlow(layers, () => sum(slice(losses(run()), 0, -1)));
    const isCausal = !(layers.options.bidirectional ?? false);
    const trajectory = isCausal ? new Trajectory(layers as unknown as Stepping<CellState>, x, initial) : null;
    const jacobians = trajectory === null ? null : normsAlong(trajectory);
    const count = Math.min(4, trajectory?.size ?? 0);
    return {
      cell: whole.layers[0].cell,
      steps,
      tokens: observation.tokens.slice(first),
      loss: observation.losses === undefined ? null : whole.loss,
      layers: whole.layers,
      ofLast: last.layers,
      jacobians,
      memoryHorizon: jacobians === null ? null : memoryHorizon(jacobians.input),
      lyapunovExponents: trajectory === null || steps < fewestSteps ? [] : exponentsAlong(trajectory, { count }),
      advice: [...new Set([...whole.layers.flatMap(findingsOf)].map(({ message }) => message))],
    };
  } finally {
    layers.train(isTraining);
  }
}

/** [h, c] of an LSTM, h of the others. */
function stateFor(layers: TracedLayers, state: readonly Tensor[]): CellState {
  return layers instanceof LSTM ? [state[0], state[1]] : state[0];
}
