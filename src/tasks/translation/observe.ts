/** A translator at work on a sentence, for pictures of its states and for gradients through them. */
import { reshape } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { padSequences } from '../../data/sequence-batches.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { inputRead } from '../../insight/observed-input.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { FormatError } from '../../tensor/errors.ts';
import { observeDecoder } from '../observed-decoder.ts';
import type { SavedTranslator } from './saved.ts';
import { encodeSentence, searchTranslations } from './translate.ts';
import { endId, paddingId, startId } from './vocabulary.ts';

/**
 * The decoder on its best translation of a sentence, the layer that looks; before it the encoder on the sentence. The losses of both are
 * those of the translation: what it rests on.
 *
 * @throws FormatError when the sentence is blank
 */
export function observe({ model, source, target, config }: SavedTranslator, sentence: string): Observation {
  model.eval();
  const read = encodeSentence(source, config.vocabulary.lowercase ? sentence.toLowerCase() : sentence);
  if (read.length < 2) throw new FormatError('expected a sentence to look at the translator with, received none.', {});
  const sentences = padSequences([read], paddingId);
  const [[{ tokens, isComplete }]] = searchTranslations(model, sentences);
  const targets = Int32Array.from(isComplete ? [...tokens, endId] : tokens);
  const inputs = padSequences([Int32Array.of(startId, ...targets.subarray(0, -1))], paddingId);
  const { memory, state, words } = scope(() => noGrad(() => ({ ...model.encode(sentences), words: model.words(inputs) })));
  const pieces = source.show(read);
  const encoder: Observation = {
    part: 'encoder',
    layers: model.encoder,
    x: inputRead(model.encoder, () => model.encode(sentences)),
    tokens: pieces,
    losses: (output: Tensor): Tensor => {
      const [, S] = output.shape;
      const encoded = model.remember(output, Int32Array.of(S));
      const decoded = model.decoder.forward(words, encoded.memory, encoded.state);
      const expected = tensor(targets, { shape: [1, targets.length], dtype: 'int32', backend: model.backend });
      const losses = crossEntropy(model.logits(decoded.output, decoded.context, words), expected, { reduction: 'none' });
      return reshape(losses, [targets.length]);
    },
  };
  return {
    ...observeDecoder(
      model.decoder,
      { memory, state, words, targets, logits: (output, context, vectors) => model.logits(output, context, vectors) },
      pieces,
    ),
    tokens: target.show(inputs.ids),
    outputs: target.show(targets),
    isForetold: true,
    before: [encoder],
  };
}
