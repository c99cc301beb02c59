/** Options of captioning, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { textLevels } from '../../data/text/tokenizer.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, optionsSchema, parseOptions, path, text, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { mostViews } from './augment.ts';

const defaultEpochs = 60;

/** How files of captions are read; `evaluate` takes them from the model, unless it is told otherwise. */
const fileEntries = () => ({
  images: v.optional(path('folder of the images (default: that of the file of captions, or its folder "images")')),
  features: v.optional(path('vectors of the images instead of the images: .npy with a row for each image, or .safetensors by their names')),
  imageColumn: v.optional(text('column of a table that names the image (default image)')),
  captionColumn: v.optional(text('column that holds the caption (default caption)')),
  splitColumn: v.optional(text('column that says train, val or test (default split, if there is one)')),
});

const searchEntries = () => ({
  beamWidth: v.optional(whole('hypotheses of the search; 1: greedy', 1, 1000), 5),
  lengthPenalty: v.optional(v.pipe(v.number(), v.minValue(0), v.description('α: scores are divided by ((5 + length) / 6)^α')), 0.6),
  consensus: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.description('above 0: of the hypotheses the one that agrees most with all, weighted by their probabilities to this power'),
    ),
    0,
  ),
  views: v.optional(whole('the image as it is, and slightly moved and scaled: so many views are averaged', 1, mostViews), 1),
});

export const trainSchema = optionsSchema(() => ({
  ...fileEntries(),
  validFraction: v.optional(within('without validation captions: share of the images set aside', 0.0001, 0.9), 0.1),

  level: v.optional(choice('what captions are made of', textLevels), 'word'),
  minCount: v.optional(whole('words (or characters) that occur less often are not learnt', 1), 1),
  vocabularySize: v.optional(whole('most tokens; of byte-pair encoding: how many', 10, 1_000_000), 20_000),
  lowercase: v.optional(flag('say captions in lower case'), false),
  mostTokens: v.optional(whole('tokens of a caption that are learnt, and the most that are said', 2, 1000), 50),

  imageSize: v.optional(whole('height and width that images are brought to, in pixels', 4, 1024), 64),
  gridSize: v.optional(whole('height and width of the grid that attention looks at; imageSize is a power of two times that', 1, 64), 8),
  channels: v.optional(whole("channels of the encoder's first block; each further one has twice as many", 1, 4096), 32),
  channelsMost: v.optional(whole('and no more than', 1, 8192), 192),
  depth: v.optional(whole('convolutions of each block but the first', 1, 8), 1),
  memorySize: v.optional(whole('of given vectors: what the model makes of each', 1, 65_536), 256),
  embeddingSize: v.optional(whole("numbers of a word's vector", 1, 65_536), 128),
  hiddenSize: v.optional(whole('units of the decoder', 1, 65_536), 256),
  attentionSize: v.optional(whole('units of the attention', 1, 65_536), 128),
  dropout: v.optional(within("share of the grid's, words' and outputs' numbers dropped while training, in [0, 1)", 0, 1), 0.4),
  attentionPenalty: v.optional(
    v.pipe(v.number(), v.minValue(0), v.description('λ of doubly stochastic attention: every place is to be looked at alike')),
    0.01,
  ),
  wordsLoss: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.description('weight of saying from the whole image which words its caption has; it teaches the encoder'),
    ),
    0.1,
  ),
  labelSmoothing: v.optional(within('s: the right word is expected with probability 1 − s, the rest shared by all', 0, 1), 0.1),

  shift: v.optional(within('augmentation: share of the size that images are moved by at most', 0, 0.5), 0.08),
  scale: v.optional(within('augmentation: share that they grow or shrink by at most', 0, 0.9), 0.12),
  rotation: v.optional(
    v.pipe(v.number(), v.minValue(0), v.maxValue(180), v.description('augmentation: degrees they are turned by at most')),
    8,
  ),
  jitter: v.optional(within('augmentation: share that brightness, contrast and saturation change by at most', 0, 1), 0.15),
  flip: v.optional(flag('augmentation: half of the images in a mirror; not where left and right matter'), false),
  ...trainingEntries({ batchSize: 32, learningRate: 0.002, epochs: defaultEpochs }),
  batchSize: v.optional(whole('B: captions of one step', 2, 65_536), 32),
  weightDecay: v.optional(
    v.pipe(v.number(), v.minValue(0), v.description('weight decay, decoupled from the gradient (adam), biases left out')),
    0.02,
  ),
}));

/** As a user writes them. */
export type CaptionerOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete, but for what follows from the files. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>>;

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: CaptionerOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  if (options.features === undefined && !Number.isInteger(Math.log2(options.imageSize / options.gridSize))) {
    throw new ConfigError(
      `imageSize: expected gridSize (${options.gridSize}) times a power of two, such as ${options.gridSize * 8}, received ${options.imageSize}.`,
    );
  }
  return { ...options, epochs: epochsOf(options, defaultEpochs) };
}

export const evaluateSchema = optionsSchema(() => ({
  ...fileEntries(),
  ...searchEntries(),
  split: v.optional(text('which captions, of files that say it (default test)')),
  errors: v.optional(whole('show so many of the worst captions', 0, 1000), 10),
}));

export const predictSchema = optionsSchema(() => ({
  ...searchEntries(),
  nBest: v.optional(whole('captions shown of an image, at most beamWidth', 1, 1000), 1),
  looked: v.optional(path('write where it looked for each word, drawn over the image, to this SVG file (of one image)')),
}));

/** How captions are searched, and what is shown. */
export type CaptionOptions = v.InferInput<ReturnType<typeof predictSchema>>;
