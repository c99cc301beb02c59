/** Text classifiers in files. */
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { TokenFeatures } from '../tagging/token-features.ts';
import { WordEncoder } from '../words/word-encoder.ts';
import { configSchema, type TextClassifierArchitecture, type TextClassifierConfig } from './config.ts';
import { TextClassifierModel } from './model.ts';

/** A text classifier, and what its numbers stand for. */
export interface SavedTextClassifier {
  readonly model: TextClassifierModel;
  readonly encoder: WordEncoder;
  /** What is known of words beside their letters. */
  readonly features: TokenFeatures;
  readonly labels: readonly string[];
  readonly config: TextClassifierConfig;
}

/**
 * A classifier that was saved, ready to use.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no text classifier
 * @example const classifier = await loadTextClassifier('runs/reviews/model.safetensors');
 */
export async function loadTextClassifier(path: string): Promise<SavedTextClassifier> {
  return textClassifierFrom(await loadModel(path, configSchema), path);
}

/** Writes a classifier as one file, whole or not at all. */
export async function saveTextClassifier(path: string, { model, config }: SavedTextClassifier): Promise<void> {
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the classifier that a file describes. @throws FormatError when its parts do not fit together */
export function textClassifierFrom(file: ModelFile, path?: string): SavedTextClassifier {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture, vocabulary } = config;
  const encoder = WordEncoder.fromJSON(vocabulary.words);
  const expect = (what: string, expected: number, received: number) => {
    if (expected !== received) refuse(`expected ${expected} ${what}, received ${received}`);
  };
  expect('labels', architecture.classes, vocabulary.labels.length);
  expect('words', architecture.words.wordVocabularySize, encoder.words.size);
  expect('characters', architecture.words.characterVocabularySize, encoder.characters.size);
  const features = new TokenFeatures(vocabulary.features, []);
  expect('features', architecture.words.features.length, features.names.length);
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  const model = new TextClassifierModel(architecture);
  try {
    model.loadStateDict(file.tensors);
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
  return { model: model.eval(), encoder, features, labels: vocabulary.labels, config };
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ words, hiddenSize, numLayers }: TextClassifierArchitecture): number {
  return words.wordVocabularySize * words.wordEmbeddingSize + words.characterHiddenSize ** 2 + hiddenSize * hiddenSize * numLayers;
}
