/** Options of text classification, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { ConfigError } from '../../tensor/errors.ts';
import { choice, flag, names, optionsSchema, parseOptions, path, text, whole, within } from '../schema.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';
import { wordEntries } from '../words/word-options.ts';

export const cells = ['rnn', 'lstm', 'gru'] as const;
export const poolings = ['last', 'mean', 'max', 'max-mean', 'attention'] as const;

const defaultEpochs = 20;

/** How files are read; `evaluate` and `predict` take them from the model, unless they are told otherwise. */
const fileEntries = () => ({
  textColumn: v.optional(text('column, or field of JSON lines, that holds the text (default text)')),
  columns: v.optional(names('names of the columns, in order, of a table whose first row is not their names')),
  delimiter: v.optional(text('what separates the columns of a table (default: found out)')),
});
const labelEntries = () => ({ labelColumn: v.optional(text('column, or field, that holds the label (default label)')) });

export const trainSchema = optionsSchema(() => ({
  ...fileEntries(),
  ...labelEntries(),
  labelSeparator: v.optional(text('a text may have several labels, or none; in a table this stands between them')),
  validFraction: v.optional(within('without validation files: share of the texts set aside, as much of each label', 0.0001, 0.9), 0.1),

  maxLength: v.optional(whole('words of a text that are read', 1, 65_536), 400),
  ...wordEntries(),
  embeddingSize: v.optional(whole("numbers of a word's own vector; 0: none (default 100, or that of the word vectors)", 0, 65_536)),
  wordVectors: v.optional(path('file of word vectors to begin with, in the text format of GloVe or word2vec')),
  freezeVectors: v.optional(flag('leave the vectors of words as they are in the file'), false),
  features: v.optional(names('what is known of a word beside its letters: shape, capitals, prefixN, suffixN'), [
    'suffix2',
    'suffix3',
    'shape',
  ]),
  featureEmbeddingSize: v.optional(whole("numbers of each feature's vector", 1, 65_536), 32),
  characterEmbeddingSize: v.optional(whole("numbers of a character's vector", 1, 65_536), 32),
  characterHiddenSize: v.optional(whole('units in each direction that read the characters of a word; 0: none', 0, 65_536), 32),

  cell: v.optional(choice('recurrent cell', cells), 'lstm'),
  numLayers: v.optional(whole('recurrent layers', 1, 16), 1),
  hiddenSize: v.optional(whole('units in each direction of each layer', 1, 65_536), 128),
  bidirectional: v.optional(flag('read each text from its end too'), true),
  pooling: v.optional(choice('how the words of a text become one vector; attention can be shown', poolings), 'max'),
  dropout: v.optional(within("share of the layers' inputs and outputs dropped while training, in [0, 1)", 0, 1), 0.5),

  classWeights: v.optional(names('how much each label counts: balanced, or label=weight … (others 1)')),
  labelSmoothing: v.optional(within('s: the right label is expected with probability 1 − s, the rest shared by all', 0, 1), 0),
  consistency: v.optional(
    within('c: texts are read twice, and c times how far the readings disagree is added to the loss; 0: read once', 0, 1000),
    0,
  ),
  ...trainingEntries({ batchSize: 32, learningRate: 0.002, epochs: defaultEpochs }),
  batchSize: v.optional(whole('B: texts of one step', 1, 65_536), 32),
}));

/** As a user writes them. */
export type TextClassifierOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete, but for what follows from the files. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>>;

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: TextClassifierOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  if (options.embeddingSize === 0 && options.characterHiddenSize === 0) {
    throw new ConfigError(
      'embeddingSize and characterHiddenSize: expected one of them above 0, received 0 for both; nothing would be read.',
    );
  }
  if (options.freezeVectors && options.wordVectors === undefined) {
    throw new ConfigError('freezeVectors: expected wordVectors, the file of the vectors to leave as they are, received none.');
  }
  if (options.labelSmoothing > 0 && options.labelSeparator !== undefined) {
    throw new ConfigError('labelSmoothing: expected texts with one label each, received labelSeparator as well. Leave one of them out.');
  }
  return { ...options, epochs: epochsOf(options, defaultEpochs) };
}

export const defaultThreshold = 0.5;
const threshold = () =>
  v.optional(within('of texts with several labels: those of at least this probability are given', 0, 1), defaultThreshold);

export const evaluateSchema = optionsSchema(() => ({
  ...fileEntries(),
  ...labelEntries(),
  threshold: threshold(),
  errors: v.optional(whole('show so many of the worst errors', 0, 1000), 10),
}));

export const predictSchema = optionsSchema(() => ({
  ...fileEntries(),
  threshold: threshold(),
  top: v.optional(whole('of one text: show so many of the most probable labels', 1, 1000), 5),
}));

/** What is shown of a prediction, and how a file is read. */
export type ClassifyOptions = v.InferInput<ReturnType<typeof predictSchema>>;
