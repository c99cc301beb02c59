/** Training of a tagger, from files of columns to a run folder and a model. */
import { padSequences, SequenceBatches } from '../../data/sequence-batches.ts';
import { type TextSource, textFile } from '../../data/text/text-source.ts';
import { Vocabulary } from '../../data/text/vocabulary.ts';
import { readWordVectors, type WordVectors } from '../../data/text/word-vectors.ts';
import { entityConstraints } from '../../nn/crf-constraints.ts';
import { ConfigError, FormatError, unknownName } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { Fingerprint } from '../fingerprint.ts';
import { loadLanguageModel } from '../language-model/saved.ts';
import { beginTraining, namesOf, resumeTraining, type Trainable, type TrainingRun } from '../training-run.ts';
import { WordCounts, WordEncoder } from '../words/word-encoder.ts';
import { sizesOf, unknownRates } from '../words/word-features.ts';
import { CharacterContext } from './character-context.ts';
import { type ColumnFormat, openColumns, wordColumn } from './column-file.ts';
import type { Architecture, TaggingConfig, TaggingVocabulary } from './config.ts';
import { beginningsOf, convertTags, schemeOf } from './entity-schemes.ts';
import { evaluateTagger, type TaggedSentence, type TaggingResult } from './evaluate.ts';
import { withMentionsReplaced } from './mention-replacement.ts';
import { notTagged, type SentenceBatch, Tagger } from './model.ts';
import { type ResolvedOptions, resolveOptions, type TaggingOptions } from './options.ts';
import type { TrainedTagger } from './saved.ts';
import { type EncodedSentence, SentenceEncoder } from './sentence-encoder.ts';
import { type Gazetteer, readGazetteer, TokenFeatures } from './token-features.ts';

