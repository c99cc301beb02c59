/** One step of one direction as a cell of its own: what RNNCell, LSTMCell and GRUCell share. */
import { reshape } from '../autograd/ops/shape.ts';
import { inScope } from '../autograd/scope.ts';
import type { Tensor } from '../autograd/tensor.ts';
import { ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { type CellOptions, createDirection, type Kind, type Register } from './recurrent-direction.ts';
import { type Direction, runDirection } from './recurrent-layer.ts';

export function createCell(name: string, options: CellOptions, register: Register, kind: Kind): Direction {
  const place = { inputSize: options.inputSize, suffix: '', reverse: false };
  return createDirection(name, { ...options, rng: options.rng ?? Random.fromEntropy() }, kind, place, register);
}

/**
 * @param x      [B, I]
 * @param state  [B, width] each; zeros when absent
 * @returns      the next state
 * @throws ShapeError  when x or a state does not fit the cell
 */
export function stepCell(direction: Direction, x: Tensor, state: readonly Tensor[] | null): readonly Tensor[] {
  const { name, recurrence, weights } = direction;
  const I = weights.weightIh.shape[1];
  if (x.rank !== 2 || x.shape[1] !== I) {
    throw new ShapeError(`[${name}] expected x of shape [B, ${I}] (inputSize ${I}), received ${formatShape(x.shape)}.`);
  }
  const [B] = x.shape;
  state?.forEach((s, i) => {
    const expected = [B, recurrence.stateSizes[i]];
    if (!sameShape(s.shape, expected)) {
      throw new ShapeError(`[${name}] expected ${'hc'[i]} of shape ${formatShape(expected)}, received ${formatShape(s.shape)}.`);
    }
  });
  return inScope(() => {
    const input = { rows: reshape(x, [1, B, I]), ids: null, paddingIndex: -1 };
    const initial = state ?? recurrence.stateSizes.map(() => null);
    return runDirection(direction, input, { T: 1, B, lengths: null }, { initial, mask: null, gradientNorms: null }).last;
  });
}
