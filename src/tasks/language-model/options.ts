/** Options of language modelling, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { textLevels } from '../../data/text/tokenizer.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { above, choice, flag, optionsSchema, parseOptions, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';

export const cells = ['rnn', 'lstm', 'gru'] as const;
export const softmaxes = ['full', 'adaptive', 'sampled'] as const;

/** What a user may give; what is absent follows from the level (see `defaults`). */
export const trainSchema = optionsSchema(() => ({
  level: v.optional(choice('what a token is', textLevels), 'char'),
  vocabularySize: v.optional(whole('most tokens in the vocabulary (word: default 30000, bpe: 2000)', 2, 1_000_000)),
  minCount: v.optional(whole('tokens seen less often are unknown (char, word)', 1), 1),
  lowercase: v.optional(flag('lower-case the text (word)'), false),
  validFraction: v.optional(within('share of the text, at its end, that is set aside for validation', 0.0001, 0.9), 0.1),

  cell: v.optional(choice('recurrent cell', cells), 'lstm'),
  numLayers: v.optional(whole('recurrent layers', 1, 16), 1),
  hiddenSize: v.optional(whole('units in each recurrent layer (default 256; word 512)', 1, 65_536)),
  embeddingSize: v.optional(whole('numbers that stand for a token (default 64; word, bpe 256; tied: hiddenSize)', 1, 65_536)),
  tieWeights: v.optional(flag('use the embedding as the output layer too'), false),
  dropout: v.optional(within("share of the recurrent layers' outputs dropped while training, in [0, 1)", 0, 1), 0),
  embeddingDropout: v.optional(within('likewise of the embedding (default dropout; char 0)', 0, 1)),
  softmax: v.optional(choice('output layer; default full up to 10,000 tokens, adaptive above', softmaxes)),
  cutoffs: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1))),
      v.description('where the rarer clusters of softmax adaptive begin (default 2000,10000)'),
    ),
  ),
  samples: v.optional(whole('negative samples for each batch (softmax sampled)', 1), 1024),

  sequenceLength: v.optional(whole('T: steps through which gradients flow (default 64; word, bpe 35)', 1, 65_536)),
  ...trainingEntries({ batchSize: 32, learningRate: 0.004, epochs: 10 }),
  batchSize: v.optional(whole('B: streams of text read side by side', 1, 65_536), 32),
  learningRate: v.optional(above('highest learning rate (default 0.004; word, bpe 0.002; sgd 1)', 0)),
  sampleLength: v.optional(whole('characters of text shown with each validation; 0: none', 0), 200),
}));

/** As a user writes them. */
export type LanguageModelOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete. */
export interface ResolvedOptions extends v.InferOutput<ReturnType<typeof trainSchema>> {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly embeddingSize: number;
  readonly embeddingDropout: number;
  readonly sequenceLength: number;
  readonly learningRate: number;
}

/** What follows from the level. Measured on Moby-Dick (char) and the State of the Union speeches (word, bpe). */
const defaults = {
  char: { vocabularySize: 10_000, hiddenSize: 256, embeddingSize: 64, sequenceLength: 64, learningRate: 0.004 },
  word: { vocabularySize: 30_000, hiddenSize: 512, embeddingSize: 256, sequenceLength: 35, learningRate: 0.002 },
  bpe: { vocabularySize: 2000, hiddenSize: 256, embeddingSize: 256, sequenceLength: 35, learningRate: 0.002 },
} as const;

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: LanguageModelOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  const byLevel = defaults[options.level];
  const hiddenSize = options.hiddenSize ?? byLevel.hiddenSize;
  if (options.tieWeights && options.softmax !== undefined && options.softmax !== 'full') {
    throw new ConfigError(
      `tieWeights: expected softmax full, received ${options.softmax}. The other output layers have weights of their own.`,
    );
  }
  if (options.tieWeights && options.embeddingSize !== undefined && options.embeddingSize !== hiddenSize) {
    throw new ConfigError(`tieWeights: expected embeddingSize equal to hiddenSize ${hiddenSize}, received ${options.embeddingSize}.`);
  }
  return {
    ...options,
    vocabularySize: options.vocabularySize ?? byLevel.vocabularySize,
    hiddenSize,
    embeddingSize: options.embeddingSize ?? (options.tieWeights ? hiddenSize : byLevel.embeddingSize),
    embeddingDropout: options.embeddingDropout ?? (options.level === 'char' ? 0 : options.dropout),
    sequenceLength: options.sequenceLength ?? byLevel.sequenceLength,
    learningRate: options.learningRate ?? (options.optimizer === 'sgd' ? 1 : byLevel.learningRate),
    epochs: epochsOf(options, 10),
  };
}

export const evaluateSchema = optionsSchema(() => ({}));

export const predictSchema = optionsSchema(() => ({
  prompt: v.optional(v.pipe(v.string(), v.description('text to go on from')), ''),
  length: v.optional(whole('tokens to write', 1), 500),
  temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.description('below 1 safer, above 1 bolder, 0 the likeliest always')), 0.8),
  topK: v.optional(whole('choose among the k likeliest; 0: all', 0), 0),
  topP: v.optional(
    v.pipe(v.number(), v.gtValue(0), v.maxValue(1), v.description('choose among the likeliest that together have this probability')),
    1,
  ),
  stop: v.optional(v.pipe(v.string(), v.description('end where this text appears'))),
  seed: v.optional(whole('of the choices; different each time when absent', 0)),
}));
/** Where a text begins, how long it gets, and how boldly tokens are chosen. */
export type GenerateOptions = v.InferInput<ReturnType<typeof predictSchema>>;
