/** From captioned images to what a captioner learns from: pictures, captions as tokens, and a part set aside for validation. */
import { type TextSource, textFile } from '../../data/text/text-source.ts';
import { type Tokenizer, tokenizerBuilder } from '../../data/text/tokenizer.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { Fingerprint } from '../fingerprint.ts';
import { type ColourScale, colourScaleOf } from './augment.ts';
import { endToken, firstToken } from './model.ts';
import type { ResolvedOptions } from './options.ts';
import { type Picture, type PicturePlaces, readPictures } from './pictures.ts';
import { type CaptionedImage, type CaptionFormat, readCaptions } from './read-captions.ts';

/** Files of captions as a caller names them: paths, or sources. */
export type CaptionFiles = readonly (string | TextSource)[];

/** An image with its picture and captions. */
export interface CaptionExample {
  readonly image: string;
  readonly picture: Picture;
  /** As they were read. */
  readonly captions: readonly string[];
}

/** What is learnt from, what it is validated on, and what the numbers stand for. */
export interface CaptionerData {
  readonly tokenizer: Tokenizer;
  readonly train: readonly CaptionExample[];
  readonly valid: readonly CaptionExample[];
  /** null: the pictures are vectors. */
  readonly colours: ColourScale | null;
  /** Of all that was read. */
  readonly fingerprint: string;
}

/**
 * Reads captions and pictures. Of files that say which split an image belongs to, train (and restval) is learnt from and val is validated
 * on; the others take no part. Without validation captions a part of the images is set aside, chosen by chance.
 *
 * @throws FormatError naming file, line and column, ConfigError when options do not fit the files
 */
export async function readCaptionerData(
  files: { readonly train: CaptionFiles; readonly valid?: CaptionFiles },
  options: ResolvedOptions,
): Promise<CaptionerData> {
  const given = await readAll(files.train, options);
  const apart = files.valid === undefined || files.valid.length === 0 ? null : await readAll(files.valid, options);
  requireApart(given, apart);
  const learnt = ofSplit(given, 'train', 'expected captions to learn from');
  const found =
    apart === null ? given.filter(({ split }) => partOf(split) === 'val') : ofSplit(apart, 'val', 'expected captions to validate on');
  const [train, valid] = found.length > 0 ? [learnt, found] : setAside(learnt, options);
  // Rows of a feature file are all images of the captions, in their order.
  const all = options.features === undefined ? [...train, ...valid] : [...given, ...(apart ?? [])];
  const pictures = new Map<CaptionedImage, Picture>();
  (await readPictures(all, options, options.imageSize)).forEach((picture, i) => {
    pictures.set(all[i], picture);
  });

  const builder = tokenizerBuilder(options.level, options);
  for (const { captions } of train) for (const caption of captions) builder.push(`${caption}\n`);
  builder.end();
  const fingerprint = new Fingerprint();
  const examples = (images: readonly CaptionedImage[]) =>
    images.map((entry): CaptionExample => {
      const picture = pictures.get(entry)!;
      fingerprint.text(entry.image).numbers(picture instanceof Uint8Array ? picture : picture.values);
      for (const caption of entry.captions) fingerprint.text(caption);
      return { image: entry.image, picture, captions: entry.captions };
    });
  const data = { train: examples(train), valid: examples(valid) };
  const pixels = data.train.flatMap(({ picture }) => (picture instanceof Uint8Array ? [picture] : []));
  return {
    ...data,
    tokenizer: builder.build(),
    colours: pixels.length > 0 ? colourScaleOf(pixels, options.imageSize) : null,
    fingerprint: fingerprint.toString(),
  };
}

/** Captioned images of a split, with their pictures, for an evaluation. */
export async function readExamples(
  files: CaptionFiles,
  { split = 'test', ...options }: CaptionFormat & PicturePlaces & { readonly split?: string },
  size: number,
): Promise<CaptionExample[]> {
  const all = await readAll(files, options);
  const wanted = ofSplit(all, split, 'expected captions to evaluate on');
  const images = options.features === undefined ? wanted : all;
  const pictures = await readPictures(images, options, size);
  return images
    .map(({ image, captions }, i) => ({ image, captions, picture: pictures[i], isWanted: wanted.includes(images[i]) }))
    .filter(({ isWanted }) => isWanted);
}

/** A caption's tokens, as a model says them. */
export function tokensOf(tokenizer: Tokenizer, caption: string, most: number): Int32Array {
  return tokenizer
    .encode(caption)
    .slice(0, most - 1)
    .map((id) => id + firstToken);
}

/** The caption of a model's tokens. */
export function captionOf(tokenizer: Tokenizer, tokens: ArrayLike<number>): string {
  return tokenizer
    .decode(
      Array.from(tokens)
        .filter((token) => token > endToken)
        .map((token) => token - firstToken),
    )
    .trim();
}

async function readAll(files: CaptionFiles, format: CaptionFormat): Promise<CaptionedImage[]> {
  const images: CaptionedImage[] = [];
  for (const file of files) images.push(...(await readCaptions(typeof file === 'string' ? textFile(file) : file, format)));
  return images;
}

const synonyms: Readonly<Record<string, string>> = {
  train: 'train',
  training: 'train',
  restval: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  dev: 'val',
};

function partOf(split: string | null): string | null {
  return split === null ? null : (synonyms[split.toLowerCase()] ?? split);
}

/** Those of a split, and those whose file does not say. */
function ofSplit(images: readonly CaptionedImage[], split: string, what: string): CaptionedImage[] {
  const wanted = partOf(split);
  const own = images.filter((image) => image.split === null || partOf(image.split) === wanted);
  if (own.length > 0) return own;
  const known = [...new Set(images.map((image) => image.split))].join(', ');
  throw new FormatError(`${what}, found none of the split "${split}"; there are ${known}.`, { file: images[0]?.file });
}

/** An image that is learnt from must not be validated on. */
function requireApart(train: readonly CaptionedImage[], valid: readonly CaptionedImage[] | null): void {
  if (valid === null) return;
  const key = ({ file, image }: CaptionedImage) => file.replace(/[^/\\]*$/, '') + image;
  const learnt = new Map(train.filter(({ split }) => split === null || partOf(split) === 'train').map((image) => [key(image), image]));
  const both = valid.find((image) => (image.split === null || partOf(image.split) === 'val') && learnt.has(key(image)));
  if (both === undefined) return;
  throw new FormatError(
    `image "${both.image}" is learnt from as well, in ${learnt.get(key(both))!.file}: validation would say nothing. Leave it out of one.`,
    both.line === null ? { file: both.file } : { file: both.file, line: both.line },
  );
}

function setAside(images: readonly CaptionedImage[], { validFraction, seed }: { readonly validFraction: number; readonly seed: number }) {
  const count = Math.max(1, Math.round(images.length * validFraction));
  if (count >= images.length) {
    throw new ConfigError(
      `expected enough images to set some aside for validation, received ${images.length}. Give more, or validation captions.`,
    );
  }
  const chosen = new Set(new Random(seed).fork('validation').permutation(images.length).slice(0, count));
  return [images.filter((_, i) => !chosen.has(i)), images.filter((_, i) => chosen.has(i))] as const;
}
