/** An echo state network at the same problems: nothing goes back through time, so nothing vanishes; but nothing is shaped either. */
import { concat } from '../../../src/autograd/ops/concat.ts';
import { linear } from '../../../src/autograd/ops/matmul.ts';
import { reshape } from '../../../src/autograd/ops/shape.ts';
import { scope } from '../../../src/autograd/scope.ts';
import { ones, type Tensor, tensor } from '../../../src/autograd/tensor.ts';
import { Reservoir, type ReservoirOptions } from '../../../src/reservoir/reservoir.ts';
import { RidgeRegression } from '../../../src/reservoir/ridge.ts';
import { Random } from '../../../src/tensor/random.ts';
import { type Batch, inputOf, judged, type Problem } from './problems.ts';

const reservoirSize = 500;
/** Sequences that the readout is solved from, and those that choose among the settings. */
const [learnt, valid] = [1500, 250];
/** In parts of so many, for memory. */
const part = 50;

/** How a reservoir is drawn. */
export type EchoSetting = Required<Pick<ReservoirOptions, 'spectralRadius' | 'leakRate' | 'inputScaling'>>;

/** Leaky and quick ones, at the edge of stability and a little below; with a leak the input may be strong, without it must be weak. */
const settings: readonly EchoSetting[] = [
  { spectralRadius: 1, leakRate: 0.1, inputScaling: 1 },
  { spectralRadius: 1, leakRate: 0.01, inputScaling: 1 },
  { spectralRadius: 1, leakRate: 1, inputScaling: 0.1 },
  { spectralRadius: 0.95, leakRate: 1, inputScaling: 0.1 },
];

/**
 * The setting that errs least on sequences apart from those it learnt from, and what it says of others.
 *
 * @param isLong  tries the leakiest only: at shorter distances that was the best at adding
 */
export function bestEchoState(
  problem: Problem,
  T: number,
  test: Batch,
  isLong: boolean,
  seed: number,
): { readonly setting: EchoSetting; readonly error: number } {
  const rng = new Random(10 * seed + 1);
  const parts = (count: number): Batch[] => Array.from({ length: count / part }, () => problem.batch(T, part, rng));
  const [train, held] = [parts(learnt), parts(valid)];
  let best: { setting: EchoSetting; error: number; answer: (batch: Batch) => Float32Array } | null = null;
  for (const setting of isLong ? settings.slice(1, 2) : settings) {
    const { inputSize } = problem;
    const reservoir = new Reservoir({ inputSize, hiddenSize: reservoirSize, density: 0.1, ...setting, rng: new Random(10 * seed + 2) });
    const states = (batch: Batch): Tensor =>
      reshape(judged(problem, reservoir.forward(inputOf(problem, T, batch)).output), [batch.size * problem.outputSteps, reservoirSize]);
    const ridge = new RidgeRegression({ features: reservoirSize, targets: problem.outputSize });
    for (const batch of train) {
      scope(() => {
        const rows = states(batch);
        ridge.add(concat([rows, ones([rows.shape[0], 1]), targetsOf(problem, batch)], 1));
      });
    }
    const { weight, bias } = ridge.solve(1e-6);
    const readout = [tensor(weight, { shape: [problem.outputSize, reservoirSize] }), tensor(bias)] as const;
    const answer = (batch: Batch): Float32Array => scope(() => linear(states(batch), ...readout).dataSync() as Float32Array);
    const error = held.reduce((sum, batch) => sum + problem.error(answer(batch), batch), 0) / held.length;
    if (best === null || error < best.error) best = { setting, error, answer };
  }
  return { setting: best!.setting, error: problem.error(best!.answer(test), test) };
}

/** Numbers as they are, symbols as one of the outputs. */
function targetsOf({ outputSize }: Problem, { y }: Batch): Tensor {
  const values =
    outputSize === 1
      ? y
      : Float32Array.from({ length: y.length * outputSize }, (_, i) => (y[Math.floor(i / outputSize)] === i % outputSize ? 1 : 0));
  return tensor(values, { shape: [y.length, outputSize] });
}
