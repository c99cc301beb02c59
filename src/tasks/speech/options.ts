/** Options of speech recognition, their ranges and defaults: for programs, configuration files and the command line alike. */
import * as v from 'valibot';
import { normalizations } from '../../data/audio/feature-normalization.ts';
import { featureKinds } from '../../data/audio/spectral-features.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { above, choice, flag, optionsSchema, parseOptions, path, text, whole, within } from '../schema.ts';
import { searchEntries } from '../text-search.ts';
import { epochsOf, trainingEntries } from '../training-options.ts';

export const cells = ['lstm', 'gru'] as const;
export const units = ['character', 'word', 'phoneme'] as const;
/** What a recogniser is trained to do, and how it says symbols. */
export const criteria = ['ctc', 'transducer', 'attention'] as const;
export const spellings = ['as-is', 'lower', 'plain'] as const;
const defaultEpochs = 40;

/** How manifests are read; `evaluate` takes them too. */
const readingEntries = () => ({
  pathColumn: v.optional(text('column of the WAV files (default: path, wav, audio, audio_filepath, file or filename)')),
  transcriptColumn: v.optional(text('column of what is said (default: transcript, transcription, text, sentence or label)')),
  speakerColumn: v.optional(text('column of who says it (default: speaker, speaker_id or client_id, if there is one)')),
  splitColumn: v.optional(text('column that says which part a row belongs to (default: split or subset, if there is one)')),
  audioFolder: v.optional(path("folder that the paths are in (default: the manifest's own)")),
});

const atLeast = (description: string, least: number) => v.pipe(v.number(), v.minValue(least), v.description(description));

export const trainSchema = optionsSchema(() => ({
  ...readingEntries(),
  trainSplit: v.optional(text('of manifests with a split column: the part to learn from'), 'train'),
  validSplit: v.optional(
    text('of manifests with a split column: the part to validate on (default: valid, validation, val or dev, if there is one)'),
  ),
  validFraction: v.optional(within('without validation data: share of the utterances set aside', 0.0001, 0.9), 0.1),

  units: v.optional(choice('what is recognised; words and phonemes stand between blanks', units), 'character'),
  spelling: v.optional(
    choice('transcripts as they are, in lower case, or in lower case without punctuation (default: plain; phonemes: as-is)', spellings),
  ),

  sampleRate: v.optional(whole('hertz that all sound is brought to (default: that of the first file, at most 16000)', 1000, 192_000)),
  features: v.optional(choice('of each frame: log-mel energies or cepstral coefficients (MFCC)', featureKinds), 'log-mel'),
  melBins: v.optional(whole('bands of the mel scale', 3, 256), 40),
  numCeps: v.optional(whole('mfcc: coefficients (default: 13, or as many as there are bands)', 1, 256)),
  frameLength: v.optional(above('milliseconds of a frame', 0, 1000), 25),
  frameShift: v.optional(above('milliseconds from one frame to the next', 0, 1000), 10),
  deltas: v.optional(whole('1: with how features change, 2: and how that changes', 0, 2), 0),
  normalization: v.optional(
    choice('features measured by all training data, by what was heard so far, by the whole utterance, or not', normalizations),
    'global',
  ),

  specAugment: v.optional(flag('while training: hide bands and stretches of time (default: do)'), true),
  frequencyMasks: v.optional(whole('SpecAugment: bands hidden', 0, 100), 2),
  frequencyMaskSize: v.optional(whole('SpecAugment: widest band, in features (default: a fifth of them)', 0, 256)),
  timeMasks: v.optional(whole('SpecAugment: stretches of time hidden', 0, 100), 2),
  timeMaskSize: v.optional(whole('SpecAugment: longest stretch, in frames', 0, 10_000), 25),
  timeMaskShare: v.optional(within('SpecAugment: longest stretch, as a share of the utterance', 0, 1), 0.15),
  timeWarp: v.optional(whole('SpecAugment: frames by which a point in time is moved at most', 0, 1000), 0),
  speeds: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.minValue(0.5), v.maxValue(2))),
      v.minLength(1),
      v.description('while training: speak so much faster, one of these'),
    ),
    [0.9, 1, 1.1],
  ),
  gain: v.optional(v.pipe(atLeast('while training: louder or softer by up to so many decibels', 0), v.maxValue(60)), 6),
  noise: v.optional(
    v.pipe(
      atLeast('while training: white noise, this many decibels below the sound or up to 20 more (default: none)', -20),
      v.maxValue(100),
    ),
  ),
  join: v.optional(whole('while training: one to so many utterances of one speaker, one after another', 1, 100), 1),

  criterion: v.optional(
    choice('what finds out which symbol is when: CTC, a transducer (both can listen), or a decoder with attention', criteria),
    'ctc',
  ),
  decoderSize: v.optional(
    whole('transducer, attention: units of the network that reads the symbols before (default: hiddenSize)', 1, 65_536),
  ),
  ctcWeight: v.optional(within('transducer, attention: how much CTC counts beside them while training, in [0, 1)', 0, 1), 0.3),
  cell: v.optional(choice('recurrent cell', cells), 'lstm'),
  numLayers: v.optional(whole('recurrent layers', 1, 16), 3),
  hiddenSize: v.optional(whole('units in each direction of each layer', 1, 65_536), 128),
  bidirectional: v.optional(flag('read each utterance from its end too; without it speech can be recognised while it is spoken'), true),
  factors: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16))),
      v.minLength(1),
      v.description('steps that become one below each layer, such as 3 1 1 (default: 2 2 1 1 …)'),
    ),
  ),
  dropout: v.optional(within("share of the layers' outputs dropped while training, in [0, 1)", 0, 1), 0.2),

  ...trainingEntries({ batchSize: 16, learningRate: 0.002, epochs: defaultEpochs }),
}));

