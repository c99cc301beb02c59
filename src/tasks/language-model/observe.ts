/** A language model at work on a text, for pictures of its states. */
import { slice } from '../../autograd/ops/shape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { Tokenizer } from '../../data/text/tokenizer.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { FormatError } from '../../tensor/errors.ts';
import type { LanguageModel } from './model.ts';

/**
 * What its recurrent layers read of a text, and the most probable token after each one.
 *
 * @throws FormatError when there is no text
 */
export function observe(model: LanguageModel, tokenizer: Tokenizer, text: string): Observation {
  const ids = tokenizer.encode(text);
  if (ids.length === 0)
    throw new FormatError(
      "expected a text to draw the model at work on, received none. Give it after the model's file, or with --file.",
      {},
    );
  const stream = model.eval().stream();
  const outputs = [...ids].map((id) => tokenizer.decode([largest(stream.step(id))]));
  const { backend } = model.embedding.weight;
  const rows = model.embedding.forward(tensor(ids, { shape: [1, ids.length], dtype: 'int32', backend }));
  const losses = (output: Tensor, first: number): Tensor => {
    const targets = ids.slice(first + 1); // of all steps but the last, whose next token nobody knows
    return model.tokenLosses(slice(output, 1, 0, targets.length), tensor(targets, { shape: [1, targets.length], dtype: 'int32', backend }));
  };
  const tokens = [...ids].map((id) => tokenizer.decode([id]));
  return { layers: model.rnn, x: rows, tokens, outputs, isForetold: true, ...(ids.length > 1 ? { losses } : {}) };
}

function largest(numbers: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < numbers.length; k++) if (numbers[k] > numbers[best]) best = k;
  return best;
}
