/** A tagger at work on a sentence, for pictures of its states and for gradients through them. */
import { reshape } from '../../autograd/ops/shape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { inputRead } from '../../insight/observed-input.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { FormatError } from '../../tensor/errors.ts';
import { firstSentence } from './predict.ts';
import type { TrainedTagger } from './saved.ts';

/**
 * What its recurrent layers, the first member's where it has several, read of the first sentence of an input, and the tag of each word.
 * The losses are those of the tags that it gives itself: what they rest on.
 *
 * @throws FormatError when there is no sentence
 */
export async function observe(tagger: TrainedTagger, source: TextSource): Promise<Observation> {
  const { model, encoder } = tagger;
  model.eval();
  const sentence = await firstSentence(tagger, source);
  if (sentence === null) throw new FormatError('expected a sentence to look at the tagger with, received none.', {});
  const batch = encoder.collate(encoder.encode([sentence]));
  const [ids] = model.tag(batch);
  const x = inputRead(model.rnn, () => model.forward(batch));
  const losses = (output: Tensor, first: number): Tensor => {
    const scores = model.output.forward(output);
    const tags = tensor(ids.slice(first), { shape: [1, ids.length - first], dtype: 'int32', backend: model.backend });
    // What may begin a sentence says nothing of the middle of one.
    const allowed = first === 0 ? model.allowed : null;
    if (model.crf !== null) return model.crf.loss(scores, tags, { allowed, reduction: 'none' });
    return reshape(crossEntropy(scores, tags, { reduction: 'none' }), [ids.length - first]);
  };
  return { layers: model.rnn, x, tokens: sentence.words, outputs: encoder.decodeTags(ids), losses };
}