/** As a user writes them. */
export type SpeechOptions = v.InferInput<ReturnType<typeof trainSchema>>;

/** Complete. */
export type ResolvedOptions = v.InferOutput<ReturnType<typeof trainSchema>> & {
  readonly factors: readonly number[];
  readonly spelling: (typeof spellings)[number];
};

/** Checks options and fills in what is absent. @throws ConfigError */
export function resolveOptions(given: SpeechOptions): ResolvedOptions {
  const options = parseOptions(trainSchema(), given);
  const { numLayers, factors = Array.from({ length: numLayers }, (_, l) => (l < 2 ? 2 : 1)), bidirectional, normalization } = options;
  if (factors.length !== numLayers) {
    throw new ConfigError(
      `factors: expected one number for each of the ${numLayers} layers, received ${factors.length}: ${factors.join(', ')}.`,
    );
  }
  if (!bidirectional && normalization === 'utterance') {
    throw new ConfigError(
      'normalization: expected what is known while speech comes in for a model that is not bidirectional, received "utterance". Choose running or global.',
    );
  }
  const spelling = options.spelling ?? (options.units === 'phoneme' ? 'as-is' : 'plain');
  return { ...options, factors, spelling, epochs: epochsOf(options, defaultEpochs) };
}

export const evaluateSchema = optionsSchema(() => ({
  ...readingEntries(),
  ...searchEntries(),
  split: v.optional(text('of manifests with a split column: the part to evaluate on (default: test, if there is one, else all)')),
}));

export const predictSchema = optionsSchema(() => ({
  ...searchEntries(),
  stream: v.optional(
    above('models that are not bidirectional: hear the file in pieces of so many seconds, and print words as they are known', 0, 60),
  ),
}));

/** How manifests are read. */
export interface ReadingOptions {
  readonly pathColumn?: string;
  readonly transcriptColumn?: string;
  readonly speakerColumn?: string;
  readonly splitColumn?: string;
  readonly audioFolder?: string;
}
