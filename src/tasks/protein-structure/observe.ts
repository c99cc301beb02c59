/** A model of protein structure at work on a sequence, for pictures of its states and for gradients through them. */
import { reshape } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { inputRead } from '../../insight/observed-input.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { statesOf, targetTable } from './alphabet.ts';
import { collate, samplesOf } from './batches.ts';
import { likeliest } from './infer.ts';
import type { ProteinStructureModel } from './model.ts';
import type { Protein } from './protein.ts';

/**
 * What its recurrent layers read of a protein, and the state of each residue. The losses are those of the states that it predicts
 * itself: what they rest on.
 */
export function observe(model: ProteinStructureModel, protein: Protein): Observation {
  model.eval();
  const { states: C, reduction, window, profileSize } = model.architecture;
  const batch = collate(samplesOf([protein], targetTable(C, reduction)), window, profileSize);
  const logits = scope(() => noGrad(() => model.forward(batch).dataSync())) as Float32Array;
  const ids = Int32Array.from(likeliest(logits, C));
  const losses = (output: Tensor, first: number): Tensor => {
    const states = tensor(ids.slice(first), { shape: [1, ids.length - first], dtype: 'int32', backend: model.backend });
    return reshape(crossEntropy(model.decoder.forward(output), states, { reduction: 'none' }), [ids.length - first]);
  };
  const x = inputRead(model.rnn, () => model.forward(batch));
  return { layers: model.rnn, x, tokens: [...protein.sequence], outputs: Array.from(ids, (id) => statesOf(C)[id]), losses };
}
