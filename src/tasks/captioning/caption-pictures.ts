/** From pictures to captions in words. */
import { tensor } from '../../autograd/tensor.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { viewsOf } from './augment.ts';
import { byConsensus } from './consensus.ts';
import { captionOf } from './dataset.ts';
import { type CaptionInputs, firstToken } from './model.ts';
import type { CaptionOptions } from './options.ts';
import type { FeatureGrid, Picture } from './pictures.ts';
import type { SavedCaptioner } from './saved.ts';
import { searchCaptions } from './search-captions.ts';

/** A caption of a picture. */
export interface Caption {
  readonly caption: string;
  /** Each token as it reads, and the end: an empty one. */
  readonly tokens: readonly string[];
  /** P of the whole caption. */
  readonly probability: number;
  /** What the search ranks by. */
  readonly score: number;
  /** Where each token, and the end, looked: a share for each place of the grid, row by row. */
  readonly attention: readonly Float32Array[];
}

/** What a captioner says of a picture. */
export interface CaptioningResult {
  /** Best first. */
  readonly captions: readonly Caption[];
}

/**
 * The likeliest captions of pictures.
 *
 * @throws ConfigError when the pictures are not what the captioner reads, or options are out of range
 */
export async function captionPictures(
  captioner: SavedCaptioner,
  pictures: readonly Picture[],
  {
    beamWidth = 5,
    nBest = 1,
    lengthPenalty = 0.6,
    consensus = 0,
    views = 1,
    batchSize = 32,
    pause = async () => {},
  }: CaptionOptions & {
    readonly batchSize?: number;
    readonly pause?: () => Promise<void>;
  } = {},
): Promise<CaptioningResult[]> {
  if (nBest > beamWidth) throw new ConfigError(`nBest: expected at most beamWidth, ${beamWidth}, received ${nBest}.`);
  const { model, tokenizer, config } = captioner;
  const forbidden = forbiddenTokens(captioner);
  const search = { beamWidth, nBest: consensus > 0 ? beamWidth : nBest, lengthPenalty, maxLength: config.format.mostTokens, forbidden };
  const results: CaptioningResult[] = [];
  for (let begin = 0; begin < pictures.length; begin += batchSize) {
    const batch = pictures.slice(begin, begin + batchSize);
    for (const found of searchCaptions(model, inputsOf(captioner, batch, views), search)) {
      const captions = found.map(({ tokens, logProbability, score, attention }) => ({
        caption: captionOf(tokenizer, tokens),
        tokens: [...Array.from(tokens, (token) => tokenizer.decode([token - firstToken])), ''],
        probability: Math.exp(logProbability),
        score,
        attention,
      }));
      results.push({ captions: (consensus > 0 ? byConsensus(captions, consensus) : captions).slice(0, nBest) });
    }
    await pause();
  }
  return results;
}

/** Pictures as the model reads them: of images so many views, of vectors one. @throws ConfigError when they are of the other kind */
export function inputsOf({ model, config }: SavedCaptioner, pictures: readonly Picture[], views = 1): CaptionInputs[] {
  const { input } = model.architecture;
  if (input.kind !== 'images') return [featureBatch(gridsOf(pictures, input.featureSize))];
  return Array.from({ length: views }, (_, view) => ({
    values: viewsOf(imagesOf(pictures), input.size, config.normalization!, view),
    lengths: null,
  }));
}

/** The token of words that the vocabulary lacks: it says nothing. */
export function forbiddenTokens({ tokenizer }: SavedCaptioner): number[] {
  return tokenizer.unknownId === null ? [] : [tokenizer.unknownId + firstToken];
}

/** Vectors of pictures side by side, zeros after the last of each. */
export function featureBatch(grids: readonly FeatureGrid[]): CaptionInputs {
  const [{ size }] = grids;
  const S = Math.max(...grids.map(({ count }) => count));
  const values = new Float32Array(grids.length * S * size);
  grids.forEach((grid, b) => {
    values.set(grid.values, b * S * size);
  });
  return { values: tensor(values, { shape: [grids.length, S, size] }), lengths: Int32Array.from(grids, ({ count }) => count) };
}

/** @throws ConfigError when they are vectors */
export function imagesOf(pictures: readonly Picture[]): Uint8Array[] {
  return pictures.map((picture) => {
    if (picture instanceof Uint8Array) return picture;
    throw new ConfigError('this captioner reads images, received vectors of images.');
  });
}

/** @throws ConfigError when they are images, or vectors of another size */
export function gridsOf(pictures: readonly Picture[], featureSize: number): FeatureGrid[] {
  return pictures.map((picture) => {
    if (!(picture instanceof Uint8Array) && picture.size === featureSize) return picture;
    const received = picture instanceof Uint8Array ? 'an image' : `vectors of ${picture.size}`;
    throw new ConfigError(
      `this captioner reads vectors of ${featureSize} numbers, received ${received}. Give features as it was trained with.`,
    );
  });
}
