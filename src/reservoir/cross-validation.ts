/**
 * Time-ordered cross-validation of an echo state network: it learns from what came first and is judged on what came next. A
 * reservoir runs over the data once; each fold, and each penalty, is then a regression from sums that are there already.
 */
import { select, slice } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import type { Tensor } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';
import { type EchoState, EchoStateNetwork, type EchoStateNetworkOptions } from './echo-state-network.ts';
import { nrmse } from './measures.ts';
import type { RidgeRegression } from './ridge.ts';

/** How folds are cut and judged. */
export interface CrossValidationOptions {
  /** Folds k: the data are cut in k+1 blocks; fold i learns from the first i and is judged on the next. Default 3. */
  readonly folds?: number;
  /** Penalties to choose from. Default: the network's own and powers of 100 around it, 1e-10 … 1. */
  readonly ridges?: readonly number[];
  /** Judge by a free run of so many steps at the beginning of each block, instead of by each step's next. */
  readonly freeRun?: number;
}

/** What a cross-validation found. */
export interface CrossValidationResult {
  /** √ of the mean over folds of the squared errors, as a share of variance: the score of the best penalty. */
  readonly score: number;
  /** The best penalty. */
  readonly ridge: number;
  /** Of the best penalty, fold by fold. */
  readonly folds: readonly number[];
}

/** Penalties that a search tries. */
export const defaultRidges: readonly number[] = [1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1];

/**
 * @param options  of the network that is judged
 * @param x        [B, T, I]
 * @param y        [B, T, O]
 * @throws ConfigError when the first block is not longer than the washout
 * @see Lukoševičius & Uselis (2021), doi:10.1007/s12559-021-09849-2
 */
export function crossValidate(
  options: EchoStateNetworkOptions,
  x: Tensor,
  y: Tensor,
  { folds = 3, ridges = defaultRidges, freeRun }: CrossValidationOptions = {},
): CrossValidationResult {
  const network = new EchoStateNetwork(options);
  const [, T] = x.shape;
  const { washout } = network.options;
  const cuts = Array.from({ length: folds + 2 }, (_, i) => Math.round((i * T) / (folds + 1)));
  if (cuts[1] <= washout) {
    throw new ConfigError(
      `[crossValidate] expected blocks of more than ${washout} steps (washout), received ${cuts[1]}: ${T} steps in ${folds + 1} blocks. Lower washout or folds, or give more data.`,
    );
  }
  const blocks: RidgeRegression[] = [];
  const states: EchoState[] = [];
  let state: EchoState | null = null;
  for (let i = 0; i <= folds; i++) {
    const block = network.regression();
    const part = (all: Tensor) => slice(all, 1, cuts[i], cuts[i + 1]);
    state = scope(() => network.collect(block, part(x), part(y), { state, washout: i === 0 ? washout : 0 }));
    blocks.push(block);
    states.push(state);
  }
  const learnt = network.regression();
  const errors = ridges.map(() => [] as number[]);
  for (let i = 0; i < folds; i++) {
    learnt.merge(blocks[i]);
    ridges.forEach((ridge, r) => {
      errors[r].push(freeRun === undefined ? nextStep(learnt, blocks[i + 1], ridge) : run(i, ridge, freeRun));
    });
  }
  const scores = errors.map((perFold) => Math.sqrt(perFold.reduce((sum, error) => sum + error ** 2, 0) / folds));
  const best = scores.reduce((at, score, i) => (score < scores[at] || Number.isNaN(scores[at]) ? i : at), 0);
  return { score: scores[best], ridge: ridges[best], folds: errors[best] };

  /** A free run from the end of block i, beside what came. */
  function run(i: number, ridge: number, most: number): number {
    network.solve(learnt, ridge);
    const steps = Math.min(most, cuts[i + 2] - cuts[i + 1]);
    return scope(() => {
      const ahead = (all: Tensor) => slice(all, 1, cuts[i + 1], cuts[i + 1] + steps);
      // Without feedback the first input is known; what follows are the outputs.
      const { output } = network.hasFeedback
        ? network.generate(steps, states[i], { x: ahead(x) })
        : network.generate(steps, [states[i][0], select(x, 1, cuts[i + 1])]);
      const error = nrmse(output.dataSync(), ahead(y).dataSync(), y.shape[2]);
      return Number.isFinite(error) ? error : 1e6;
    });
  }
}

/** Error on a block of what was learnt before it, as a share of the block's deviation. */
function nextStep(learnt: RidgeRegression, block: RidgeRegression, ridge: number): number {
  const { squaredErrors, squaredDeviations } = block.judge(learnt.solve(ridge));
  let total = 0;
  for (let o = 0; o < block.targets; o++) total += squaredErrors[o] / squaredDeviations[o] / block.targets;
  return Math.sqrt(total);
}
