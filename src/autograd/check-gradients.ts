/** Checks gradients against differences: for one's own cells and losses, and for every operation of this library. */
import { Random } from '../tensor/random.ts';
import { formatShape, type TypedArray } from '../tensor/shape.ts';
import { add, mul } from './ops/binary.ts';
import { sum } from './ops/reduce.ts';
import { scope } from './scope.ts';
import { backward, noGrad } from './tape.ts';
import { type Tensor, tensor } from './tensor.ts';

export interface CheckGradientsOptions {
  /** Half the distance between the two evaluations of a difference. Default 1e-5 in float64, 1e-2 in float32. */
  readonly epsilon?: number;
  /** Largest |tape − difference| / max(1, |tape|, |difference|). Default 1e-6 in float64, 2e-2 in float32. */
  readonly tolerance?: number;
  /** At most so many elements of each input, evenly spread. Default: all. */
  readonly maxElements?: number;
  /** Weighs the outputs, so that each counts. Default: a fixed seed. */
  readonly rng?: Random;
}

/** A gradient that does not agree with differences. */
export class GradientError extends Error {
  override readonly name = 'GradientError';
}

/**
 * Compares the tape's gradients of `fn` with central differences, element by element. Use the `reference` backend, which
 * computes in float64: float32 hides all but gross mistakes. Stay away from kinks, as relu's at 0.
 *
 * @param fn      pure; one tensor or several from `inputs`. Parameters it uses may be inputs too, and are changed in place.
 * @param inputs  leaves: tensors and parameters of which to check the gradients. What they hold is restored.
 * @returns       the largest relative error
 * @throws GradientError with the first element that disagrees
 * @example checkGradients((x, w) => tanh(matmul(x, w)), [x, w]);
 */
export function checkGradients(
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: CheckGradientsOptions = {},
): number {
  const isDouble = inputs[0].backend.float === 'float64';
  const { epsilon = isDouble ? 1e-5 : 1e-2, tolerance = isDouble ? 1e-6 : 2e-2 } = options;
  const { maxElements = Number.POSITIVE_INFINITY, rng = new Random(1) } = options;
  const weights: Tensor[] = [];
  /** One number that every element of every output moves. */
  const objective = (): Tensor => {
    const outputs = [fn(...inputs)].flat();
    const terms = outputs.map((y, i) => {
      weights[i] ??= tensor(rng.fillUniform(new Float64Array(y.size), 0.5, 1.5), { shape: y.shape, backend: y.backend });
      return sum(mul(y, weights[i]));
    });
    return terms.reduce((a, b) => add(a, b));
  };
  const gradients = gradientsOf(objective, inputs);
  const valueNow = (): number => scope(() => noGrad(objective)).item();

  let worst = 0;
  inputs.forEach((x, i) => {
    const values = x.dataSync();
    const valueWith = (at: number, moved: number): number => {
      const before = values[at];
      values[at] = moved;
      x.storage.write(values);
      const value = valueNow();
      values[at] = before;
      x.storage.write(values);
      return value;
    };
    const stride = Math.max(1, Math.ceil(values.length / maxElements));
    for (let at = 0; at < values.length; at += stride) {
      const difference = (valueWith(at, values[at] + epsilon) - valueWith(at, values[at] - epsilon)) / (2 * epsilon);
      const taped = gradients[i][at];
      const error = Math.abs(taped - difference) / Math.max(1, Math.abs(taped), Math.abs(difference));
      if (!(error <= tolerance)) {
        throw new GradientError(
          `[checkGradients] input ${i} of shape ${formatShape(x.shape)}, element ${at}: the tape says ${taped}, differences say ${difference} (relative error ${error.toExponential(1)}, tolerance ${tolerance}).`,
        );
      }
      worst = Math.max(worst, error);
    }
  });
  return worst;
}

/** Gradients of a scalar with respect to leaves, whose own are left as they were. */
function gradientsOf(objective: () => Tensor, leaves: readonly Tensor[]): TypedArray[] {
  const before = leaves.map(({ requiresGrad, grad }) => ({ requiresGrad, grad }));
  for (const x of leaves) {
    if (x.node !== null || x.size !== x.storage.length || !x.isContiguous) {
      throw new GradientError('[checkGradients] expected leaves as inputs, received a view or a result. Make views inside the function.');
    }
    x.requiresGrad = true;
    x.grad = null;
  }
  try {
    scope(() => backward(objective()));
    return leaves.map((x) => x.grad?.dataSync() ?? new Float64Array(x.size));
  } finally {
    leaves.forEach((x, i) => {
      Object.assign(x, before[i]);
    });
  }
}
