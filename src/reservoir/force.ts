/** Learning online: a readout that is corrected at every step, its own output being fed back all the while (FORCE). */

import { select } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { type Tensor, tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import type { EchoState, EchoStateNetwork } from './echo-state-network.ts';
import { RecursiveLeastSquares } from './recursive-least-squares.ts';

/** How a readout learns online. */
export interface OnlineOptions {
  /** Where the sequence begins; zeros when absent. */
  readonly state?: EchoState | null;
  /** Steps from one correction to the next. Default 1. */
  readonly every?: number;
  /** P begins as I / ridge. Default 1. */
  readonly ridge?: number;
  /** In (0, 1]. Default 1. */
  readonly forgetting?: number;
  /** A regression that goes on; its features are the readout's and, last, the 1. Default: a new one. */
  readonly rls?: RecursiveLeastSquares;
}

/** How an online fit went. */
export interface OnlineResult {
  /** ‖y_t − target_t‖ at each step, before its correction. [T] */
  readonly errors: Float64Array;
  readonly state: EchoState;
  /** To go on with. */
  readonly rls: RecursiveLeastSquares;
}

/**
 * Learns a sequence online by recursive least squares, without a second pass. With feedback this is FORCE: what is fed back is the
 * output itself, which the corrections keep near the target from the first steps on, so that the free run afterwards meets nothing new.
 * The network's readout is set to what was learnt.
 *
 * @param x  [1, T, I]
 * @param y  [1, T, O]
 * @throws ShapeError when x and y are not one sequence of as many steps
 * @see Sussillo & Abbott (2009), doi:10.1016/j.neuron.2009.07.018
 */
export function fitOnline(network: EchoStateNetwork, x: Tensor, y: Tensor, options: OnlineOptions = {}): OnlineResult {
  const { inputSize, outputSize, readInput } = network.options;
  const T = x.shape[1];
  if (!sameShape(x.shape, [1, T, inputSize]) || !sameShape(y.shape, [1, T, outputSize])) {
    throw new ShapeError(
      `[fitOnline] expected one sequence, x of shape [1, T, ${inputSize}] and y of shape [1, T, ${outputSize}], received ${formatShape(x.shape)} and ${formatShape(y.shape)}.`,
    );
  }
  const { every = 1, ridge = 1, forgetting = 1 } = options;
  if (!Number.isInteger(every) || every < 1) throw new ConfigError(`[fitOnline] expected every to be at least 1, received ${every}.`);
  const F = network.readout.inputSize + 1;
  const rls = options.rls ?? new RecursiveLeastSquares({ features: F, targets: outputSize, ridge, forgetting });
  const inputs = x.dataSync();
  const targets = y.dataSync();
  const errors = new Float64Array(T);
  const { backend } = network.reservoir;
  let state = options.state ?? network.initialState(1);
  const z = new Float64Array(F).fill(1);
  for (let t = 0; t < T; t++) {
    state = scope(() => {
      const input = select(x, 1, t);
      const [h, last] = state;
      const run = network.reservoir.step(input, h, { feedback: network.hasFeedback ? last : null });
      z.set(run.output.dataSync());
      if (readInput) z.set(inputs.subarray(t * inputSize, (t + 1) * inputSize), network.reservoir.outputSize);
      const target = targets.subarray(t * outputSize, (t + 1) * outputSize);
      const said = rls.predict(z);
      errors[t] = Math.hypot(...said.map((value, o) => value - target[o]));
      if (t % every === 0) rls.update(z, target);
      // What is fed back is what the readout says once it is corrected, as in the paper.
      return [run.state, tensor(rls.predict(z), { shape: [1, outputSize], backend })] as const;
    });
  }
  network.readout.weight.assign(rls.weight.filter((_, i) => i % F !== F - 1));
  network.readout.bias?.assign(rls.weight.filter((_, i) => i % F === F - 1));
  return { errors, state, rls };
}
