/** Taggers in files. */
import { tokenizerFromJson } from '../../data/text/tokenizer.ts';
import { entityConstraints } from '../../nn/crf-constraints.ts';
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { LanguageModel } from '../language-model/model.ts';
import { CharacterContext } from './character-context.ts';
import { configSchema, type TaggingConfig } from './config.ts';
import { Tagger } from './model.ts';
import { SentenceEncoder } from './sentence-encoder.ts';

/** A tagger, and what its numbers stand for. */
export interface TrainedTagger {
  readonly model: Tagger;
  readonly encoder: SentenceEncoder;
}

/** A tagger out of a file. */
export interface SavedTagger extends TrainedTagger {
  readonly config: TaggingConfig;
}

/**
 * A tagger that was saved, ready to tag.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no tagger
 * @example const { model, encoder } = await loadTagger('runs/upos/model.safetensors');
 */
export async function loadTagger(path: string): Promise<SavedTagger> {
  return taggerFrom(await loadModel(path, configSchema), path);
}

/** Writes a tagger as one file, whole or not at all. */
export async function saveTagger(path: string, { model, encoder }: TrainedTagger): Promise<void> {
  const config: TaggingConfig = { task: 'tagging', architecture: model.architecture, vocabulary: encoder.vocabulary };
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the tagger that a file describes. @throws FormatError when its parts do not fit together */
export function taggerFrom(file: ModelFile, path?: string): SavedTagger {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture, vocabulary } = config;
  const { tags, learntScheme, tokenizers } = vocabulary;
  if (tags.length !== architecture.numTags) refuse(`expected ${architecture.numTags} tags, received ${tags.length}`);
  if (tokenizers.length !== architecture.contexts.length) {
    refuse(`expected ${architecture.contexts.length} tokenizers of language models, received ${tokenizers.length}`);
  }
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  try {
    const contexts = architecture.contexts.map(
      ({ architecture: ofModel, isReversed }, i) =>
        new CharacterContext(new LanguageModel(ofModel), tokenizerFromJson(tokenizers[i]), isReversed),
    );
    const allowed = architecture.output === 'crf' && learntScheme !== null ? entityConstraints(tags, learntScheme) : null;
    const encoder = new SentenceEncoder(vocabulary, contexts);
    const { wordVocabularySize, characterVocabularySize, features } = architecture.words;
    const sizes = [encoder.words.words, encoder.words.characters, ...encoder.words.features].map(({ size }) => size).join(', ');
    const expected = [wordVocabularySize, characterVocabularySize, ...features.map(({ vocabularySize }) => vocabularySize)].join(', ');
    if (sizes !== expected) refuse(`expected vocabularies of ${expected} symbols, received ${sizes}`);
    const model = new Tagger({ ...architecture, contextModels: contexts, allowed });
    model.loadStateDict(file.tensors);
    return { model: model.eval(), encoder, config };
  } catch (cause) {
    if (cause instanceof FormatError && cause.location.file !== undefined) throw cause;
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ words, contexts, numLayers, hiddenSize, members }: TaggingConfig['architecture']): number {
  const ofWords = words.wordVocabularySize * words.wordEmbeddingSize + words.characterHiddenSize ** 2;
  const ofContexts = contexts.reduce((sum, { architecture: { hiddenSize: H, numLayers: L } }) => sum + H * H * L, 0);
  return members * (ofWords + 8 * hiddenSize ** 2 * numLayers) + ofContexts;
}
