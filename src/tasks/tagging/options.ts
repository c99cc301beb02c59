/** Options of tagging, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, names, optionsSchema, parseOptions, path, paths, text, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { wordEntries } from '../words/word-options.ts';
import { columnFormats } from './column-file.ts';
import { entitySchemes } from './entity-schemes.ts';

export const outputs = ['softmax', 'crf'] as const;

const defaultEpochs = 10;

export const trainSchema = optionsSchema(() => ({
  format: v.optional(choice("the files' format (default: found out)", columnFormats)),
  columns: v.optional(names("names of the files' columns, for format columns (default word … tag)")),
  target: v.optional(text('the column to predict (default: upos of CoNLL-U, else the last)')),
  features: v.optional(names('what is known of a word beside its letters: columns, shape, capitals, prefixN, suffixN, gazetteer'), [
    'suffix2',
    'suffix3',
    'shape',
  ]),
  gazetteers: v.optional(paths('files of names, one a line, for the feature gazetteer'), []),
  scheme: v.optional(choice('how entities are written while learning (default BIOES with a CRF, else as in the files)', entitySchemes)),
  output: v.optional(choice('how tags are chosen: each by itself, or as a sequence (default crf for entities, else softmax)', outputs)),
  entityBias: v.optional(
    v.pipe(
      v.number(),
      v.minValue(-100),
      v.maxValue(100),
      v.description('added to the score of each entity while tagging: above 0 more entities are found, and fewer of them are right'),
    ),
    0,
  ),
  mentionCopies: v.optional(
    whole('copies to learn from of each sentence with entities, others of the same types in the places of most of them', 0, 1000),
    0,
  ),
  validFraction: v.optional(within('without validation files: share of the sentences set aside, spread evenly', 0.0001, 0.9), 0.1),

  ...wordEntries(),
  embeddingSize: v.optional(whole("numbers of a word's own vector; 0: none (default 100, or that of the word vectors)", 0, 65_536)),
  wordVectors: v.optional(path('file of word vectors to begin with, in the text format of GloVe or word2vec')),
  freezeVectors: v.optional(flag('leave the vectors of words as they are in the file, and know all words that it has'), false),
  characterEmbeddingSize: v.optional(whole("numbers of a character's vector", 1, 65_536), 32),
  characterHiddenSize: v.optional(whole('units in each direction that read the characters of a word; 0: none', 0, 65_536), 64),
  featureEmbeddingSize: v.optional(whole("numbers of each feature's vector", 1, 65_536), 32),
  languageModels: v.optional(paths('character language models made by Unrolled, whose states at word ends are features'), []),
  reverseLanguageModels: v.optional(paths('likewise, of models that learnt from reversed text'), []),
  numLayers: v.optional(whole('recurrent layers', 1, 8), 2),
  hiddenSize: v.optional(whole('units in each direction of each layer', 1, 65_536), 128),
  members: v.optional(whole('networks that learn side by side and tag together: their scores are averaged', 1, 64), 1),
  dropout: v.optional(within("share of the layers' inputs and outputs dropped while training, in [0, 1)", 0, 1), 0.4),
  consistency: v.optional(
    within('c: sentences are read twice, and c times how far the readings disagree is added to the loss; 0: read once', 0, 1000),
    0,
  ),

  ...trainingEntries({ batchSize: 32, learningRate: 0.003, epochs: defaultEpochs }),
  batchSize: v.optional(whole('B: sentences of one step', 1, 65_536), 32),
  clipNorm: v.optional(v.pipe(v.number(), v.gtValue(0), v.description('largest norm of the gradient')), 5),
}));

/** As a user writes them. */
export type TaggingOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete, but for what follows from the files. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>>;

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: TaggingOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  if (options.freezeVectors && options.wordVectors === undefined) {
    throw new ConfigError('freezeVectors: expected wordVectors, the file of the vectors to leave as they are, received none.');
  }
  return { ...options, epochs: epochsOf(options, defaultEpochs) };
}

export const evaluateSchema = optionsSchema(() => ({}));

export const predictSchema = optionsSchema(() => ({
  inputFormat: v.optional(
    choice('what the input is: text with a sentence a line, or columns (default: found out)', ['text', 'columns'] as const),
  ),
  tokenize: v.optional(flag('cut words and punctuation apart; without it words are what stands between blanks'), false),
  probabilities: v.optional(flag("show each tag's probability"), false),
  nBest: v.optional(whole('show so many of the most probable taggings of a sentence', 1, 1000), 1),
}));

/** How sentences are read, and what is shown of them. */
export type TagOptions = v.InferInput<ReturnType<typeof predictSchema>>;
