/** Options of translation, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, names, optionsSchema, parseOptions, path, text, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { levels } from './vocabulary.ts';

export const cells = ['lstm', 'gru'] as const;
export const attentions = ['additive', 'general', 'dot'] as const;
export const tyings = ['none', 'output', 'all'] as const;
export const bleuTokenizers = ['13a', 'none'] as const;

const defaultEpochs = 20;

/** How files are read; `evaluate` and `predict` take them from the model, unless they are told otherwise. */
const fileEntries = () => ({
  sourceColumn: v.optional(text('column of a table that holds the sentences (default source)')),
  columns: v.optional(names('names of the columns, in order, of a table whose first row is not their names')),
  delimiter: v.optional(text('what separates the columns of a table (default: found out)')),
});
const targetEntries = () => ({ targetColumn: v.optional(text('column that holds their translations (default target)')) });

const searchEntries = () => ({
  beamWidth: v.optional(whole('translations of a sentence that are kept at each step; 1: greedy', 1, 1000), 5),
  lengthPenalty: v.optional(
    v.pipe(v.number(), v.minValue(0), v.maxValue(10), v.description('α: scores are divided by ((5 + length) / 6)^α; more: longer ones')),
    1,
  ),
  coveragePenalty: v.optional(
    v.pipe(v.number(), v.minValue(0), v.maxValue(10), v.description('β: how much it costs to leave parts of a sentence unlooked at')),
    0,
  ),
  batchSize: v.optional(whole('sentences that are translated side by side', 1, 65_536), 32),
});

export const trainSchema = optionsSchema(() => ({
  ...fileEntries(),
  ...targetEntries(),
  validFraction: v.optional(within('without validation files: share of the sentences set aside', 0.0001, 0.9), 0.02),

  level: v.optional(choice('what a sentence is cut into: pieces learnt by byte-pair encoding, or the words between spaces', levels), 'bpe'),
  vocabularySize: v.optional(whole('most pieces, or words, of a language (of both, where they share)', 16, 1_000_000), 8000),
  jointVocabulary: v.optional(flag('one vocabulary for both languages'), true),
  minCount: v.optional(whole('words seen less often are unknown (level word)', 1), 2),
  lowercase: v.optional(flag('read and write lower case only'), false),
  maxLength: v.optional(whole('pairs with more pieces on a side are not learnt from', 1, 65_536), 100),

  cell: v.optional(choice('recurrent cell', cells), 'gru'),
  embeddingSize: v.optional(whole("numbers of a piece's vector", 1, 65_536), 256),
  tied: v.optional(
    choice(
      "which tables are one: output (the output's and the target's embedding), all (the source's too; needs a joint vocabulary)",
      tyings,
    ),
    'output',
  ),
  encoderLayers: v.optional(whole('layers that read the sentence, in both directions', 1, 16), 1),
  encoderSize: v.optional(whole('units in each direction of each of them', 1, 65_536), 256),
  decoderLayers: v.optional(whole('layers that write the translation; the first one looks at the sentence', 1, 16), 1),
  decoderSize: v.optional(whole('units of each of them', 1, 65_536), 512),
  attention: v.optional(choice('how the decoder finds what it looks at', attentions), 'additive'),
  attentionSize: v.optional(whole('units of additive attention (default: as the decoder)', 1, 65_536)),
  attendFirst: v.optional(flag('look before each step with the state so far (Bahdanau), not after it with the new one (Luong)'), false),
  embeddingDropout: v.optional(within('share of the numbers of embeddings dropped while training, in [0, 1)', 0, 1), 0.3),
  dropout: v.optional(within('share of what is read of the sentence, and of what the output reads, dropped while training', 0, 1), 0.4),
  recurrentDropout: v.optional(within('share of the units dropped in recurrent products, the same ones through a sentence', 0, 1), 0),
  wordDropout: v.optional(within('share of the pieces whose whole vector is dropped while training', 0, 1), 0),
  labelSmoothing: v.optional(within('s: the right piece is expected with probability 1 − s, the rest shared by all', 0, 1), 0.1),
  scheduledSampling: v.optional(
    within("share of the decoder's inputs that are its own predictions and not the right ones, at the end of the rise", 0, 1),
    0,
  ),
  scheduledSamplingEpochs: v.optional(whole('epochs over which that share rises from 0', 1), 10),
  bleuTokenizer: v.optional(
    choice('how BLEU cuts sentences: 13a as sacreBLEU, none at spaces (texts that are tokenised)', bleuTokenizers),
    '13a',
  ),
  ...trainingEntries({ batchSize: 64, learningRate: 0.001, epochs: defaultEpochs }),
  batchSize: v.optional(whole('B: pairs of one step', 1, 65_536), 64),
}));

/** As a user writes them. */
export type TranslationOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete, but for what follows from the files. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>>;

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: TranslationOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  if (options.tied === 'all' && !options.jointVocabulary) {
    throw new ConfigError(
      'tied: "all" shares one table between both languages, which needs jointVocabulary. Take "output", or a joint vocabulary.',
    );
  }
  if (options.attention !== 'additive' && options.attentionSize !== undefined) {
    throw new ConfigError(
      `attentionSize: expected attention "additive", which alone has a size of its own, received "${options.attention}".`,
    );
  }
  if (options.attention === 'dot' && options.decoderSize !== 2 * options.encoderSize) {
    throw new ConfigError(
      `attention: "dot" multiplies states with what both directions read, so decoderSize must be ${2 * options.encoderSize} (twice encoderSize), received ${options.decoderSize}. Change one of them, or take "general".`,
    );
  }
  return { ...options, epochs: epochsOf(options, defaultEpochs) };
}

export const evaluateSchema = optionsSchema(() => ({
  ...fileEntries(),
  ...targetEntries(),
  ...searchEntries(),
  bleuTokenizer: v.optional(choice("how BLEU cuts sentences (default: as the training's validation)", bleuTokenizers)),
}));

export const predictSchema = optionsSchema(() => ({
  ...fileEntries(),
  ...searchEntries(),
  nBest: v.optional(whole('translations shown of each sentence, at most beamWidth', 1, 1000), 1),
  figure: v.optional(path('of one sentence: draw where the decoder looked, as an SVG file')),
}));

/** How sentences are translated, and what is shown. */
export type TranslateOptions = v.InferInput<ReturnType<typeof predictSchema>>;