/** A training that is ready to run: the files are read, the model is built. */
export interface TaggingTraining extends TrainedTagger {
  readonly options: ResolvedOptions;
  /** Sentences to learn from and to validate on. */
  readonly sentences: { readonly train: number; readonly valid: number; readonly words: number };
  /** Names of the files. */
  readonly files: { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** Training steps in all. */
  readonly steps: number;
  /** Trains, and tells what happens; the model then has the best weights. */
  run(options?: { signal?: AbortSignal }): AsyncGenerator<TrainingEvent, void, void>;
  /** On the validation sentences. */
  evaluate(): Promise<TaggingResult>;
}

/** What is learnt from, and what it is tested on. */
export interface TaggingFiles {
  /** Paths of CoNLL-U files or files of columns, or sources. */
  readonly train: readonly (string | TextSource)[];
  /** Default: sentences spread evenly over the training files (`validFraction`). */
  readonly valid?: readonly (string | TextSource)[];
}

/**
 * Prepares a training.
 *
 * @param out  folder for checkpoints, events and the model; without it nothing is written
 * @throws ConfigError, FormatError or FileError when options or files will not do
 * @example
 * const training = await prepareTagging({ train: ['train.conllu'], valid: ['dev.conllu'] }, { target: 'upos' }, 'runs/upos');
 * for await (const event of training.run()) if (event.type === 'validation') console.log(event.metrics);
 */
export async function prepareTagging(files: TaggingFiles, given: TaggingOptions = {}, out?: string): Promise<TaggingTraining> {
  const paths = { train: namesOf(files.train), valid: namesOf(files.valid ?? []) };
  return training(await beginTraining({ task: 'tagging', paths, options: given, out }, await build(files, given)));
}

/**
 * Takes up a training that was begun in a folder: the same files and options, from the last checkpoint.
 *
 * @throws ConfigError when there is none, or the files are no longer what they were
 */
export async function resumeTagging(out: string): Promise<TaggingTraining> {
  return training(await resumeTraining('tagging', out, build));
}

interface Batch {
  readonly sentences: SentenceBatch;
  /** [B, T] */
  readonly tags: Int32Array;
}

interface Parts extends Trainable<Batch> {
  readonly model: Tagger;
  readonly options: ResolvedOptions;
  readonly encoder: SentenceEncoder;
  readonly train: readonly TaggedSentence[];
  readonly valid: readonly TaggedSentence[];
}

/** What files and options make: the same each time. */
async function build(files: TaggingFiles, given: TaggingOptions): Promise<Parts> {
  const options = resolveOptions(given);
  const data = await readTraining(files, options);
  const { train, valid, layout } = data;
  const rng = new Random(options.seed);
  const contexts = [...(await contextsOf(options.languageModels, false)), ...(await contextsOf(options.reverseLanguageModels, true))];
  const gazetteers = await Promise.all(options.gazetteers.map((path) => readGazetteer(textFile(path), nameOf(path))));
  if (gazetteers.length > 0 && !options.features.includes('gazetteer')) {
    throw new ConfigError('gazetteers: expected gazetteer among the features, received lists alone. Add --features gazetteer.');
  }
  if (options.mentionCopies > 0 && schemeOf(train.map(({ tags }) => tags)) === null) {
    throw new ConfigError(
      `mentionCopies: expected entity tags, such as O and B-PER, in the column ${layout.target}, received others. Leave it out.`,
    );
  }
  const learnt = [...train, ...withMentionsReplaced(train, options.mentionCopies, new Random(options.seed).fork('mentions'))];
  const { vocabulary, words, rates, vectors } = await vocabulariesOf(learnt, layout, options, gazetteers, contexts);
  if (options.entityBias !== 0 && (vocabulary.learntScheme ?? 'IOB1') === 'IOB1') {
    throw new ConfigError(
      vocabulary.learntScheme === null
        ? `entityBias: expected entity tags, such as O and B-PER, in the column ${layout.target}, received others. Leave it out.`
        : 'entityBias: expected entities that begin with a tag of their own, received the scheme IOB1. Learn another: --scheme BIOES.',
    );
  }
  const encoder = new SentenceEncoder(vocabulary, contexts, words);
  const architecture = architectureOf(options, encoder, contexts, vectors);
  const allowed =
    architecture.output === 'crf' && vocabulary.learntScheme !== null ? entityConstraints(vocabulary.tags, vocabulary.learntScheme) : null;
  const model = new Tagger({ ...architecture, contextModels: contexts, allowed, unknownRates: rates, rng });
  if (vectors !== null) {
    for (const { words: features } of [model, ...model.others]) {
      features.useVectors(vectors.vectors, words.words);
      if (options.freezeVectors) features.words!.weight.requiresGrad = false;
    }
  }

  const encoded = encoder.encode(learnt);
  const tags = learnt.map((sentence) => encoder.encodeTags(sentence.tags));
  const batches = new SequenceBatches(
    learnt.map((sentence) => sentence.words.length),
    { batchSize: options.batchSize, seed: options.seed },
    (indices): Batch =>
      collate(
        encoder,
        indices.map((i) => encoded[i]),
        indices.map((i) => tags[i]),
      ),
  );
  const fingerprint = new Fingerprint();
  for (const [i, { words: ids }] of encoded.entries()) fingerprint.numbers(ids.words).numbers(tags[i]);
  for (const sentence of valid) fingerprint.text(sentence.words.join(' ')).text(sentence.tags.join(' '));
  const config: TaggingConfig = {
    task: 'tagging',
    architecture,
    vocabulary,
    training: { options, sentences: train.length, words: train.reduce((sum, sentence) => sum + sentence.words.length, 0) },
  };
  return {
    model,
    options,
    encoder,
    train,
    valid,
    batches,
    config,
    loss: ({ sentences, tags: expected }) => ({
      loss: model.loss(sentences, expected, options.consistency),
      items: sentences.words.lengths.reduce((sum, n) => sum + n, 0),
    }),
    evaluate: async ({ pause }) => (await evaluateTagger(model, encoder, valid, { pause })).metrics,
    monitor: { metric: vocabulary.scheme === null ? 'accuracy' : 'entityF1', mode: 'max' },
    randoms: { model: rng },
    fingerprint: fingerprint.toString(),
  };
}

function collate(encoder: SentenceEncoder, sentences: readonly EncodedSentence[], tags: readonly Int32Array[]): Batch {
  return { sentences: encoder.collate(sentences), tags: padSequences(tags, notTagged).ids };
}

interface Layout {
  readonly format: ColumnFormat;
  readonly columns: readonly string[];
  readonly target: string;
}

async function readTraining(
  files: TaggingFiles,
  options: ResolvedOptions,
): Promise<{ train: readonly TaggedSentence[]; valid: readonly TaggedSentence[]; layout: Layout }> {
  if (files.train.length === 0) throw new ConfigError('expected at least one training file, received none. Name a CoNLL-U file.');
  let layout: Layout | null = null;
  const read = async (named: readonly (string | TextSource)[]): Promise<TaggedSentence[]> => {
    const sentences: TaggedSentence[] = [];
    for (const file of named) {
      const part = await readTagged(typeof file === 'string' ? textFile(file) : file, layout ?? options);
      layout ??= part.layout;
      for (const sentence of part.sentences) sentences.push(sentence);
    }
    return sentences;
  };
  const all = await read(files.train);
  if (files.valid !== undefined && files.valid.length > 0) return { train: all, valid: await read(files.valid), layout: layout! };
  // Evenly spread: files are often ordered, by genre or by date.
  const every = Math.round(1 / options.validFraction);
  const isHeldOut = (_: unknown, i: number): boolean => i % every === every - 1;
  const valid = all.filter(isHeldOut);
  if (valid.length === 0) {
    throw new FormatError(
      `expected at least ${every} sentences, to learn from some and to validate on every ${every}th, found ${all.length}. Give more, or validation files.`,
      { file: namesOf(files.train).join(', ') },
    );
  }
  return { train: all.filter((sentence, i) => !isHeldOut(sentence, i)), valid, layout: layout! };
}

/**
 * Reads a file's sentences with their tags.
 *
 * @param options  as given, or as known from a file before
 * @throws ConfigError when there is no such column as the target, FormatError naming file, line and column
 */
export async function readTagged(
  source: TextSource,
  options: { readonly format?: ColumnFormat; readonly columns?: readonly string[]; readonly target?: string },
): Promise<{ readonly sentences: readonly TaggedSentence[]; readonly layout: Layout }> {
  const file = await openColumns(source, options);
  const { format, columns } = file;
  const target = options.target ?? (format === 'conllu' ? 'upos' : columns[columns.length - 1]);
  const column = columns.indexOf(target);
  if (column < 0) throw new ConfigError(`target: ${unknownName('column', target, columns)}`);
  const word = wordColumn(columns);
  if (column === word) {
    throw new ConfigError(`target: expected a column to predict beside the words, received "${target}", which holds the words.`);
  }
  const sentences: TaggedSentence[] = [];
  for await (const { tokens } of file.sentences) {
    if (tokens.length === 0) continue;
    const fields = tokens.map((token) => token.fields);
    sentences.push({ words: fields.map((values) => values[word]), fields, tags: fields.map((values) => values[column]) });
  }
  if (sentences.length === 0) throw new FormatError('expected sentences, found none.', { file: source.name });
  return { sentences, layout: { format, columns, target } };
}

async function contextsOf(paths: readonly string[], isReversed: boolean): Promise<CharacterContext[]> {
  const saved = await Promise.all(paths.map((path) => loadLanguageModel(path)));
  return saved.map(({ model, tokenizer }) => new CharacterContext(model, tokenizer, isReversed));
}

/** A file's name without folders and ending. */
function nameOf(path: string): string {
  return path.replace(/^.*[/\\]/, '').replace(/\.[^.]*$/, '');
}

/** What was seen in the training sentences, in numbers. */
async function vocabulariesOf(
  train: readonly TaggedSentence[],
  { format, columns, target }: Layout,
  options: ResolvedOptions,
  gazetteers: readonly Gazetteer[],
  contexts: readonly CharacterContext[],
): Promise<{ vocabulary: TaggingVocabulary; words: WordEncoder; rates: Float32Array | null; vectors: WordVectors | null }> {
  if (options.features.includes(target)) {
    throw new ConfigError(`features: expected columns other than the target, received ${target}, which is what is to be predicted.`);
  }
  const features = new TokenFeatures(options.features, columns, gazetteers);
  const counts = new WordCounts({ lowercase: options.lowercase, features: features.names.length });
  for (const sentence of train) counts.add(sentence.words, features.valuesOf(sentence));
  const { minCount, wordVectors, freezeVectors } = options;
  const own = WordEncoder.of(counts, { minCount });
  const vectors =
    wordVectors === undefined ? null : await readWordVectors(textFile(wordVectors), (word) => freezeVectors || own.words.has(word));
  // Vectors that stay as they are go together with those of words that training does not see.
  const words = vectors !== null && freezeVectors ? WordEncoder.of(counts, { minCount, others: vectors.vectors.keys() }) : own;

  const scheme = schemeOf(train.map(({ tags }) => tags));
  if (options.scheme !== undefined && scheme === null) {
    throw new ConfigError(`scheme: expected entity tags, such as O and B-PER, in the column ${target} to write as ${options.scheme}.`);
  }
  const isChain = (options.output ?? (scheme === null ? 'softmax' : 'crf')) === 'crf';
  const learntScheme = scheme === null ? null : (options.scheme ?? (isChain ? 'BIOES' : scheme));
  const seen = new Map<string, number>();
  for (const { tags } of train) {
    for (const tag of learntScheme === null ? tags : convertTags(tags, learntScheme)) seen.set(tag, (seen.get(tag) ?? 0) + 1);
  }
  if (seen.size < 2) {
    throw new FormatError(`expected at least two tags in the column ${target}, found ${[...seen.keys()].join(', ')} alone.`);
  }
  const vocabulary: TaggingVocabulary = {
    words: words.toJSON(),
    tags: [...Vocabulary.of(seen).symbols],
    scheme,
    learntScheme,
    format,
    columns: [...columns],
    target,
    features: options.features,
    gazetteers: gazetteers.map(({ name, entries }) => ({ name, entries: [...entries] })),
    tokenizers: contexts.map(({ tokenizer }) => tokenizer.toJSON()),
  };
  return { vocabulary, words, rates: unknownRates(words.words, counts.words, options.wordDropout), vectors };
}

function architectureOf(
  options: ResolvedOptions,
  encoder: SentenceEncoder,
  contexts: readonly CharacterContext[],
  vectors: WordVectors | null,
): Architecture {
  const { numLayers, hiddenSize, dropout, featureEmbeddingSize } = options;
  const { tags, scheme, learntScheme } = encoder.vocabulary;
  const wordEmbeddingSize = options.embeddingSize ?? vectors?.size ?? 100;
  if (vectors !== null && wordEmbeddingSize !== vectors.size) {
    throw new ConfigError(
      `embeddingSize: expected ${vectors.size}, as the vectors in ${options.wordVectors} have numbers, received ${wordEmbeddingSize}. Leave it out.`,
    );
  }
  return {
    words: sizesOf(encoder.words, {
      wordEmbeddingSize,
      characterEmbeddingSize: options.characterEmbeddingSize,
      characterHiddenSize: options.characterHiddenSize,
      features: encoder.features.names.map((name) => ({ name, embeddingSize: featureEmbeddingSize })),
    }),
    contexts: contexts.map(({ model, isReversed }) => ({ architecture: model.architecture, isReversed })),
    numLayers,
    hiddenSize,
    members: options.members,
    dropout,
    output: options.output ?? (scheme === null ? 'softmax' : 'crf'),
    numTags: tags.length,
    beginnings: learntScheme === null ? [] : beginningsOf(tags, learntScheme),
    entityBias: options.entityBias,
  };
}

function training({ parts, paths, steps, run }: TrainingRun<Parts>): TaggingTraining {
  const { model, encoder, options, train, valid } = parts;
  const words = train.reduce((sum, sentence) => sum + sentence.words.length, 0);
  return {
    model,
    encoder,
    options,
    sentences: { train: train.length, valid: valid.length, words },
    files: paths,
    steps,
    run,
    evaluate: () => evaluateTagger(model, encoder, valid),
  };
}
