/** A classifier at work on a text, for pictures of its states and for gradients through them. */
import { reshape } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { inputRead } from '../../insight/observed-input.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { binaryCrossEntropyWithLogits } from '../../losses/pointwise.ts';
import { FormatError } from '../../tensor/errors.ts';
import { valuesOf } from './dataset.ts';
import type { SavedTextClassifier } from './saved.ts';
import { splitWords } from './split-words.ts';

/**
 * What its recurrent layers read of a text. The loss is that of the label that it gives itself (of several, of all that it gives and
 * withholds): what its answer rests on.
 *
 * @throws FormatError when there is no word
 */
export function observe({ model, encoder, features, config }: SavedTextClassifier, text: string): Observation {
  model.eval();
  const words = splitWords(text, config.vocabulary.maxLength);
  if (text.trim() === '') throw new FormatError('expected a text to look at the classifier with, received none.', {});
  const batch = encoder.collate([encoder.encode(words, valuesOf(features, words))]);
  const logits = scope(() => noGrad(() => model.forward(batch).logits.dataSync())) as Float32Array;
  const { backend, architecture } = model;
  const losses = (output: Tensor): Tensor => {
    const scores = model.classified(output, Int32Array.of(output.shape[1])).logits;
    if (architecture.isMultiLabel) {
      const given = tensor(
        logits.map((logit) => (logit > 0 ? 1 : 0)),
        { shape: [1, logits.length], backend },
      );
      return reshape(binaryCrossEntropyWithLogits(scores, given), [1]);
    }
    return crossEntropy(scores, tensor([logits.indexOf(Math.max(...logits))], { dtype: 'int32', backend }), { reduction: 'none' });
  };
  return { layers: model.rnn, x: inputRead(model.rnn, () => model.forward(batch)), tokens: words, losses };
}
