/** What the decoder is seen to read leads to the caption. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sum } from '../../autograd/ops/reduce.ts';
import { setBackend } from '../../backend/select.ts';
import { WordTokenizer } from '../../data/text/word-tokenizer.ts';
import { LSTM } from '../../nn/lstm.ts';
import { Random } from '../../tensor/random.ts';
import { captionPictures } from './caption-pictures.ts';
import { CaptioningModel, endToken, firstToken } from './model.ts';
import { observe } from './observe.ts';
import type { Picture } from './pictures.ts';
import type { SavedCaptioner } from './saved.ts';

beforeEach(() => {
  setBackend('reference');
});
afterEach(() => setBackend('native'));

const images = { kind: 'images', size: 8, halvings: 1, depth: 1, channels: [4, 6] } as const;
const features = { kind: 'features', featureSize: 5, memorySize: 6 } as const;

function captioner(input: typeof images | typeof features, mostTokens: number): SavedCaptioner {
  const tokenizer = new WordTokenizer(['a', 'red', 'blue', 'half', 'on', 'the', 'left', 'right']);
  const model = new CaptioningModel({
    input: input.kind === 'images' ? { ...input, channels: [...input.channels] } : input,
    vocabularySize: tokenizer.size + firstToken,
    embeddingSize: 4,
    hiddenSize: 7,
    attentionSize: 3,
    dropout: 0.5,
    rng: new Random(2),
  });
  for (const p of model.parameters()) p.assign(p.dataSync().map((value, k) => 2 * value + 0.3 * Math.sin(k)));
  model.outputBias.assign(model.outputBias.dataSync().map((value, token) => (token === endToken ? value - 2 : value)));
  model.eval();
  const config = { format: { mostTokens }, normalization: { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.3, 0.25] } };
  return { model, tokenizer, config: config as unknown as SavedCaptioner['config'] };
}

const pixels = Uint8Array.from({ length: 3 * 64 }, (_, i) => (i * 37) % 256);
const vectors = { values: Float32Array.from({ length: 20 }, (_, i) => Math.sin(i)), count: 4, size: 5 };

it.each<[string, typeof images | typeof features, Picture, number, unknown]>([
  ['an image', images, pixels, 9, { columns: 4 }],
  ['a caption that is cut off', images, pixels, 2, { columns: 4 }],
  ['vectors', features, vectors, 9, ['1', '2', '3', '4']],
])('%s', async (_, input, picture, mostTokens, over) => {
  const saved = captioner(input, mostTokens);
  const { layers, x, state, tokens, outputs, looks, losses } = observe(saved, picture);
  const [{ captions }] = await captionPictures(saved, [picture]);
  const [best] = captions;
  const said = best.tokens.slice(0, best.attention.length).map((word) => (word === '' ? '<end>' : word));
  expect(outputs).toEqual(said);
  expect(tokens).toEqual(['<start>', ...said.slice(0, -1)]);
  expect(looks!.over).toEqual(over);
  looks!.weights.forEach((row, t) => {
    Array.from(row).forEach((weight, s) => {
      expect(weight).toBeCloseTo(best.attention[t][s], 6);
    });
  });
  expect(layers).toBeInstanceOf(LSTM);
  const { output } = (layers as LSTM).forward(x, [state![0], state![1]]);
  expect(sum(losses!(output, 0)).item()).toBeCloseTo(-Math.log(best.probability), 5);
});
