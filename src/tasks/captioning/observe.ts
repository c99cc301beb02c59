/** A captioner at work on a picture, for pictures of its states and for gradients through them. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { observeDecoder } from '../observed-decoder.ts';
import { forbiddenTokens, inputsOf } from './caption-pictures.ts';
import { endToken, firstToken, startToken } from './model.ts';
import type { Picture } from './pictures.ts';
import type { SavedCaptioner } from './saved.ts';
import { searchCaptions } from './search-captions.ts';

/**
 * The decoder on the caption that it gives a picture, and where in it each word looked. The losses are those of the caption's own words
 * and its end: what it rests on.
 *
 * @throws ConfigError when the picture is not what the captioner reads
 */
export function observe(captioner: SavedCaptioner, picture: Picture): Observation {
  const { model, tokenizer, config } = captioner;
  model.eval();
  const [inputs] = inputsOf(captioner, [picture]);
  const search = { beamWidth: 5, nBest: 1, lengthPenalty: 0.6, maxLength: config.format.mostTokens, forbidden: forbiddenTokens(captioner) };
  const [[{ tokens, attention }]] = searchCaptions(model, [inputs], search);
  // A caption that was cut off has looked once a token, any other once more.
  const targets = Int32Array.from(attention.length > tokens.length ? [...tokens, endToken] : tokens);
  const read = Int32Array.of(startToken, ...targets.subarray(0, -1));
  const { memory, state, words } = scope(() =>
    noGrad(() => ({
      ...model.encode(inputs),
      words: model.embedding.forward(tensor(read, { shape: [1, read.length], dtype: 'int32', backend: model.backend })),
    })),
  );
  const shown = (token: number): string =>
    token === startToken ? '<start>' : token === endToken ? '<end>' : tokenizer.decode([token - firstToken]);
  const { input } = model.architecture;
  const places = memory.values.shape[1];
  const over =
    input.kind === 'images'
      ? { columns: input.size / 2 ** input.halvings }
      : Array.from({ length: places }, (_, place) => String(place + 1));
  return {
    ...observeDecoder(
      model.decoder,
      { memory, state, words, targets, logits: (output, context, vectors) => model.logits(output, context, vectors) },
      over,
    ),
    tokens: Array.from(read, shown),
    outputs: Array.from(targets, shown),
    isForetold: true,
  };
}
