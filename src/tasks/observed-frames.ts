/** A recogniser with CTC at work, for pictures of its states and for gradients through them: what handwriting and speech share. */
import { reshape } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { type Tensor, tensor } from '../autograd/tensor.ts';
import type { Observation } from '../insight/figure/trace.ts';
import { inputRead } from '../insight/observed-input.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import type { Linear } from '../nn/linear.ts';
import type { Module } from '../nn/module.ts';
import type { PyramidalEncoder } from '../nn/pyramidal-encoder.ts';

/** A frame that says nothing. */
export const blankShown = '·';

/**
 * What the last layer of the encoder reads: its steps are the frames that CTC labels. Shown is the likeliest class of each; the losses
 * are those of these classes: what they rest on.
 *
 * @param model  in evaluation mode
 * @param forward  logits [1, T', V] of one sequence
 * @param symbolOf  of a class that is not the blank
 * @param token  what frame t read, in words
 */
export function observeFrames(
  model: Module & { readonly encoder: PyramidalEncoder; readonly output: Linear },
  forward: () => Tensor,
  symbolOf: (symbol: number) => string,
  token: (t: number) => string,
): Observation {
  const layer = model.encoder.layers.at(-1)!;
  const ids = scope(() => noGrad(() => likeliest(forward())));
  const losses = (output: Tensor, first: number): Tensor => {
    const classes = tensor(ids.slice(first), { shape: [1, ids.length - first], dtype: 'int32', backend: model.backend });
    return reshape(crossEntropy(model.output.forward(output), classes, { reduction: 'none' }), [ids.length - first]);
  };
  return {
    layers: layer,
    x: inputRead(layer, forward),
    tokens: Array.from(ids, (_, t) => token(t)),
    outputs: Array.from(ids, (id) => (id === 0 ? blankShown : symbolOf(id))),
    losses,
  };
}

function likeliest(logits: Tensor): Int32Array {
  const [, T, V] = logits.shape;
  const values = logits.dataSync() as Float32Array;
  return Int32Array.from({ length: T }, (_, t) => {
    const scores = values.subarray(t * V, (t + 1) * V);
    return scores.indexOf(Math.max(...scores));
  });
}
